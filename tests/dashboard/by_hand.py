"""The tiles' figures, asked of the bookings themselves rather than of the marts that the dashboard reads."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb

LABELS = {
    "Revenue booked": "sum(gross_amount) FILTER (booked AND NOT is_canceled)",
    "Revenue recognised": "sum(gross_amount) FILTER (toured AND has_taken_place)",
    "Bookings made": "count(*) FILTER (booked AND NOT is_canceled)",
    "Seats on tours": "sum(seats) FILTER (toured AND NOT is_canceled)",
    "Lead time": "avg(lead_days) FILTER (booked AND NOT is_canceled)",
    "Cancelation rate": "avg(is_canceled::INT) FILTER (toured)",
    "No-show rate": "avg(is_no_show::INT) FILTER (toured AND has_taken_place)",
    "Returning customers": (
        "avg((customer_kind = 'returning')::INT) FILTER (booked AND NOT is_canceled AND customer_kind <> 'unknown')"
    ),
    "Outstanding today": "sum(gross_amount - paid_amount) FILTER (NOT is_canceled AND gross_amount > paid_amount)",
}


def figures(
    database: Path, currency: str, since: date, until: date, product: str | None = None, account: str | None = None
) -> dict[str, Any]:
    """What the tiles must show, by their labels."""
    sql = f"""
        SELECT {", ".join(LABELS.values())} FROM (
            SELECT *, booked_date BETWEEN $since AND $until AS booked, tour_date BETWEEN $since AND $until AS toured
            FROM bookeo_marts.fct_bookings INNER JOIN bookeo_marts.dim_products USING (account_id, product_id)
            WHERE currency = $currency AND ($product IS NULL OR product_name = $product)
              AND ($account IS NULL OR account_id = $account)
        )"""
    values = {"currency": currency, "since": since, "until": until, "product": product, "account": account}
    with duckdb.connect(str(database), read_only=True) as connection:
        [row] = connection.execute(sql, values).fetchall()
    return dict(zip(LABELS, row, strict=True))


def shown(label: str, value: Any, currency: str) -> str:
    """How the page writes a figure."""
    if value is None:
        return "–"
    if label in ("Revenue booked", "Revenue recognised", "Outstanding today"):
        return f"{currency} {round(value):,}"
    if label == "Lead time":
        return f"{value:.1f} days"
    return f"{value:.1%}" if "rate" in label or "customers" in label else f"{value:,.0f}"


def last_days(today: date, days: int) -> tuple[date, date]:
    """The period of so many days that ends today."""
    return today - timedelta(days=days - 1), today
