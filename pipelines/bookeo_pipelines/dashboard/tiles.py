"""The figures at the top of the dashboard, beside those of the same period last year."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from bookeo_pipelines.dashboard.marts import Marts
from bookeo_pipelines.dashboard.selection import CHOSEN, Selection

UNKNOWN = "–"
"""Stands where there is no figure."""


@dataclass(frozen=True)
class Tile:
    """One figure.

    Args:
        label: What it is.
        value: The figure, None where there is none: money as Decimal, rates between 0 and 1.
        last_year: The same for the same period last year; None where there is none.
        kind: `money`, `count`, `days` or `rate`.
        better: `more` or `less`, where one of them is the better one.
        note: What else is to be said; instead of last year's figure if that has no meaning.
    """

    label: str
    value: Any
    last_year: Any = None
    kind: str = "count"
    better: str = ""
    note: str = ""


def figures(marts: Marts, selection: Selection) -> dict[str, Any]:
    """Works out the figures of a selection.

    Args:
        marts: The marts.
        selection: What is chosen.

    Returns:
        By name: `booked_amount`, `recognised_amount`, `bookings`, `seats`, `occupancy`, `lead_days`, `canceled`,
        `no_show`, `returning`; None where there is nothing to make a figure of.
    """
    return {
        **marts.row(_BOOKED, **selection.values),
        **marts.row(_TOURS, **selection.values),
        **marts.row(_OCCUPANCY, **selection.values),
    }


def outstanding(marts: Marts, selection: Selection) -> dict[str, Any]:
    """Works out what customers owe as of today, for tours of any day.

    Args:
        marts: The marts.
        selection: What is chosen; its days do not matter.

    Returns:
        `outstanding_amount`, and the `overdue_amount` in it.
    """
    return marts.row(_OUTSTANDING, **selection.values)


_BOOKED = f"""
    SELECT sum(gross_amount) AS booked_amount, sum(standing_bookings) AS bookings,
           sum(lead_days) / nullif(sum(standing_bookings), 0) AS lead_days,
           sum(returning_customer_bookings) / nullif(sum(returning_customer_bookings + new_customer_bookings), 0)
               AS returning
    FROM mart_booked_by_day WHERE {CHOSEN} AND booked_date BETWEEN $since AND $until"""
_TOURS = f"""
    SELECT sum(recognised_gross_amount) AS recognised_amount, sum(seats) AS seats,
           sum(canceled_bookings) / nullif(sum(bookings), 0) AS canceled,
           sum(no_show_bookings) / nullif(sum(taken_place_bookings), 0) AS no_show
    FROM mart_tours_by_day WHERE {CHOSEN} AND tour_date BETWEEN $since AND $until"""
IN_CURRENCY = """account_id = coalesce($account, account_id)
    AND product_id = coalesce($product, product_id)
    AND account_id IN (SELECT account_id FROM dim_accounts WHERE coalesce(main_currency, $currency) = $currency)"""
"""Condition on rows of a mart without a currency: of accounts that take this one."""
_OCCUPANCY = f"""
    SELECT sum(seats_booked) / nullif(sum(capacity), 0) AS occupancy
    FROM mart_occupancy_by_day WHERE {IN_CURRENCY} AND tour_date BETWEEN $since AND $until"""
_OUTSTANDING = f"""
    SELECT sum(outstanding_amount) AS outstanding_amount, sum(overdue_amount) AS overdue_amount
    FROM mart_tours_by_day WHERE {CHOSEN}"""


def comparison(selection: Selection, first: date) -> str:
    """Says what the tiles are compared with.

    Args:
        selection: What is chosen.
        first: The first day of which anything is known.

    Returns:
        Why there is nothing to compare with; empty where there is.
    """
    if selection.until > selection.today:
        return "the period ends after today"
    if selection.last_year.since < first:
        return f"nothing is known of before {first.day} {first:%b %Y}"
    return ""


def tiles(marts: Marts, selection: Selection, *, compared: bool) -> list[Tile]:
    """Makes the tiles.

    Args:
        marts: The marts.
        selection: What is chosen.
        compared: Whether last year's figures stand beside them.

    Returns:
        The tiles in the order in which they are shown.
    """
    now = figures(marts, selection)
    then = figures(marts, selection.last_year) if compared else {}
    owed = outstanding(marts, selection)
    overdue = money(owed["overdue_amount"], selection.currency)

    def tile(label: str, name: str, kind: str, better: str = "") -> Tile:
        return Tile(label, now[name], then.get(name), kind, better)

    return [
        tile("Revenue booked", "booked_amount", "money", "more"),
        tile("Revenue recognised", "recognised_amount", "money", "more"),
        tile("Bookings made", "bookings", "count", "more"),
        tile("Seats on tours", "seats", "count", "more"),
        tile("Occupancy", "occupancy", "rate", "more"),
        tile("Lead time", "lead_days", "days"),
        tile("Cancelation rate", "canceled", "rate", "less"),
        tile("No-show rate", "no_show", "rate", "less"),
        tile("Returning customers", "returning", "rate"),
        Tile("Outstanding today", owed["outstanding_amount"], kind="money", note=f"{overdue} of it is overdue"),
    ]


def money(value: Decimal | None, currency: str) -> str:
    """Writes an amount in whole units.

    Args:
        value: The amount.
        currency: Its currency.

    Returns:
        Such as `AUD 1,234`.
    """
    return UNKNOWN if value is None else f"{currency} {round(value):,}"


def written(tile: Tile, value: Any, currency: str) -> str:
    """Writes a tile's figure.

    Args:
        tile: The tile.
        value: Its figure of this or of last year.
        currency: The currency of its amounts.

    Returns:
        The figure with its unit.
    """
    if value is None:
        return UNKNOWN
    if tile.kind == "money":
        return money(value, currency)
    return {"count": "{:,.0f}", "days": "{:.1f} days", "rate": "{:.1%}"}[tile.kind].format(value)


def change(tile: Tile) -> str:
    """Says how a figure has changed since last year.

    Args:
        tile: The tile.

    Returns:
        Such as `+12 %`, for rates `+1.2 points`; empty without figures of both years.
    """
    if tile.value is None or not tile.last_year:
        return ""
    if tile.kind == "rate":
        return f"{100 * (float(tile.value) - float(tile.last_year)):+.1f} points"
    return f"{float(tile.value) / float(tile.last_year) - 1:+.0%}"
