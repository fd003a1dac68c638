"""Loads that ask only for what does not add up, from a business whose payments move no booking's time of change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bookeo_sandbox import Sandbox, serve
from loading import AS_NEEDED, SMALL, list_requests, load
from truth import ALL_TABLES, DATASET, assert_equals_truth, query

LINKS = frozenset({"endpoint", "description", "number", None})
TABLES = [table for table in ALL_TABLES if table != "customer_bookings"]
"""Histories are not asked for where the bookings themselves are all there."""


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """The small business as the vendor's documents leave it open: nothing but the booking itself moves its time."""
    options = {**SMALL, "payments_move_change": False, "customer_edits_move_change": False}
    with serve(**options) as running:
        yield running


def test_the_first_load_and_a_later_one_equal_the_truth(folder: Path, sandbox: Sandbox) -> None:
    database = folder / "bookeo.duckdb"
    load(sandbox, database, **AS_NEEDED)
    past = []
    for days in (0, 10):
        if days:
            sandbox.advance(days=days)
            load(sandbox, database, **AS_NEEDED)
        assert_equals_truth(
            database,
            sandbox,
            tables=TABLES,
            earlier=past,
            unlinked_payments=True,
            linked_by=LINKS,
            customer_sources=frozenset({"embedded"}),
        )
        past.append(sandbox.truth())
    unlinked = query(database, f"SELECT count(*) FROM {DATASET}.payments WHERE booking_number IS NULL")
    assert unlinked != [(0,)], "there are vouchers and the like"

    # And nothing new is nothing to do.
    sandbox.clear_requests()
    result = load(sandbox, database, **AS_NEEDED)
    assert list_requests(sandbox) <= 3
    assert {name for name, change in result.tables.items() if change.loaded} <= {"load_windows"}
    assert result.chunks == 1, "payments come with the bookings where none is new"
