"""Comparing the warehouse with what there is finds exactly what was planted, and mends it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from bookeo.errors import BookeoError, SettingsError
from bookeo_pipelines.destinations.target import target
from bookeo_pipelines.load.runner import LoadRequest
from bookeo_pipelines.reconcile.comparison import Kind
from bookeo_pipelines.reconcile.runner import PackagesPending, Reconciliation, SweepIncomplete, run_reconcile
from bookeo_sandbox import Sandbox, serve
from command_runs import Run
from loading import AS_NEEDED, END, SMALL, load, settings_of
from truth import DATASET, assert_equals_truth, query, stored_rows

COMPARED = ("bookings", "payments")
"""Tables that a comparison looks at; loading the others only takes time."""
COUNTS = {"customers": frozenset({"num_bookings", "num_cancelations", "num_no_shows"})}
"""What Bookeo counts for a customer goes down when a booking vanishes, without any booking having changed."""
NOTHING: dict[str, list[str]] = {}


def reconcile(
    sandbox: Sandbox, database: Path, *, fix: bool = False, range_: Any = (None, None), **values: Any
) -> Reconciliation:
    request = LoadRequest(settings_of(sandbox, **values), target("duckdb", DATASET, database), *range_)
    return run_reconcile(request, fix=fix)


def found(result: Reconciliation) -> dict[str, list[str]]:
    return {kind.value: sorted(numbers) for kind, numbers in result.found.items() if numbers}


def left(result: Reconciliation) -> dict[str, list[str]]:
    return {kind.value: sorted(numbers) for kind, numbers in result.left.items() if numbers}


def numbers_of(sandbox: Sandbox) -> list[str]:
    return [booking["bookingNumber"] for booking in sandbox.truth()["bookings"]]


def change(database: Path, sql: str, *values: Any) -> None:
    with duckdb.connect(str(database)) as connection:
        connection.execute(sql.replace("{}", DATASET), list(values))


def marked(database: Path) -> dict[str, Any]:
    return dict(
        query(database, f"SELECT booking_number, deleted_at FROM {DATASET}.bookings WHERE deleted_at IS NOT NULL")
    )


def test_nothing_is_found_where_nothing_differs(loaded: Path, sandbox: Sandbox) -> None:
    result = reconcile(sandbox, loaded)
    assert (found(result), result.clean, result.awaiting_load) == (NOTHING, True, frozenset())
    assert result.bookings == len(numbers_of(sandbox))
    assert set(sandbox.requests()["by_operation"]) == {"GET /settings/apikeyinfo", "GET /bookings"}


def test_exactly_what_was_planted_is_found_and_mended(loaded: Path, sandbox: Sandbox) -> None:
    before = sandbox.truth()
    vanished, missing, paid, canceled, moved, returned, *others = numbers_of(sandbox)
    customer = before["bookings"][20]["customerId"]
    with_customer = {b["bookingNumber"] for b in before["bookings"] if b["customerId"] == customer}
    with_payments = {payment.get("bookingNumber") for payment in before["payments"]}
    unpaid = next(number for number in others if number in with_payments - with_customer)
    planted = {vanished, missing, paid, canceled, moved, returned, unpaid}
    assert not planted & with_customer
    sandbox.delete(vanished)
    sandbox.delete_customer(customer)
    for sql, number in (
        ("DELETE FROM {}.bookings", missing),
        ("DELETE FROM {}.booking_participants", missing),
        ("UPDATE {}.bookings SET total_paid_amount = total_paid_amount + 1", paid),
        ("UPDATE {}.bookings SET canceled = NOT coalesce(canceled, false)", canceled),
        ("UPDATE {}.bookings SET start_time = start_time + INTERVAL 40 DAY", moved),
        ("UPDATE {}.bookings SET deleted_at = updated_at", returned),
        ("DELETE FROM {}.payments", unpaid),
    ):
        change(loaded, f"{sql} WHERE booking_number = ?", number)
    bytes_before = loaded.read_bytes()

    planted_findings = {
        "vanished": sorted({vanished} | with_customer),
        "missing": [missing],
        "stale": sorted([paid, canceled, moved]),
        "returned": [returned],
        "payments": sorted({paid, unpaid}),
        "customers gone": [customer],
    }
    first = reconcile(sandbox, loaded)
    assert found(first) == left(first) == planted_findings
    assert not first.clean
    assert loaded.read_bytes() == bytes_before, "something was written without --fix"

    mended = reconcile(sandbox, loaded, fix=True)
    assert found(mended) == planted_findings
    assert (left(mended), mended.clean) == (NOTHING, True)
    assert_equals_truth(loaded, sandbox, vanished="marked", drift_allowed=True, ignore=COUNTS)
    assert marked(loaded) == dict.fromkeys({vanished} | with_customer, END)
    deleted = f"SELECT customer_id, deleted_at FROM {DATASET}.customers WHERE deleted_at IS NOT NULL"
    assert query(loaded, deleted) == [(customer, END)]
    assert any("bookeo forget --customer ID" in message for message in mended.notes.messages)
    assert not any(with_customer & {p["booking_number"]} for p in stored_rows(loaded, "payments", before["accountId"]))
    assert len(stored_rows(loaded, "bookings", before["accountId"])) == len(before["bookings"]), "a row was removed"

    again = reconcile(sandbox, loaded)
    assert found(again) == NOTHING


def test_what_returns_is_unmarked_by_a_load_too(loaded: Path, sandbox: Sandbox) -> None:
    number = numbers_of(sandbox)[0]
    change(loaded, "UPDATE {}.bookings SET deleted_at = updated_at WHERE booking_number = ?", number)
    sandbox.advance(hours=1)
    sandbox.touch(number)
    assert found(reconcile(sandbox, loaded)) == NOTHING, "the next load writes it anew"
    load(sandbox, loaded, tables=("bookings",))
    assert marked(loaded) == {}


@pytest.fixture
def hard() -> Iterator[Sandbox]:
    """The same business, where payments leave their booking's time of change alone."""
    with serve(**{**SMALL, "payments_move_change": False, "customer_edits_move_change": False}) as running:
        yield running


