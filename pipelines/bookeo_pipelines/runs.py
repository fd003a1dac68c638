"""The book of runs: one row for each load that committed something, in the table `load_runs`."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from bookeo import LoadSession
from bookeo.archiving import Note, note
from bookeo.tables import LOAD_RUNS
from bookeo_pipelines.warehouse import Warehouse


def record_run(
    warehouse: Warehouse, session: LoadSession, started_at: datetime, packages: int, proof: str | None
) -> None:
    """Writes down what a load did.

    A load that cannot be written down has loaded all the same; that is said, and no error.

    Args:
        warehouse: The account's tables.
        session: The load, at its end.
        started_at: When it began, aware.
        packages: Packages that it committed; nothing is written where there are none.
        proof: See `bookeo_pipelines.proof`; None where there is none.
    """
    if not packages:
        return
    ended_at = datetime.now(UTC)
    row = {
        "account_id": session.account_id,
        "started_at": started_at,
        "ended_at": ended_at,
        "seconds": Decimal(f"{(ended_at - started_at).total_seconds():.3f}"),
        "requests": session.client.transport.usage.total_requests,
        "bookings": session.bookings_read,
        "packages": packages,
        "rejected": session.notes.rejected.total(),
        "outcome": type(session.failure).__name__ if session.failure else "done",
        "proof": None if session.failure else proof,
    }
    try:
        note(session, Note.LOADED, row={**row, "seconds": str(row["seconds"])})
        warehouse.insert(LOAD_RUNS, row)
    except Exception as error:
        session.notes.say(f"This run could not be noted in {LOAD_RUNS.name} ({type(error).__name__}).")
