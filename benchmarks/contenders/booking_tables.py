"""The tables of bookings, made by DuckDB out of nested records: for those who end with records instead of tables."""

from __future__ import annotations

from typing import Any

SETTINGS: dict[str, str | int] = {"threads": 1}
"""On two cores a second thread was seen to take twice the CPU and no less time."""
_MONEY = "STRUCT(amount DECIMAL(19, 4), currency VARCHAR)"
_FIELDS = "STRUCT(id VARCHAR, name VARCHAR, value VARCHAR)[]"
_PERSON = """
    firstName VARCHAR, middleName VARCHAR, lastName VARCHAR, emailAddress VARCHAR,
    phoneNumbers STRUCT(number VARCHAR, type VARCHAR)[],
    streetAddress STRUCT(address1 VARCHAR, address2 VARCHAR, city VARCHAR, countryCode VARCHAR, state VARCHAR,
        postcode VARCHAR),
    creationTime TIMESTAMPTZ, startTimeOfNextBooking TIMESTAMPTZ, startTimeOfPreviousBooking TIMESTAMPTZ,
    dateOfBirth DATE, gender VARCHAR"""
BOOKING = f"""STRUCT(
    bookingNumber VARCHAR, eventId VARCHAR, firstCourseEnrolledEventId VARCHAR, dropinCourseEnrolledEventId VARCHAR,
    startTime TIMESTAMPTZ, endTime TIMESTAMPTZ, customerId VARCHAR, title VARCHAR, externalRef VARCHAR,
    canceled BOOLEAN, cancelationTime TIMESTAMPTZ, cancelationAgent VARCHAR, accepted BOOLEAN, noShow BOOLEAN,
    sourceIp VARCHAR, creationTime TIMESTAMPTZ, creationAgent VARCHAR, lastChangeTime TIMESTAMPTZ,
    lastChangeAgent VARCHAR, productName VARCHAR, productId VARCHAR, privateEvent BOOLEAN, promotionCodeInput VARCHAR,
    promotionName VARCHAR, giftVoucherCodeInput VARCHAR, specificVoucherCode VARCHAR, source VARCHAR,
    resources STRUCT(id VARCHAR, name VARCHAR)[], options {_FIELDS}, couponCodes VARCHAR[],
    priceAdjustments STRUCT(unitPrice {_MONEY}, quantity BIGINT, description VARCHAR, taxIds VARCHAR[])[],
    price STRUCT(totalGross {_MONEY}, totalNet {_MONEY}, totalTaxes {_MONEY}, totalPaid {_MONEY},
        taxes STRUCT(taxId VARCHAR, amount {_MONEY})[]),
    participants STRUCT(numbers STRUCT(peopleCategoryId VARCHAR, number BIGINT)[],
        details STRUCT(personId VARCHAR, peopleCategoryId VARCHAR, categoryIndex BIGINT,
            personDetails STRUCT(customerId VARCHAR, id VARCHAR, customFields {_FIELDS}, {_PERSON}))[]),
    customer STRUCT(id VARCHAR, {_PERSON}, customFields {_FIELDS}, facebookId VARCHAR, credit {_MONEY},
        languageCode VARCHAR, acceptSmsReminders BOOLEAN, numBookings BIGINT, numCancelations BIGINT,
        numNoShows BIGINT, member BOOLEAN, membershipEnd DATE))"""
"""A booking as the API gives it, with its customer."""

_LISTS = {
    "booking_participants": ("record", "bookingNumber", "participants.numbers", "item.*"),
    "booking_people": (
        "record",
        "bookingNumber",
        "participants.details",
        "item.* EXCLUDE (personDetails), unnest(item.personDetails)",
    ),
    "booking_options": ("record", "bookingNumber", "options", "item.*"),
    "booking_resources": ("record", "bookingNumber", "resources", "item.*"),
    "booking_taxes": ("record", "bookingNumber", "price.taxes", "item.taxId, unnest(item.amount)"),
    "booking_price_adjustments": ("record", "bookingNumber", "priceAdjustments", "item.*"),
    "booking_coupons": ("record", "bookingNumber", "couponCodes", "item AS couponCode"),
    "customer_phone_numbers": ("customer", "id", "phoneNumbers", "item.*"),
    "customer_custom_fields": ("customer", "id", "customFields", "item.*"),
}
"""Where the rows of a list are: in a booking or a customer, under which key and path; and its columns."""


def make_tables(connection: Any, records: str) -> None:
    """Makes the tables.

    Args:
        connection: An open DuckDB.
        records: A query for bookings, in a column `record` of type `BOOKING`.
    """
    run = connection.execute
    run(f"CREATE TEMP TABLE read AS {records}")
    run(
        "CREATE TABLE bookings AS SELECT record.* EXCLUDE (customer, participants, options, resources, price, "
        "priceAdjustments, couponCodes), "
        + ", ".join(
            f"record.price.{name}.amount AS {name}Amount, record.price.{name}.currency AS {name}Currency"
            for name in ("totalGross", "totalNet", "totalTaxes", "totalPaid")
        )
        + " FROM read"
    )
    run(
        "CREATE TEMP TABLE met AS SELECT any_value(record.customer) AS customer FROM read "
        "WHERE record.customer.id IS NOT NULL GROUP BY record.customer.id"
    )
    run("CREATE TABLE customers AS SELECT customer.* EXCLUDE (phoneNumbers, customFields) FROM met")
    for name, (inside, key, path, columns) in _LISTS.items():
        run(
            f"CREATE TABLE {name} AS SELECT owner, position, {columns} FROM (SELECT {inside}.{key} AS owner, "
            f"unnest({inside}.{path}) AS item, generate_subscripts({inside}.{path}, 1) AS position "
            f"FROM {'read' if inside == 'record' else 'met'})"
        )
