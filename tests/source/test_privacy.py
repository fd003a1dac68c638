"""What is personal is kept, hashed or dropped: in tables, whatever the pages look like, and in kept answers alike."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any, get_args

import pyarrow as pa
import pytest

from bookeo import load_settings
from bookeo.errors import SettingsError
from bookeo.privacy.records import private_answer
from bookeo.privacy.tables import private
from bookeo.schema import BOOKING, ENTITIES, PAYMENT, TABLES, Entity
from bookeo.schema.model import Personal
from bookeo.settings.privacy import DROP_ALL, KEEP_ALL, Privacy, make_privacy, read_actions
from bookeo.transform.shape import RawPage, Shaped, shape

NOW = datetime(2026, 1, 2, tzinfo=UTC)
KEY = "a key that nobody guesses"
HASH_ALL = make_privacy("hash", KEY)
MARK = "Ze\u00f1obia-Quill"
BORN = "1971-02-03"
MONEY = {"amount": "73.00", "currency": "AUD"}


def hashed(text: str) -> str:
    return "hmac:" + hmac.new(KEY.encode(), text.encode(), hashlib.sha256).hexdigest()[:32]


def person(**more: Any) -> dict[str, Any]:
    return {
        "firstName": MARK,
        "middleName": MARK,
        "lastName": MARK,
        "emailAddress": f"{MARK}@example.org",
        "phoneNumbers": [{"number": f"+49 {MARK}", "type": "home"}],
        "streetAddress": {"address1": MARK, "address2": MARK, "city": MARK, "postcode": MARK, "countryCode": "DE"},
        "dateOfBirth": BORN,
        "customFields": [{"id": "F1", "name": "Shoe size", "value": MARK}],
        "gender": "female",
        **more,
    }


def booking(**more: Any) -> dict[str, Any]:
    return {
        "bookingNumber": "1",
        "title": MARK,
        "startTime": "2026-03-30T17:02:00+11:00",
        "customerId": "C1",
        "customer": person(id="C1", creationTime="2020-01-01T00:00:00Z", facebookId=MARK, credit=MONEY, numBookings=3),
        "externalRef": MARK,
        "participants": {
            "numbers": [{"peopleCategoryId": "Cadults", "number": 2}],
            "details": [
                {
                    "personId": "C1L0",
                    "peopleCategoryId": "Cadults",
                    "categoryIndex": 1,
                    "personDetails": person(id="P1", customerId="C1"),
                }
            ],
        },
        "resources": [{"id": "R", "name": MARK}],
        "canceled": True,
        "cancelationAgent": MARK,
        "sourceIp": MARK,
        "source": f"utm_source=paper|gclid={MARK}|visitor={MARK}|referrer=https://forum.example/{MARK}",
        "creationTime": "2026-01-01T09:00:00+11:00",
        "creationAgent": MARK,
        "lastChangeAgent": MARK,
        "productId": "P1",
        "productName": "Kayak tour",
        "options": [{"id": "o", "name": "Diet", "value": MARK}],
        "priceAdjustments": [{"unitPrice": MONEY, "quantity": 1, "description": MARK, "taxIds": ["T1"]}],
        "promotionCodeInput": MARK,
        "giftVoucherCodeInput": MARK,
        "couponCodes": ["C"],
        "initialPayments": [payment()],
        "price": {"totalGross": MONEY, "totalNet": MONEY, "totalTaxes": MONEY, "totalPaid": MONEY},
        **more,
    }


def payment(**more: Any) -> dict[str, Any]:
    return {
        "id": "Y1",
        "creationTime": "2026-01-01T09:00:00+11:00",
        "receivedTime": "2026-01-01T09:00:00+11:00",
        "reason": MARK,
        "description": MARK,
        "comment": MARK,
        "amount": MONEY,
        "paymentMethod": "other",
        "paymentMethodOther": MARK,
        "agent": MARK,
        "customerId": "C1",
        **more,
    }


BUSINESS_OF = {"streetAddress": {"address1": MARK, "city": MARK, "postcode": MARK}, "id": "B", "name": "Kayaks"}
BROKEN = booking(
    bookingNumber="2",
    price={"totalPaid": MONEY, "totalNet": {"amount": f"much, says {MARK}"}},  # rejects the record
    hostel={MARK: MARK},
)
ODD = booking(
    bookingNumber="3",
    canceled=f"by {MARK}",  # goes to extra
    contactPerson={"name": MARK, f"of {MARK}": [1, MARK]},
    customer=person(id="C2", creationTime="2020-01-01T00:00:00Z", nickname=MARK, dateOfBirth=f"{BORN} or so"),
    options=[f"a text: {MARK}", {"id": "o", "name": "n", "value": {MARK: 1}}],
)
PAGES: dict[str, tuple[Entity, list[Any]]] = {
    "all is well": (BOOKING, [booking()]),
    "fields that nobody declared, items that do not fit": (BOOKING, [booking(), ODD]),
    "a record that is rejected": (BOOKING, [booking(), BROKEN]),
    "a record that is a text": (BOOKING, [MARK]),
    "payments": (PAYMENT, [payment(), payment(id="Y2", note=MARK), payment(id="Y3", amount=MARK)]),
    "history": (ENTITIES["CustomerBooking"], [booking(), {**ODD, "title": 5}]),
    "resources": (ENTITIES["ResourceType"], [{"id": "T", "name": "Guides", "resources": [{"id": "R", "name": MARK}]}]),
    "business": (ENTITIES["Business"], [BUSINESS_OF]),
}


def shaped(entity: Entity, records: Any) -> Shaped:
    constants = {"customer_id": "C1"} if entity.name == "CustomerBooking" else {}
    page = RawPage(json.dumps({"info": {"totalItems": 1}, "data": records}).encode(), "data", constants)
    return shape(entity, [page], account_id="A1", fetched_at=NOW)


def everything(found: Shaped) -> str:
    rows = {name: table.to_pylist() for name, table in found.tables.items()} | {"rejected": found.rejected.to_pylist()}
    return repr(rows).encode().decode("unicode_escape", "ignore") + repr(rows)


def personal(table: str) -> set[str]:
    return {column.name for column in TABLES[table].columns if column.personal}


@pytest.mark.parametrize("rules", [DROP_ALL, HASH_ALL], ids=["drop", "hash"])
@pytest.mark.parametrize("case", PAGES)
def test_nothing_personal_is_left_and_all_else_stays(case: str, rules: Privacy) -> None:
    entity, records = PAGES[case]
    before = shaped(entity, records)
    assert "Quill" in everything(before)
    after = private(before, rules)
    assert "Quill" not in everything(after)
    assert "1971" not in everything(after)
    for name, table in before.tables.items():
        assert after.tables[name].schema == table.schema
        others = [column for column in table.column_names if column not in personal(name)]
        assert after.tables[name].select(others) == table.select(others), name
    kept = ["table_name", "raw_id", "reason", "position"]
    assert after.rejected.select(kept) == before.rejected.select(kept)


def test_hashes_join_across_tables() -> None:
    tables = private(shaped(BOOKING, [booking()]), HASH_ALL).tables
    [customer], [participant] = tables["customers"].to_pylist(), tables["booking_people"].to_pylist()
    assert customer["first_name"] == participant["first_name"] == hashed(MARK)
    assert customer["email_address"] == participant["email_address"] == hashed(f"{MARK}@example.org")
    [number] = json.loads(participant["phone_numbers"])
    assert number == {"number": hashed(f"+49 {MARK}"), "type": "home"}
    assert tables["customer_phone_numbers"]["number"].to_pylist() == [number["number"]]
    assert json.loads(participant["custom_fields"]) == [{"id": "F1", "name": "Shoe size", "value": hashed(MARK)}]
    assert tables["bookings"]["title"].to_pylist() == [hashed(MARK)]


def test_a_date_holds_no_hash_so_it_is_dropped() -> None:
    tables = private(shaped(BOOKING, [booking()]), make_privacy({"birth": "hash"}, KEY)).tables
    assert tables["customers"]["date_of_birth"].to_pylist() == [None]
    assert tables["customers"]["first_name"].to_pylist() == [MARK]


def test_each_class_by_itself() -> None:
    before = shaped(BOOKING, [booking()])
    for chosen in get_args(Personal):
        after = private(before, Privacy({chosen: "drop"}))
        for name, table in after.tables.items():
            for column in TABLES[name].columns:
                if column.type == "json":
                    continue
                same = table[column.name].equals(before.tables[name][column.name])
                emptied = table[column.name].null_count == len(table)
                assert emptied if column.personal == chosen else same, f"{name}.{column.name} under {chosen}"
    agents = private(before, Privacy({"name": "drop"})).tables["bookings"]["initial_payments"].to_pylist()
    assert "agent" not in agents[0]
    assert json.loads(agents[0])[0]["amount"] == MONEY


def test_of_what_does_not_fit_the_strictest_counts() -> None:
    shown = private(shaped(BOOKING, [ODD]), Privacy({"birth": "drop"}))
    extra = json.loads(shown.tables["customers"]["extra"].to_pylist()[0])
    assert extra == {"nickname": MARK}
    shown = private(shaped(BOOKING, [ODD]), make_privacy({"free_text": "hash"}, KEY))
    assert json.loads(shown.tables["customers"]["extra"].to_pylist()[0])["nickname"] == hashed(MARK)
    assert set(json.loads(shown.tables["bookings"]["extra"].to_pylist()[0])) == {
        "canceled",
        "contactPerson",
        "options[1].value",
    }


def test_a_rejected_record_stays_readable_but_for_what_is_personal() -> None:
    [row] = private(shaped(BOOKING, [BROKEN]), DROP_ALL).rejected.to_pylist()
    raw = json.loads(row["raw"])
    assert raw["bookingNumber"] == "2"
    assert raw["price"]["totalPaid"] == MONEY
    assert raw["customer"]["id"] == "C1"
    assert raw["price"]["totalNet"]["amount"] == "(dropped)"
    assert not {"title", "hostel"} & raw.keys()


def test_where_everything_is_kept_nothing_is_touched() -> None:
    found = shaped(BOOKING, [booking()])
    assert private(found, KEEP_ALL) is found
    body = b'{"data": [ ]}'
    assert private_answer("Booking", "data", body, KEEP_ALL) is body


@pytest.mark.parametrize("rules", [DROP_ALL, HASH_ALL], ids=["drop", "hash"])
@pytest.mark.parametrize("case", [case for case in PAGES if case != "business"])
def test_an_answer_that_was_kept_gives_the_same_tables(case: str, rules: Privacy) -> None:
    entity, records = PAGES[case]
    body = json.dumps({"info": {"totalItems": 1}, "data": records}).encode()
    kept = private_answer(entity.name, "data", body, rules)
    assert "Quill" not in kept.decode() + json.dumps(json.loads(kept), ensure_ascii=False)
    assert b"1971" not in kept
    again, before = shaped(entity, json.loads(kept)["data"]), shaped(entity, records)
    if case in ("all is well", "resources"):
        assert private(again, rules).tables == private(before, rules).tables
    for name, table in before.tables.items():
        keys = [column for column in TABLES[name].key if column != "position"]
        assert rows_of(again.tables[name], keys) == rows_of(table, keys)


def rows_of(table: pa.Table, columns: list[str]) -> set[tuple[Any, ...]]:
    return {tuple(row.values()) for row in table.select(columns).to_pylist()}


@pytest.mark.parametrize(
    ("entity", "records", "body"),
    [
        ("Booking", "data", f"<html>{MARK}".encode()),
        ("Booking", "data", f'{{"data": "{MARK}"}}'.encode()),
        ("Booking", "data", f'{{"info": {{"totalItems": 1, "by": "{MARK}"}}, "data": []}}'.encode()),
        ("Customer", None, json.dumps(person(id="C1", by=MARK)).encode()),
        ("Customer", None, f'["{MARK}"]'.encode()),
        ("Something", None, f'{{"{MARK}": [{{"a": "{MARK}"}}]}}'.encode()),
    ],
)
def test_whatever_an_answer_is(entity: str, records: str | None, body: bytes) -> None:
    for rules in (DROP_ALL, HASH_ALL):
        kept = private_answer(entity, records, body, rules)
        assert "Quill" not in kept.decode()
        json.loads(kept)


def test_numbers_of_an_answer_are_spelt_as_before() -> None:
    body = b'{"id":"C1","numBookings":3.0,"credit":{"amount":1.50},"title":1e400}'
    kept = private_answer("Customer", None, body, DROP_ALL)
    assert kept == b'{"id":"C1","numBookings":3.0,"credit":{"amount":1.50}}'


def test_what_is_hashed_is_not_hashed_again() -> None:
    once = HASH_ALL.hashed(MARK)
    assert HASH_ALL.hashed(once) == once == hashed(MARK)
    assert HASH_ALL.hashed(f"{once} ") != f"{once} "
    assert HASH_ALL.hashed("") == ""
    assert make_privacy("hash", KEY + "x").hashed(MARK) != once


@pytest.mark.parametrize("value", ["drop", {"name": "hash", "ip": "drop"}, '{"name": "hash", "ip": "drop"}', {}])
def test_the_setting(value: Any) -> None:
    actions = read_actions(value)
    assert set(actions) == set(get_args(Personal))
    if value != "drop":
        assert actions["birth"] == "keep"
    assert actions["ip"] == ("keep" if value == {} else "drop")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("hide", "'hide' for name; it takes one of keep, hash, drop"),
        ({"names": "drop"}, "names the class 'names'; there are name, contact"),
        ({"name": ["drop"]}, "it takes one of"),
        ("{name: drop}", "is no JSON"),
        (5, "it takes one of"),
    ],
)
def test_a_setting_that_makes_no_sense(value: Any, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        load_settings(api_key="a", secret_key="b", privacy=value)


@pytest.mark.parametrize("key", [None, "", "too short", " " * 20])
def test_hashing_needs_a_key_that_cannot_be_guessed(key: str | None) -> None:
    with pytest.raises(SettingsError, match="needs a privacy_key of at least 16 characters"):
        load_settings(api_key="a", secret_key="b", privacy={"contact": "hash"}, privacy_key=key)
    assert load_settings(api_key="a", secret_key="b", privacy="drop").privacy_rules == DROP_ALL


def test_the_key_is_not_shown() -> None:
    settings = load_settings(api_key="a", secret_key="b", privacy="hash", privacy_key=KEY)
    assert KEY not in repr(settings) + str(settings) + repr(settings.privacy_rules)
