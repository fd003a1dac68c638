"""Where a booking came from, read from the one text that sites write; what is in it about the visitor stands apart."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookeo.privacy.records import private_answer
from bookeo.privacy.tables import private
from bookeo.schema import BOOKING
from bookeo.settings.privacy import DROP_ALL, make_privacy
from bookeo.transform.shape import RawPage, shape
from bookeo.transform.source_text import NOT_SET, BookingSource, parse_source, with_ids

HASH = "hmac:0123456789abcdef0123456789abcdef"
TAGS = "utm_source=leaflet|utm_medium=print|utm_campaign=Easter%202026|utm_term=kayak|utm_content=back|"
SHOWN = BookingSource("", None, "leaflet", "print", "Easter 2026", "kayak", "back")


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("Front desk", BookingSource("Front desk", name="Front desk")),
        (" Front desk ", BookingSource(" Front desk ", name="Front desk")),
        ("", BookingSource("")),
        # Words with a sign in between are no tags.
        ("Room 7 = sea view", BookingSource("Room 7 = sea view", name="Room 7 = sea view")),
        ("source=desk", BookingSource("source=desk", name="source=desk")),
        ("source=desk|medium=phone", BookingSource("source=desk|medium=phone", name="desk", medium="phone")),
        (TAGS, replace(SHOWN, text=TAGS)),
        (
            f"{TAGS}gclid=EAIaIQ|visitor=77|referrer=https://forum.example/u/ada?tab=2",
            replace(
                SHOWN,
                text=f"{TAGS}gclid=(id)|visitor=(id)|referrer=forum.example",
                ids="gclid=EAIaIQ|visitor=77|referrer=https://forum.example/u/ada?tab=2",
                referrer="forum.example",
            ),
        ),
        # Tags that the site writes in any case, empty as most are.
        (
            "utm_source=|UTM_Medium=email |gclid=|fbclid=",
            BookingSource("utm_source=|UTM_Medium=email |gclid=|fbclid=", name=NOT_SET, medium="email"),
        ),
        # Nobody names the source: the network that made the id does, or the page.
        ("msclkid=9f|utm_medium=cpc", BookingSource("msclkid=(id)|utm_medium=cpc", "msclkid=9f", "bing", "cpc")),
        ("Widget|fbclid=IwAR", BookingSource("Widget|fbclid=(id)", "fbclid=IwAR", "Widget")),
        (
            "referrer=https%3A%2F%2FBlog.example%2F",
            BookingSource("referrer=https%3A%2F%2FBlog.example%2F", name="blog.example", referrer="blog.example"),
        ),
        (
            "https://shop.example/?a=1",
            BookingSource("https://shop.example", "https://shop.example/?a=1", "shop.example", referrer="shop.example"),
        ),
        (
            "?utm_source=news+letter&utm_campaign=a%26b&mc_eid=5",
            BookingSource(
                "?utm_source=news+letter&utm_campaign=a%26b&mc_eid=(id)", "mc_eid=5", "news letter", campaign="a&b"
            ),
        ),
        (
            "https://t.example/x?utm_source=tw&_ga=1.2",
            BookingSource("https://t.example/x?utm_source=tw&_ga=(id)", "_ga=1.2", "tw"),
        ),
        # What no database stores, and an address that is none.
        ("utm_term=a%00b", BookingSource("utm_term=a%00b", name=NOT_SET, term="a\ufffdb")),
        ("referrer=http://[", BookingSource("referrer=", "referrer=http://[", NOT_SET)),
    ],
)
def test_what_a_text_says(text: str, source: BookingSource) -> None:
    assert parse_source(text) == source


WORDS = st.sampled_from(
    [
        "utm_source",
        "utm_medium",
        "gclid",
        "fbclid",
        "referrer",
        "who",
        "=",
        "|",
        "&",
        "?",
        "a",
        "https://h.example/b",
        " ",
    ]
)


@given(st.lists(WORDS, max_size=12).map("".join))
def test_without_the_ids_a_text_says_the_same(text: str) -> None:
    source = parse_source(text)
    assert parse_source(source.text) == replace(source, ids=None)
    assert with_ids(source, lambda ids: None) == source.text
    assert parse_source(with_ids(source, lambda ids: HASH)) == replace(source, ids=source.ids and HASH)


def booking(number: int, source: Any) -> dict[str, Any]:
    return {"bookingNumber": str(number), "creationTime": "2026-01-01T09:00:00+11:00", "source": source}


def rows(*sources: Any, **more: Any) -> list[dict[str, Any]]:
    records = [booking(number, source) for number, source in enumerate(sources)]
    page = RawPage(json.dumps({"data": records, **more}).encode(), "data")
    found = shape(BOOKING, [page], account_id="A", fetched_at=datetime(2026, 1, 2, tzinfo=UTC))
    return found.tables["bookings"].to_pylist()


def test_each_part_has_its_column() -> None:
    text = f"{TAGS}gclid=EAIaIQ|referrer=https://forum.example/u/ada"
    tagged, plain, none = rows(text, "Front desk", None)
    parts = asdict(parse_source(text))
    assert tagged["source"] == parts.pop("text")
    assert {name: tagged[f"source_{name}"] for name in parts} == parts
    assert {name: plain[f"source_{name}"] for name in parts} == {**dict.fromkeys(parts), "name": "Front desk"}
    assert {name: none[f"source_{name}"] for name in parts} == dict.fromkeys(parts)
    # The other reader: an undeclared field sends the page to it, a number is taken for a text.
    assert rows(text, "Front desk", None, later=1) == [tagged, plain, none]
    assert rows(7)[0]["source_name"] == "7"


@pytest.mark.parametrize("rules", [DROP_ALL, make_privacy("hash", "a key that nobody guesses")], ids=["drop", "hash"])
def test_ids_are_treated_alike_in_tables_and_in_kept_answers(rules: Any) -> None:
    sources = [f"{TAGS}gclid=Ada", "fbclid=Ada", "Front desk", "https://h.example/Ada"]
    body = json.dumps({"data": [booking(number, source) for number, source in enumerate(sources)]}).encode()
    at = datetime(2026, 1, 2, tzinfo=UTC)
    kept = private_answer("Booking", "data", body, rules)
    assert b"Ada" not in kept
    now, later = (
        private(shape(BOOKING, [RawPage(text, "data")], account_id="A", fetched_at=at), rules).tables["bookings"]
        for text in (body, kept)
    )
    assert now == later
    assert now["source_name"].to_pylist() == ["leaflet", "facebook", "Front desk", "h.example"]
    ids = now["source_ids"].to_pylist()
    assert ids[2] is None
    assert all(one is None if rules is DROP_ALL else one.startswith("hmac:") for one in (ids[0], ids[1], ids[3]))
