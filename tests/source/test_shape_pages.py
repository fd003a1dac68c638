"""What `shape` makes of good pages: exact values, newest versions, tombstones."""

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bookeo.schema import (
    BOOKING,
    BUSINESS,
    CUSTOMER,
    CUSTOMER_BOOKING,
    ENTITIES,
    PAYMENT,
    PRODUCT,
    RESOURCE_TYPE,
    Entity,
    arrow_schema,
)
from bookeo.transform.shape import RawPage, Shaped, shape

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def money(amount: str, currency: str = "AUD") -> dict[str, str]:
    return {"amount": amount, "currency": currency}


def booking(number: str = "1", **changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "bookingNumber": number,
        "title": "Ann Lee - 2 adults",
        "startTime": "2026-03-30T17:02:00+11:00",
        "participants": {"numbers": [{"peopleCategoryId": "Cadults", "number": 2}]},
        "creationTime": "2026-01-01T09:00:00+11:00",
        "creationAgent": "web",
        "productId": "P1",
        "price": {
            "totalGross": money("73.00"),
            "totalNet": money("66.3636"),
            "totalTaxes": money("6.6364"),
            "totalPaid": money("-0.5"),
            "taxes": [{"taxId": "T1", "amount": money("6.6364")}],
        },
    }
    made.update(changes)
    return {name: value for name, value in made.items() if value is not None}


def page(*records: Any, key: str = "data", **constants: str | None) -> RawPage:
    info = {"totalItems": len(records), "totalPages": 1, "currentPage": 1}
    return RawPage(json.dumps({"info": info, key: records}).encode(), key, constants)


def shaped(entity: Entity, *pages: RawPage) -> Shaped:
    result = shape(entity, pages, account_id="A1", fetched_at=NOW)
    assert set(result.tables) == {table.name for table in entity.tables}
    for table in entity.tables:
        assert result.tables[table.name].schema == arrow_schema(table)
    return result


def rows(result: Shaped, table: str) -> list[dict[str, Any]]:
    return result.tables[table].to_pylist()


def test_a_booking_becomes_exact_values() -> None:
    result = shaped(BOOKING, page(booking(lastChangeTime="2026-02-01T10:00:00.5+11:00", canceled=True, sourceIp="::1")))
    (row,) = rows(result, "bookings")
    assert row["account_id"] == "A1"
    assert row["booking_number"] == "1"
    assert row["updated_at"] == datetime(2026, 1, 31, 23, 0, 0, 500_000, tzinfo=UTC)
    assert row["creation_time"] == datetime(2025, 12, 31, 22, 0, tzinfo=UTC)
    assert row["start_time"] == datetime(2026, 3, 30, 6, 2, tzinfo=UTC)
    assert row["start_date_local"] == date(2026, 3, 30)
    assert row["start_time_local"] == time(17, 2)
    assert row["total_gross_amount"] == Decimal("73.0000")
    assert row["total_net_amount"] == Decimal("66.3636")
    assert row["total_paid_amount"] == Decimal("-0.5000")
    assert row["total_gross_currency"] == "AUD"
    assert row["canceled"] is True
    assert row["no_show"] is None
    assert row["deleted_at"] is None
    assert row["fetched_at"] == NOW
    assert row["extra"] is None
    assert result.rejected.num_rows == 0
    assert result.unknown_fields == frozenset()


