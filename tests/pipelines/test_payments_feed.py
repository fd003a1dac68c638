"""Payments read from the feed belong to the right bookings, whatever was done to them and whatever their texts say."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cheap_loads import STILL_BUSINESS, asked, assert_exact, first_load_of_still_business, load_as_needed
from payments_by_hand import Till

from bookeo.errors import BookeoError, FeedRefused, ListSuspicious, PermissionMissing
from bookeo_pipelines.destinations.target import target
from bookeo_pipelines.load.runner import LoadRequest, LoadResult
from bookeo_pipelines.reconcile.runner import run_reconcile
from bookeo_sandbox import Sandbox, serve
from loading import ALWAYS, AS_NEEDED, BEGIN, load, settings_of
from stored import lose_columns
from truth import DATASET, contents, query
from truth_columns import specification

OF_ONE_BOOKING = "GET /bookings/{bookingNumber}/payments"
ONE_BOOKING = "GET /bookings/{bookingNumber}"
TABLES = ("bookings", "payments")


def load_payments(sandbox: Sandbox, database: Path, **values: Any) -> LoadResult:
    """A load of what matters here only; all the others take time."""
    return load_as_needed(sandbox, database, tables=TABLES, **values)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with serve(**STILL_BUSINESS) as running:
        yield running


@pytest.fixture
def till(sandbox: Sandbox) -> Till:
    return Till(sandbox)


@pytest.fixture
def database(folder: Path) -> Path:
    return folder / "bookeo.duckdb"


@pytest.fixture(scope="module")
def first_payments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database after a first load; not to be changed."""
    return first_load_of_still_business(tmp_path_factory.mktemp("first"), TABLES)


@pytest.fixture
def paid(first_payments: Path, database: Path) -> Path:
    """A database of the test's own as after a first load."""
    shutil.copy(first_payments, database)
    return database


def link(database: Path, payment: Any) -> tuple[Any, Any]:
    """The booking of a payment, and how it is known."""
    sql = f"SELECT booking_number, linked_by FROM {DATASET}.payments WHERE payment_id = ?"
    [found] = query(database, sql, payment.id)
    return found


def test_payments_are_exact_whatever_was_done_to_them(database: Path, sandbox: Sandbox, till: Till) -> None:
    bookings = till.bookings()
    lied_about, paid_by_hand = bookings[2], bookings[4]
    lies = [
        till.add(description=f"Booking {lied_about.number}", customer_id=lied_about.customer.id),
        till.add(description=f"Booking {lied_about.number}"),
        till.add(description=f"Booking {lied_about.number}", customer_id=bookings[3].customer.id),
        till.add(description=f"Booking {bookings[3].number} and two others", customer_id=bookings[3].customer.id),
        till.add(description="Booking 0000000000000", customer_id=bookings[3].customer.id),
    ]
    by_hand = till.add(booking=paid_by_hand, description="Barzahlung", days_ago=5)
    for_another = till.add(booking=bookings[5], description=f"Booking {bookings[6].number}")
    load_payments(sandbox, database)
    assert_exact(database, sandbox, tables=TABLES)
    assert [link(database, lie)[0] for lie in lies] == [None] * 5
    assert link(database, by_hand) == (paid_by_hand.number, "endpoint")
    assert link(database, for_another) == (bookings[5].number, "endpoint")
    assert link(database, bookings[7].payments[0]) == (bookings[7].number, "description")

    past = [sandbox.truth()]
    sandbox.advance(days=7)
    recent = [p for p in till.account.by_receipt if p.booking and p.received > till.now - 20 * 86_400]  # type: ignore[attr-defined]
    edited, deleted = recent[1], recent[3]
    till.edit(edited, edited.amount + 100)
    till.delete(deleted)
    till.delete(till.add(days_ago=2))
    later = [
        till.add(booking=bookings[8], days_ago=6.9),
        till.add(booking=bookings[9], description="per Nachnahme", days_ago=10),
        till.add(booking=bookings[10], amount=-300, description="Refund as agreed"),
        till.add(booking=bookings[11], days_ago=20),
    ]
    late_lie = till.add(description=f"Booking {bookings[12].number}", customer_id=bookings[12].customer.id, days_ago=9)
    load_payments(sandbox, database)
    assert_exact(database, sandbox, tables=TABLES, earlier=past)
    assert [link(database, payment)[0] for payment in later] == [b.number for b in bookings[8:12]]
    assert link(database, late_lie)[0] is None

    # What was found out is not asked for again, and what the feed shows once more is linked as before.
    before = contents(database, ["payments", "bookings", "child_checks"])
    for _ in range(2):
        result = load_payments(sandbox, database)
        assert sandbox.requests()["total"] <= 3
        assert {name for name, change in result.tables.items() if change.loaded} <= {"load_windows"}
    assert contents(database, ["payments", "bookings", "child_checks"]) == before

    # Nor is it written again when the feed's last weeks are read once more.
    rereads = f"SELECT count(*) FROM {DATASET}.payments WHERE fetched_at > ?"
    met = sum(payment.received > till.now - 20 * 86_400 for payment in till.account.by_receipt)  # type: ignore[attr-defined]
    sandbox.advance(hours=21)
    [(moment,)] = query(database, f"SELECT max(ended_at) FROM {DATASET}.load_runs")
    load_payments(sandbox, database)
    assert 0 < query(database, rereads, moment)[0][0] < met / 2
    assert_exact(database, sandbox, tables=TABLES, earlier=past)

    # The other mode says the same of every payment of a booking.
    always = database.with_name("always.duckdb")
    load(sandbox, always, tables=TABLES, **ALWAYS)
    linked = (
        f"SELECT payment_id, booking_number, amount, received_time FROM {DATASET}.payments WHERE booking_number <> ''"
    )
    assert sorted(query(always, linked)) == sorted(query(database, linked))


