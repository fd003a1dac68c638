"""The declarations themselves: complete, consistent, and what dlt is told."""

from collections.abc import Iterator

import pyarrow as pa
import pytest

from bookeo.schema import ENTITIES, SETTINGS_ENTITIES, TABLES, arrow_schema, dlt_columns
from bookeo.schema.json_shape import record_node
from bookeo.schema.model import Entity, Items, Node, Record

BOOKING_FIELDS = """
bookingNumber eventId firstCourseEnrolledEventId dropinCourseEnrolledEventId startTime endTime
customerId customer title externalRef participants resources canceled cancelationTime
cancelationAgent accepted sourceIp creationTime creationAgent lastChangeTime lastChangeAgent
productName productId options privateEvent priceAdjustments promotionCodeInput promotionName
couponCodes giftVoucherCodeInput specificVoucherCode initialPayments noShow source price
"""
CUSTOMER_FIELDS = """
id firstName middleName lastName emailAddress phoneNumbers streetAddress creationTime
startTimeOfNextBooking startTimeOfPreviousBooking dateOfBirth customFields gender facebookId credit
languageCode acceptSmsReminders numBookings numCancelations numNoShows member membershipEnd
"""
PAYMENT_FIELDS = """
id creationTime receivedTime reason description comment amount paymentMethod paymentMethodOther
agent customerId gatewayName transactionId
"""
PRODUCT_FIELDS = """
productId productCode name description type duration bookingLimits defaultRates membersOnly
prepaidOnly acceptDeny apiBookingsAllowed dropInOnly allowPrivateEvents images choiceOptions
numberOptions onOffOptions textOptions
"""


@pytest.mark.parametrize(
    ("entity", "fields"),
    [
        ("Booking", BOOKING_FIELDS),
        ("Customer", CUSTOMER_FIELDS),
        ("Payment", PAYMENT_FIELDS),
        ("Product", PRODUCT_FIELDS),
        ("PeopleCategory", "id name numSeats"),
        ("ResourceType", "id name isPublic resources"),
        ("Tax", "id name enabled"),
        ("Slot", "eventId productId startTime endTime numSeatsAvailable courseSchedule resources"),
    ],
)
def test_every_field_of_the_api_object_is_declared(entity: str, fields: str) -> None:
    assert record_node(ENTITIES[entity]).fields.keys() == set(fields.split())


@pytest.mark.parametrize("name", ENTITIES)
def test_nothing_but_a_key_is_required(name: str) -> None:
    def required(node: Node) -> Iterator[str]:
        if isinstance(node, Items):
            yield from required(node.node)
        elif isinstance(node, Record):
            for field_name, field in node.fields.items():
                if field.required:
                    yield field_name
                yield from required(field.node)

    keys = {column.json_path for entity in ENTITIES.values() for column in entity.table.columns if "*" in column.path}
    assert set(required(record_node(ENTITIES[name]))) <= keys
    assert all(column.name in table.key for table in TABLES.values() for column in table.columns if "*" in column.path)


def test_every_time_of_the_api_is_followed_by_its_offset() -> None:
    """Not the time that is a copy of another: `updated_at`, which is the last change or the creation."""
    for table in TABLES.values():
        times = [c for c in table.columns if c.type == "timestamp" and c.origin == "field" and len(c.alternatives) == 1]
        names = [column.name for column in table.columns]
        for column in times:
            offset = table.columns[names.index(column.name) + 1]
            assert (offset.name, offset.type) == (f"{column.name}_offset_minutes", "bigint")
            assert (offset.origin, offset.path) == ("utc_offset", column.path)
        assert len(times) == sum(column.origin == "utc_offset" for column in table.columns)


@pytest.mark.parametrize("name", TABLES)
def test_every_table_and_column_is_described_and_keyed(name: str) -> None:
    table = TABLES[name]
    assert table.name == name
    assert table.key[0] == "account_id"
    assert table.description.endswith(".")
    assert table.source
    for column in table.columns:
        assert column.description.endswith("."), column.name
        assert column.description[0].isupper() or column.description.startswith("complete"), column.name
        assert column.type in ("text", "bool", "bigint", "timestamp", "date", "time", "decimal", "json")
    assert table.parent is None or table.parent in TABLES


