"""Every figure of the marts once more, in pandas, from the sandbox's truth; nothing of the package is used here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
from adding_up import Frame, add_up, money, only, rate, rates
from mart_facts import bookings_of, participants_of, payments_of, slots_of
from mart_world import World

DAY = timedelta(days=1)
YEAR = timedelta(days=364)
DAYS_BEFORE = (0, 1, 3, 7, 14, 21, 28, 42, 60, 90, 180, 365)
PRODUCT = ["account_id", "product_id", "currency"]


def expected(worlds: Iterable[World]) -> dict[str, Frame]:
    """Every fact and figure, by table."""
    worlds = list(worlds)
    frames = [bookings_of(world) for world in worlds]

    def of_each(make: Callable[[Frame, World], Frame]) -> Frame:
        return pd.concat([make(f, w) for f, w in zip(frames, worlds, strict=True)], ignore_index=True)

    bookings = pd.concat(frames, ignore_index=True)
    slots, payments = of_each(slots_of), of_each(payments_of)
    return {
        "fct_bookings": bookings.drop(columns="season"),
        "fct_participants": of_each(participants_of),
        "fct_payments": payments,
        "fct_slots": slots,
        **booked(bookings),
        "mart_tours_by_day": tours(bookings),
        "mart_weekdays_and_seasons": busy_days(bookings),
        "mart_occupancy_by_day": occupancy(slots),
        "mart_payments_by_day": payment_mix(payments),
        "mart_customer_value": customer_value(bookings[bookings["customer_id"].notna()]),
        "mart_cohorts": of_each(cohorts),
        "mart_booking_pace": of_each(pace),
    }


def booked(bookings: Frame) -> dict[str, Frame]:
    stands, canceled = ~bookings["is_canceled"], bookings["is_canceled"]
    counted = {"bookings": 1, "standing_bookings": stands.astype(int)}
    gone = {"canceled_bookings": canceled.astype(int)}
    first = {"new_customer_bookings": (stands & (bookings["customer_kind"] == "new")).astype(int)}
    again = {"returning_customer_bookings": (stands & (bookings["customer_kind"] == "returning")).astype(int)}
    by_day = [*PRODUCT, "booked_date"]
    amounts = only(stands, bookings, *money("gross", "net", "tax", "discount"))
    seats = only(stands, bookings, "seats")
    gross_and_net = {name: amounts[name] for name in money("gross", "net")}
    kinds = add_up(bookings, [*by_day, "customer_kind"], counted | seats | gross_and_net)
    customers = bookings.groupby([*by_day, "customer_kind"], sort=False)["person_id"].nunique()
    return {
        "mart_booked_by_day": rates(
            add_up(
                bookings,
                by_day,
                counted
                | gone
                | first
                | again
                | only(stands, bookings, "participants", "seats", "lead_days")
                | amounts
                | only(canceled, bookings, "gross_amount", prefix="canceled_"),
            ),
            {
                "cancelation_rate": ("canceled_bookings", "bookings"),
                "lead_days_average": ("lead_days", "standing_bookings"),
            },
        ),
        "mart_sources_by_day": add_up(
            bookings, [*by_day, "source", "medium", "campaign"], counted | gone | first | seats | gross_and_net
        ),
        "mart_promotions_by_day": add_up(
            bookings,
            [*by_day, "promotion"],
            counted
            | gone
            | {"coupon_bookings": (stands & bookings["has_coupon"]).astype(int)}
            | seats
            | gross_and_net
            | {"discount_amount": amounts["discount_amount"]},
        ),
        "mart_new_and_returning_by_day": kinds.assign(customers=customers.to_numpy()),
    }


def tours(bookings: Frame) -> Frame:
    stands, over = ~bookings["is_canceled"], bookings["has_taken_place"]
    kinds = money("gross", "net", "tax", "discount")
    figures = add_up(
        bookings,
        [*PRODUCT, "tour_date", "season"],
        {
            "bookings": 1,
            "standing_bookings": stands.astype(int),
            "canceled_bookings": (~stands).astype(int),
            "taken_place_bookings": over.astype(int),
            "no_show_bookings": (over & bookings["is_no_show"]).astype(int),
            **only(stands, bookings, "participants", "seats", "lead_days", *kinds, "paid_amount"),
            **only(over, bookings, *kinds, prefix="recognised_"),
            **{name: bookings[name] for name in money("outstanding", "overpaid", "paid_otherwise")},
            "overdue_amount": bookings["outstanding_amount"].where(over, 0),
            "retained_amount": bookings["paid_amount"].where(~stands, 0),
        },
    )
    return rates(
        figures.assign(weekday=[day.isoweekday() for day in figures["tour_date"]]),
        {
            "cancelation_rate": ("canceled_bookings", "bookings"),
            "no_show_rate": ("no_show_bookings", "taken_place_bookings"),
            "lead_days_average": ("lead_days", "standing_bookings"),
        },
    )


def busy_days(bookings: Frame) -> Frame:
    stands = bookings[~bookings["is_canceled"]]
    stands = stands.assign(
        tour_year=[day.year for day in stands["tour_date"]], weekday=[day.isoweekday() for day in stands["tour_date"]]
    )
    keys = [*PRODUCT, "tour_year", "season", "weekday"]
    figures = add_up(
        stands,
        keys,
        {"standing_bookings": 1, **{n: stands[n] for n in ("participants", "seats", *money("gross", "net"))}},
    )
    return figures.assign(tour_days=stands.groupby(keys, sort=False)["tour_date"].nunique().to_numpy())


def occupancy(slots: Frame) -> Frame:
    full = (slots["seats_booked"] >= slots["capacity"]).astype(int)
    keys = ["account_id", "product_id", "tour_date"]
    figures = {"slots": 1, "full_slots": full, "capacity": slots["capacity"], "seats_booked": slots["seats_booked"]}
    return rates(add_up(slots, keys, figures), {"occupancy_rate": ("seats_booked", "capacity")})


def payment_mix(payments: Frame) -> Frame:
    amount, back = payments["amount"], payments["kind"] == "refund"
    money, nothing = payments["nature"] == "money", amount * 0
    return add_up(
        payments,
        [*PRODUCT, "received_date", "payment_method", "nature"],
        {
            "payments": (~back).astype(int),
            "refunds": back.astype(int),
            "received_amount": amount.where(~back & money, 0),
            "refunded_amount": (-amount).where(back & money, 0),
            "net_amount": amount.where(money, 0),
            "redeemed_amount": amount.where(payments["nature"] == "stored_value", 0),
            "on_account_amount": amount.where(payments["nature"] == "on_account", 0),
            "unknown_amount": nothing,
        },
    )


def month(day: date) -> date:
    return day.replace(day=1)


def customer_value(bookings: Frame) -> Frame:
    stands = ~bookings["is_canceled"]
    keys = ["account_id", "person_id", "currency"]
    figures = add_up(
        bookings,
        keys,
        {
            "bookings": 1,
            "standing_bookings": stands.astype(int),
            "canceled_bookings": (~stands).astype(int),
            "no_show_bookings": bookings["is_no_show"].astype(int),
            **only(stands, bookings, *money("gross", "net", "paid")),
            "outstanding_amount": bookings["outstanding_amount"],
        },
    )
    days: dict[Any, list[date]] = {}
    standing_days: dict[Any, list[date]] = {}
    for row in bookings.to_dict("records"):
        key = tuple(row[name] for name in keys)
        days.setdefault(key, []).append(row["booked_date"])
        if not row["is_canceled"]:
            standing_days.setdefault(key, []).append(row["booked_date"])
    order = [tuple(key) for key in figures[keys].to_numpy()]
    return rates(
        figures.assign(
            cohort_month=[month(min(standing_days[key])) if key in standing_days else None for key in order],
            first_booked_date=[min(days[key]) for key in order],
            last_booked_date=[max(days[key]) for key in order],
        ),
        {"average_gross_amount": ("gross_amount", "standing_bookings")},
        places=4,
    )


def cohorts(bookings: Frame, world: World) -> Frame:
    stands = bookings[~bookings["is_canceled"] & bookings["person_id"].notna()]
    today = month(world.as_of.astimezone(world.zone).date())
    rows = []
    for currency, of_currency in stands.groupby("currency"):
        booked = of_currency[["person_id", "booked_date", "gross_amount"]].to_dict("records")
        joined: dict[str, date] = {}
        for one in booked:  # in the order in which they were made
            joined.setdefault(one["person_id"], month(one["booked_date"]))
        for cohort, size in Counter(joined.values()).items():
            of_cohort = [one for one in booked if joined[one["person_id"]] == cohort]
            so_far, current, since = Decimal(0), cohort, 0
            while current <= today:
                here = [one for one in of_cohort if month(one["booked_date"]) == current]
                gross, active = sum(one["gross_amount"] for one in here), len({one["person_id"] for one in here})
                so_far += gross
                rows.append(
                    {
                        "account_id": world.account_id,
                        "currency": currency,
                        "cohort_month": cohort,
                        "months_since": since,
                        "activity_month": current,
                        "cohort_customers": size,
                        "active_customers": active,
                        "retention_rate": rate(active, size),
                        "bookings": len(here),
                        "gross_amount": gross,
                        "cumulative_gross_amount": so_far,
                        "lifetime_value_amount": rate(so_far, size, 4),
                    }
                )
                current, since = month(current + 31 * DAY), since + 1
    return Frame(rows)


def pace(bookings: Frame, world: World) -> Frame:
    today = world.as_of.astimezone(world.zone).date()
    found: dict[tuple[Any, ...], list[Any]] = {}
    for row in bookings.to_dict("records"):
        for days in DAYS_BEFORE:
            evening = row["tour_date"] - days * DAY
            left = row["is_canceled"] and (row["canceled_date"] is None or row["canceled_date"] <= evening)
            if row["booked_date"] > evening or left:
                continue
            for year, shown in enumerate((row["tour_date"], row["tour_date"] + YEAR)):
                if shown - days * DAY <= today:
                    key = (row["account_id"], row["product_id"], row["currency"], shown, days)
                    figures = found.setdefault(key, [0, 0, Decimal(0), 0, 0, Decimal(0)])
                    for place, value in enumerate((1, row["seats"], row["gross_amount"])):
                        figures[3 * year + place] += value
    names = ("bookings", "seats", "gross_amount")
    columns = [*PRODUCT, "tour_date", "days_before", *names, *(f"{name}_last_year" for name in names)]
    return Frame([[*key, *figures] for key, figures in found.items()], columns=columns)
