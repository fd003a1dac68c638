"""What the API tells about forgotten customers loses what is personal before it is shaped; figures and others stay."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from test_privacy import MARK, MONEY, booking, payment, person

from bookeo.privacy.erasure import Forgotten, forget_in_page, is_pseudonym
from bookeo.schema import BOOKING, CUSTOMER, CUSTOMER_BOOKING, PAYMENT, Entity
from bookeo.transform.shape import RawPage, shape

FORGOTTEN = Forgotten().adding("C1", ["1", "Y7"])
C1 = FORGOTTEN.pseudonym("C1")


def treated(entity: Entity, records: list[Any], **constants: str) -> Any:
    page = RawPage(json.dumps({"info": {"totalItems": 1}, "data": records}).encode(), "data", constants)
    return json.loads(forget_in_page(entity, page, FORGOTTEN).body)["data"]


def test_a_booking_of_theirs() -> None:
    [found] = treated(BOOKING, [booking()])
    assert found.pop("resources") == booking()["resources"]
    assert MARK not in json.dumps(found, ensure_ascii=False)
    assert found["customerId"] == C1
    assert found["customer"] == {"id": C1, "creationTime": "2020-01-01T00:00:00Z", "credit": MONEY}
    assert found["price"]["totalPaid"] == MONEY
    assert found["participants"]["numbers"] == booking()["participants"]["numbers"]
    assert found["participants"]["details"] == [
        {"personId": "PUNKNOWN", "peopleCategoryId": "Cadults", "categoryIndex": 1}
    ]
    shaped = shape(
        BOOKING,
        [RawPage(json.dumps(found).encode(), None)],
        account_id="A1",
        fetched_at=datetime(2026, 1, 2, tzinfo=UTC),
    )
    assert not len(shaped.rejected)
    assert shaped.tables["bookings"]["customer_id"].to_pylist() == [C1]


def test_others_stay_but_for_the_person_among_their_participants() -> None:
    others = booking(bookingNumber="2", customerId="C2", customer=person(id="C2", creationTime="2020-01-01T00:00:00Z"))
    [found] = treated(BOOKING, [others])
    assert found["participants"]["details"][0].keys() == {"personId", "peopleCategoryId", "categoryIndex"}
    assert found | {"participants": None} == others | {"participants": None}


@pytest.mark.parametrize(
    ("record", "constants"),
    [
        (payment(), {}),
        (payment(customerId="C2", id="Y7"), {}),
        (payment(customerId="C2", description="Booking 1"), {}),
        (payment(customerId=None), {"booking_number": "1"}),
    ],
    ids=["paid by them", "known to be theirs", "for their booking", "asked for with their booking"],
)
def test_a_payment(record: dict[str, Any], constants: dict[str, str]) -> None:
    [found] = treated(PAYMENT, [record], **constants)
    assert MARK not in json.dumps(found, ensure_ascii=False)
    assert found["amount"] == MONEY
    assert "reason" not in found
    assert found.get("description") == ("Booking 1" if record["description"] == "Booking 1" else None)
    assert found["customerId"] != "C1"


def test_a_history_and_a_customer() -> None:
    page = RawPage(json.dumps({"data": [booking(customerId=None)]}).encode(), "data", {"customer_id": "C1"})
    found = forget_in_page(CUSTOMER_BOOKING, page, FORGOTTEN)
    assert found.constants == {"customer_id": C1}
    assert "title" not in json.loads(found.body)["data"][0]
    page = RawPage(json.dumps(person(id="C1", creationTime="2020-01-01T00:00:00Z")).encode(), None)
    assert json.loads(forget_in_page(CUSTOMER, page, FORGOTTEN).body) == {
        "id": C1,
        "creationTime": "2020-01-01T00:00:00Z",
    }


def test_pages_without_them_are_not_touched() -> None:
    page = RawPage(b'{"data": [{"id" : "C10", "customerId":"C2"}]}', "data")
    assert forget_in_page(PAYMENT, page, FORGOTTEN) is page
    page = RawPage(b'{"id": "C1", ', None)
    assert forget_in_page(CUSTOMER, page, Forgotten()) is page
    assert forget_in_page(CUSTOMER, page, FORGOTTEN).body == b"null"


def test_they_are_known_by_a_keyed_hash_alone() -> None:
    kept = FORGOTTEN.as_state()
    assert "C1" not in json.dumps(kept)
    again = Forgotten.from_state({"forgotten": json.loads(json.dumps(kept))})
    assert again == FORGOTTEN
    assert again.known("C1") == C1 == again.known(C1)
    assert again.known("C2") is None
    assert is_pseudonym(C1)
    assert not is_pseudonym("C1")
    more = again.adding("C2", ["9"]).adding(C1, ["8"])
    assert set(more.people) == {C1, more.pseudonym("C2")}
    assert more.people[C1] == {"1", "Y7", "8"}
    assert Forgotten().adding("C1", []).pseudonym("C1") != C1


@pytest.mark.parametrize(
    ("entity", "old", "new"),
    [
        (BOOKING, {"startTime": "2025-01-01T09:00:00+00:00"}, {"startTime": "2025-01-01T11:00:00+00:00"}),
        (PAYMENT, {"receivedTime": "2025-01-01T10:00:00+00:00"}, {"receivedTime": "2025-01-01T10:00:01+00:00"}),
        (CUSTOMER, {"startTimeOfPreviousBooking": None}, {"startTimeOfNextBooking": "2025-06-01T10:00:00+10:00"}),
    ],
    ids=["booking", "payment", "customer"],
)
def test_who_was_erased_for_their_age_is_back_with_what_is_newer(
    entity: Entity, old: dict[str, Any], new: dict[str, Any]
) -> None:
    expired = Forgotten().adding("C1", [], expired_before="2025-01-01T10:00:00+00:00")
    expired = Forgotten.from_state({"forgotten": json.loads(json.dumps(expired.as_state()))})
    times = {"creationTime": "2020-01-01T00:00:00Z", "startTime": None, "receivedTime": None}
    record = {"id" if entity is CUSTOMER else "customerId": "C1", **times}

    def shown(**more: Any) -> Any:
        page = RawPage(json.dumps({"data": [record | more]}).encode(), "data")
        return json.loads(forget_in_page(entity, page, expired).body)["data"][0]

    assert "C1" not in shown(**old).values()
    assert shown(**new) == record | new
    # Forgotten for good is for good.
    forever = expired.adding("C1", [])
    assert not forever.released("C1", record | new)
