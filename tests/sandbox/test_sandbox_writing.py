from __future__ import annotations

from typing import Any

import pytest
import requests
from sandbox_asking import Ask

from bookeo_sandbox import Sandbox, serve
from patience import PATIENCE

Json = dict[str, Any]


def product(sandbox: Sandbox, code: str) -> Json:
    return next(p for p in sandbox.truth()["settings"]["products"] if p["productCode"] == code)


@pytest.fixture
def tour(sandbox: Sandbox, ask: Ask) -> Json:
    """A booking that can be made: two adults on the next sunset tour."""
    sunset = product(sandbox, "TOUR-SUNSET")["productId"]
    slots = ask(
        "/availability/slots", startTime="2026-07-10T00:00:00Z", endTime="2026-07-12T00:00:00Z", productId=sunset
    )
    return {
        "productId": sunset,
        "eventId": next(s["eventId"] for s in slots.json()["data"] if s["numSeatsAvailable"] == 14),
        "customer": {"firstName": "Ægir", "lastName": "Núñez", "emailAddress": "aegir@example.com"},
        "participants": {"numbers": [{"peopleCategoryId": "Cadults", "number": 2}]},
    }


def money(text: str, currency: str = "AUD") -> Json:
    return {"amount": text, "currency": currency}


def minute(sandbox: Sandbox) -> str:
    """What the API shows of the sandbox's time."""
    return f"{sandbox.now()[:17]}00{sandbox.now()[19:]}"


def test_a_booking_is_made_with_its_first_payment(ask: Ask, sandbox: Sandbox, tour: Json) -> None:
    seats = ask("/availability/slots", startTime="2026-07-10T00:00:00Z", endTime="2026-07-12T00:00:00Z").json()["data"]
    paid = {"amount": money("50"), "paymentMethod": "creditCard", "reason": "Deposit"}
    answer = ask(
        "/bookings",
        "POST",
        json={**tour, "initialPayments": [paid], "externalRef": "x" * 64},
        mode="backend",
        notifyCustomer="true",
    )
    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/v2/bookings/{made['bookingNumber']}"
    assert made["price"]["totalGross"] == money("159")
    assert made["price"]["totalPaid"] == money("50")
    assert made["creationAgent"] == "API backend"
    assert "lastChangeTime" not in made
    assert "initialPayments" not in made
    assert ask(f"/bookings/{made['bookingNumber']}").json() == made
    assert ask(f"/bookings/{made['bookingNumber']}/customer").json()["firstName"] == "Ægir"
    payment = ask(f"/bookings/{made['bookingNumber']}/payments").json()["data"][0]
    assert payment["description"] == f"Booking {made['bookingNumber']}"
    after = ask("/availability/slots", startTime="2026-07-10T00:00:00Z", endTime="2026-07-12T00:00:00Z").json()["data"]
    taken = {s["eventId"]: s["numSeatsAvailable"] for s in seats}[made["eventId"]]
    assert {s["eventId"]: s["numSeatsAvailable"] for s in after}[made["eventId"]] == taken - 2
    told = sandbox.outbox()[-1]
    assert (told["kind"], told["notifyCustomer"], told["notifyUsers"], told["backend"]) == (
        "created",
        True,
        False,
        True,
    )


def test_an_appointment_needs_only_a_time(ask: Ask, sandbox: Sandbox) -> None:
    body = {
        "productId": product(sandbox, "APP-MASSAGE")["productId"],
        "startTime": "2026-07-10T14:00:00-00:00",
        "customerId": sandbox.truth()["customers"][0]["id"],
        "participants": {"numbers": [{"peopleCategoryId": "Cadults", "number": 1}]},
    }
    made = ask("/bookings", "POST", json=body).json()
    assert (made["startTime"], made["endTime"]) == ("2026-07-10T14:00:00+10:00", "2026-07-10T15:00:00+10:00")
    assert "eventId" not in made
    longer = ask("/bookings", "POST", json={**body, "endTime": "2026-07-10T16:30:00-00:00"}).json()
    assert longer["endTime"] == "2026-07-10T16:30:00+10:00"