def test_bookings_change_while_they_are_compared(folder: Path, hard: Sandbox) -> None:
    database = folder / "bookeo.duckdb"
    load(hard, database, tables=COMPARED, **AS_NEEDED)
    requests = 0

    def live(info: Any) -> None:
        # Time passes between any two requests; customers with their bookings vanish only where the test says so.
        nonlocal requests
        requests += 1
        if info.operation == "GET /bookings":
            hard.advance(hours=20)

    hard.switches(deletions=False)
    hard.on_request(live)
    result = reconcile(hard, database, items_per_page=10, **AS_NEEDED)
    hard.remove_hooks()
    assert requests > 16
    assert found(result) == NOTHING
    assert result.awaiting_load

    # Paid without another word: the next load brings it, so it is no finding before, and none after.
    load(hard, database, tables=COMPARED, **AS_NEEDED)
    result = reconcile(hard, database, **AS_NEEDED)
    assert (found(result), result.awaiting_load) == (NOTHING, frozenset())


def test_a_booking_that_is_moved_during_the_sweep_is_not_called_vanished(loaded: Path, sandbox: Sandbox) -> None:
    account = sandbox.business.accounts[0]
    by_start = sorted(account.bookings.values(), key=lambda b: b.start)
    first, booking = by_start[0], by_start[-1]
    moved = False

    def move(info: Any) -> None:
        # From a window that is about to be read into one that has been read.
        nonlocal moved
        if info.operation == "GET /bookings" and not moved:
            start, end = (datetime.fromisoformat(info.query[name]).timestamp() for name in ("startTime", "endTime"))
            if start <= booking.start <= end:
                before, moved = booking.start, True
                booking.start, booking.end = first.start, first.end
                booking.cache = None
                account.by_start.moved(booking, before)

    sandbox.on_request(move)
    result = reconcile(sandbox, loaded, concurrency=1)
    sandbox.remove_hooks()
    assert moved
    assert found(result) == {"stale": [booking.number]}
    assert sandbox.requests()["by_operation"]["GET /bookings/{bookingNumber}"] == {"200": 1}


