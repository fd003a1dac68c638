"""Loads that may make so many requests only stop cleanly, get on each time, and end in the truth."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cheap_loads import STILL_BUSINESS, assert_exact, load_as_needed

from bookeo.errors import RequestBudgetSpent
from bookeo_sandbox import Sandbox, serve
from command_runs import Run
from loading import ALWAYS
from truth import assert_equals_truth


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with serve(**STILL_BUSINESS) as running:
        yield running


def requests_until_done(sandbox: Sandbox, database: Path, most: int, **values: object) -> list[int]:
    """Loads again and again with a budget; returns the requests of each run."""
    made: list[int] = []
    while True:
        result = load_as_needed(sandbox, database, max_requests=most, **values)
        made.append(sandbox.requests()["total"])
        assert made[-1] <= most
        assert result.usage.total_requests == made[-1]
        if result.failure is None:
            return made
        assert isinstance(result.failure, RequestBudgetSpent)
        assert len(made) < 20, "no progress"


def test_small_budgets_end_in_the_truth(folder: Path, sandbox: Sandbox) -> None:
    tables = ("bookings", "booking_people", "customers", "payments", "products", "taxes")
    whole = load_as_needed(sandbox, folder / "whole.duckdb", tables=tables).usage.total_requests
    database = folder / "bookeo.duckdb"
    made = requests_until_done(sandbox, database, 7, tables=tables)
    assert len(made) > 1
    # Each run asks whose key it has, and meets again the last minutes before its cursor.
    assert sum(made) <= whole + 3 * len(made)
    assert_exact(database, sandbox, tables=tables)


def test_a_budget_holds_the_children_of_its_windows(folder: Path) -> None:
    tables = ("bookings", "payments")
    values = {**ALWAYS, "customers": "never", "histories": "never", "window_days": 8, "tables": tables}
    with serve(**{**STILL_BUSINESS, "bookings": 40}) as sandbox:
        made = requests_until_done(sandbox, folder / "bookeo.duckdb", 20, **values)
        assert len(made) > 1
        assert sum(made) <= len(sandbox.truth()["bookings"]) + 12 + 4 * len(made)
        assert_equals_truth(folder / "bookeo.duckdb", sandbox, tables=tables)


def test_a_budget_too_small_for_anything_says_so(
    bookeo: Run, keys: Sandbox, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = bookeo("load", "--max-requests", "1", "--json")
    assert outcome.code == 0
    assert keys.requests()["total"] == 1
    result = json.loads(outcome.out)
    assert result["messages"] == ["Not one window could be completed within the requests allowed; allow some more."]
    assert (result["outcome"], result["exit_code"], result["failure"]) == ("stopped", 0, None)
    assert (result["since"], result["until"], result["lag_seconds"]) == (None, None, None)
    assert outcome.err.count("Stopped at the requests allowed") == 1

    # A window with its children counts as one thing.
    monkeypatch.setenv("SOURCES__BOOKEO__PAYMENTS", "always")
    outcome = bookeo("load", "--max-requests", "6", "--tables", "bookings,payments")
    assert outcome.code == 0
    assert "Not one window could be completed" in outcome.out
    assert "bookings  " not in outcome.out

    outcome = bookeo("load", "--max-requests", "3", "--tables", "bookings")
    assert outcome.code == 0
    assert "Not one window" not in outcome.out
    assert "Stopped at the requests allowed; the next load goes on from there." in outcome.err
