"""Checks of how fresh and how whole the tables are, as the ledger `load_windows` in the destination tells."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSpec,
    multi_asset_check,
)

from bookeo.schema import LOAD_WINDOWS
from bookeo.settings.model import keyless_settings
from bookeo_orchestration.partitions import ONLY
from bookeo_orchestration.retries import failures_told
from bookeo_orchestration.tables import table_key
from bookeo_pipelines.destinations.target import Target
from bookeo_pipelines.warehouse.reading import reading

FRESH, WHOLE = "fresh", "whole"
COMPLETE = "status = 'complete' AND items_announced = items_landed"


@dataclass(frozen=True)
class Ledger:
    """What the ledger says of an account.

    Args:
        reached: Last moment of the newest complete window, by what was asked for, aware.
        incomplete: Windows that hold less than was announced.
    """

    reached: dict[str, datetime]
    incomplete: int


def utc_now() -> datetime:
    """Return the present time, aware, in UTC."""
    return datetime.now(UTC)


def freshness_checks(
    where: Target, accounts: Sequence[str], fresh_for: timedelta, now: Callable[[], datetime] = utc_now
) -> AssetChecksDefinition:
    """Makes the checks.

    Args:
        where: Where the tables are.
        accounts: Names of the accounts that are to be there.
        fresh_for: How far behind the present the tables may be.
        now: The clock that the tables are compared with; returns aware times.

    Returns:
        One for each kind of thing that windows are asked for, and one of the ledger itself.
    """
    # Other modes ask for payments booking by booking, which leaves no windows.
    resources = ["bookings"] + ["payments"] * (keyless_settings().payments == "as_needed")
    limit = f"{fresh_for.total_seconds() / 3600:g} h"

    @multi_asset_check(
        name="bookeo_freshness",
        specs=[
            *(
                AssetCheckSpec(
                    FRESH, asset=table_key(name), description=f"Read to within {limit} of now, for each account."
                )
                for name in resources
            ),
            AssetCheckSpec(WHOLE, asset=table_key(LOAD_WINDOWS.name), description="All landed that the API announced."),
        ],
    )
    def check_freshness(context: AssetCheckExecutionContext) -> Iterator[AssetCheckResult]:
        with failures_told(context):
            ledgers = read_ledgers(where)
        present = now()
        for name in resources:
            lags = {
                a: present - ledgers[a].reached[name] if a in ledgers and name in ledgers[a].reached else None
                for a in accounts
            }
            yield AssetCheckResult(
                check_name=FRESH,
                asset_key=table_key(name),
                passed=all(lag is not None and lag <= fresh_for for lag in lags.values()),
                metadata={
                    account: "never read" if lag is None else f"{lag.total_seconds():.0f} s behind"
                    for account, lag in lags.items()
                },
            )
        incomplete = {account: ledger.incomplete for account, ledger in ledgers.items()}
        yield AssetCheckResult(
            check_name=WHOLE,
            asset_key=table_key(LOAD_WINDOWS.name),
            passed=not any(incomplete.values()),
            metadata={account: f"{count} incomplete windows" for account, count in incomplete.items()},
        )

    return check_freshness


def read_ledgers(where: Target) -> dict[str, Ledger]:
    """Reads the ledgers of all accounts.

    Args:
        where: Where the tables are.

    Returns:
        What they say, by the accounts' names in the settings.

    Raises:
        LoadRunning: A load is writing to the DuckDB file just now.
        BookeoError: The destination cannot be read, or nothing was ever loaded.
    """
    found = {}
    for target in where.files():
        with reading(target) as source:
            names = {cursors.account_id: name for name, cursors in source.cursors().items()}
            rows = (
                source.rows(
                    f"SELECT account_id, resource, max(CASE WHEN {COMPLETE} THEN window_end END), "
                    f"sum(CASE WHEN {COMPLETE} THEN 0 ELSE 1 END) FROM {{load_windows}} GROUP BY account_id, resource"
                )
                if LOAD_WINDOWS.name in source.tables
                else []
            )
        for account_id, pipeline in names.items():
            own = [row[1:] for row in rows if row[0] == account_id]
            reached = {resource: newest for resource, newest, _ in own if newest is not None}
            name = pipeline.removeprefix("bookeo").removeprefix("_") or ONLY
            found[name] = Ledger(reached, sum(int(count) for *_, count in own))
    return found