@pytest.mark.parametrize("name", TABLES)
def test_arrow_schema_and_hints_say_the_same(name: str) -> None:
    table = TABLES[name]
    schema, columns = arrow_schema(table), dlt_columns(table)
    assert schema.names == list(columns)
    for field in schema:
        assert field.nullable == columns[field.name]["nullable"]
        assert not pa.types.is_floating(field.type)
        if pa.types.is_timestamp(field.type):
            assert field.type == pa.timestamp("us", tz="UTC")
        if pa.types.is_decimal(field.type):
            assert (columns[field.name]["precision"], columns[field.name]["scale"]) == (19, 4)


def _with(table: str, hint: str, **options: bool) -> list[str]:
    return [name for name, column in dlt_columns(TABLES[table], **options).items() if column.get(hint)]  # type: ignore[arg-type]


def test_root_tables_keep_the_newest_version_by_key() -> None:
    assert _with("bookings", "primary_key") == ["account_id", "booking_number"]
    assert _with("bookings", "merge_key") == []
    assert _with("bookings", "dedup_sort") == ["updated_at"]
    assert _with("bookings", "hard_delete") == []
    assert _with("customers", "dedup_sort") == ["fetched_at"]


def test_list_tables_are_replaced_by_their_parents_key() -> None:
    for table in ("booking_options", "booking_people", "booking_coupons"):
        assert _with(table, "merge_key") == ["account_id", "booking_number"]
        assert _with(table, "primary_key") == ["account_id", "booking_number", "position"]
        assert _with(table, "hard_delete") == ["_deleted"]
    assert _with("customer_phone_numbers", "merge_key") == ["account_id", "customer_id"]


def test_payments_from_the_feed_do_not_replace_a_bookings_set() -> None:
    assert _with("payments", "merge_key") == ["account_id", "booking_number"]
    assert set(_with("payments", "primary_key")) == {"account_id", "booking_number", "payment_id"}
    assert _with("payments", "merge_key", replace_sets=False) == []
    assert _with("payments", "primary_key", replace_sets=False) == ["account_id", "payment_id"]
    # dlt remembers a hint until it is told otherwise
    assert dlt_columns(TABLES["payments"], replace_sets=False)["booking_number"]["merge_key"] is False


@pytest.mark.parametrize("entity", [entity for entity in SETTINGS_ENTITIES if entity.name != "Business"])
def test_settings_are_replaced_whole_for_their_account(entity: Entity) -> None:
    for table in entity.tables:
        assert table.owner == ("account_id",)


def test_the_merge_key_lies_within_the_primary_key() -> None:
    # dlt joins the two with OR; only so can a destination hash-join it
    for table in TABLES.values():
        columns = dlt_columns(table).values()
        merge = {column["name"] for column in columns if column.get("merge_key")}
        assert merge <= {column["name"] for column in columns if column.get("primary_key")}


def test_personal_columns_are_marked() -> None:
    marked = {(t.name, c.name): c.personal for t in TABLES.values() for c in t.columns if c.personal}
    assert marked["customers", "email_address"] == "contact"
    assert marked["customers", "date_of_birth"] == "birth"
    assert marked["bookings", "source_ip"] == "ip"
    assert marked["bookings", "title"] == "name"
    assert marked["customer_bookings", "title"] == "name"
    assert marked["rejected_rows", "raw"] == "free_text"
    assert marked["payments", "transaction_id"] == "online_id"
    assert marked["bookings", "source_ids"] == "online_id"
    assert marked["bookings", "specific_voucher_code"] == marked["booking_coupons", "coupon_code"] == "free_text"
    for table in TABLES.values():
        for column in table.columns:
            if column.name.endswith(("first_name", "last_name", "phone_numbers")) and table.name != "business":
                assert column.personal, (table.name, column.name)
            if column.origin == "extra":
                assert column.personal == "free_text"
