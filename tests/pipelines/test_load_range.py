"""Which range a load covers: from the cursor, since a moment, until a moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from bookeo_pipelines.destinations.target import target
from bookeo_pipelines.status.status import read_status
from bookeo_sandbox import Sandbox
from loading import AS_NEEDED, BEGIN, END, SETTLING, list_requests, load
from truth import DATASET, assert_equals_truth, assert_ledger_covers, convert, query

MIDDLE = datetime(2026, 5, 10, tzinfo=UTC)
TABLES = ("bookings", "booking_people")
"""Enough to tell which range was read."""


def updated(sandbox: Sandbox) -> dict[str, datetime]:
    """When each booking was last changed or else made."""
    return {
        b["bookingNumber"]: convert("time", b.get("lastChangeTime") or b["creationTime"])
        for b in sandbox.truth()["bookings"]
    }


def numbers(database: Path) -> set[str]:
    return {row[0] for row in query(database, f"SELECT booking_number FROM {DATASET}.bookings")}


def test_a_plain_load_reads_what_is_missing_whatever_came_before(folder: Path, sandbox: Sandbox) -> None:
    database = folder / "bookeo.duckdb"
    since, until = BEGIN + timedelta(days=20), MIDDLE
    result = load(sandbox, database, tables=TABLES, since=since, until=until)
    assert result.covered == (since, until)
    assert {n for n, at in updated(sandbox).items() if since <= at <= until} <= numbers(database)
    sandbox.clear_requests()
    assert load(sandbox, database, tables=TABLES).covered == (BEGIN, END)
    assert list_requests(sandbox) == 3, "the time before, and two windows after it"
    assert_equals_truth(database, sandbox, tables=TABLES, vanished="absent")
    assert_ledger_covers(database, sandbox.truth()["accountId"], BEGIN, END)


def test_a_later_load_since_a_moment_mends_and_leaves_the_cursor(loaded: Path, sandbox: Sandbox) -> None:
    with duckdb.connect(str(loaded)) as connection:
        connection.execute(f"DELETE FROM {DATASET}.bookings WHERE updated_at >= ?", [MIDDLE])
        connection.execute(f"UPDATE {DATASET}.bookings SET title = 'spoilt', total_paid_amount = 0")
    sandbox.advance(days=3)
    result = load(sandbox, loaded, tables=TABLES, since=BEGIN, until=MIDDLE)
    assert result.covered == (BEGIN, MIDDLE)
    assert query(loaded, f"SELECT count(*) FROM {DATASET}.bookings WHERE title = 'spoilt'") == [(0,)]
    result = load(sandbox, loaded, tables=TABLES)
    assert result.covered == (END - SETTLING, END + timedelta(days=3))


def test_an_end_in_the_future_is_now(loaded: Path, sandbox: Sandbox) -> None:
    sandbox.advance(days=1)
    result = load(sandbox, loaded, tables=TABLES, until=END + timedelta(days=400))
    assert result.covered == (END - SETTLING, END + timedelta(days=1))


def test_payments_of_a_first_range_that_was_cut_short_are_read(folder: Path, sandbox: Sandbox) -> None:
    database, values = folder / "bookeo.duckdb", {**AS_NEEDED, "tables": ("bookings", "payments")}
    load(sandbox, database, max_requests=2, **values)
    load(sandbox, database, since=MIDDLE, **values)
    load(sandbox, database, **values)
    held = {row[0] for row in query(database, f"SELECT payment_id FROM {DATASET}.payments")}
    assert held == {payment["id"] for payment in sandbox.truth()["payments"]}


def test_a_table_added_later_is_read_from_the_start(folder: Path, sandbox: Sandbox) -> None:
    database = folder / "bookeo.duckdb"
    load(sandbox, database, tables=("bookings",))
    sandbox.advance(days=7)
    load(sandbox, database, tables=("booking_people",), since=END)
    load(sandbox, database, tables=TABLES)
    assert_equals_truth(database, sandbox, tables=TABLES, vanished="absent")


def test_clocks_that_disagree_let_nothing_newer_than_the_newest_change_count(
    folder: Path, sandbox: Sandbox, clocks_as_they_are: None
) -> None:
    database = folder / "bookeo.duckdb"
    load(sandbox, database, tables=TABLES)
    [status] = read_status(target("duckdb", DATASET, database))
    newest = max(updated(sandbox).values())
    assert status.cursors.bookings == newest < END
    assert status.cursors.state.clocks_apart is not None
    sandbox.clear_requests()
    load(sandbox, database, tables=TABLES)
    assert list_requests(sandbox) == 1
    assert_equals_truth(database, sandbox, tables=TABLES, vanished="absent")
