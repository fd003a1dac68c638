"""What a load still has to ask for is read from the destination: an interrupted load leaves nothing undone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from cheap_loads import STILL_BUSINESS, asked, assert_exact, first_load_of_still_business, load_as_needed
from payments_by_hand import Till

from bookeo_pipelines.destinations.target import target
from bookeo_pipelines.load.child_requests import Asking
from bookeo_pipelines.load.runner import LoadRequest, LoadResult
from bookeo_pipelines.reconcile.runner import run_reconcile
from bookeo_sandbox import Sandbox, serve
from loading import AS_NEEDED, settings_of
from truth import DATASET, query

TABLES = ("bookings", "customers", "payments")
OF_ONE_BOOKING = "GET /bookings/{bookingNumber}/payments"
ONE_BOOKING = "GET /bookings/{bookingNumber}"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with serve(**STILL_BUSINESS) as running:
        yield running


@pytest.fixture
def till(sandbox: Sandbox) -> Till:
    return Till(sandbox)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database after a first load; not to be changed."""
    return first_load_of_still_business(tmp_path_factory.mktemp("first"), TABLES)


@pytest.fixture
def database(first: Path, folder: Path) -> Path:
    """A copy of it."""
    copy = folder / "bookeo.duckdb"
    shutil.copy(first, copy)
    return copy


def load(sandbox: Sandbox, database: Path, **values: Any) -> LoadResult:
    return load_as_needed(sandbox, database, tables=TABLES, **values)


def change(database: Path, sql: str, *values: Any) -> None:
    with duckdb.connect(str(database)) as connection:
        connection.execute(sql, list(values))


def link(database: Path, payment: Any) -> tuple[Any, Any]:
    sql = f"SELECT booking_number, linked_by FROM {DATASET}.payments WHERE payment_id = ?"
    [found] = query(database, sql, payment.id)
    return found


def interrupted(sandbox: Sandbox, database: Path) -> None:
    """A load that is killed when its payments are committed and nothing was asked for yet."""

    def killed(self: Asking) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Asking, "payments", killed)
        with pytest.raises(KeyboardInterrupt):
            load(sandbox, database)


@pytest.mark.parametrize("stopped_by", ["a kill", "the budget"])
def test_a_load_that_stops_before_it_asks_is_made_up_for(
    stopped_by: str, database: Path, sandbox: Sandbox, till: Till
) -> None:
    past = [sandbox.truth()]
    sandbox.advance(days=1)
    bookings = till.bookings()
    cash = [till.add(booking=booking, description="Barzahlung") for booking in bookings[2:5]]
    text = till.add(booking=bookings[6], description=f"Booking {bookings[6].number}")
    old = next(p for p in till.account.by_receipt if p.booking and p.received > till.now - 20 * 86_400)  # type: ignore[attr-defined]
    till.delete(old)
    if stopped_by == "a kill":
        interrupted(sandbox, database)
    else:
        assert load(sandbox, database, max_requests=3).failure is not None
    assert link(database, cash[0]) == (None, None), "the payments are committed, and nothing was asked for"
    load(sandbox, database)
    assert_exact(database, sandbox, tables=["payments"], earlier=past)
    paid = dict(query(database, f"SELECT booking_number, total_paid_amount FROM {DATASET}.bookings"))
    shown = {b["bookingNumber"]: b["price"]["totalPaid"]["amount"] for b in sandbox.truth()["bookings"]}
    assert {number: float(amount) for number, amount in paid.items()} == {n: float(a) for n, a in shown.items()}
    assert [link(database, payment) for payment in cash] == [(b.number, "endpoint") for b in bookings[2:5]]
    assert link(database, text)[0] == bookings[6].number
    load(sandbox, database)
    load(sandbox, database)
    assert not {OF_ONE_BOOKING, ONE_BOOKING} & asked(sandbox).keys(), "what is done is not done again"
    assert sum(asked(sandbox).values()) <= 3


def test_payments_that_cancel_out_are_linked(database: Path, sandbox: Sandbox, till: Till) -> None:
    sandbox.advance(days=1)
    booking = till.bookings()[3]
    both = [till.add(amount, booking=booking, description="Kasse") for amount in (700, -700)]
    load(sandbox, database)
    assert [link(database, payment) for payment in both] == [(booking.number, "endpoint")] * 2
    for _ in range(2):
        load(sandbox, database)
    assert OF_ONE_BOOKING not in asked(sandbox)


