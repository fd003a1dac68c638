"""Bookings, slots, payments and participants once more, from the sandbox's truth and without the package."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from adding_up import Frame
from mart_world import World

CENT = Decimal("0.0001")
SOUTH = {"AU"}


def amount(price: Mapping[str, Any], name: str) -> Decimal:
    return Decimal(price[name]["amount"] if name in price else 0).quantize(CENT)


def season(day: date, country: str) -> str:
    northern = ("winter", "spring", "summer", "autumn")
    return northern[(day.month % 12 // 3 + (2 if country in SOUTH else 0)) % 4]


def bookings_of(world: World) -> Frame:
    """One row for each booking, with everything that figures are made of."""
    truth, zone = world.truth, world.zone
    seats = {category["id"]: category["numSeats"] for category in truth["settings"]["peoplecategories"]}
    sold_whole = {
        product["productId"]
        for product in truth["settings"]["products"]
        if product.get("defaultRates") and not any("peopleCategoryId" in r for r in product["defaultRates"])
    }
    country = truth["settings"]["business"]["streetAddress"]["countryCode"]
    made_by: Counter[str] = Counter()
    person_of = persons(truth["customers"])
    rows = []
    for booking in sorted(truth["bookings"], key=lambda b: (at(b["creationTime"]), b["bookingNumber"])):
        customer = booking.get("customerId")
        person = person_of.get(customer, customer)
        made_by[person] += 1
        price, people = booking.get("price", {}), booking["participants"]["numbers"]
        gross, paid, canceled = amount(price, "totalGross"), amount(price, "totalPaid"), booking["canceled"]
        made = at(booking["creationTime"])
        start = at(booking["startTime"]) if "startTime" in booking else made
        gone = at(booking["cancelationTime"]) if canceled and "cancelationTime" in booking else None
        tour = date.fromisoformat(booking.get("startTime", booking["creationTime"])[:10])
        booked = made.astimezone(zone).date()
        adjusted = [Decimal(a["unitPrice"]["amount"]) * a["quantity"] for a in booking.get("priceAdjustments", [])]
        elsewhere = bool(price) and paid != 0 and price["totalPaid"]["currency"] != price["totalGross"]["currency"]
        balance = Decimal(0) if canceled or elsewhere else gross - paid
        kind = "returning" if made_by[person] > 1 else "new"
        rows.append(
            {
                "account_id": world.account_id,
                "booking_number": booking["bookingNumber"],
                "product_id": booking["productId"],
                "customer_id": customer,
                "person_id": person,
                "event_id": booking.get("eventId"),
                "status": "canceled" if canceled else "standing",
                "is_canceled": canceled,
                "is_no_show": bool(booking.get("noShow")) and not canceled,
                "has_taken_place": not canceled and start <= world.as_of,
                "booked_date": booked,
                "tour_date": tour,
                "canceled_date": gone and gone.astimezone(zone).date(),
                "creation_time": made,
                "start_time": start,
                "cancelation_time": gone,
                "lead_days": max((tour - booked).days, 0),
                "participants": sum(p["number"] for p in people),
                "seats": 1
                if booking["productId"] in sold_whole
                else sum(p["number"] * seats[p["peopleCategoryId"]] for p in people),
                "source": booking.get("source", "unknown"),
                **dict.fromkeys(("medium", "campaign", "term", "content", "referrer"), "none"),
                "promotion": booking.get("promotionName", "none"),
                "has_coupon": bool(booking.get("couponCodes")),
                "customer_booking": made_by[person] if customer else None,
                "customer_kind": kind if customer else "unknown",
                "currency": price["totalGross"]["currency"] if price else "XXX",
                "gross_amount": gross,
                "net_amount": amount(price, "totalNet"),
                "tax_amount": amount(price, "totalTaxes"),
                "discount_amount": -sum((a for a in adjusted if a < 0), Decimal(0)) if price else Decimal(0),
                "paid_amount": Decimal(0) if elsewhere else paid,
                "outstanding_amount": max(balance, Decimal(0)),
                "overpaid_amount": max(-balance, Decimal(0)),
                "paid_otherwise_amount": gross if elsewhere and not canceled else Decimal(0),
                "season": season(tour, country),
            }
        )
    return Frame(rows).astype(
        {"customer_id": object, "person_id": object, "customer_booking": object, "canceled_date": object}
    )


def persons(customers: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The first of the ids under which a person is a customer, by each of up to five that share an address."""
    by_address: dict[str, list[Mapping[str, Any]]] = {}
    for customer in customers:
        if address := customer.get("emailAddress", "").strip().lower():
            by_address.setdefault(address, []).append(customer)
    return {
        customer["id"]: min(same, key=lambda one: (at(one["creationTime"]), one["id"]))["id"]
        for same in by_address.values()
        if len(same) <= 5
        for customer in same
    }


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def slots_of(bookings: Frame, world: World) -> Frame:
    last: dict[tuple[str, str], dict[str, Any]] = {}
    first: dict[tuple[str, str], datetime] = {}
    for slot in world.slots:
        key = (slot["product_id"], slot["event_id"])
        last[key] = slot
        first.setdefault(key, slot["snapshot_at"])
    of_slot: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in bookings.to_dict("records"):
        of_slot.setdefault((row["product_id"], row["event_id"]), []).append(row)
    rows = []
    for (product, event), slot in last.items():
        seen, here = slot["snapshot_at"], of_slot.get((product, event), [])
        then = [
            row["seats"]
            for row in here
            if row["creation_time"] <= seen
            and (not row["is_canceled"] or (row["cancelation_time"] is not None and row["cancelation_time"] > seen))
        ]
        now = [row["seats"] for row in here if not row["is_canceled"]]
        rows.append(
            {
                "account_id": world.account_id,
                "product_id": product,
                "event_id": event,
                "tour_date": slot["start_date_local"],
                "start_time": slot["start_time"],
                "end_time": slot["end_time"],
                "first_seen_at": first[(product, event)],
                "last_seen_at": seen,
                "seats_available": slot["num_seats_available"],
                "capacity": slot["num_seats_available"] + sum(then),
                "bookings": len(now),
                "seats_booked": sum(now),
            }
        )
    return Frame(rows)