def test_only_a_404_makes_a_booking_vanished(loaded: Path, sandbox: Sandbox) -> None:
    sandbox.delete(numbers_of(sandbox)[0])
    sandbox.fault("error", "GET /bookings/{bookingNumber}", status=503)
    with pytest.raises(SweepIncomplete, match="nothing was marked"):
        reconcile(sandbox, loaded, fix=True, max_attempts=1)
    assert marked(loaded) == {}


@pytest.mark.parametrize(
    ("fault", "values", "said"),
    [
        ({"kind": "wrong_total"}, {"window_attempts": 1, "window_days": 31}, "kept changing"),
        ({"kind": "error", "status": 500, "after": 5}, {"max_attempts": 1}, "500"),
        (None, {"max_requests": 6}, "max_requests"),
    ],
)
def test_an_incomplete_sweep_marks_nothing(
    loaded: Path, sandbox: Sandbox, fault: dict[str, Any] | None, values: dict[str, Any], said: str
) -> None:
    sandbox.delete(numbers_of(sandbox)[0])
    if fault:
        sandbox.fault(operation="GET /bookings", **fault)
    before = loaded.read_bytes()
    with pytest.raises(SweepIncomplete, match=said):
        reconcile(sandbox, loaded, fix=True, **values)
    assert loaded.read_bytes() == before


def test_an_interrupted_mending_is_taken_up_by_the_next_one(loaded: Path, sandbox: Sandbox) -> None:
    vanished, missing, *_ = numbers_of(sandbox)
    sandbox.delete(vanished)
    change(loaded, "DELETE FROM {}.bookings WHERE booking_number = ?", missing)

    with pytest.MonkeyPatch.context() as monkeypatch:
        from bookeo.client.client import BookeoClient

        whole = BookeoClient.booking

        def interrupted(self: BookeoClient, booking_number: str, **options: Any) -> Any:
            if booking_number == missing:
                raise KeyboardInterrupt
            return whole(self, booking_number, **options)

        monkeypatch.setattr(BookeoClient, "booking", interrupted)
        with pytest.raises((KeyboardInterrupt, BookeoError)):
            reconcile(sandbox, loaded, fix=True)
    assert set(marked(loaded)) == {vanished}
    result = reconcile(sandbox, loaded, fix=True)
    assert (found(result), left(result)) == ({"missing": [missing]}, NOTHING)
    assert_equals_truth(loaded, sandbox, vanished="marked", ignore=COUNTS)


def test_a_range_of_start_times_is_all_that_is_looked_at(loaded: Path, sandbox: Sandbox) -> None:
    bookings = stored_rows(loaded, "bookings", sandbox.truth()["accountId"])
    ordered = sorted(bookings, key=lambda row: row["start_time"])
    early, late = ordered[0], ordered[-1]
    for row in (early, late):
        sandbox.delete(row["booking_number"])
        change(loaded, "DELETE FROM {}.payments WHERE booking_number = ?", row["booking_number"])
    first, last = early["start_time"], late["start_time"]
    assert last - first > timedelta(days=31)
    result = reconcile(sandbox, loaded, range_=(first, first + timedelta(days=1)))
    assert found(result)["vanished"] == [early["booking_number"]]
    assert late["booking_number"] not in {n for numbers in found(result).values() for n in numbers}
    assert result.windows == 1
    with pytest.raises(SettingsError, match="after its end"):
        reconcile(sandbox, loaded, range_=(last, first))


