"""Loads that ask only for what is missing, and how their outcome is judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from bookeo_pipelines.load.runner import LoadResult
from bookeo_sandbox import Sandbox, serve
from isolation import isolate
from loading import AS_NEEDED, SMALL, load
from places import Place
from truth import ALL_TABLES, assert_equals_truth

STILL_BUSINESS: dict[str, Any] = {
    **SMALL,
    "payments_move_change": False,
    "customer_edits_move_change": False,
    "deletions": False,
}
"""Options of a business where neither a payment nor an edited customer moves a booking's time of change."""
LINKS = frozenset({"endpoint", "description", "number", None})


def load_as_needed(sandbox: Sandbox, database: Path, **values: Any) -> LoadResult:
    """Loads in the default modes, and forgets the requests that were made before."""
    sandbox.clear_requests()
    return load(sandbox, database, **{**AS_NEEDED, **values})


def first_load_of_still_business(folder: Path, tables: tuple[str, ...]) -> Path:
    """Makes a database as after a first load in the default modes, for tests to copy: a copy costs no load."""
    database = folder / "first.duckdb"
    with pytest.MonkeyPatch.context() as monkeypatch, serve(**STILL_BUSINESS) as sandbox:
        isolate(monkeypatch, folder)
        load_as_needed(sandbox, database, tables=tables)
    return database


def asked(sandbox: Sandbox) -> dict[str, int]:
    """Requests since the last load began, by operation."""
    return {name: sum(counts.values()) for name, counts in sandbox.requests()["by_operation"].items()}


def assert_exact(
    database: Path | Place,
    sandbox: Sandbox,
    *,
    tables: Iterable[str] = ALL_TABLES,
    earlier: Sequence[Mapping[str, Any]] = (),
    account: int | None = None,
) -> None:
    """Every table is the truth; histories are taken from bookings, whose totals they share when they are read."""
    assert_equals_truth(
        database,
        sandbox,
        account,
        tables=[table for table in tables if table != "customer_bookings"],
        earlier=earlier,
        unlinked_payments=True,
        linked_by=LINKS,
    )
