"""Histories: asked for only where a customer has more bookings than are held, once, and equal to the truth then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cheap_loads import STILL_BUSINESS, asked, load_as_needed

from bookeo_sandbox import Sandbox, serve
from truth import DATASET, expected_rows, query

HISTORY = "GET /customers/{id}/bookings"
TABLES = ("bookings", "customers", "customer_bookings")
START = "2026-05-20"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with serve(**STILL_BUSINESS) as running:
        yield running


def assert_histories(database: Path, truth: Any, known: set[str]) -> None:
    """The rows of the customers who are known are all their bookings, and nobody else has any."""
    columns = ("customer_id", "booking_number", "start_time", "canceled", "total_gross_amount")
    sql = f"SELECT {', '.join(columns)} FROM {DATASET}.customer_bookings"
    wanted = [
        tuple(row[name] for name in columns)
        for row in expected_rows(truth)["customer_bookings"]
        if row["customer_id"] in known
    ]
    assert Counter(query(database, sql)) == Counter(wanted)


def test_a_late_start_asks_for_the_histories_that_are_longer(folder: Path, sandbox: Sandbox) -> None:
    database = folder / "bookeo.duckdb"

    def load() -> None:
        load_as_needed(sandbox, database, start=START, tables=TABLES)

    load()
    truth = sandbox.truth()
    total = Counter(booking["customerId"] for booking in truth["bookings"])
    held = dict(query(database, f"SELECT customer_id, count(*) FROM {DATASET}.bookings GROUP BY ALL"))
    longer = {customer for customer, count in held.items() if total[customer] > count}
    assert 0 < len(longer) < len(held), "the start is neither too early nor too late for this test"
    assert asked(sandbox)[HISTORY] == len(longer)
    assert_histories(database, truth, set(held))

    load()
    assert HISTORY not in asked(sandbox)

    # A booking more is a row more, and no reason to ask.
    sandbox.advance(days=3)
    load()
    held = dict(query(database, f"SELECT customer_id, count(*) FROM {DATASET}.bookings GROUP BY ALL"))
    truth = sandbox.truth()
    changed = {
        row[0]
        for row in query(database, f"SELECT parent_id FROM {DATASET}.child_checks WHERE resource = 'customer_bookings'")
    }
    assert asked(sandbox).get(HISTORY, 0) == len(changed - longer)
    assert_histories(database, truth, set(held))


def test_without_a_late_start_no_history_is_asked_for(folder: Path, sandbox: Sandbox) -> None:
    load_as_needed(sandbox, folder / "bookeo.duckdb", tables=TABLES)
    assert HISTORY not in asked(sandbox)
    everybody = {booking["customerId"] for booking in sandbox.truth()["bookings"]}
    assert_histories(folder / "bookeo.duckdb", sandbox.truth(), everybody)