@pytest.mark.parametrize(
    "change",
    [
        {"productId": "NOSUCH"},
        {"productId": None},
        {"eventId": "NOSUCH_1"},
        {"eventId": None},
        {"participants": None},
        {"participants": {"numbers": []}},
        {"participants": {"numbers": [{"peopleCategoryId": "Cdogs", "number": 1}]}},
        {"participants": {"numbers": [{"peopleCategoryId": "Cadults", "number": 0}]}},
        {"participants": {"numbers": [{"peopleCategoryId": "Cadults", "number": 99}]}},
        {"customer": None},
        {"customer": {"emailAddress": "nameless@example.com"}},
        {"customer": {"firstName": 7}},
        {"customerId": "NOSUCH"},
        {"externalRef": "x" * 65},
        {"options": [{"id": "NOSUCH", "value": "1"}]},
        {"promotionCodeInput": "NOSUCH"},
        {"couponCodes": "ONE"},
        {"priceAdjustments": [{"unitPrice": {"amount": 5, "currency": "AUD"}, "quantity": 1}]},
        {"priceAdjustments": [{"unitPrice": money("5"), "quantity": 0}]},
        {"initialPayments": [{"amount": money("5.001"), "paymentMethod": "cash", "reason": "x"}]},
        {"initialPayments": [{"amount": money("5", "USD"), "paymentMethod": "cash", "reason": "x"}]},
        {"initialPayments": [{"amount": money("NaN"), "paymentMethod": "cash", "reason": "x"}]},
        {"initialPayments": [{"amount": money("5"), "paymentMethod": "shells", "reason": "x"}]},
    ],
)
def test_a_refused_booking_changes_nothing(ask: Ask, sandbox: Sandbox, tour: Json, change: Json) -> None:
    before = sandbox.truth()
    body = {name: value for name, value in {**tour, **change}.items() if value is not None}
    assert ask("/bookings", "POST", json=body).status_code == 400
    assert sandbox.truth() == before


def test_a_full_slot_is_refused_but_not_to_a_manager(ask: Ask, tour: Json) -> None:
    many = {**tour, "participants": {"numbers": [{"peopleCategoryId": "Cadults", "number": 12}]}}
    statuses = [ask("/bookings", "POST", json=many).status_code for _ in range(3)]
    assert statuses == [201, 400, 400]
    assert ask("/bookings", "POST", json=many, mode="backend").status_code == 201


def free_seats(ask: Ask, tour: Json) -> int:
    times = {"startTime": "2026-07-10T00:00:00Z", "endTime": "2026-07-12T00:00:00Z"}
    slots = ask("/availability/slots", **times, productId=tour["productId"]).json()["data"]
    found: int = next(slot["numSeatsAvailable"] for slot in slots if slot["eventId"] == tour["eventId"])
    return found


def test_free_seats_shrink_with_bookings_and_grow_with_cancelations(ask: Ask, tour: Json) -> None:
    family = [("Cadults", 2), ("Cchildren", 1), ("Cinfants", 1)]
    body = {**tour, "participants": {"numbers": [{"peopleCategoryId": c, "number": n} for c, n in family]}}
    number = ask("/bookings", "POST", json=body).json()["bookingNumber"]
    assert free_seats(ask, tour) == 14 - 3, "an infant takes no seat"
    ask(f"/bookings/{number}", "PUT", json={"participants": tour["participants"]})
    assert free_seats(ask, tour) == 14 - 2
    ask(f"/bookings/{number}", "DELETE")
    assert free_seats(ask, tour) == 14
    ask("/bookings", "POST", json={**tour, "privateEvent": True})
    assert free_seats(ask, tour) == 0, "a private party has the tour to itself"


def test_an_update_changes_what_it_names(ask: Ask, sandbox: Sandbox, tour: Json) -> None:
    number = ask("/bookings", "POST", json=tour).json()["bookingNumber"]
    before = ask(f"/bookings/{number}").json()
    sandbox.advance(seconds=30)
    numbers = [{"peopleCategoryId": "Cadults", "number": 3}]
    answer = ask(f"/bookings/{number}", "PUT", json={"participants": {"numbers": numbers}}, notifyUsers="true")
    after = answer.json()
    assert answer.status_code == 200
    assert after["participants"]["numbers"] == numbers
    assert after["price"]["totalGross"] == money("238.5")
    assert after["lastChangeTime"] == minute(sandbox)
    assert {k: after[k] for k in ("startTime", "eventId", "customerId")} == {
        k: before[k] for k in ("startTime", "eventId", "customerId")
    }
    assert sandbox.outbox()[-1]["notifyUsers"] is True
    at = after["lastChangeTime"]
    found = ask("/bookings", lastUpdatedStartTime=at, lastUpdatedEndTime=at).json()["data"]
    assert [row["bookingNumber"] for row in found] == [number]
    assert ask(f"/bookings/{number}", "PUT", json={"eventId": "NOSUCH_1"}).status_code == 400
    assert ask(f"/bookings/{number}", "PUT", json={}, mode="frontend").status_code == 400


def test_a_whole_booking_sent_back_stays_what_it_was(ask: Ask, sandbox: Sandbox) -> None:
    for booking in [b for b in sandbox.truth()["bookings"] if not b["canceled"]][:60]:
        path = f"/bookings/{booking['bookingNumber']}"
        before = ask(path).json()
        after = ask(path, "PUT", json=before).json()
        changed = {"lastChangeTime", "lastChangeAgent"}
        assert {k: v for k, v in after.items() if k not in changed} == {
            k: v for k, v in before.items() if k not in changed
        }


