"""Snapshots of the availability."""

from __future__ import annotations

from bookeo.schema.common_columns import ACCOUNT_ID, EXTRA, FETCHED_AT, moment
from bookeo.schema.model import Column, Entity, Table

SLOTS = Table(
    name="slots",
    key=("account_id", "product_id", "event_id", "snapshot_at"),
    description="Slots of tours and courses with the seats that were free, one row for each snapshot that shows them.",
    source="GET /availability/slots",
    columns=(
        ACCOUNT_ID,
        Column("product_id", "text", "", "Product that takes place.", origin="constant"),
        Column("event_id", "text", "eventId*", "Bookeo's id of the slot, as on its bookings."),
        Column("snapshot_at", "timestamp", "", "When this was so, by Bookeo's clock.", origin="constant"),
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
        Column("num_seats_available", "bigint", "numSeatsAvailable", "Seats that are free."),
        Column("course_schedule", "json", "courseSchedule", "The classes of a course."),
        Column("resources", "json", "resources", "Guides, rooms and other resources that are assigned."),
        FETCHED_AT,
        EXTRA,
    ),
)

_NAMED = Table(
    name="slot_products",
    key=(),
    description="What a slot says of itself that was known from the question.",
    source="GET /availability/slots",
    columns=(Column("product_id", "text", "productId", "Product that takes place."),),
)

SLOT = Entity("Slot", SLOTS, unread=Entity("SlotProduct", _NAMED))
"""Slots name their product (source: clients in use); as no document says so, the one that was asked for is taken."""