def test_what_the_feed_shows_again_as_it_was_is_not_written_again(database: Path, sandbox: Sandbox, till: Till) -> None:
    sandbox.advance(days=1)
    paid = [till.add(booking=booking, description=f"Booking {booking.number}") for booking in till.bookings()[:3]]
    load_payments(sandbox, database)
    again = load_payments(sandbox, database)
    assert sandbox.requests()["by_operation"]["GET /payments"], "the last hour is read again"
    assert again.tables["payments"].loaded == 0
    till.add(booking=till.bookings()[4], description="Barzahlung")
    assert load_payments(sandbox, database).tables["payments"].new == 1
    assert {link(database, payment) for payment in paid} == {
        (payment.booking.number, "description") for payment in paid
    }


def test_another_mode_leaves_no_payment_there_twice(paid: Path, sandbox: Sandbox, till: Till) -> None:
    database, booking = paid, till.bookings()[2]
    moved = till.add(booking=booking, description="cash")
    twice = till.add(description="deposit", customer_id=till.bookings()[3].customer.id)
    load_payments(sandbox, database)
    assert link(database, twice) == (None, None)
    # The business books it where it belongs.
    till.delete(twice)
    twice.booking = till.bookings()[3]
    till.account.add_payment(twice)
    sandbox.touch(twice.booking.number)
    load_payments(sandbox, database, payments="always")
    assert link(database, twice) == (twice.booking.number, "endpoint")
    assert link(database, moved) == (booking.number, "endpoint")


def test_a_booking_that_does_not_add_up_is_asked_once_until_its_figures_change(
    database: Path, sandbox: Sandbox, till: Till
) -> None:
    booking = till.bookings()[2]

    def say_paid(amount: str) -> None:
        sandbox.override(booking.number, None)
        shown = next(b for b in sandbox.truth()["bookings"] if b["bookingNumber"] == booking.number)
        shown["price"]["totalPaid"]["amount"] = amount
        sandbox.touch(booking.number)
        shown["lastChangeTime"] = sandbox.now()
        sandbox.override(booking.number, shown)

    say_paid("9999.00")
    result = load_payments(sandbox, database)
    assert asked(sandbox)[OF_ONE_BOOKING] == 1
    assert asked(sandbox)[ONE_BOOKING] == 1
    assert any("1 booking(s) say another paid total" in message for message in result.notes.messages)
    for _ in range(2):
        load_payments(sandbox, database)
        assert not {OF_ONE_BOOKING, ONE_BOOKING} & asked(sandbox).keys()
    sandbox.advance(seconds=1)
    say_paid("8888.00")
    load_payments(sandbox, database)
    assert asked(sandbox)[OF_ONE_BOOKING] == 1
    load_payments(sandbox, database)
    assert OF_ONE_BOOKING not in asked(sandbox)


