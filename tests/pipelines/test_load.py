"""Whole loads, one after the other, end with exactly what the sandbox holds."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bookeo_pipelines.load.runner import LoadResult
from bookeo_sandbox import Sandbox
from loading import BEGIN, END, SETTLING, WEEK, list_requests, load
from truth import ALL_TABLES, DATASET, assert_equals_truth, assert_ledger_covers, contents, query, stored_rows


def test_the_first_load_equals_the_truth(first_load: Path, sandbox: Sandbox) -> None:
    assert_equals_truth(first_load, sandbox, vanished="absent", customer_sources=frozenset({"endpoint"}))
    assert_ledger_covers(first_load, sandbox.truth()["accountId"], BEGIN, END)
    # The comparison means something only where there is something to compare.
    assert all(contents(first_load, ALL_TABLES).values())
    assert query(first_load, f"SELECT count(*) FROM {DATASET}.bookings WHERE canceled") != [(0,)]
    assert query(first_load, f"SELECT count(*) FROM {DATASET}.payments WHERE amount < 0") != [(0,)]


def test_the_summary_counts_what_landed(first_result: LoadResult, first_load: Path) -> None:
    stored = contents(first_load, first_result.tables)
    for table, change in first_result.tables.items():
        rows = len(stored[table])
        assert (change.new, change.changed, change.before, change.after) == (rows, 0, 0, rows), table
    assert first_result.covered == (BEGIN, END)
    assert not first_result.notes.rejected
    assert not first_result.notes.unknown_fields
    assert not first_result.notes.skipped


def test_a_first_load_changes_nothing_however_its_pages_come(
    sandbox: Sandbox, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each is made into tables by itself, so that whoever booked again is met again.
    monkeypatch.setattr("bookeo.extract.chunks.PAGES_AT_ONCE", 1)
    result = load(sandbox, folder / "bookeo.duckdb", tables=("bookings", "customers"), customers="as_needed")
    change = result.tables["customers"]
    assert change.loaded > change.after
    assert (change.new, change.changed) == (change.after, 0)


def test_a_load_with_nothing_new_writes_nothing(loaded: Path, sandbox: Sandbox) -> None:
    # What was changed a moment ago is met again, as the ranges overlap.
    for booking in sandbox.truth()["bookings"][:2]:
        sandbox.touch(booking["bookingNumber"], seconds=-60)
    assert load(sandbox, loaded).tables["bookings"].changed == 2
    sandbox.clear_requests()
    before = contents(loaded, ALL_TABLES)
    result = load(sandbox, loaded)
    assert list_requests(sandbox) <= 3
    assert {table for table, change in result.tables.items() if change.new or change.changed} == {"load_windows"}
    assert contents(loaded, ALL_TABLES) == before


def test_week_after_week_equals_the_truth(loaded: Path, sandbox: Sandbox) -> None:
    sandbox.switches(customer_edits=True)
    past = [sandbox.truth()]
    seen_deletion = False
    for week in range(3):
        sandbox.advance(days=7)
        canceled = next(b["bookingNumber"] for b in sandbox.truth()["bookings"] if not b["canceled"])
        sandbox.cancel(canceled)
        if week == 1:
            sandbox.delete_customer(sandbox.truth()["bookings"][0]["customerId"])
        result = load(sandbox, loaded)
        assert_equals_truth(loaded, sandbox, earlier=past)
        assert query(loaded, f"SELECT canceled FROM {DATASET}.bookings WHERE booking_number = ?", canceled) == [(True,)]
        assert result.tables["bookings"].new > 0
        assert result.tables["bookings"].changed > 0
        past.append(sandbox.truth())
        seen_deletion = seen_deletion or bool(past[-1]["deletedCustomers"])
    assert seen_deletion
    assert_ledger_covers(loaded, past[-1]["accountId"], BEGIN, END + 3 * WEEK)


def test_a_change_that_the_server_committed_late_is_found(loaded: Path, sandbox: Sandbox) -> None:
    number = sandbox.truth()["bookings"][0]["bookingNumber"]
    sandbox.touch(number, seconds=-500)
    result = load(sandbox, loaded, tables=("bookings",))
    assert result.tables["bookings"].changed == 1
    assert_equals_truth(loaded, sandbox, tables=["bookings"])


def test_only_the_database_says_where_a_load_goes_on(loaded: Path, folder: Path, sandbox: Sandbox) -> None:
    tables = ("bookings", "booking_people")
    first = sandbox.truth()
    older = loaded.with_name("older")
    shutil.copy(loaded, older)
    sandbox.advance(days=7)
    load(sandbox, loaded, tables=tables)

    # Put back from an older copy, it is loaded from where the copy is.
    shutil.copy(older, loaded)
    result = load(sandbox, loaded, tables=tables)
    assert result.covered == (END - SETTLING, END + WEEK)
    assert result.tables["bookings"].new > 0
    assert_equals_truth(loaded, sandbox, tables=tables, earlier=[first])

    # Without the working folder, it is loaded from where it was.
    shutil.rmtree(folder / "dlt")
    sandbox.clear_requests()
    result = load(sandbox, loaded, tables=tables)
    assert list_requests(sandbox) <= 3
    assert result.tables["bookings"].loaded == 0
    assert_equals_truth(loaded, sandbox, tables=tables, earlier=[first])

    # Deleted, it is loaded anew.
    loaded.unlink()
    result = load(sandbox, loaded, tables=tables)
    assert result.covered == (BEGIN, END + WEEK)
    assert_equals_truth(loaded, sandbox, tables=tables, vanished="absent")


def test_the_ledger_is_one_row_a_window(loaded: Path, sandbox: Sandbox) -> None:
    account_id = sandbox.truth()["accountId"]
    rows = stored_rows(loaded, "load_windows", account_id)
    assert sum(row["items_landed"] for row in rows) == len(sandbox.truth()["bookings"])
    assert all(row["pages"] <= row["requests"] and row["attempts"] == 1 for row in rows)
    assert {row["server_time"] for row in rows} == {END}