def test_the_local_day_is_not_the_utc_day() -> None:
    result = shaped(BOOKING, page(booking(startTime="2026-01-01T00:30:00+14:00")))
    (row,) = rows(result, "bookings")
    assert (row["start_date_local"], row["start_time_local"]) == (date(2026, 1, 1), time(0, 30))
    assert row["start_time"] == datetime(2025, 12, 31, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("spelt", "minutes"),
    [
        *(("+11:00", 660), ("+1100", 660), ("+11", 660), ("+05:45", 345), ("-09:30", -570), ("-00:30", -30)),
        *(("+14:00", 840), ("Z", 0), ("+00:00", 0), ("-00:00", 0), (".5+02:00", 120), (".123456Z", 0)),
    ],
)
def test_each_time_keeps_its_own_offset(spelt: str, minutes: int) -> None:
    """Of each record and each time alone, however it is spelt, and by either reader."""
    told = booking("2", creationTime=f"2026-01-01T23:30:00{spelt}", lastChangeTime="2026-07-01T08:00:00+02:00")
    fast = rows(shaped(BOOKING, page(booking("1"), told)), "bookings")
    assert (
        rows(shaped(BOOKING, page(booking("1", surprise=None), told, {**told, "later": 1})), "bookings")[0] == fast[0]
    )
    for row in (fast[1], rows(shaped(BOOKING, page({**told, "later": 1})), "bookings")[0]):
        assert row["creation_time_offset_minutes"] == minutes
        assert row["creation_time"] + timedelta(minutes=minutes) == datetime(2026, 1, 1, 23, 30, tzinfo=UTC) + (
            row["creation_time"] - row["creation_time"].replace(microsecond=0)
        )
        assert row["last_change_time_offset_minutes"] == 120
        assert row["start_time_offset_minutes"] == 660
        assert row["end_time_offset_minutes"] is None
    assert fast[0]["creation_time_offset_minutes"] == 660


def test_a_booking_that_never_changed_was_updated_when_created() -> None:
    (row,) = rows(shaped(BOOKING, page(booking())), "bookings")
    assert row["updated_at"] == row["creation_time"]
    assert row["last_change_time"] is None


def test_lists_become_rows_in_order_and_empty_lists_tombstones() -> None:
    options = [{"id": "a", "name": "A", "value": "true"}, {"id": "b", "name": "B", "value": ""}]
    last = booking("4", options=[{"id": "c"}, {"id": "d"}])
    result = shaped(
        BOOKING,
        page(booking("1", options=options, couponCodes=["X", "Y"]), booking("2", options=[]), booking("3"), last),
    )
    assert [
        (r["booking_number"], r["position"], r["option_id"], r["value"], r["_deleted"])
        for r in rows(result, "booking_options")
    ] == [
        ("1", 0, "a", "true", False),
        ("1", 1, "b", "", False),
        ("4", 0, "c", None, False),
        ("4", 1, "d", None, False),
        ("2", 0, None, None, True),
        ("3", 0, None, None, True),
    ]
    assert [(r["booking_number"], r["position"], r["coupon_code"]) for r in rows(result, "booking_coupons")][:2] == [
        ("1", 0, "X"),
        ("1", 1, "Y"),
    ]
    tombstone = rows(result, "booking_options")[-1]
    assert tombstone["updated_at"] == datetime(2025, 12, 31, 22, 0, tzinfo=UTC)
    assert [(r["tax_id"], r["tax_amount"]) for r in rows(result, "booking_taxes")] == [("T1", Decimal("6.6364"))] * 4


def test_people_carry_their_details() -> None:
    details = [
        {"personId": "PSELF", "peopleCategoryId": "Cadults", "categoryIndex": 1},
        {
            "personId": "L1",
            "peopleCategoryId": "Cadults",
            "categoryIndex": 2,
            "personDetails": {
                "customerId": "C1",
                "firstName": "Zoë",
                "dateOfBirth": "2001-02-03",
                "phoneNumbers": [{"number": "1", "type": "work"}, {"number": "2"}],
                "streetAddress": {"city": "Oslo", "countryCode": "NO"},
                "customFields": [],
            },
        },
    ]
    numbers = [{"peopleCategoryId": "Cadults", "number": 2}]
    result = shaped(BOOKING, page(booking(participants={"numbers": numbers, "details": details})))
    first, second = rows(result, "booking_people")
    assert (first["person_id"], first["first_name"], first["phone_numbers"]) == ("PSELF", None, None)
    assert (second["first_name"], second["date_of_birth"]) == ("Zoë", date(2001, 2, 3))
    assert second["street_address_city"] == "Oslo"
    assert json.loads(second["phone_numbers"]) == [{"number": "1", "type": "work"}, {"number": "2"}]
    assert second["custom_fields"] == "[]"


def test_price_adjustments_keep_their_tax_ids() -> None:
    adjustment = {"unitPrice": money("-5"), "quantity": 2, "description": "Sorry", "taxIds": ["T1", "T2"]}
    (row, *_) = rows(shaped(BOOKING, page(booking(priceAdjustments=[adjustment]))), "booking_price_adjustments")
    assert (row["unit_price_amount"], row["quantity"], row["tax_ids"]) == (Decimal(-5), 2, '["T1","T2"]')