@pytest.mark.parametrize(("status", "failure"), [(403, PermissionMissing), (404, FeedRefused), (400, FeedRefused)])
def test_a_refused_feed_is_said_and_made_up_for(
    database: Path, sandbox: Sandbox, till: Till, status: int, failure: type[BookeoError]
) -> None:
    sandbox.fault("error", "GET /payments", status=status)
    result = load_payments(sandbox, database, may_fail=True)
    assert type(result.failure) is failure
    assert any("asked for booking by booking instead" in message for message in result.notes.messages)
    assert asked(sandbox)[OF_ONE_BOOKING] == len(sandbox.truth()["bookings"])
    linked = {payment["id"] for payment in sandbox.truth()["payments"] if "bookingNumber" in payment}
    assert {row[0] for row in query(database, f"SELECT payment_id FROM {DATASET}.payments")} == linked
    load_payments(sandbox, database, may_fail=True)
    assert OF_ONE_BOOKING not in asked(sandbox)

    past = [sandbox.truth()]
    sandbox.advance(days=3)
    sandbox.faults([])
    load_payments(sandbox, database)
    assert_exact(database, sandbox, tables=TABLES, earlier=past)


def test_a_permission_that_goes_takes_nothing_along(paid: Path, sandbox: Sandbox, till: Till) -> None:
    database = paid
    sandbox.switches(payments_without_permission="empty")
    before = contents(database, ["payments"])
    past = [sandbox.truth()]
    sandbox.permissions(["bookings_r_all", "customers_r_all"])
    sandbox.advance(days=40)
    result = load_payments(sandbox, database)
    assert any("lacks the permission payments_r_all" in message for message in result.notes.messages)
    assert contents(database, ["payments"]) == before
    sandbox.permissions(["bookings_r_all", "customers_r_all", "payments_r_all"])
    load_payments(sandbox, database)
    assert_exact(database, sandbox, tables=TABLES, earlier=past)


def test_payments_that_are_all_hidden_at_once_are_kept(paid: Path, sandbox: Sandbox, till: Till) -> None:
    database = paid
    before = contents(database, ["payments"])
    sandbox.advance(hours=30)
    with sandbox.business.lock:
        for payment in list(till.account.by_receipt):  # type: ignore[call-overload]
            till.account.by_receipt.remove(payment, payment.received)
    result = load_payments(sandbox, database, may_fail=True)
    assert isinstance(result.failure, ListSuspicious)
    assert set(before["payments"]) <= set(contents(database, ["payments"])["payments"])


def test_what_leaves_no_trace_is_mended_by_a_comparison(paid: Path, sandbox: Sandbox, till: Till) -> None:
    database = paid
    payments = [payment for payment in till.account.by_receipt if payment.booking]  # type: ignore[attr-defined]
    till.move(payments[-3], till.bookings()[3])
    till.delete(payments[0])
    till.edit(payments[2], payments[2].amount + 7)
    settings = settings_of(sandbox, **AS_NEEDED)
    result = run_reconcile(LoadRequest(settings, target("duckdb", DATASET, database)), fix=True)
    assert result.clean
    assert_exact(database, sandbox, tables=TABLES)


def test_what_an_older_version_did_not_keep_comes_as_rows_are_read_again(paid: Path, sandbox: Sandbox) -> None:
    """The offsets of times: the next load goes on, and a range that is read again has them of all its rows."""
    offsets = {table: [name for name, kind, _ in specification(table) if kind == "offset"] for table in TABLES}
    assert min(map(len, offsets.values())) > 1
    lose_columns(paid, offsets)
    load_payments(sandbox, paid)
    load_payments(sandbox, paid, since=BEGIN)
    assert_exact(paid, sandbox, tables=TABLES)


def test_money_that_came_before_any_booking_is_read(database: Path, sandbox: Sandbox, till: Till) -> None:
    """A voucher sold months before the first booking, and then one booking after the other."""
    first = min(booking.created for booking in till.bookings())
    voucher = till.add(description="Gift voucher", customer_id=till.bookings()[0].customer.id, days_ago=200)
    assert voucher.received < first - 90 * 86_400
    load_payments(sandbox, database, start="2025-11-01")
    assert link(database, voucher) == (None, None)
    assert_exact(database, sandbox, tables=TABLES)