def test_payments_are_linked_in_any_language_without_asking(folder: Path, sandbox: Sandbox, till: Till) -> None:
    for payment in till.account.by_receipt:  # type: ignore[attr-defined]
        if payment.booking:
            payment.description = f"Réservation n° {payment.booking.number}"
    database = folder / "french.duckdb"
    load(sandbox, database)
    assert not {OF_ONE_BOOKING, ONE_BOOKING} & asked(sandbox).keys()
    links = query(database, f"SELECT DISTINCT linked_by FROM {DATASET}.payments WHERE booking_number IS NOT NULL")
    assert links == [("number",)]
    assert_exact(database, sandbox, tables=["payments"])
    load(sandbox, database)
    assert sum(asked(sandbox).values()) <= 3


def test_a_text_that_names_the_wrong_booking_is_found_out(database: Path, sandbox: Sandbox, till: Till) -> None:
    sandbox.advance(days=1)
    booking = till.bookings()[3]
    voucher = till.add(description=f"Gutschein wegen {booking.number}", customer_id=booking.customer.id)
    load(sandbox, database)
    assert link(database, voucher) == (None, "endpoint")


def test_a_booking_that_a_payment_names_is_loaded(database: Path, sandbox: Sandbox, till: Till) -> None:
    """As one whose checkout began long before it is listed: no list by time of change shows it."""
    booking = till.bookings()[5]
    number, customer = booking.number, booking.customer.id
    for table in ("bookings", "payments", "customers"):
        key, value = ("customer_id", customer) if table == "customers" else ("booking_number", number)
        change(database, f"DELETE FROM {DATASET}.{table} WHERE {key} = ?", value)
    sandbox.advance(days=1)
    payment = till.add(booking=booking, description=f"Booking {number}")
    gone = till.add(description="Booking 99999999999999")
    load(sandbox, database)
    assert link(database, payment) == (number, "endpoint")
    assert link(database, gone) == (None, None)
    assert query(database, f"SELECT count(*) FROM {DATASET}.bookings WHERE booking_number = ?", number) == [(1,)]
    assert query(database, f"SELECT count(*) FROM {DATASET}.customers WHERE customer_id = ?", customer) == [(1,)]
    checks = f"SELECT outcome, basis FROM {DATASET}.child_checks WHERE parent_id = '99999999999999'"
    [(outcome, basis)] = first = query(database, checks)
    assert (outcome, gone.id in basis) == ("not found", True)
    load(sandbox, database)
    assert ONE_BOOKING not in asked(sandbox), "one that is not there is asked for once a day"
    sandbox.advance(days=1)
    load(sandbox, database)
    assert query(database, checks) != first


def test_bookings_that_are_paid_before_any_payment_is_held(database: Path, sandbox: Sandbox) -> None:
    change(database, f"DROP TABLE {DATASET}.payments")
    settings = settings_of(sandbox, **AS_NEEDED)
    found = run_reconcile(LoadRequest(settings, target("duckdb", DATASET, database)))
    paid = {b["bookingNumber"] for b in sandbox.truth()["bookings"] if float(b["price"]["totalPaid"]["amount"])}
    assert paid
    assert not found.clean


def test_customers_whom_their_list_does_not_show_are_not_asked_for_one_by_one(folder: Path, sandbox: Sandbox) -> None:
    database = folder / "hidden.duckdb"
    account = sandbox.business.accounts[0]
    hidden = sorted(account.customers)[:12]
    theirs = set()
    for booking in sandbox.truth()["bookings"]:
        if booking["customerId"] in hidden:
            theirs.add(booking["customerId"])
            shown = {name: value for name, value in booking.items() if name != "customer"}
            sandbox.override(booking["bookingNumber"], shown)
    with sandbox.business.lock:
        for customer in hidden:
            account.customer_list.remove(account.customers.pop(customer))
    assert len(theirs) > 2
    load(sandbox, database)
    assert asked(sandbox)["GET /customers"] == 1
    assert "GET /bookings/{bookingNumber}/customer" not in asked(sandbox)
    checks = f"SELECT DISTINCT outcome, count(*) FROM {DATASET}.child_checks WHERE resource = 'customers' GROUP BY 1"
    assert query(database, checks) == [("not readable", len(theirs))]
    load(sandbox, database)
    assert "GET /customers" not in asked(sandbox)
