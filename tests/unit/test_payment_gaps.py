"""What is missing among payments is read from the rows themselves."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bookeo_pipelines.gaps.customers import not_yet_asked, short_histories
from bookeo_pipelines.gaps.payments import (
    all_paid,
    cancelling_out,
    combined,
    doubled_payments,
    named_bookings,
    paid_since,
    read_since,
    unpaid_sums,
)
from bookeo_pipelines.load.run_log import feed_read_since, payments_checked_until
from memory_warehouse import EARLY, LATE, MemoryWarehouse, booking, holding, payment

NOW = LATE + timedelta(days=1)
BEGAN = LATE + timedelta(hours=1)


@pytest.mark.parametrize(
    ("says", "payments", "adds_up"),
    [
        ("10", [("10", "EUR")], True),
        ("10", [("25", "EUR"), ("-15", "EUR")], True),
        ("0", [], True),
        ("10", [], False),
        ("10", [("9.99", "EUR")], False),
        ("0", [("10", "EUR")], False),
        ("10", [("10", "USD")], False),
        ("10", [("10", "CHF")], False),
        ("10", [("4", "EUR"), ("6", "USD")], False),
        ("10", [("4", "EUR"), ("6", "CHF")], False),
        ("10", [("10", None)], False),
        ("0", [("5", "USD"), ("-5", "USD")], False),
        (None, [("10", "EUR")], True),
    ],
)
def test_payments_add_up_in_the_bookings_own_currency(
    says: str | None, payments: list[tuple[str, str | None]], adds_up: bool
) -> None:
    rows = [payment(f"p{n}", amount, "1", currency=currency) for n, (amount, currency) in enumerate(payments)]
    warehouse = holding(bookings=[booking("1", says), booking("2")], payments=rows)
    assert (unpaid_sums(warehouse) == {}) is adds_up
    assert unpaid_sums(warehouse).keys() <= {"1"}


def test_the_figures_change_with_every_payment() -> None:
    warehouse = holding(bookings=[booking("1", "30")], payments=[payment("p1", "10", "1")])
    before = unpaid_sums(warehouse)["1"]
    warehouse.add("payments", payment("p2", "5", "1"))
    assert before != unpaid_sums(warehouse)["1"]


def test_without_any_payment_held_a_booking_that_says_it_is_paid_lacks_its_payments() -> None:
    assert unpaid_sums(holding(bookings=[booking("1", "10"), booking("2", "0")])).keys() == {"1"}
    assert unpaid_sums(holding(payments=[payment("p1")])) == {}
    assert all_paid(holding(payments=[])) == {}


def test_vanished_bookings_and_other_accounts_lack_nothing() -> None:
    warehouse = holding(bookings=[booking("1", "10", deleted_at=LATE)], payments=[])
    warehouse.add("bookings", booking("2", "10"), account="B")
    warehouse.add("payments", payment("p1", "-5"), payment("p2", "5"), account="B")
    assert unpaid_sums(warehouse) == all_paid(warehouse) == cancelling_out(warehouse) == {}


@pytest.mark.parametrize("keys_at_once", [1, 2, 50])
def test_only_the_bookings_asked_about_are_looked_at(keys_at_once: int) -> None:
    warehouse = MemoryWarehouse(keys_at_once=keys_at_once)
    warehouse.add("bookings", *(booking(f"{n:02}", "10") for n in range(30)))
    warehouse.add("payments", payment("p", "10", "03"))
    wanted = {f"{n:02}" for n in range(12)}
    assert unpaid_sums(warehouse, wanted).keys() == wanted - {"03"}
    assert read_since(warehouse, wanted, EARLY) == wanted
    assert read_since(warehouse, wanted, EARLY + timedelta(seconds=1)) == frozenset()


def outdated(checked_until: datetime | None = None, began: datetime = BEGAN, **rows: Any) -> set[str]:
    return set(paid_since(holding(**rows), checked_until, began, NOW))


def test_a_total_is_outdated_while_its_booking_was_not_read_after_the_payment() -> None:
    rows = {"bookings": [booking("1", "0"), booking("2", "0", "bob")], "payments": [payment("p1")]}
    assert outdated(**rows) == {"1"}, "whatever load has read the payment"
    assert outdated(LATE - timedelta(seconds=1), **rows) == {"1"}
    assert outdated(LATE, **rows) == set(), "a load has looked at it"
    read_again = {**rows, "bookings": [booking("1", "0", fetched_at=LATE + timedelta(seconds=1))]}
    assert outdated(**read_again) == set()
    together = {**rows, "bookings": [booking("1", "0", fetched_at=LATE)]}
    assert outdated(**together) == set()


def test_how_far_payments_were_looked_at_is_read_from_the_runs() -> None:
    run = {"started_at": EARLY, "ended_at": LATE, "outcome": "done"}
    checked = holding(load_runs=[{**run, "checked_until": EARLY}, {**run, "checked_until": LATE}, run])
    assert payments_checked_until(checked) == LATE
    assert payments_checked_until(holding(load_runs=[run])) is None
    assert payments_checked_until(holding()) is None

    ledger = [{"resource": "payments", "window_start": EARLY, "loaded_at": LATE}]
    read = holding(load_windows=[*ledger, {**ledger[0], "resource": "bookings", "loaded_at": NOW}])
    assert feed_read_since(read, None)
    assert feed_read_since(read, EARLY)
    assert not feed_read_since(read, LATE)
    assert not feed_read_since(holding(load_windows=[]), None)
    assert not feed_read_since(holding(), None)


def test_what_this_load_has_read_is_current_but_for_what_was_paid_meanwhile() -> None:
    began = EARLY - timedelta(minutes=1)
    rows = {"bookings": [booking("1")], "payments": [payment("p1")]}
    assert outdated(began=began, **rows) == set()
    meanwhile = {**rows, "payments": [payment("p1", creation_time=NOW.replace(second=0))]}
    assert outdated(began=began, **meanwhile) == {"1"}


def test_a_first_load_that_was_interrupted_asks_only_for_what_was_paid_after_the_booking_was_read() -> None:
    window = {"resource": "bookings", "window_start": EARLY, "loaded_at": EARLY, "server_time": NOW}
    rows = {"bookings": [booking("1")], "load_windows": [window]}
    before, after = NOW - timedelta(minutes=6), NOW - timedelta(minutes=5)
    assert outdated(**rows, payments=[payment("p1", creation_time=before)]) == set()
    assert outdated(**rows, payments=[payment("p1", creation_time=after)]) == {"1"}
    assert outdated(**rows, payments=[payment("p1", creation_time=None)]) == {"1"}
    edited = [payment("p1", creation_time=before)]
    assert outdated(EARLY, **rows, payments=edited) == {"1"}, "a payment that a later load brings may be an edited one"
    later = {**rows, "load_windows": [{**window, "loaded_at": LATE}]}
    assert outdated(**later, payments=edited) == {"1"}, "nothing tells when the booking was read"


def test_only_payments_that_may_be_anybodys_make_a_total_outdated() -> None:
    linked = payment("p1", number="1")
    settled = payment("p2", linked_by="endpoint")
    assert outdated(bookings=[booking("1")], payments=[linked, settled]) == set()
    assert outdated(bookings=[booking("1", deleted_at=LATE)], payments=[payment("p3")]) == set()


@pytest.mark.parametrize(
    ("amounts", "may_cancel"),
    [(["10", "-10"], True), (["0"], True), (["10"], False), (["10", "20"], False), (["-5", "-6"], False), ([], False)],
)
def test_payments_without_a_booking_that_may_cancel_out(amounts: list[str], may_cancel: bool) -> None:
    rows = [payment(f"p{n}", amount) for n, amount in enumerate(amounts)]
    # Those of others, or with a booking, do not count.
    rows += [payment("q1", "-1", customer="bob"), payment("q2", "-1", customer=None), payment("q3", "-1", "1")]
    warehouse = holding(bookings=[booking("1"), booking("2"), booking("9", customer="eve")], payments=rows)
    assert cancelling_out(warehouse).keys() == ({"1", "2"} if may_cancel else set())


def test_a_booking_that_a_payment_names_is_asked_for_where_it_is_not_held() -> None:
    old = NOW - timedelta(days=8)
    texts = {
        "p1": "Booking 1001",
        "p2": "Réservation n° 14900000000011",
        "p3": "Gift voucher 4711",
        "p4": "14900000000012 or 14900000000013",
        "p5": "Booking 1",
    }
    rows = [payment(one, description=text, creation_time=old) for one, text in texts.items()]
    rows.append(payment("p6", number="1", description="Booking 1002"))
    warehouse = holding(bookings=[booking("1")], payments=rows)
    assert named_bookings(warehouse, NOW) == {"1001": "payment p1 names it", "14900000000011": "payment p2 names it"}
    assert named_bookings(holding(payments=rows), NOW).keys() == {"1001", "14900000000011", "1"}


def test_what_is_dropped_names_no_booking() -> None:
    assert named_bookings(holding(bookings=[], payments=[payment("p1", description=None)]), NOW) == {}
    assert named_bookings(holding(bookings=[]), NOW) == {}


def test_a_booking_in_checkout_is_asked_for_once_a_day_for_a_week() -> None:
    warehouse = holding(bookings=[], payments=[payment("p1", description="Booking 7", creation_time=NOW)])
    days = {named_bookings(warehouse, NOW + timedelta(hours=hours))["7"] for hours in range(0, 30 * 24, 5)}
    assert len(days) == 8 + 1, "eight dates, and none from then on"


def test_doubled_payments_are_found_with_their_newest_row() -> None:
    warehouse = holding(
        payments=[payment("p1", number="1", fetched_at=EARLY), payment("p1"), payment("p2"), payment("p3", number="1")]
    )
    assert doubled_payments(warehouse) == {"p1": LATE}


def test_findings_of_several_kinds_are_one_question() -> None:
    assert combined({"1": "a", "2": "b"}, {}, {"2": "c"}) == {"1": "a", "2": "b; c"}


def check(parent: str, basis: str, outcome: str) -> dict[str, Any]:
    return {"resource": "payments", "parent_id": parent, "basis": basis, "outcome": outcome, "checked_at": LATE}


def test_a_question_is_asked_once_for_the_same_figures() -> None:
    found = {"1": "paid 5", "2": "paid 5", "3": "paid 5", "4": "paid 5", "5": "paid 5"}
    warehouse = holding(
        child_checks=[
            check("1", "paid 5", "answered"),
            check("2", "paid 4", "answered"),
            check("3", "paid 5", "not permitted"),
            check("4", "paid 5", "not found"),
        ]
    )
    assert not_yet_asked(warehouse, "payments", found).keys() == {"2", "3", "5"}
    assert not_yet_asked(warehouse, "bookings", found) == found
    assert not_yet_asked(holding(), "payments", found) == found


def test_histories_that_were_never_read_are_short() -> None:
    customers = [
        {"customer_id": "ann", "num_bookings": 2, "fetched_at": EARLY},
        {"customer_id": "bob", "num_bookings": 0, "fetched_at": EARLY},
    ]
    assert short_histories(holding(customers=customers)) == {"ann": "2 bookings"}
    held = [{"customer_id": "ann", "booking_number": n, "fetched_at": EARLY} for n in "12"]
    assert short_histories(holding(customers=customers, customer_bookings=held[:1])) == {"ann": "2 bookings"}
    assert short_histories(holding(customers=customers, customer_bookings=held)) == {}


def test_amounts_are_exact() -> None:
    tenth = Decimal("0.1")
    warehouse = holding(bookings=[booking("1", "0.3")], payments=[payment(f"p{n}", str(tenth), "1") for n in range(3)])
    assert unpaid_sums(warehouse) == {}