def test_bookings_from_before_the_first_load_are_not_missed(folder: Path, sandbox: Sandbox) -> None:
    database = folder / "bookeo.duckdb"
    load(sandbox, database, since=END - timedelta(days=30), tables=COMPARED, **AS_NEEDED)
    result = reconcile(sandbox, database, **AS_NEEDED)
    assert found(result) == NOTHING
    assert result.bookings > query(database, f"SELECT count(*) FROM {DATASET}.bookings")[0][0]


def test_a_booking_that_cannot_be_shaped_is_a_finding_that_stays(loaded: Path, sandbox: Sandbox) -> None:
    booking = sandbox.truth()["bookings"][0]
    booking["price"]["totalGross"]["amount"] = "1,000.00"
    sandbox.override(booking["bookingNumber"], booking)
    result = reconcile(sandbox, loaded, fix=True)
    assert found(result) == left(result) == {"unreadable": [booking["bookingNumber"]]}


def test_bookings_without_a_start_time_are_asked_for_by_themselves(loaded: Path, sandbox: Sandbox) -> None:
    there, vanished, *_ = numbers_of(sandbox)
    for number in (there, vanished):
        change(loaded, "UPDATE {}.bookings SET start_time = NULL WHERE booking_number = ?", number)
    sandbox.delete(vanished)
    result = reconcile(sandbox, loaded)
    assert found(result) == {"vanished": [vanished], "stale": [there]}


def test_without_the_right_to_read_payments_their_sums_are_no_finding(loaded: Path, sandbox: Sandbox) -> None:
    change(loaded, "DELETE FROM {}.payments")
    assert set(found(reconcile(sandbox, loaded))) == {Kind.UNPAID.value}
    sandbox.permissions(["bookings_r_all", "customers_r_all"])
    assert found(reconcile(sandbox, loaded)) == NOTHING


def test_there_must_be_something_to_compare(folder: Path, sandbox: Sandbox) -> None:
    database = folder / "none.duckdb"
    with pytest.raises(SettingsError, match="There is no database"):
        reconcile(sandbox, database)
    assert not database.exists()
    duckdb.connect(str(database)).execute("CREATE TABLE other (a INT)").close()
    with pytest.raises(SettingsError, match="No bookings have been loaded"):
        reconcile(sandbox, database)


def test_another_accounts_keys_are_refused(loaded: Path) -> None:
    with serve(**{**SMALL, "seed": 2}) as other, pytest.raises(SettingsError, match="name the account"):
        reconcile(other, loaded)


def test_packages_left_behind_are_finished_only_with_fix(loaded: Path, sandbox: Sandbox) -> None:
    from bookeo import LoadSession, bookeo_source
    from bookeo_pipelines.warehouse.load_packages import open_pipeline

    sandbox.advance(days=2)
    where = target("duckdb", DATASET, loaded)
    session = LoadSession(settings_of(sandbox), chunked=True)
    open_pipeline("bookeo", where).extract(bookeo_source(session=session))
    session.close()
    with pytest.raises(PackagesPending, match="bookeo load finishes them"):
        reconcile(sandbox, loaded)
    assert found(reconcile(sandbox, loaded, fix=True)) == NOTHING


def test_the_command_says_what_it_found(loaded: Path, keys: Sandbox, bookeo: Run) -> None:
    assert bookeo("reconcile").code == 0
    number = numbers_of(keys)[0]
    keys.delete(number)
    plain = bookeo("reconcile")
    assert (plain.code, plain.err) == (1, "")
    assert number in plain.out
    assert "bookeo reconcile --fix" in plain.out
    told = bookeo("reconcile", "--json")
    assert told.code == 1
    assert json.loads(told.out)["found"]["vanished"] == json.loads(told.out)["left"]["vanished"] == [number]
    mended = bookeo("reconcile", "--fix")
    assert mended.code == 0
    assert "Mended; nothing is left." in mended.out
    assert set(marked(loaded)) == {number}
