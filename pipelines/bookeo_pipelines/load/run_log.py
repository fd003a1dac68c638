"""The book of runs: one row for each load that committed something, in the table `load_runs`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

from bookeo import LoadSession
from bookeo.extract.archive_writer import Note, note
from bookeo.schema import LOAD_RUNS
from bookeo_pipelines.destinations.errors import note_cause
from bookeo_pipelines.warehouse.client import Warehouse


def record_run(
    warehouse: Warehouse,
    session: LoadSession,
    started_at: datetime,
    packages: int,
    proof: str | None,
    checked_until: datetime | None = None,
    read_until: Mapping[str, datetime | None] | None = None,
    *,
    interrupted: bool = False,
) -> None:
    """Write down what a load did.

    A load that cannot be written down has loaded all the same; that is noted, and no error.

    Args:
        warehouse: The account's tables.
        session: The load, at its end.
        started_at: When it began, aware.
        packages: Packages that it committed; nothing is written where there are none.
        proof: See `bookeo_pipelines.load.completeness_proof`; None where there is none.
        checked_until: Up to when all payments that were read have been looked at, aware; None where they were not.
        read_until: Up to when each list is read without a gap, aware, by its name; None where nothing of it is.
        interrupted: Whether it was ended by Ctrl-C or SIGTERM.
    """
    if not packages:
        return
    ended_at = datetime.now(UTC)
    outcome = "interrupted" if interrupted else type(session.failure).__name__ if session.failure else "done"
    row = {
        "account_id": session.account_id,
        "started_at": started_at,
        "ended_at": ended_at,
        "seconds": Decimal(f"{(ended_at - started_at).total_seconds():.3f}"),
        "requests": session.client.transport.usage.total_requests,
        "bookings": session.bookings_read,
        "packages": packages,
        "rejected": session.notes.rejected.total(),
        "outcome": outcome,
        "proof": proof if outcome == "done" else None,
        "checked_until": checked_until,
        **{f"{listing}_until": moment for listing, moment in (read_until or {}).items()},
    }
    try:
        note(session, Note.LOADED, row={**row, "seconds": str(row["seconds"])})
        warehouse.insert(LOAD_RUNS, row)
    except Exception as error:
        note_cause(error)
        session.notes.say(f"This run could not be noted in {LOAD_RUNS.name} ({type(error).__name__}).")


def payments_checked_until(warehouse: Warehouse) -> datetime | None:
    """Find up to when all payments that any load had read were looked at.

    Args:
        warehouse: The account's tables.

    Returns:
        The moment, aware; None where no load came to the end of it.
    """
    if not warehouse.has_column(LOAD_RUNS.name, "checked_until"):
        return None
    sql = "SELECT max(checked_until) FROM {load_runs} WHERE account_id = %s"
    [(moment,)] = warehouse.rows(sql, warehouse.account_id)
    return moment if isinstance(moment, datetime) else None


def feed_read_since(warehouse: Warehouse, moment: datetime | None) -> bool:
    """Tell whether the payments feed was read by a load that did not come to the end of looking at it.

    Args:
        warehouse: The account's tables.
        moment: As `payments_checked_until` finds it.

    Returns:
        Whether it was read since.
    """
    if not warehouse.has("load_windows"):
        return False
    sql = "SELECT max(loaded_at) FROM {load_windows} WHERE account_id = %s AND resource = %s"
    [(last,)] = warehouse.rows(sql, warehouse.account_id, "payments")
    return last is not None and (moment is None or last > moment)
