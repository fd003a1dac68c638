"""Loads from a small sandbox, as the tests of whole loads make them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bookeo import BookeoSettings, load_settings
from bookeo_pipelines.destinations.target import target
from bookeo_pipelines.load.runner import LoadRequest, LoadResult, run_load
from bookeo_sandbox import Sandbox
from patience import PATIENCE
from truth import DATASET

SMALL: dict[str, Any] = {
    "bookings": 100,
    "years": 0.25,
    "end": "2026-06-30",
    "payments_move_change": True,
    "customer_edits_move_change": True,
    "strict": True,
}
"""Options of a business whose every change moves a booking's time of last change, so that `always` sees all of them.

It takes only what the documents allow: that our own requests keep to it is shown by each load in these tests.
"""
START = "2026-03-30"
"""A day before the first booking of that business: its history fits into three windows."""
BEGIN = datetime(2026, 3, 30, tzinfo=UTC)
END = datetime(2026, 6, 30, 23, 59, 59, tzinfo=UTC)
"""Where the clock of that business stands at first."""
WEEK = timedelta(days=7)
OVERLAP = timedelta(hours=1)
SETTLING = timedelta(hours=48)
"""What is read once more about once a day."""
ALWAYS = {"customers": "always", "payments": "always", "histories": "always"}
AS_NEEDED = dict.fromkeys(ALWAYS, "as_needed")
DEFAULTS: dict[str, Any] = {**ALWAYS, "settings_hours": 24 * 60, "chunk_seconds": PATIENCE}
"""Every child is asked for; the small lists only once, for they cost more than everything else in a small load.

No package ends early because the machine is busy.
"""


def settings_of(sandbox: Sandbox, number: int = 0, **values: Any) -> BookeoSettings:
    """Settings with the keys of one of the sandbox's accounts."""
    given = {"base_url": sandbox.base_url, "secret_key": sandbox.secret_key, "start": START, **DEFAULTS, **values}
    return load_settings(api_key=sandbox.accounts[number].api_key, **given)


def load(
    sandbox: Sandbox,
    database: Path,
    *,
    account: int = 0,
    account_name: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    tables: tuple[str, ...] | None = None,
    may_fail: bool = False,
    **values: Any,
) -> LoadResult:
    """Runs a load and makes sure that nothing was wrong, unless it may be."""
    settings = settings_of(sandbox, account, account=account_name, **values)
    result = run_load(LoadRequest(settings, target("duckdb", DATASET, database), since, until, tables))
    assert result.failure is None or may_fail or settings.max_requests is not None, result.failure
    return result


def list_requests(sandbox: Sandbox) -> int:
    """How many lists the sandbox was asked for: all reading but that of the api key's own account."""
    found = sandbox.requests()["by_operation"]
    return sum(sum(counts.values()) for operation, counts in found.items() if operation != "GET /settings/apikeyinfo")
