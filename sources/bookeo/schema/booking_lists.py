"""The lists inside a booking, one table each."""

from __future__ import annotations

from bookeo.schema.common_columns import (
    ACCOUNT_ID,
    CUSTOM_FIELDS,
    DELETED,
    PHONE_NUMBERS,
    POSITION,
    TEXTS,
    address_columns,
    moment,
    money,
)
from bookeo.schema.model import Column, ListTable, Table

_OWNER = ("account_id", "booking_number")
_BOOKING_NUMBER = Column("booking_number", "text", "", "Booking that the row belongs to.", origin="parent")
_UPDATED_AT = Column(
    "updated_at", "timestamp", "", "When the booking was last changed, or else created.", origin="parent"
)


def _list_table(name: str, description: str, *columns: Column) -> Table:
    return Table(
        name=name,
        key=(*_OWNER, "position"),
        description=description,
        source="GET /bookings, GET /bookings/{bookingNumber}",
        parent="bookings",
        owner=_OWNER,
        version="updated_at",
        columns=(ACCOUNT_ID, _BOOKING_NUMBER, POSITION, *columns, _UPDATED_AT, DELETED),
    )


BOOKING_PARTICIPANTS = _list_table(
    "booking_participants",
    "How many people of each category a booking is for.",
    Column("people_category_id", "text", "peopleCategoryId", "Category of the people, such as Cadults."),
    Column("number", "bigint", "number", "How many people of this category."),
)

_PERSON = "personDetails"
BOOKING_PEOPLE = _list_table(
    "booking_people",
    "The participants of a booking one by one, with what is known of them.",
    Column("person_id", "text", "personId", "PSELF (the customer), PUNKNOWN, or the id of a linked person."),
    Column("people_category_id", "text", "peopleCategoryId", "Category of the person, such as Cadults."),
    Column("category_index", "bigint", "categoryIndex", "Which of the people of that category."),
    Column("customer_id", "text", f"{_PERSON}.customerId", "Customer whom the person is linked to."),
    Column("linked_person_id", "text", f"{_PERSON}.id", "Bookeo's id in the person's details."),
    Column("first_name", "text", f"{_PERSON}.firstName", "First name.", personal="name"),
    Column("middle_name", "text", f"{_PERSON}.middleName", "Middle name.", personal="name"),
    Column("last_name", "text", f"{_PERSON}.lastName", "Last name.", personal="name"),
    Column("email_address", "text", f"{_PERSON}.emailAddress", "E-mail address.", personal="contact"),
    Column(
        "phone_numbers",
        "json",
        f"{_PERSON}.phoneNumbers",
        "Phone numbers: a list of objects with number and type.",
        personal="contact",
        node=PHONE_NUMBERS,
    ),
    *address_columns(f"{_PERSON}.streetAddress"),
    *moment("creation_time", f"{_PERSON}.creationTime", "When the person was created."),
    *moment(
        "start_time_of_next_booking",
        f"{_PERSON}.startTimeOfNextBooking",
        "Start of the person's next booking.",
    ),
    *moment(
        "start_time_of_previous_booking",
        f"{_PERSON}.startTimeOfPreviousBooking",
        "Start of the person's latest past booking.",
    ),
    Column("date_of_birth", "date", f"{_PERSON}.dateOfBirth", "Date of birth.", personal="birth"),
    Column(
        "custom_fields",
        "json",
        f"{_PERSON}.customFields",
        "The business's own questions and the answers: a list of objects with id, name and value.",
        personal="free_text",
        node=CUSTOM_FIELDS,
    ),
    Column("gender", "text", f"{_PERSON}.gender", "One of male, female, unknown."),
)

BOOKING_OPTIONS = _list_table(
    "booking_options",
    "What was chosen of a product's options.",
    Column("option_id", "text", "id", "Id of the product's option."),
    Column("name", "text", "name", "Name of the option."),
    Column("value", "text", "value", "What was chosen or typed; true or false for a checkbox.", personal="free_text"),
)

BOOKING_RESOURCES = _list_table(
    "booking_resources",
    "Guides, rooms and other resources that a booking uses.",
    Column("resource_id", "text", "id", "Id of the resource."),
    Column("name", "text", "name", "Name of the resource.", personal="name"),
)

BOOKING_TAXES = _list_table(
    "booking_taxes",
    "Taxes contained in a booking's price.",
    Column("tax_id", "text", "taxId", "Id of the tax."),
    *money("tax", "amount", "The tax"),
)

BOOKING_PRICE_ADJUSTMENTS = _list_table(
    "booking_price_adjustments",
    "What was added to or taken off a booking's price.",
    *money("unit_price", "unitPrice", "Price of one unit, negative for a reduction"),
    Column("quantity", "bigint", "quantity", "Number of units."),
    Column("description", "text", "description", "What it is for.", personal="free_text"),
    Column("tax_ids", "json", "taxIds", "Taxes that apply: a list of their ids.", node=TEXTS),
)

BOOKING_COUPONS = _list_table(
    "booking_coupons",
    "Coupon codes used on a booking.",
    Column("coupon_code", "text", "", "The code; whoever knows it may use it.", personal="free_text"),
)

BOOKING_LISTS = (
    ListTable("participants.numbers", BOOKING_PARTICIPANTS),
    ListTable("participants.details", BOOKING_PEOPLE),
    ListTable("options", BOOKING_OPTIONS),
    ListTable("resources", BOOKING_RESOURCES),
    ListTable("price.taxes", BOOKING_TAXES),
    ListTable("priceAdjustments", BOOKING_PRICE_ADJUSTMENTS),
    ListTable("couponCodes", BOOKING_COUPONS),
)
