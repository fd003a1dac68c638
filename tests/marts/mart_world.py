"""Two invented businesses with two currencies each, and the tables as a load leaves them, without loading.

That loads leave them so is what the tests of loads are about; here they would only cost time.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bookeo.schema import TABLES, dlt_columns
from bookeo_pipelines.destinations.registry import make_destination
from bookeo_sandbox import Business
from bookeo_sandbox.invention.schedule import event_id, events_between
from truth import DATASET, expected_rows

LOADED = (
    *("bookings", "booking_participants", "booking_price_adjustments", "booking_coupons", "customers", "payments"),
    *("products", "product_rates", "people_categories", "business", "slots", "load_windows", "load_runs"),
)
EMPTY = LOADED[:5]
"""Tables that a load without a single booking makes, more or less."""
SLOT_DAYS = 20
DAYS_BETWEEN_SNAPSHOTS = 5


@dataclass(frozen=True)
class World:
    """What there is to know of one business.

    Attributes:
        truth: What `Business.truth` gives, changed where the sandbox knows too little variety.
        zone: Where it is.
        as_of: When it was last loaded.
        slots: Rows of the table `slots`, of two snapshots.
        vanished: Bookings that a load still saw, and that are gone.
    """

    truth: dict[str, Any]
    zone: ZoneInfo
    as_of: datetime
    slots: tuple[dict[str, Any], ...]
    vanished: tuple[dict[str, Any], ...]

    @property
    def account_id(self) -> str:
        return str(self.truth["accountId"])


def invent() -> list[World]:
    """Makes the businesses; always the same."""
    business = Business.generate(seed=2, bookings=700, years=1.3, accounts=2, keep_payments=True)
    before = [business.truth(account) for account in business.accounts]
    slots = [snapshot(business, number, truth) for number, truth in enumerate(before)]
    business.advance(86_400 * DAYS_BETWEEN_SNAPSHOTS)
    for account in business.accounts:
        account.delete_customer(next(iter(account.bookings.values())).customer)
    worlds = []
    for number, account in enumerate(business.accounts):
        truth = business.truth(account)
        slots[number] += snapshot(business, number, truth)
        truth = vary(truth, other_currency=("NZD", "CHF")[number])
        gone = [b for b in before[number]["bookings"] if b["bookingNumber"] in truth["deletedBookings"]]
        assert gone
        now = datetime.fromtimestamp(business.now(), UTC)
        worlds.append(World(truth, account.profile.zone, now, tuple(slots[number]), tuple(gone)))
    return worlds


def vary(truth: dict[str, Any], other_currency: str) -> dict[str, Any]:
    """Adds what the sandbox never does: a second currency, and what the API may leave out."""
    for number, booking in enumerate(truth["bookings"]):
        if number % 7 == 3:
            for total in ("totalGross", "totalNet", "totalTaxes", "totalPaid"):
                booking["price"][total]["currency"] = other_currency
            for adjustment in booking.get("priceAdjustments", []):
                adjustment["unitPrice"]["currency"] = other_currency
        if number % 31 == 5:
            del booking["price"]
        if number % 23 == 4:
            booking["customerId"] = None
        if booking["canceled"] and number % 5 == 0:
            del booking["cancelationTime"]
        if number % 37 == 8:
            del booking["startTime"], booking["endTime"]
        if number % 29 == 6 and "price" in booking:
            booking["price"]["totalPaid"]["currency"] = "GBP"
    # Three ids of one person, and as many of one address as are strangers to each other.
    with_address = [customer for customer in truth["customers"] if customer.get("emailAddress")]
    for place, spelt in enumerate(("Ada@Example.org", "ada@example.org ", "ADA@example.org")):
        with_address[3 * place]["emailAddress"] = spelt
    for customer in with_address[10:16]:
        customer["emailAddress"] = "front.desk@example.org"
    truth["settings"]["products"].pop(1)  # no longer sold
    return truth


def snapshot(business: Business, number: int, truth: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What `/availability/slots` shows now, worked out from the bookings."""
    account = business.accounts[number]
    zone = account.profile.zone
    seats = {category["id"]: category["numSeats"] for category in truth["settings"]["peoplecategories"]}
    now = business.now()
    of_slot: dict[str, list[Mapping[str, Any]]] = {}
    for booking in truth["bookings"]:
        if not booking["canceled"]:
            of_slot.setdefault(booking.get("eventId"), []).append(booking)
    rows = []
    for product in account.profile.products:
        if product.type == "flexibleTime":
            continue
        for start in events_between(product, now, now + SLOT_DAYS * 86_400 - 1, zone):
            event = event_id(product, start, zone)
            taken = sum(
                1
                if product.booking_price is not None
                else sum(seats[p["peopleCategoryId"]] * p["number"] for p in b["participants"]["numbers"])
                for b in of_slot.get(event, [])
            )
            private = any(b["privateEvent"] for b in of_slot.get(event, []))
            clock = datetime.fromtimestamp(start, zone)
            rows.append(
                {
                    "product_id": product.id,
                    "event_id": event,
                    "snapshot_at": datetime.fromtimestamp(now, UTC),
                    "start_time": clock.astimezone(UTC),
                    "end_time": (clock + timedelta(minutes=product.minutes)).astimezone(UTC),
                    "start_date_local": clock.date(),
                    "start_time_local": clock.time(),
                    "num_seats_available": 0 if private else max(product.capacity - taken, 0),
                }
            )
    return rows


