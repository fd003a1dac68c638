"""Bookings, the lists inside them, and customers' booking histories."""

from __future__ import annotations

from bookeo.schema.booking_lists import BOOKING_LISTS
from bookeo.schema.common_columns import ACCOUNT_ID, DELETED, EXTRA, FETCHED_AT, MONEY, moment, money, objects
from bookeo.schema.customers import CUSTOMER
from bookeo.schema.model import Column, Embedded, Entity, Scalar, Table

_TYPED = Scalar("text", "free_text")
_PAYMENTS_ON_CREATION = objects(
    id="text",
    creationTime="text",
    receivedTime="text",
    reason=_TYPED,
    description=_TYPED,
    comment=_TYPED,
    amount=MONEY,
    paymentMethod="text",
    paymentMethodOther=_TYPED,
    agent=Scalar("text", "name"),
    customerId="text",
    gatewayName="text",
    transactionId=Scalar("text", "online_id"),
)


def _source(**descriptions: str) -> tuple[Column, ...]:
    """Make the columns of the text in which a booking says where it came from."""
    return tuple(
        Column(
            "source" if part == "text" else f"source_{part}",
            "text",
            "source",
            description,
            personal="online_id" if part == "ids" else None,
            origin="source_part",
            part=part,
        )
        for part, description in descriptions.items()
    )


BOOKINGS = Table(
    name="bookings",
    key=("account_id", "booking_number"),
    description="Bookings, canceled ones included, one row each, in their latest version.",
    source="GET /bookings, GET /bookings/{bookingNumber}",
    version="updated_at",
    columns=(
        ACCOUNT_ID,
        Column(
            "booking_number",
            "text",
            "bookingNumber*",
            "Bookeo's number of the booking; a text, although it looks like a number.",
        ),
        Column(
            "updated_at", "timestamp", "lastChangeTime else creationTime", "When it was last changed, or else created."
        ),
        Column(
            "title",
            "text",
            "title",
            "Title of the booking, usually the customer's name and number of people.",
            personal="name",
        ),
        *moment("start_time", "startTime", "When it starts."),
        *moment("end_time", "endTime", "When it ends."),
        Column(
            "start_date_local",
            "date",
            "startTime",
            "Day on which it starts where the business is.",
            origin="local_date",
        ),
        Column(
            "start_time_local",
            "time",
            "startTime",
            "Time of day at which it starts where the business is.",
            origin="local_time",
        ),
        Column("product_id", "text", "productId", "Product that was booked."),
        Column("product_name", "text", "productName", "Name of the product when it was booked."),
        Column("event_id", "text", "eventId", "Slot that was booked; for a fixedCourse, the course's first class."),
        Column(
            "first_course_enrolled_event_id",
            "text",
            "firstCourseEnrolledEventId",
            "Class with which the customer joins a course.",
        ),
        Column(
            "dropin_course_enrolled_event_id",
            "text",
            "dropinCourseEnrolledEventId",
            "Single class of a course that is attended.",
        ),
        Column("customer_id", "text", "customerId", "Customer who booked."),
        Column(
            "external_ref",
            "text",
            "externalRef",
            "Reference given by another system, up to 64 characters.",
            personal="free_text",
        ),
        Column("canceled", "bool", "canceled", "Whether it is canceled."),
        *moment("cancelation_time", "cancelationTime", "When it was canceled."),
        Column("cancelation_agent", "text", "cancelationAgent", "Who canceled it.", personal="name"),
        Column("accepted", "bool", "accepted", "Whether the business accepted it, where it has to."),
        Column("no_show", "bool", "noShow", "Whether the customer did not turn up."),
        Column("private_event", "bool", "privateEvent", "Whether the slot is taken for this booking alone."),
        *moment("creation_time", "creationTime", "When it was made."),
        Column("creation_agent", "text", "creationAgent", "Who made it.", personal="name"),
        *moment("last_change_time", "lastChangeTime", "When it was last changed; null if never."),
        Column("last_change_agent", "text", "lastChangeAgent", "Who last changed it.", personal="name"),
        *_source(
            text="Where the booking came from, as the site wrote it; (id) stands for what is in source_ids.",
            ids="What the site wrote there about the visitor: ids of clicks, other ids, addresses beyond their host.",
            name="Name of the source: utm_source, or else the text, the network of a click id, or the referrer.",
            medium="How that leads to the site: utm_medium, such as cpc or email.",
            campaign="Name of the campaign: utm_campaign.",
            term="What was searched for: utm_term.",
            content="Which link or advertisement it was: utm_content.",
            referrer="Host of the page that the visitor came from.",
        ),
        Column("source_ip", "text", "sourceIp", "IP address from which it was made.", personal="ip"),
        Column(
            "promotion_code_input",
            "text",
            "promotionCodeInput",
            "Promotion code that was entered.",
            personal="free_text",
        ),
        Column("promotion_name", "text", "promotionName", "Promotion that applied."),
        Column(
            "gift_voucher_code_input",
            "text",
            "giftVoucherCodeInput",
            "Gift voucher code that was entered.",
            personal="free_text",
        ),
        Column(
            "specific_voucher_code",
            "text",
            "specificVoucherCode",
            "Code of a voucher for this product.",
            personal="free_text",
        ),
        Column(
            "initial_payments",
            "json",
            "initialPayments",
            "Payments given when the booking was created; not in what the API answers later.",
            personal="free_text",
            node=_PAYMENTS_ON_CREATION,
        ),
        *money("total_gross", "price.totalGross", "Price with taxes"),
        *money("total_net", "price.totalNet", "Price without taxes"),
        *money("total_taxes", "price.totalTaxes", "Sum of the taxes"),
        *money("total_paid", "price.totalPaid", "Sum of the payments less refunds"),
        Column(
            "deleted_at",
            "timestamp",
            "",
            "When the booking was found to have vanished from Bookeo; null while it is there.",
            origin="none",
        ),
        FETCHED_AT,
        EXTRA,
    ),
)

BOOKING = Entity(
    "Booking",
    BOOKINGS,
    lists=BOOKING_LISTS,
    embedded=(Embedded("customer", CUSTOMER, {"source": "embedded"}),),
)

CUSTOMER_BOOKINGS = Table(
    name="customer_bookings",
    key=("account_id", "customer_id", "booking_number"),
    description="Each customer's history as Bookeo tells it: which bookings are theirs, with a few facts about each.",
    source="GET /customers/{id}/bookings",
    owner=("account_id", "customer_id"),
    version="fetched_at",
    columns=(
        ACCOUNT_ID,
        Column("customer_id", "text", "", "Customer whose history it is.", origin="constant"),
        *(
            BOOKINGS.column(name)
            for name in (
                "booking_number",
                "updated_at",
                "title",
                "start_time",
                "start_time_offset_minutes",
                "end_time",
                "end_time_offset_minutes",
                "start_date_local",
                "product_id",
                "product_name",
                "canceled",
                "cancelation_time",
                "cancelation_time_offset_minutes",
                "accepted",
                "no_show",
                "creation_time",
                "creation_time_offset_minutes",
                "last_change_time",
                "last_change_time_offset_minutes",
                "total_gross_amount",
                "total_gross_currency",
                "total_paid_amount",
                "total_paid_currency",
            )
        ),
        FETCHED_AT,
        EXTRA,
        DELETED,
    ),
)

CUSTOMER_BOOKING = Entity("CustomerBooking", CUSTOMER_BOOKINGS, unread=BOOKING)
