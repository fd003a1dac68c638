"""Which figures the dashboard shows, in which order: each a chart and the table behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa

from bookeo_pipelines.dashboard import customers, figures
from bookeo_pipelines.dashboard.charts import customers as customer_charts
from bookeo_pipelines.dashboard.charts import figures as charts
from bookeo_pipelines.dashboard.charts.parts import label
from bookeo_pipelines.dashboard.marts import Marts
from bookeo_pipelines.dashboard.selection import Selection

IN_PERIOD = "No bookings in this period."


@dataclass(frozen=True)
class Card:
    """A figure on the page.

    Args:
        title: What it shows.
        figure: Asks for it.
        draw: Draws it.
        otherwise: What is said where there is nothing to draw.
        needs: The column without which there is nothing to draw.
        smooth: Whether days are too short for it: their rates jump.
    """

    title: str
    figure: Callable[[Marts, Selection], pd.DataFrame]
    draw: Callable[[pd.DataFrame, str, str], Any]
    otherwise: str = IN_PERIOD
    needs: str = ""
    smooth: bool = False


SECTIONS = {
    "Revenue": (
        Card("Revenue", figures.revenue, charts.revenue),
        Card("Booking pace", customers.booking_pace, customer_charts.booking_pace, "No tours in this period so far."),
        Card("Weekdays", figures.weekdays, charts.weekdays, "No tours in this period."),
        Card("Seasons", figures.seasons, charts.seasons, "No tours yet."),
    ),
    "The weeks ahead": (
        Card("On the books", customers.on_the_books, customer_charts.on_the_books, "Nothing is on the books ahead."),
        Card(
            "How full the days ahead are",
            customers.occupancy_ahead,
            charts.occupancy,
            "No snapshot of the schedule was loaded (setting slots).",
            "occupancy_rate",
        ),
    ),
    "Tours": (
        Card("Seats", figures.seats, charts.seats, "No tours in this period."),
        Card(
            "Occupancy",
            figures.seats,
            charts.occupancy,
            "No snapshot of the schedule was loaded for these days (setting slots).",
            "occupancy_rate",
        ),
        Card("Cancelations and no-shows", figures.cancelations, charts.cancelations, smooth=True),
        Card("Lead time", figures.lead_times, charts.lead_times),
    ),
    "Customers": (
        Card("New against returning", customers.new_and_returning, customer_charts.new_and_returning),
        Card("Retention", customers.retention, customer_charts.retention, "No month has passed since the first one."),
        Card("Lifetime value", customers.lifetime_value, customer_charts.lifetime_value, "No customers yet."),
        Card("Sources", figures.sources, charts.sources),
        Card("Campaigns", figures.campaigns, charts.campaigns, "No booking of this period tells of a campaign."),
        Card("Promotions", figures.promotions, charts.promotions),
    ),
    "Money": (
        Card("Payment methods", figures.payment_methods, charts.payment_methods, "No payments in this period."),
        Card("Outstanding balance", figures.outstanding, charts.outstanding, "Nothing is outstanding."),
    ),
}


def asked(card: Card, marts: Marts, selection: Selection) -> tuple[pd.DataFrame, Any]:
    """Asks for a card's figure and draws it.

    Args:
        card: The card.
        marts: The marts.
        selection: What is chosen.

    Returns:
        The figure, and its chart; None where there is nothing to draw.
    """
    if card.smooth and selection.step == "day":
        selection = replace(selection, step="week")
    frame = card.figure(marts, selection)
    if frame.empty or (card.needs and frame[card.needs].isna().all()):
        return frame, None
    return frame, card.draw(frame, selection.currency, selection.step)


def table(frame: pd.DataFrame, selection: Selection) -> tuple[pd.DataFrame, dict[str, Any], dict[str, Any]]:
    """Makes the table behind a chart.

    Args:
        frame: The figure.
        selection: What is chosen.

    Returns:
        The same with columns that say what they hold; by column how its values are written; by column where they stand.
    """
    names = {str(name): label(str(name), selection.currency, selection.step) for name in frame.columns}
    written = {
        names[name]: _percent if name.endswith("_rate") else _amount
        for name in names
        if name.endswith(("_rate", "_amount"))
    }
    named = frame.rename(columns=names)
    for name in named:
        if named[name].map(lambda value: isinstance(value, Decimal)).any():
            # Python's own decimals would be sorted as words.
            named[name] = pd.Series(pd.arrays.ArrowExtensionArray(pa.array(named[name], from_pandas=True)))
    stand = {
        str(name): "right" for name in named if not named[name].map(lambda value: isinstance(value, str | date)).any()
    }
    return named, written, stand


def _amount(value: Any) -> str:
    return "" if pd.isna(value) else f"{value:,.2f}"


def _percent(value: Any) -> str:
    return "" if pd.isna(value) else f"{value:.1%}"
