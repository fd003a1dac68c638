"""Whole loads, one after the other, end with exactly what the sandbox holds."""

from __future__ import annotations

import shutil
from pathlib import Path

from bookeo_sandbox import Sandbox
from loading import BEGIN, END, WEEK, list_requests, load
from truth import ALL_TABLES, DATASET, assert_equals_truth, assert_ledger_covers, query, stored_rows


def test_the_first_load_equals_the_truth(first_load: Path, sandbox: Sandbox) -> None:
    assert_equals_truth(first_load, sandbox, vanished="absent", customer_sources=frozenset({"endpoint"}))
    assert_ledger_covers(first_load, sandbox.truth()["accountId"], BEGIN, END)
    # The comparison means something only where there is something to compare.
    counts = {table: query(first_load, f"SELECT count(*) FROM {DATASET}.{table}")[0][0] for table in ALL_TABLES}
    assert all(counts.values()), counts
    assert query(first_load, f"SELECT count(*) FROM {DATASET}.bookings WHERE canceled") != [(0,)]
    assert query(first_load, f"SELECT count(*) FROM {DATASET}.payments WHERE amount < 0") != [(0,)]


def test_the_summary_counts_what_landed(folder: Path, sandbox: Sandbox) -> None:
    result = load(sandbox, folder / "bookeo.duckdb")
    for table, change in result.tables.items():
        rows = query(folder / "bookeo.duckdb", f"SELECT count(*) FROM {DATASET}.{table}")[0][0]
        assert (change.new, change.changed, change.before, change.after) == (rows, 0, 0, rows), table
    assert result.covered == (BEGIN, END)
    assert result.usage.total_requests == sandbox.requests()["total"]
    assert sandbox.requests()["keys_in_query"] is False
    assert not result.notes.rejected
    assert not result.notes.unknown_fields


def test_a_load_with_nothing_new_writes_nothing(loaded: Path, sandbox: Sandbox) -> None:
    before = {table: query(loaded, f"SELECT * FROM {DATASET}.{table} ORDER BY ALL") for table in ALL_TABLES}
    result = load(sandbox, loaded)
    assert list_requests(sandbox) <= 3
    assert {table for table, change in result.tables.items() if change.new or change.changed} == {"load_windows"}
    assert {table: query(loaded, f"SELECT * FROM {DATASET}.{table} ORDER BY ALL") for table in ALL_TABLES} == before


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
    result = load(sandbox, loaded)
    assert result.tables["bookings"].changed == 1
    assert_equals_truth(loaded, sandbox)


def test_a_deleted_database_is_loaded_anew(loaded: Path, sandbox: Sandbox) -> None:
    sandbox.advance(days=1)
    load(sandbox, loaded)
    loaded.unlink()
    result = load(sandbox, loaded)
    assert result.covered is not None
    assert result.covered[0] == BEGIN
    assert_equals_truth(loaded, sandbox, vanished="absent")


def test_a_database_put_back_from_a_copy_goes_on_from_where_it_is(loaded: Path, sandbox: Sandbox) -> None:
    first = sandbox.truth()
    older = loaded.with_name("older")
    shutil.copy(loaded, older)
    sandbox.advance(days=7)
    load(sandbox, loaded)
    shutil.copy(older, loaded)
    result = load(sandbox, loaded)
    assert result.tables["bookings"].new > 0
    assert_equals_truth(loaded, sandbox, earlier=[first])


def test_without_its_working_folder_a_load_goes_on_from_the_database(
    loaded: Path, folder: Path, sandbox: Sandbox
) -> None:
    load(sandbox, loaded)
    shutil.rmtree(folder / "dlt")
    sandbox.clear_requests()
    result = load(sandbox, loaded)
    assert list_requests(sandbox) <= 3
    assert result.tables["bookings"].loaded == 0
    assert_equals_truth(loaded, sandbox)


def test_the_ledger_is_one_row_a_window(loaded: Path, sandbox: Sandbox) -> None:
    account_id = sandbox.truth()["accountId"]
    rows = stored_rows(loaded, "load_windows", account_id)
    assert sum(row["items_landed"] for row in rows) == len(sandbox.truth()["bookings"])
    assert all(row["pages"] <= row["requests"] and row["attempts"] == 1 for row in rows)
    assert {row["server_time"] for row in rows} == {END}
