"""The paths that only other clients use: holds, blocks, matching slots, linked people, subaccounts, single payments."""

from __future__ import annotations

from typing import Any

import pytest
from sandbox_asking import Ask

from bookeo_sandbox import Sandbox

Json = dict[str, Any]
WINDOW = {"startTime": "2026-07-10T00:00:00Z", "endTime": "2026-07-12T00:00:00Z"}
ADULTS = [{"peopleCategoryId": "Cadults", "number": 2}]


@pytest.fixture
def slot(sandbox: Sandbox, ask: Ask) -> Json:
    """A sunset tour that nobody has booked."""
    products = sandbox.truth()["settings"]["products"]
    sunset = next(p["productId"] for p in products if p["productCode"] == "TOUR-SUNSET")
    slots = ask("/availability/slots", **WINDOW, productId=sunset).json()["data"]
    found: Json = next(one for one in slots if one["numSeatsAvailable"] == 14)
    return found


def free(ask: Ask, slot: Json) -> int:
    slots = ask("/availability/slots", **WINDOW, productId=slot["productId"]).json()["data"]
    return int(next(one["numSeatsAvailable"] for one in slots if one["eventId"] == slot["eventId"]))


def booking(slot: Json, **more: Any) -> Json:
    wanted = {"productId": slot["productId"], "eventId": slot["eventId"], "participants": {"numbers": ADULTS}}
    return {**wanted, **more}


def test_a_payment_by_its_id(ask: Ask, sandbox: Sandbox) -> None:
    paid = sandbox.truth()["payments"][0]
    shown = ask(f"/payments/{paid['id']}").json()
    assert shown == {name: value for name, value in paid.items() if name != "bookingNumber"}
    assert ask("/payments/0").status_code == 404
    sandbox.permissions({"bookings_r_all"})
    assert ask(f"/payments/{paid['id']}").status_code == 403


def test_a_portal_lists_its_businesses(ask: Ask, sandbox: Sandbox) -> None:
    portal, other = sandbox.accounts
    assert ask("/subaccounts", itemsPerPage=300).json()["data"] == [{"id": other.account_id, "name": other.name}]
    assert ask("/subaccounts", headers={"X-Bookeo-apiKey": other.api_key}).json()["data"] == []
    sandbox.permissions({"bookings_r_all"})
    assert ask("/subaccounts").status_code == 403
    assert portal.account_id != other.account_id


def test_people_linked_to_a_customer(ask: Ask, sandbox: Sandbox) -> None:
    details = [d for b in sandbox.truth()["bookings"] for d in b["participants"]["details"]]
    person = next(d["personDetails"] for d in details if "personDetails" in d)
    people = ask(f"/customers/{person['customerId']}/linkedpeople").json()
    assert person in people["data"]
    assert people["info"]["totalItems"] == len(people["data"])
    assert ask("/customers/0/linkedpeople").status_code == 404


def test_customers_are_made_changed_and_deleted(ask: Ask, sandbox: Sandbox, slot: Json) -> None:
    made = ask("/customers", "POST", json={"firstName": "Ægir", "lastName": "Núñez"})
    assert made.status_code == 201
    path = f"/customers/{made.json()['id']}"
    assert made.headers["Location"] == f"/v2{path}"
    assert ask(path, "PUT", json={"emailAddress": "aegir@example.com"}).json() == ask(path).json()
    assert ask(path).json()["emailAddress"] == "aegir@example.com"
    assert ask(path, "PUT", json={"emailAddress": 7}).status_code == 400
    ahead = ask("/bookings", "POST", json=booking(slot, customerId=made.json()["id"])).json()["bookingNumber"]
    refused = ask(path, "DELETE")
    assert (refused.status_code, "ahead" in refused.json()["message"]) == (400, True)
    ask(f"/bookings/{ahead}", "DELETE")
    assert ask(path, "DELETE").status_code == 204
    assert ask(path).status_code == ask(f"/bookings/{ahead}").status_code == 404
    assert made.json()["id"] in sandbox.truth()["deletedCustomers"]


def test_time_deletes_no_customer_with_bookings_ahead(sandbox: Sandbox) -> None:
    sandbox.reset()
    before = sandbox.truth()
    sandbox.advance(days=60)
    gone = set(sandbox.truth()["deletedCustomers"])
    ahead = {b["customerId"] for b in before["bookings"] if not b["canceled"] and b["startTime"] > "2026-09-01"}
    assert gone
    assert not gone & ahead


def test_a_hold_keeps_seats_until_it_ends(ask: Ask, sandbox: Sandbox, slot: Json) -> None:
    answer = ask("/holds", "POST", json=booking(slot))
    hold = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/v2/holds/{hold['id']}"
    assert hold["totalPayable"] == hold["price"]["totalGross"] == {"amount": "159", "currency": "AUD"}
    assert ask(f"/holds/{hold['id']}").json() == hold
    assert free(ask, slot) == 12
    other = ask("/holds", "POST", json=booking(slot), previousHoldId=hold["id"]).json()
    assert ask(f"/holds/{hold['id']}").status_code == 404
    assert free(ask, slot) == 12
    sandbox.advance(minutes=21)
    assert ask(f"/holds/{other['id']}").status_code == 404
    assert free(ask, slot) == 14
    last = ask("/holds", "POST", json=booking(slot)).json()
    assert ask(f"/holds/{last['id']}", "DELETE").status_code == 204
    assert free(ask, slot) == 14
    assert ask("/holds", "POST", json={}).status_code == 400


