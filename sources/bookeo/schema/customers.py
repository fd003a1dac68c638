"""Customers, their phone numbers and custom fields."""

from __future__ import annotations

from bookeo.schema.common_columns import (
    ACCOUNT_ID,
    DELETED,
    EXTRA,
    FETCHED_AT,
    POSITION,
    address_columns,
    from_parent,
    moment,
    money,
)
from bookeo.schema.model import Column, Entity, ListTable, Table

_SOURCE = "GET /bookings with expandCustomer, GET /bookings/{bookingNumber}/customer, GET /customers"

CUSTOMERS = Table(
    name="customers",
    key=("account_id", "customer_id"),
    description="The people and organisations that book, one row each, as last seen.",
    source=_SOURCE,
    version="fetched_at",
    columns=(
        ACCOUNT_ID,
        Column("customer_id", "text", "id*", "Bookeo's id of the customer."),
        Column("first_name", "text", "firstName", "First name.", personal="name"),
        Column("middle_name", "text", "middleName", "Middle name.", personal="name"),
        Column("last_name", "text", "lastName", "Last name.", personal="name"),
        Column("email_address", "text", "emailAddress", "E-mail address.", personal="contact"),
        *address_columns("streetAddress"),
        *moment("creation_time", "creationTime", "When the customer was created."),
        *moment(
            "start_time_of_next_booking",
            "startTimeOfNextBooking",
            "Start of the next booking as Bookeo tells it.",
        ),
        *moment(
            "start_time_of_previous_booking",
            "startTimeOfPreviousBooking",
            "Start of the latest past booking as Bookeo tells it.",
        ),
        Column("date_of_birth", "date", "dateOfBirth", "Date of birth.", personal="birth"),
        Column("gender", "text", "gender", "One of male, female, unknown."),
        Column("facebook_id", "text", "facebookId", "Id at Facebook.", personal="contact"),
        *money("credit", "credit", "Credit that the customer has with the business"),
        Column("language_code", "text", "languageCode", "Preferred language, such as en_US."),
        Column("accept_sms_reminders", "bool", "acceptSmsReminders", "Whether reminders may be sent by SMS."),
        Column("num_bookings", "bigint", "numBookings", "Number of bookings as Bookeo counts them."),
        Column("num_cancelations", "bigint", "numCancelations", "Number of cancelations as Bookeo counts them."),
        Column("num_no_shows", "bigint", "numNoShows", "Number of no-shows as Bookeo counts them."),
        Column("member", "bool", "member", "Whether the customer is a member."),
        Column("membership_end", "date", "membershipEnd", "Last day of the membership."),
        Column(
            "source",
            "text",
            "",
            "How the row was read: embedded (in a booking), endpoint (for one booking) or list.",
            origin="constant",
            default="endpoint",
        ),
        Column(
            "deleted_at",
            "timestamp",
            "",
            "When the customer was found to have been deleted at Bookeo; null while there.",
            origin="none",
        ),
        FETCHED_AT,
        EXTRA,
    ),
)

_OWNER = ("account_id", "customer_id")
_KEY = (*_OWNER, "position")
_PARENT = (ACCOUNT_ID, from_parent(CUSTOMERS.column("customer_id")), POSITION)

CUSTOMER_PHONE_NUMBERS = Table(
    name="customer_phone_numbers",
    key=_KEY,
    description="Phone numbers of customers, one row each.",
    source=_SOURCE,
    parent="customers",
    owner=_OWNER,
    version="fetched_at",
    columns=(
        *_PARENT,
        Column("number", "text", "number", "Phone number as entered.", personal="contact"),
        Column("type", "text", "type", "One of mobile, work, home, fax."),
        FETCHED_AT,
        DELETED,
    ),
)

CUSTOMER_CUSTOM_FIELDS = Table(
    name="customer_custom_fields",
    key=_KEY,
    description="The business's own questions to customers and their answers, one row each.",
    source=_SOURCE,
    parent="customers",
    owner=_OWNER,
    version="fetched_at",
    columns=(
        *_PARENT,
        Column("custom_field_id", "text", "id", "Id of the custom field."),
        Column("name", "text", "name", "Name of the custom field."),
        Column("value", "text", "value", "What the customer answered.", personal="free_text"),
        FETCHED_AT,
        DELETED,
    ),
)

CUSTOMER = Entity(
    "Customer",
    CUSTOMERS,
    lists=(ListTable("phoneNumbers", CUSTOMER_PHONE_NUMBERS), ListTable("customFields", CUSTOMER_CUSTOM_FIELDS)),
)
