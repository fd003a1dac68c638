"""People are recognized in any usual spelling, by digests that tell nothing without their key."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookeo.errors import SettingsError
from bookeo.privacy.erasure import Forgotten, forget_in_page
from bookeo.privacy.mentions import Identifiers, Mentions, phones_in
from bookeo.schema import BOOKING, PAYMENT
from bookeo.transform.shape import RawPage

PERSON = Identifiers.of(
    ["Zoë Quillfeather", "Zoë Maria Quillfeather", "zoe.q@example.org", "C77QX1"], ["+61 400 123 777", "12 34"]
)
KEY = b"k" * 32
MENTIONS = Mentions().adding(PERSON, KEY)

NAMED = [
    "sits next to Zoë Quillfeather",
    "QUILLFEATHER, ZOE",
    "paid by zoe  quillfeather.",
    "for Quillfeather Maria Zoë!",
    "(zoë\nquillfeather)",
    "mail zoe.q@EXAMPLE.org",
    "mailto:zoe.q@example.org?subject=x",
    "call 0400123777 or 5",
    "call +61400123777",
    "0061-400-123-777",
    "(0400) 123.777",
    "customer C77QX1, see above",
]
NOT_NAMED = [
    "",
    "Zoë",
    "Quillfeather",
    "Zoë and Ann Quillfeather",
    "zoe@example.org",
    "call 0400123778",
    "12 34",
    "Booking 15721234567890",
    "C77QX12",
]


@pytest.mark.parametrize("text", NAMED)
def test_a_text_that_names_the_person(text: str) -> None:
    assert PERSON.found_in(text)
    assert MENTIONS.found_in(text)


@pytest.mark.parametrize("text", NOT_NAMED)
def test_a_text_that_does_not(text: str) -> None:
    assert not PERSON.found_in(text)
    assert not MENTIONS.found_in(text)


@given(st.text(max_size=60))
def test_digests_find_what_the_identifiers_find(text: str) -> None:
    assert MENTIONS.found_in(text) == PERSON.found_in(text)


@given(st.text(alphabet="0123456789 -./()", max_size=40))
def test_phone_numbers_of_eight_digits(text: str) -> None:
    assert all(len(form) == 8 and form.isdigit() for form in phones_in(text))


def test_what_is_too_short_identifies_nobody() -> None:
    assert not Identifiers.of(["Al B", "12345", "", None], ["1234567", None])
    assert Identifiers.of(["Al Bob", "123456"], ["12345678"]) == Identifiers(
        frozenset({"al bob", "123456"}), frozenset({"12345678"})
    )


def test_the_state_tells_nothing_and_needs_its_key() -> None:
    kept = json.dumps(MENTIONS.as_state())
    assert not any(part in kept for part in ("zoe", "quill", "123777", "C77"))
    assert Mentions.from_state(json.loads(kept), [b"other", KEY]) == MENTIONS
    with pytest.raises(SettingsError, match="privacy_key"):
        Mentions.from_state(json.loads(kept), [b"other"])
    assert not Mentions.from_state({}, [])


def test_forgotten_people_are_recognized_with_the_privacy_key_of_that_time() -> None:
    forgotten = Forgotten().adding("C77QX1", [], PERSON)
    kept = {"forgotten": json.loads(json.dumps(forgotten.as_state()))}
    # A key that is set later changes nothing for those who were forgotten without one.
    later = Forgotten.from_state(kept, "a key of enough letters")
    assert later == forgotten
    both = later.adding("C2", [], Identifiers.of(["Bob Builder"]), "a key of enough letters")
    kept = {"forgotten": json.loads(json.dumps(both.as_state()))}
    assert Forgotten.from_state(kept, "a key of enough letters").mentions.found_in("bob builder")
    with pytest.raises(SettingsError, match="privacy_key"):
        Forgotten.from_state(kept, "another key of enough letters")


def test_texts_of_others_lose_what_names_the_forgotten() -> None:
    forgotten = Forgotten().adding("C77QX1", [], PERSON)
    payment = {
        "id": "P1",
        "customerId": "C2",
        "description": "Booking 15721234567890",
        "comment": "paid by Quillfeather, Zo\u00eb",
        "agent": "Zo\u00eb Quillfeather",
        "more": {"note": ["ring 0400 123 777", "other"]},
    }
    body = json.dumps({"data": [payment]}).encode()
    treated = json.loads(forget_in_page(PAYMENT, RawPage(body, "data"), forgotten).body)["data"][0]
    assert treated == payment | {"comment": "", "more": {"note": ["", "other"]}}
    # An agent of the same name is somebody of the business.
    booking = {"bookingNumber": "1", "options": [{"id": "o", "name": "Sit", "value": "with zoe quillfeather"}]}
    page = RawPage(json.dumps(booking).encode(), None)
    assert json.loads(forget_in_page(BOOKING, page, forgotten).body)["options"][0]["value"] == ""
    untouched = RawPage(json.dumps({"data": [payment | {"comment": "x", "more": None}]}).encode(), "data")
    assert forget_in_page(PAYMENT, untouched, forgotten) is untouched