def customer(identity: str = "C1", **changes: Any) -> dict[str, Any]:
    return {"id": identity, "creationTime": "2020-01-01T00:00:00Z", **changes}


def test_embedded_customers_feed_their_tables_newest_booking_first() -> None:
    old = booking("1", customer=customer(lastName="Old"), customerId="C1")
    new = booking(
        "2",
        customer=customer(lastName="New", phoneNumbers=[{"number": "9"}], credit=money("1.5", "EUR")),
        lastChangeTime="2026-05-01T00:00:00Z",
    )
    result = shaped(BOOKING, page(new, old, booking("3")))
    (row,) = rows(result, "customers")
    assert (row["last_name"], row["source"], row["credit_amount"]) == ("New", "embedded", Decimal("1.5"))
    assert [(r["number"], r["_deleted"]) for r in rows(result, "customer_phone_numbers")] == [("9", False)]
    assert [r["_deleted"] for r in rows(result, "customer_custom_fields")] == [True]


def test_without_embedded_customers_nothing_is_said_of_customers() -> None:
    result = shaped(BOOKING, page(booking()))
    assert [result.tables[name].num_rows for name in ("customers", "customer_phone_numbers")] == [0, 0]


def test_a_single_customer_and_its_source() -> None:
    body = json.dumps(customer(dateOfBirth="1990-12-31", membershipEnd="2027-01-31")).encode()
    endpoint, listed = RawPage(body, None), page(customer("C2"), source="list")
    (row,) = rows(shaped(CUSTOMER, endpoint), "customers")
    assert (row["source"], row["date_of_birth"], row["membership_end"]) == (
        "endpoint",
        date(1990, 12, 31),
        date(2027, 1, 31),
    )
    assert [r["source"] for r in rows(shaped(CUSTOMER, endpoint, listed), "customers")] == ["endpoint", "list"]


def test_only_the_newest_version_survives_with_its_lists() -> None:
    old = booking("1", title="old", couponCodes=["A", "B"])
    new = booking("1", title="new", couponCodes=["C"], lastChangeTime="2026-05-01T00:00:00Z")
    for order in ([page(old), page(new)], [page(new), page(old)], [page(new, booking("2"), old)]):
        result = shaped(BOOKING, *order)
        assert [r["title"] for r in rows(result, "bookings") if r["booking_number"] == "1"] == ["new"]
        assert [r["coupon_code"] for r in rows(result, "booking_coupons") if r["booking_number"] == "1"] == ["C"]


def test_of_two_equally_old_versions_the_last_seen_survives() -> None:
    result = shaped(BOOKING, page(booking("1", title="first"), booking("1", title="second")))
    assert [r["title"] for r in rows(result, "bookings")] == ["second"]


def payment(identity: str, amount: Any = "10.00") -> dict[str, Any]:
    return {
        "id": identity,
        "creationTime": "2026-01-01T00:00:00Z",
        "receivedTime": "2026-01-01T00:00:00Z",
        "reason": "Deposit",
        "amount": money(amount) if isinstance(amount, str) else amount,
        "paymentMethod": "creditCard",
    }


def test_payments_belong_to_the_booking_they_were_asked_for() -> None:
    result = shaped(
        PAYMENT,
        page(payment("p1"), booking_number="1", linked_by="endpoint"),
        page(booking_number="2", linked_by="endpoint"),
        page(payment("p2", "-3.001"), booking_number="3", linked_by="endpoint"),
        page(booking_number="3", linked_by="endpoint"),
    )
    found = [
        (r["payment_id"], r["booking_number"], r["amount"], r["linked_by"], r["_deleted"])
        for r in rows(result, "payments")
    ]
    assert found == [
        ("p1", "1", Decimal(10), "endpoint", False),
        ("p2", "3", Decimal("-3.001"), "endpoint", False),
        ("", "2", None, None, True),
    ]


def test_an_empty_payments_feed_deletes_nothing() -> None:
    result = shaped(PAYMENT, page(booking_number=None))
    assert result.tables["payments"].num_rows == 0