NATURES = {"existingCredit": "stored_value", "moneyVoucher": "stored_value", "accountCredit": "on_account"}
"""What is no money; written down here once more, as the project says it."""


def payments_of(bookings: Frame, world: World) -> Frame:
    products = dict(zip(bookings["booking_number"], bookings["product_id"], strict=True))
    rows = []
    for payment in world.truth["payments"]:
        number, paid = payment.get("bookingNumber"), Decimal(payment["amount"]["amount"]).quantize(CENT)
        rows.append(
            {
                "account_id": world.account_id,
                "payment_id": payment["id"],
                "booking_number": number if number in products else None,
                "product_id": products.get(number),
                "customer_id": payment.get("customerId"),
                "received_time": at(payment["receivedTime"]),
                "received_date": at(payment["receivedTime"]).astimezone(world.zone).date(),
                "payment_method": payment["paymentMethod"],
                "nature": NATURES.get(payment["paymentMethod"], "money"),
                "kind": "refund" if paid < 0 else "payment",
                "is_online": "agent" not in payment,
                "gateway_name": payment.get("gatewayName"),
                "currency": payment["amount"]["currency"],
                "amount": paid,
            }
        )
    return Frame(rows).astype(object)


def participants_of(bookings: Frame, world: World) -> Frame:
    categories = {one["id"]: one for one in world.truth["settings"]["peoplecategories"]}
    of_booking = ["account_id", "booking_number", "product_id", "tour_date", "is_canceled"]
    known = {row["booking_number"]: row for row in bookings[of_booking].to_dict("records")}
    return Frame(
        {
            **known[booking["bookingNumber"]],
            "people_category_id": people["peopleCategoryId"],
            "people_category": categories[people["peopleCategoryId"]]["name"],
            "participants": people["number"],
            "seats": people["number"] * categories[people["peopleCategoryId"]]["numSeats"],
        }
        for booking in world.truth["bookings"]
        for people in booking["participants"]["numbers"]
    )