def test_a_cancelation_stays_in_the_list(ask: Ask, sandbox: Sandbox, tour: Json) -> None:
    number = ask("/bookings", "POST", json=tour).json()["bookingNumber"]
    path = f"/bookings/{number}"
    answer = ask(path, "DELETE", reason="rain", notifyCustomer="true", notifyUsers="true")
    assert answer.status_code == 200
    shown = ask(path).json()
    assert shown["canceled"] is True
    assert shown["cancelationTime"] == shown["lastChangeTime"] == minute(sandbox)
    told = sandbox.outbox()[-1]
    assert (told["kind"], told["reason"], told["notifyCustomer"], told["notifyUsers"]) == (
        "canceled",
        "rain",
        True,
        True,
    )
    assert ask(path, "DELETE").status_code == 400
    assert ask(path, "PUT", json={}).status_code == 400
    sandbox.switches(delete_returns_booking=False)
    other = ask("/bookings", "POST", json=tour).json()["bookingNumber"]
    assert ask(f"/bookings/{other}", "DELETE").content == b""


@pytest.mark.parametrize("tracked", [True, False])
def test_a_cancelation_counts_in_the_customers_history_on_demand(ask: Ask, tour: Json, tracked: bool) -> None:
    path = f"/bookings/{ask('/bookings', 'POST', json=tour).json()['bookingNumber']}"
    ask(path, "DELETE", trackInCustomerHistory=str(tracked).lower())
    assert ask(f"{path}/customer").json()["numCancelations"] == tracked


@pytest.mark.parametrize("policy", [True, False])
def test_the_cancelation_policy_pays_back_on_demand(ask: Ask, tour: Json, policy: bool) -> None:
    paid = {"amount": money("50"), "paymentMethod": "creditCard", "reason": "Deposit"}
    path = f"/bookings/{ask('/bookings', 'POST', json={**tour, 'initialPayments': [paid]}).json()['bookingNumber']}"
    ask(path, "DELETE", applyCancellationPolicy=str(policy).lower())
    assert ask(path).json()["price"]["totalPaid"] == money("0" if policy else "50")


@pytest.mark.parametrize("whole", [True, False])
def test_the_rest_of_a_series_on_demand(whole: bool) -> None:
    with serve(bookings=600, years=0.1) as busy:
        life = busy.business.life(busy.business.account())
        series = next(s for s in life.recurring() if len(s) >= 3 and not any(b.canceled for b in s))
        series = sorted(series, key=lambda booking: booking.start)  # one may have been moved
        headers = {"X-Bookeo-secretKey": busy.secret_key, "X-Bookeo-apiKey": busy.api_key}
        url = f"{busy.base_url}/bookings/{series[1].number}?cancelRemainingSeries={str(whole).lower()}"
        assert requests.delete(url, headers=headers, timeout=PATIENCE).status_code == 200
        canceled = {b["bookingNumber"]: b["canceled"] for b in busy.truth()["bookings"]}
        assert [canceled[b.number] for b in series[:3]] == [False, True, whole]


def test_a_payment_is_added(ask: Ask, sandbox: Sandbox, tour: Json) -> None:
    path = f"/bookings/{ask('/bookings', 'POST', json=tour).json()['bookingNumber']}"
    sandbox.advance(seconds=60)
    body = {
        "amount": money("-3.5"),
        "paymentMethod": "other",
        "reason": "Refund",
        "receivedTime": "2026-06-30T12:00:00Z",
    }
    answer = ask(f"{path}/payments", "POST", json=body)
    made = answer.json()
    assert answer.status_code == 201
    assert made["amount"] == body["amount"]
    assert ask(f"{path}/payments").json()["data"] == [made]
    at = "2026-06-30T12:00:00Z"
    assert made in ask("/payments", startTime=at, endTime=at).json()["data"]
    booking = ask(path).json()
    assert booking["price"]["totalPaid"] == money("-3.5")
    assert "lastChangeTime" not in booking
    sandbox.switches(payments_move_change=True)
    ask(f"{path}/payments", "POST", json=body)
    assert ask(path).json()["lastChangeTime"] == minute(sandbox)
    assert ask(f"{path}/payments", "POST", json={**body, "receivedTime": "2027-01-01T00:00:00Z"}).status_code == 400
    assert ask(f"{path}/payments", "POST", json=[body]).status_code == 400


def test_webhooks_are_one_for_a_domain_and_type(ask: Ask, sandbox: Sandbox) -> None:
    hook = {"url": "https://example.com/in?domain=bookings", "domain": "bookings", "type": "updated"}
    first = ask("/webhooks", "POST", json=hook)
    assert first.status_code == 201
    second = ask("/webhooks", "POST", json={**hook, "url": "https://example.com/other"}).json()
    assert ask("/webhooks").json()["data"] == [second]
    assert ask("/webhooks", headers={"X-Bookeo-apiKey": sandbox.accounts[1].api_key}).json()["data"] == []
    assert ask(f"/webhooks/{first.json()['id']}", "DELETE").status_code == 404
    assert ask(f"/webhooks/{second['id']}", "DELETE").status_code == 204
    assert ask("/webhooks").json()["data"] == []
    for bad in ({"url": "http://example.com"}, {"domain": "weather"}, {"type": "seen"}, {"url": "https://["}):
        assert ask("/webhooks", "POST", json={**hook, **bad}).status_code == 400