def test_a_booking_exists_from_the_beginning_of_its_checkout(ask: Ask, sandbox: Sandbox, slot: Json) -> None:
    begun = sandbox.now()
    hold = ask("/holds", "POST", json=booking(slot)).json()["id"]
    sandbox.advance(minutes=12)
    customer = {"firstName": "Ægir"}
    assert ask("/bookings", "POST", json=booking(slot), previousHoldId=hold).status_code == 400, "nobody books"
    assert ask(f"/holds/{hold}").status_code == 200, "what is refused changes nothing"
    made = ask("/bookings", "POST", json=booking(slot, customer=customer), previousHoldId=hold).json()
    assert made["creationTime"][:16] == begun[:16]
    assert ask(f"/customers/{made['customerId']}").json()["creationTime"] > made["creationTime"]
    assert free(ask, slot) == 12


def test_blocked_seats_cannot_be_booked(ask: Ask, sandbox: Sandbox, slot: Json) -> None:
    body = {"productId": slot["productId"], "eventId": slot["eventId"], "numSeats": 13, "reason": "school class"}
    answer = ask("/seatblocks", "POST", json=body)
    block = answer.json()
    assert answer.status_code == 201
    assert body.items() <= block.items()
    path = f"/seatblocks/{block['id']}"
    assert answer.headers["Location"] == f"/v2{path}"
    assert free(ask, slot) == 1
    refused = ask("/bookings", "POST", json=booking(slot, customer={"firstName": "Ægir"}))
    assert refused.status_code == 400
    assert ask("/seatblocks", **WINDOW, productId=slot["productId"]).json()["data"] == [block]
    assert ask("/resourceblocks", **WINDOW).json()["data"] == []
    sandbox.advance(minutes=5)
    changed = ask(path, "PUT", json={"numSeats": 4}).json()
    assert (changed["numSeats"], changed["reason"], "lastChangeTime" in changed) == (4, "school class", True)
    at = changed["lastChangeTime"]
    assert ask("/seatblocks", lastUpdatedStartTime=at, lastUpdatedEndTime=at).json()["data"] == [changed]
    assert ask(path).json() == changed
    assert ask(path, "DELETE").status_code == 204
    assert free(ask, slot) == 14
    assert ask(path).status_code == 404
    for bad in ({"numSeats": 0}, {"eventId": "NOSUCH"}, {"productId": "NOSUCH"}):
        assert ask("/seatblocks", "POST", json={**body, **bad}).status_code == 400
    assert ask("/seatblocks").status_code == 400
    sandbox.permissions({"bookings_r_all"})
    assert ask("/seatblocks", **WINDOW).status_code == 403


def test_blocked_resources(ask: Ask, sandbox: Sandbox) -> None:
    guide = sandbox.truth()["settings"]["resources"][0]["resources"][0]
    times = {"startTime": "2026-07-10T11:00:00+10:00", "endTime": "2026-07-10T14:00:00+10:00"}
    block = ask("/resourceblocks", "POST", json={**times, "resources": [{"id": guide["id"]}]}).json()
    assert block["resources"] == [guide]
    assert times.items() <= block.items()
    assert ask("/resourceblocks", **WINDOW).json()["data"] == [block]
    assert ask(f"/resourceblocks/{block['id']}").json() == block
    assert ask(f"/seatblocks/{block['id']}").status_code == 404
    assert ask(f"/resourceblocks/{block['id']}", "DELETE").status_code == 204
    for bad in ({"resources": []}, {"resources": [{"id": "NOSUCH"}]}, {"endTime": times["startTime"]}):
        body = {**times, "resources": [{"id": guide["id"]}], **bad}
        assert ask("/resourceblocks", "POST", json=body).status_code == 400


def test_slots_that_match(ask: Ask, sandbox: Sandbox, slot: Json) -> None:
    search = {**WINDOW, "productId": slot["productId"], "peopleNumbers": ADULTS}
    answer = ask("/availability/matchingslots", "POST", json=search)
    page = answer.json()
    assert answer.status_code == 201
    [match] = [one for one in page["data"] if one["eventId"] == slot["eventId"]]
    assert match == {n: v for n, v in slot.items() if n != "numSeatsAvailable"} | {
        "price": {"amount": "159", "currency": "AUD"}
    }
    found = answer.headers["Location"].removeprefix("/v2")
    assert ask(found).json() == page
    assert ask(found, pageNumber=2).json()["data"] == []
    assert ask("/availability/matchingslots/0").status_code == 404
    sandbox.advance(seconds=1)
    body = {"productId": slot["productId"], "eventId": slot["eventId"], "numSeats": 13}
    ask("/seatblocks", "POST", json=body)
    rest = ask("/availability/matchingslots", "POST", json=search).json()["data"]
    assert slot["eventId"] not in [one["eventId"] for one in rest]
    month = {**search, "startTime": "2026-07-01T00:00:00Z", "endTime": "2026-08-15T00:00:00Z"}
    first = ask("/availability/matchingslots", "POST", json=month)
    token = first.json()["info"]["pageNavigationToken"]
    second = ask(f"/availability/matchingslots/{token}", pageNumber=2).json()
    assert second["info"]["currentPage"] == 2
    assert second["data"][0]["startTime"] > first.json()["data"][-1]["startTime"]
    for bad in ({"productId": "NOSUCH"}, {"peopleNumbers": []}, {"endTime": None}):
        assert ask("/availability/matchingslots", "POST", json={**search, **bad}).status_code == 400