def test_a_page_of_rejected_records_deletes_nothing() -> None:
    result = shaped(PAYMENT, page({"id": "p1", "amount": "12.3.4"}, booking_number="1"))
    assert result.tables["payments"].num_rows == 0
    assert result.rejected.num_rows == 1


def test_histories_name_their_customer_and_know_a_bookings_fields() -> None:
    details = [{"personId": "PSELF", "peopleCategoryId": "Cadults", "categoryIndex": 1}]
    past = booking("7", participants={"numbers": [], "details": details}, options=[{"id": "x"}], customer=customer())
    result = shaped(CUSTOMER_BOOKING, page(past, customer_id="C1"), page(customer_id="C2"))
    first, second = rows(result, "customer_bookings")
    assert (first["customer_id"], first["booking_number"], first["total_gross_amount"]) == ("C1", "7", Decimal(73))
    assert (first["extra"], result.unknown_fields) == (None, frozenset())
    assert (second["customer_id"], second["booking_number"], second["_deleted"]) == ("C2", "", True)


def test_products_keep_options_as_json_and_list_rates_and_limits() -> None:
    product = {
        "productId": "P1",
        "type": "fixed",
        "duration": {"hours": 2},
        "images": [{"url": "u"}],
        "choiceOptions": [{"id": "o", "values": [{"id": 1, "price": 1.50}]}],
        "defaultRates": [{"price": money("20")}, {"peopleCategoryId": "Cadults", "price": money("9.5")}],
        "bookingLimits": [{"min": 1, "max": 4}],
    }
    result = shaped(PRODUCT, page(product))
    (row,) = rows(result, "products")
    assert (row["duration_days"], row["duration_hours"]) == (None, 2)
    assert row["choice_options"] == '[{"id":"o","values":[{"id":1,"price":1.5}]}]'
    assert [(r["people_category_id"], r["price_amount"]) for r in rows(result, "product_rates")] == [
        (None, Decimal(20)),
        ("Cadults", Decimal("9.5")),
    ]
    assert [(r["min"], r["max"], r["position"]) for r in rows(result, "product_limits")] == [(1, 4, 0)]
    assert result.unknown_fields == frozenset()


def test_settings_without_rows_delete_the_accounts_rows() -> None:
    result = shaped(PRODUCT, page())
    for table in ("products", "product_rates", "product_limits"):
        assert [(r["account_id"], r["_deleted"]) for r in rows(result, table)] == [("A1", True)]
    assert shaped(PRODUCT).tables["products"].num_rows == 0


def test_resources_carry_their_kind() -> None:
    kind = {"id": "K", "name": "Guides", "isPublic": True, "resources": [{"id": "R1", "name": "Ari"}, {"id": "R2"}]}
    result = shaped(RESOURCE_TYPE, page(kind))
    assert [(r["resource_id"], r["name"], r["resource_type_name"]) for r in rows(result, "resources")] == [
        ("R1", "Ari", "Guides"),
        ("R2", None, "Guides"),
    ]


def test_the_categories_list_has_a_name_of_its_own() -> None:
    result = shaped(ENTITIES["PeopleCategory"], page({"id": "Cadults", "numSeats": 1}, key="categories"))
    assert [r["num_seats"] for r in rows(result, "people_categories")] == [1]


def test_the_business_is_one_row() -> None:
    (row,) = rows(shaped(BUSINESS, RawPage(b'{"name": "Harbour", "foundedIn": 1999}', None)), "business")
    assert (row["name"], row["extra"]) == ("Harbour", '{"foundedIn":1999}')


@pytest.mark.parametrize("entity", ENTITIES.values(), ids=ENTITIES)
def test_no_pages_give_empty_tables(entity: Entity) -> None:
    result = shaped(entity)
    assert sum(table.num_rows for table in result.tables.values()) == 0


def test_misuse_is_said() -> None:
    with pytest.raises(ValueError, match="aware"):
        shape(BOOKING, [], account_id="A", fetched_at=datetime(2026, 1, 1))  # noqa: DTZ001
    with pytest.raises(ValueError, match="no column for order"):
        shaped(BOOKING, page(order="x"))
    with pytest.raises(ValueError, match="needs customer_id"):
        shaped(CUSTOMER_BOOKING, page(booking()))
