"""Every method of the client against the sandbox: what it reads is the truth, what it writes is there afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from scripted_server import settings_for

from bookeo.client.client import BookeoClient, BookingsQuery, pages
from bookeo.errors import (
    BookeoError,
    CredentialsRejected,
    NotBookeo,
    NotFound,
    NotReadable,
    PermissionMissing,
    RequestRejected,
    ServerUnavailable,
)
from bookeo.http.transport import Transport
from bookeo.windows import Window, parse_time, split_range
from bookeo_sandbox import Sandbox, serve

START, END = datetime(2023, 1, 1, tzinfo=UTC), datetime(2027, 12, 31, tzinfo=UTC)
WINDOWS = split_range(START, END)


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with serve(seed=4, bookings=260, years=1) as one:
        yield one


@pytest.fixture
def sandbox(server: Sandbox) -> Iterator[Sandbox]:
    yield server
    server.reset()
    server.faults([])


def client_of(sandbox: Sandbox, **values: Any) -> BookeoClient:
    given = {"base_url": sandbox.base_url, "api_key": sandbox.api_key, "secret_key": sandbox.secret_key} | values
    # Almost no jitter: repeats follow at once.
    return BookeoClient(Transport(settings_for(**given), jitter=lambda: 0.001))


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[BookeoClient]:
    with client_of(sandbox) as one:
        yield one


def all_bookings(client: BookeoClient, **query: Any) -> list[dict[str, Any]]:
    records = []
    for window in WINDOWS:
        asked = BookingsQuery(last_updated=window, **query)
        for page in pages(lambda number, token, asked=asked: client.bookings_page(asked, number, token)):
            records += page.records
    return records


def test_all_bookings_are_read_exactly_once(sandbox: Sandbox, client: BookeoClient) -> None:
    truth = sandbox.truth()["bookings"]
    for query in ({}, {"items_per_page": 7}):
        numbers = [record["bookingNumber"] for record in all_bookings(client, **query)]
        assert sorted(numbers) == sorted(booking["bookingNumber"] for booking in truth)
    live = {booking["bookingNumber"] for booking in truth if not booking["canceled"]}
    assert {record["bookingNumber"] for record in all_bookings(client, include_canceled=False)} == live
    assert 0 < len(live) < len(truth)
    assert sandbox.requests()["keys_in_query"] == 0


def test_a_window_holds_both_its_ends(sandbox: Sandbox, client: BookeoClient) -> None:
    booking = sandbox.truth()["bookings"][100]
    changed = parse_time(booking.get("lastChangeTime") or booking["creationTime"])
    begins = parse_time(booking["startTime"])
    both = BookingsQuery(last_updated=Window(changed, changed), start_time=Window(begins, begins))
    assert booking["bookingNumber"] in [record["bookingNumber"] for record in client.bookings_page(both).records]
    after = Window(changed + timedelta(seconds=1), changed + timedelta(seconds=2))
    numbers = [record["bookingNumber"] for record in client.bookings_page(BookingsQuery(last_updated=after)).records]
    assert booking["bookingNumber"] not in numbers


def test_expanding_and_products_are_asked_for(client: BookeoClient) -> None:
    rich = next(record for record in all_bookings(client) if record["participants"].get("details"))
    plain = client.booking(rich["bookingNumber"], expand_customer=False, expand_participants=False).record
    assert "customer" in rich
    assert "customer" not in plain
    assert "details" not in plain["participants"]
    assert client.booking(rich["bookingNumber"]).record == rich
    of_product = all_bookings(client, product_id=rich["productId"])
    assert {record["productId"] for record in of_product} == {rich["productId"]}


def test_children_are_the_truth(sandbox: Sandbox, client: BookeoClient) -> None:
    truth = sandbox.truth()
    customers = {customer["id"]: customer for customer in truth["customers"]}
    for booking in truth["bookings"][:40]:
        number, customer_id = booking["bookingNumber"], booking["customerId"]
        assert client.booking_customer(number).record["lastName"] == customers[customer_id]["lastName"]
        paid = client.booking_payments_page(number).records
        assert sum(Decimal(p["amount"]["amount"]) for p in paid) == Decimal(booking["price"]["totalPaid"]["amount"])
        history = client.customer_bookings_page(customer_id).records
        assert number in [record["bookingNumber"] for record in history]
    day = parse_time(truth["bookings"][0]["startTime"]).date()
    some = client.customer_bookings_page(
        truth["bookings"][0]["customerId"], day - timedelta(days=1), day + timedelta(days=1), expand_participants=True
    )
    assert truth["bookings"][0]["bookingNumber"] in [record["bookingNumber"] for record in some.records]


def test_payments_and_customers_are_the_truth(sandbox: Sandbox) -> None:
    client = client_of(sandbox, items_per_page=30, payments_per_page=11)
    truth = sandbox.truth()
    payments = [
        record["id"]
        for window in WINDOWS
        for page in pages(lambda number, token, window=window: client.payments_page(window, number, token))
        for record in page.records
    ]
    assert sorted(payments) == sorted(payment["id"] for payment in truth["payments"])
    customers = [r["id"] for p in pages(lambda n, t: client.customers_page(number=n, token=t)) for r in p.records]
    assert sorted(customers) == sorted(customer["id"] for customer in truth["customers"])
    one = truth["customers"][3]
    assert client.customer(one["id"]).record["firstName"] == one["firstName"]
    recent = client.customers_page(created_since=parse_time(one["creationTime"]))
    assert recent.info.total_items < len(customers)


def test_settings_are_the_truth(sandbox: Sandbox, client: BookeoClient) -> None:
    truth = sandbox.truth()
    key = client.api_key_info()
    assert key.account_id == truth["accountId"]
    assert "bookings_r_all" in key.permissions
    assert client.server_now() == parse_time(sandbox.now())
    assert client.business().records[0]["name"] == truth["name"]
    lists = [client.products(), client.people_categories(), client.resources(), client.taxes(), client.languages()]
    assert all(whole.records and whole.answer.body for whole in lists)
    assert {r["id"] for r in lists[1].records} >= {"Cadults"}


def bookable(client: BookeoClient) -> dict[str, Any]:
    product = next(p for p in client.products().records if p["type"] == "fixed")
    now = client.server_now()
    window = Window(now + timedelta(days=1), now + timedelta(days=15))
    slot = next(s for s in client.slots_page(window, product["productId"]).records if s["numSeatsAvailable"] >= 3)
    return {
        "productId": product["productId"],
        "eventId": slot["eventId"],
        "customer": {"firstName": "Möwe", "lastName": "O’Neill", "emailAddress": "moewe@example.com"},
        "participants": {"numbers": [{"peopleCategoryId": "Cadults", "number": 2}]},
    }


def test_a_booking_is_created_changed_paid_and_canceled(sandbox: Sandbox, client: BookeoClient) -> None:
    created = client.create_booking(bookable(client), mode="backend", notify_customer=True)
    number = created["bookingNumber"]
    assert client.booking_customer(number).record["lastName"] == "O’Neill"

    client.update_booking(number, {"participants": {"numbers": [{"peopleCategoryId": "Cadults", "number": 3}]}})
    assert client.booking(number).record["participants"]["numbers"][0]["number"] == 3

    currency = created["price"]["totalGross"]["currency"]
    payment = {
        "receivedTime": client.server_now(),
        "reason": "Deposit",
        "amount": {"amount": Decimal("12.3"), "currency": currency},
        "paymentMethod": "cash",
    }
    paid = client.add_payment(number, payment)
    assert paid["amount"] == {"amount": "12.3", "currency": currency}
    assert [p["id"] for p in client.booking_payments_page(number).records] == [paid["id"]]

    client.cancel_booking(number, reason="rain", notify_users=True)
    assert client.booking(number).record["canceled"] is True
    assert next((told["kind"], told["bookingNumber"]) for told in sandbox.outbox()) == ("created", number)


def test_a_cancelation_may_be_answered_with_nothing(sandbox: Sandbox, client: BookeoClient) -> None:
    number = client.create_booking(bookable(client))["bookingNumber"]
    sandbox.switches(delete_returns_booking=False)
    assert client.cancel_booking(number) == {}
    sandbox.switches(delete_returns_booking=True)


def test_what_the_api_refuses_says_why(client: BookeoClient) -> None:
    with pytest.raises(RequestRejected, match=r"POST /bookings with HTTP 400") as caught:
        client.create_booking({})
    assert "productId" in (caught.value.api_message or "")
    for read in (
        lambda: client.booking("no such booking"),
        lambda: client.booking_customer("0"),
        lambda: client.booking_payments_page("a/b"),
        lambda: client.customer("?"),
        lambda: client.customer_bookings_page("%"),
        lambda: client.cancel_booking("0"),
    ):
        with pytest.raises(NotFound):
            read()


def test_keys_and_permissions_that_fail(sandbox: Sandbox, client: BookeoClient) -> None:
    number = sandbox.truth()["bookings"][0]["bookingNumber"]
    for wrong in ({"api_key": "wrong"}, {"secret_key": "wrong"}):
        with pytest.raises(CredentialsRejected):
            client_of(sandbox, **wrong).api_key_info()
    with pytest.raises(NotBookeo):
        client_of(sandbox, base_url=sandbox.root_url + "/v3").api_key_info()

    sandbox.permissions(["bookings_r_all"])
    with pytest.raises(PermissionMissing, match=r"customers_r_all"):
        client.customers_page()
    with pytest.raises(PermissionMissing, match=r"payments_r_all"):
        client.payments_page(WINDOWS[0])
    with pytest.raises(NotReadable):
        client.booking_customer(number)
    sandbox.permissions([])
    with pytest.raises(PermissionMissing, match=r"bookings_r_all"):
        client.bookings_page(BookingsQuery(last_updated=WINDOWS[0]))
    sandbox.revoke()
    with pytest.raises(CredentialsRejected):
        client.api_key_info()


@pytest.mark.parametrize("kind", ["error", "cut", "reset", "html", "empty"])
def test_a_fault_now_and_then_loses_nothing(sandbox: Sandbox, client: BookeoClient, kind: str) -> None:
    client.api_key_info()
    fault = sandbox.fault(kind, "GET /bookings", probability=0.2, times=8)
    numbers = [record["bookingNumber"] for record in all_bookings(client, items_per_page=20)]
    assert sorted(numbers) == sorted(booking["bookingNumber"] for booking in sandbox.truth()["bookings"])
    assert client.usage.retries == fault.count == 8


@pytest.mark.parametrize("place", ["header", "body"])
def test_a_429_is_waited_out(sandbox: Sandbox, client: BookeoClient, place: str) -> None:
    sandbox.fault("rate_limit", times=1, retry_after=1, retry_after_in=place)
    answer = client.api_key_info().answer
    assert answer.attempts == 2
    assert client.usage.throttled == 1
    assert client.usage.seconds_waited >= 1


def test_a_booking_is_not_created_twice_when_the_answer_is_lost(sandbox: Sandbox, client: BookeoClient) -> None:
    booking = bookable(client)
    before = len(sandbox.truth()["bookings"])
    sandbox.fault("reset", "POST /bookings", times=1)
    with pytest.raises(ServerUnavailable, match=r"not known"):
        client.create_booking(booking)
    assert len(sandbox.truth()["bookings"]) == before + 1


def test_many_threads_share_a_client(sandbox: Sandbox, client: BookeoClient) -> None:
    numbers = [booking["bookingNumber"] for booking in sandbox.truth()["bookings"]]

    def read(number: str) -> str | BookeoError:
        return str(client.booking(number).record["bookingNumber"])

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(read, numbers)) == numbers
    assert client.usage.total_requests == len(numbers)