def rows_of(world: World) -> dict[str, list[dict[str, Any]]]:
    """The rows of every loaded table, each with its account."""
    rows = {name: list(found) for name, found in expected_rows(world.truth, unlinked_payments=True).items()}
    with_vanished = expected_rows({**world.truth, "bookings": world.vanished})
    for name in ("bookings", "booking_participants", "booking_price_adjustments", "booking_coupons"):
        gone = {"deleted_at": world.as_of} if name == "bookings" else {}
        rows[name] += [row | gone for row in with_vanished[name]]
    rows["slots"] = list(world.slots)
    windows = ((world.as_of - timedelta(days=31), "bookings"), (world.as_of, "payments"))
    rows["load_windows"] = [
        {"resource": what, "window_start": at, "server_time": at, "loaded_at": at} for at, what in windows
    ] + [{"resource": "bookings", "window_start": world.as_of, "server_time": world.as_of, "loaded_at": world.as_of}]
    # Later an old month was read again, which tells nothing about what has happened since.
    later = world.as_of + timedelta(days=40)
    old = {"window_start": world.as_of - timedelta(days=300), "server_time": later, "loaded_at": later}
    rows["load_windows"].append({"resource": "bookings", **old})
    rows["load_runs"] = [
        {"started_at": at, "ended_at": at, "bookings_until": until}
        for at, until in ((world.as_of - timedelta(days=1), world.as_of - timedelta(days=1)), (later, world.as_of))
    ]
    return {name: [{**row, "account_id": world.account_id} for row in rows[name]] for name in LOADED}


def write_tables(
    destination: str,
    tables: Iterable[str],
    worlds: Iterable[World],
    execute: Callable[[str], Any],
    copy_in: Callable[[str, str, str], Any],
) -> None:
    """Makes loaded tables anew, with the types that dlt gives them.

    Args:
        destination: `duckdb` or `postgres`.
        tables: Their names.
        worlds: The businesses that they hold.
        execute: Runs a statement.
        copy_in: Copies CSV into a table: its name, its columns, the CSV.
    """
    types = make_destination(destination).capabilities().get_type_mapper()
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in LOADED}
    for world in worlds:
        for name, found in rows_of(world).items():
            rows[name] += found
    execute(f"CREATE SCHEMA IF NOT EXISTS {DATASET}")
    for name in tables:
        columns = dlt_columns(TABLES[name])
        declared = ", ".join(
            f'"{c}" {types.to_destination_type(hints, {"name": name})}' for c, hints in columns.items()
        )
        execute(f"DROP TABLE IF EXISTS {DATASET}.{name} CASCADE")
        execute(f"CREATE TABLE {DATASET}.{name} ({declared})")
        if rows[name]:
            given = [c for c, hints in columns.items() if c in rows[name][0] and hints["data_type"] != "json"]
            text = io.StringIO()
            writer = csv.DictWriter(text, given, extrasaction="ignore", lineterminator="\n")
            writer.writerows({k: str(v) for k, v in row.items() if v is not None} for row in rows[name])
            copy_in(f"{DATASET}.{name}", ", ".join(f'"{column}"' for column in given), text.getvalue())
