"""What `shape` makes of bad pages: all is kept, coerced exactly, or rejected with a reason; never a traceback."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from bookeo.schema import BOOKING, PAYMENT, PRODUCT, Entity
from bookeo.transform.shape import RawPage, Shaped, shape

NOW = datetime(2026, 1, 2, tzinfo=UTC)
SECRET = "Xavier-Quill"


def booking(number: Any = "1") -> dict[str, Any]:
    amount = {"amount": "73.00", "currency": "AUD"}
    person = {
        "customerId": "C1",
        "firstName": SECRET,
        "dateOfBirth": "2000-01-01",
        "phoneNumbers": [{"number": SECRET, "type": "home"}],
        "streetAddress": {"city": SECRET},
        "customFields": [{"id": "f", "name": "n", "value": "v"}],
    }
    customer = {
        "id": "C1",
        "firstName": SECRET,
        "creationTime": "2020-01-01T00:00:00Z",
        "credit": amount,
        "member": True,
        "numBookings": 3,
        "phoneNumbers": [{"number": SECRET, "type": "home"}],
        "customFields": [{"id": "f", "name": "n", "value": "v"}],
        "streetAddress": {"address1": SECRET},
        "membershipEnd": "2027-01-01",
    }
    return {
        "bookingNumber": number,
        "title": SECRET,
        "startTime": "2026-03-30T17:02:00+11:00",
        "customer": customer,
        "participants": {
            "numbers": [{"peopleCategoryId": "Cadults", "number": 2}],
            "details": [{"personId": "L", "peopleCategoryId": "Cadults", "categoryIndex": 1, "personDetails": person}],
        },
        "resources": [{"id": "R", "name": "Ari"}],
        "canceled": False,
        "creationTime": "2026-01-01T09:00:00+11:00",
        "creationAgent": "web",
        "lastChangeTime": "2026-01-02T09:00:00+11:00",
        "productId": "P1",
        "options": [{"id": "o", "name": "n", "value": "true"}],
        "priceAdjustments": [{"unitPrice": amount, "quantity": 1, "description": SECRET, "taxIds": ["T1"]}],
        "couponCodes": ["C"],
        "initialPayments": [{"reason": "r"}],
        "price": {
            "totalGross": amount,
            "totalNet": amount,
            "totalTaxes": amount,
            "totalPaid": amount,
            "taxes": [{"taxId": "T1", "amount": amount}],
        },
    }


def page(*records: Any) -> RawPage:
    return RawPage(json.dumps({"info": {"totalItems": len(records)}, "data": records}).encode(), "data")


def shaped(*pages: RawPage, entity: Entity = BOOKING) -> Shaped:
    return shape(entity, pages, account_id="A1", fetched_at=NOW)


def one(result: Shaped, table: str = "bookings") -> dict[str, Any]:
    (row,) = result.tables[table].to_pylist()
    return row


def set_at(record: Any, path: tuple[Any, ...], value: Any) -> Any:
    target = record
    for part in path[:-1]:
        target = target[part]
    target[path[-1]] = value
    return record


def paths_of(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return ([path] if path else []) + [deeper for key, child in children for deeper in paths_of(child, (*path, key))]


BAD_VALUES: list[Any] = [
    None, "", "true", "x", 0, -1, 1.5, 1e300, 10**400, True, [], {}, [None], [[]], [{}], {"a": None},
    {"amount": "1,000.00"}, {"amount": [], "currency": {}}, ["\ud800"], "\ud800", "\x00", "9" * 60,
]  # fmt: skip


@pytest.mark.parametrize("path", paths_of(booking()), ids=lambda path: ".".join(map(str, path)))
def test_a_wrong_value_at_any_path_is_kept_or_rejected_with_its_record(path: tuple[Any, ...]) -> None:
    bad = [set_at(booking(f"bad {index}"), path, value) for index, value in enumerate(BAD_VALUES)]
    result = shaped(page(booking("good")), page(*bad, booking("also good")))
    rejected = [row for row in result.rejected.to_pylist() if row["table_name"] == "bookings"]
    numbers = result.tables["bookings"].column("booking_number").to_pylist()
    assert {"good", "also good"} <= set(numbers)
    assert len(set(numbers)) == len(numbers)
    # each record is there once: as a row or as a rejected row; as numbers, true and "true" are one, and so are the two
    # texts that cannot be stored
    same = 2 if path == ("bookingNumber",) else 0
    assert len(numbers) + len(rejected) == len(bad) + 2 - same
    for row in result.rejected.to_pylist():
        assert row["reason"]
        assert SECRET not in row["reason"]
        assert row["raw"]


GROSS = ("price", "totalGross", "amount")
NO_FIT = "price.totalGross.amount: a text that does not fit DECIMAL(19,4)"


@pytest.mark.parametrize(
    ("path", "bad", "reason"),
    [
        (("bookingNumber",), None, "bookingNumber: is missing"),
        (("bookingNumber",), "", "bookingNumber: is empty"),
        (("bookingNumber",), {}, "bookingNumber: an object where a text belongs"),
        (GROSS, "1,000.00", "price.totalGross.amount: a text where an amount belongs"),
        (GROSS, "1.00005", NO_FIT),
        (GROSS, "0.123456789012", NO_FIT),
        (GROSS, "1" + "0" * 15, NO_FIT),
        (GROSS, "1e999", "price.totalGross.amount: a text of a size that cannot be an amount"),
        (GROSS, float("nan"), "NaN or Infinity where a number belongs"),
        (("undeclared",), [{"deep": float("-inf")}], "NaN or Infinity where a number belongs"),
        (("price",), "73.00", "price: a text where an object belongs"),
    ],
)  # fmt: skip
def test_what_cannot_be_shaped_is_rejected_with_its_reason(path: tuple[Any, ...], bad: Any, reason: str) -> None:
    record = set_at(booking("77"), path, bad)
    result = shaped(page(record, booking("good")))
    (row,) = result.rejected.to_pylist()
    assert row["reason"] == reason
    assert row["table_name"] == "bookings"
    assert row["raw_id"] == ("77" if path != ("bookingNumber",) else "")
    assert row["account_id"] == "A1"
    assert row["fetched_at"] == NOW
    assert json.loads(row["raw"])["title"] == SECRET
    assert one(result)["booking_number"] == "good"


@pytest.mark.parametrize("field", sorted(booking().keys() - {"bookingNumber"}))
def test_a_booking_without_any_other_field_is_kept(field: str) -> None:
    record = booking()
    del record[field]
    result = shaped(page(record))
    assert result.rejected.num_rows == 0
    assert one(result)["booking_number"] == "1"


def test_a_booking_without_any_time_of_change_or_creation_is_rejected() -> None:
    record = booking("77")
    del record["creationTime"]
    record["lastChangeTime"] = "yesterday"
    result = shaped(page(record, booking("good")))
    [row] = result.rejected.to_pylist()
    assert (row["raw_id"], row["reason"]) == ("77", "lastChangeTime and creationTime: are missing")
    assert one(result)["booking_number"] == "good"


@pytest.mark.parametrize(
    ("field", "column", "odd"),
    [
        ("creationTime", "creation_time", "2026-02-30T00:00:00Z"),
        ("creationTime", "creation_time", "2026-02-20T00:00:00"),
        ("startTime", "start_time", "tomorrow"),
        ("startTime", "start_time", "0000-01-01T00:00:00Z"),
        ("startTime", "start_time", "9999-12-31T23:59:59-11:00"),
        ("lastChangeTime", "last_change_time", "never"),
        ("participants", None, []),
    ],
)
def test_what_is_odd_is_kept_beside_the_row(field: str, column: str | None, odd: Any) -> None:
    result = shaped(page(booking() | {field: odd}))
    assert result.rejected.num_rows == 0
    row = one(result)
    assert json.loads(row["extra"]) == {field: odd}
    assert column is None or row[column] is None
    assert row["updated_at"] is not None


@pytest.mark.parametrize(
    ("path", "value", "column", "expected"),
    [
        (("bookingNumber",), 1234, "booking_number", "1234"),
        (("eventId",), 1.50, "event_id", "1.5"),
        (("eventId",), True, "event_id", "true"),
        (("canceled",), "TRUE", "canceled", True),
        (("canceled",), "", "canceled", None),
        (GROSS, 73, "total_gross_amount", Decimal(73)),
        (GROSS, 73.1, "total_gross_amount", Decimal("73.1")),
        (GROSS, "1e3", "total_gross_amount", Decimal(1000)),
        (GROSS, "-0", "total_gross_amount", Decimal(0)),
        (GROSS, "1.500000000000", "total_gross_amount", Decimal("1.5")),
        (("startTime",), "2026-03-30 17:02+1100", "start_time", datetime(2026, 3, 30, 6, 2, tzinfo=UTC)),
        (("startTime",), "2026-03-30t06:02:00z", "start_time", datetime(2026, 3, 30, 6, 2, tzinfo=UTC)),
        (("startTime",), "", "start_time", None),
        (("title",), "a\ud800b", "title", "a\ufffdb"),
        (("title",), "a\x00b", "title", "a\ufffdb"),
        (("title",), "\U0001f600", "title", "\U0001f600"),
        (("title",), "", "title", ""),
        (("title",), "x" * 10_000_000, "title", "x" * 10_000_000),
    ],
)  # fmt: skip
def test_what_can_be_converted_exactly_is(path: tuple[Any, ...], value: Any, column: str, expected: Any) -> None:
    result = shaped(page(set_at(booking(), path, value)))
    assert result.rejected.num_rows == 0
    assert one(result)[column] == expected
    assert one(result)["extra"] is None


def test_other_misfits_and_unknown_fields_are_kept_in_extra() -> None:
    record = booking()
    record["canceled"] = "perhaps"
    record["newField"] = {"deep": [1, 2.50]}
    record["nothing"] = None
    record["options"][0]["colour"] = "red"
    record["customer"]["loyalty"] = 7
    record["customer"]["membershipEnd"] = "soon"
    result = shaped(page(record))
    assert result.rejected.num_rows == 0
    assert one(result)["canceled"] is None
    assert json.loads(one(result)["extra"]) == {
        "canceled": "perhaps",
        "newField": {"deep": [1, 2.5]},
        "options[0].colour": "red",
    }
    assert json.loads(one(result, "customers")["extra"]) == {"loyalty": 7, "membershipEnd": "soon"}
    assert result.unknown_fields == {"newField", "options[].colour", "customer.loyalty"}


@pytest.mark.parametrize("path", [(), ("price",), ("options", 0), ("participants", "details", 0), ("customer",)])
def test_one_new_field_anywhere_is_noticed(path: tuple[Any, ...]) -> None:
    result = shaped(page(booking("1"), set_at(booking("2"), (*path, "novel"), 7)))
    (name,) = result.unknown_fields
    assert name == ".".join(map(str, (*path, "novel"))).replace(".0", "[]")
    kept = one(result, "customers") if path == ("customer",) else result.tables["bookings"].to_pylist()[1]
    assert list(json.loads(kept["extra"]).values()) == [7]


def test_numbers_keep_the_digits_they_were_spelt_with() -> None:
    body = page(booking()).body.replace(b'"73.00"', b"123456789012345.6789").replace(b'"P1"', b"1.50")
    row = one(shaped(RawPage(body, "data")))
    assert row["total_gross_amount"] == Decimal("123456789012345.6789")
    assert row["product_id"] == "1.50"


def test_pages_read_one_by_one_keep_their_own_constants() -> None:
    paid = {
        "creationTime": "2026-01-01T00:00:00Z", "receivedTime": "2026-01-01T00:00:00Z", "reason": "r",
        "amount": {"amount": "1"}, "paymentMethod": "cash",
    }  # fmt: skip
    records = [{"id": "p1", **paid}, {"id": 2, **paid}, {"id": "p3", **paid}]
    pages = [RawPage(page(record).body, "data", {"booking_number": str(n)}) for n, record in enumerate(records)]
    rows = shaped(*pages, entity=PAYMENT).tables["payments"].to_pylist()
    assert [(row["payment_id"], row["booking_number"]) for row in rows] == [("p1", "0"), ("2", "1"), ("p3", "2")]


def test_a_rejected_record_is_rejected_once_and_whole() -> None:
    record = booking("5")
    record["options"].append(None)
    record["customer"]["credit"] = "never"
    record["priceAdjustments"] = "much"
    (row,) = shaped(page(record)).rejected.to_pylist()
    assert (row["table_name"], row["raw_id"]) == ("bookings", "5")


def test_a_bad_item_or_customer_is_rejected_alone() -> None:
    record = booking("5")
    record["price"]["taxes"].append({"taxId": "T2", "amount": {"amount": "12.3.4"}})
    record["options"].append(None)
    record["customer"]["credit"] = {"amount": "never"}
    result = shaped(page(record))
    rejected = {(row["table_name"], row["raw_id"], row["reason"]) for row in result.rejected.to_pylist()}
    assert rejected == {
        ("booking_taxes", "5", "price.taxes[1].amount.amount: a text where an amount belongs"),
        ("booking_options", "5", "options[1]: null where an item belongs"),
        ("customers", "C1", "customer.credit.amount: a text where an amount belongs"),
    }
    assert [row["position"] for row in result.rejected.to_pylist()] == [0, 1, 2]
    assert one(result)["booking_number"] == "5"
    assert result.tables["booking_taxes"].num_rows == 1
    assert result.tables["customers"].num_rows == 0


def test_entries_that_are_not_objects_are_rejected() -> None:
    result = shaped(page(None, 1, "x", [], booking("1")))
    assert [row["raw"] for row in result.rejected.to_pylist()] == ["null", "1", '"x"', "[]"]
    assert {row["raw_id"] for row in result.rejected.to_pylist()} == {""}
    assert one(result)["booking_number"] == "1"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"<html>", b'{"data": [{"bookingNumber": "1"', b'{"data": {}}',
        b'{"info": {"totalItems": 3}}', b"[" * 100_000, b"\xff\xfe", b'{"data": "x"}',
        b'{"data":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    ],
)  # fmt: skip
def test_an_answer_of_another_shape_is_rejected_and_the_others_stay(body: bytes) -> None:
    result = shaped(page(booking("1")), RawPage(body, "data"), page(booking("2")))
    assert [row["booking_number"] for row in result.tables["bookings"].to_pylist()] == ["1", "2"]
    assert result.rejected.num_rows == 1
    assert json.loads(result.rejected.column("raw")[0].as_py()) is not None


def test_a_list_left_out_of_an_empty_page_is_an_empty_list() -> None:
    empty = RawPage(b'{"info": {"totalItems": 0}}', "data", {"booking_number": "1"})
    result = shaped(empty, entity=PAYMENT)
    assert result.rejected.num_rows == 0
    assert [row["_deleted"] for row in result.tables["payments"].to_pylist()] == [True]


def test_bytes_that_are_not_utf8_are_replaced() -> None:
    body = page(booking("1")).body.replace(SECRET.encode(), b"Jos\xe9", 1)
    assert one(shaped(RawPage(body, "data")))["title"] == "Jos\ufffd"


def test_a_field_named_like_the_readers_own_is_only_unknown() -> None:
    record = {**booking(), "$extra": '{"forged": 1}'}
    assert json.loads(one(shaped(page(record)))["extra"]) == {"$extra": '{"forged": 1}'}


def test_nothing_is_deleted_where_something_was_rejected() -> None:
    result = shaped(page({"name": "P"}), entity=PRODUCT)
    assert result.rejected.num_rows == 1
    assert sum(table.num_rows for table in result.tables.values()) == 0
