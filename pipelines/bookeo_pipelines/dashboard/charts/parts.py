"""What the charts have in common: colors, axes, titles, and what is told of a point."""

from __future__ import annotations

import json
import textwrap
from decimal import Decimal
from typing import Any

import altair as alt
import pandas as pd

TEAL, ORANGE, GREY, NIGHT = "#1b7f95", "#e08a1e", "#b4bdc5", "#24323d"
HEIGHT = 250
DATES = ("period", "week", "month", "day", "cohort_month")
"""Columns that hold days."""
_LENGTHS = {"day": pd.DateOffset(days=1), "week": pd.DateOffset(weeks=1), "month": pd.DateOffset(months=1)}
TIMES = alt.TimeFormatSpecifier(year="%Y", quarter="%b %Y", month="%b %Y", week="%-d %b", date="%-d %b", day="%-d %b")
"""How an axis writes days."""
_SPECIAL = {
    "week": "week from",
    "cohort_month": "first booked in",
    "gross_rate": "share of revenue",
    "received_rate": "share of what was received",
    "bookings_rate": "share of bookings",
    "bookings_made": "bookings with canceled ones",
    "kept_amount": "received less refunded",
    "gross_amount": "revenue with taxes",
    "last_year_gross_amount": "revenue with taxes, last year",
    "gross_per_day_amount": "revenue a day",
    "cumulative_gross_amount": "revenue so far",
}


def label(name: str, currency: str, step: str = "day") -> str:
    """Says in words what a column of a figure holds.

    Args:
        name: The column.
        currency: The currency of its amounts.
        step: What a `period` is.

    Returns:
        Words with the unit.
    """
    if name == "period":
        name = step
    words = _SPECIAL.get(name) or name.removesuffix("_amount").replace("_", " ").replace("no show", "no-show")
    return f"{words}, {currency}" if name.endswith("_amount") else words


def drawable(frame: pd.DataFrame, step: str = "day") -> pd.DataFrame:
    """Makes floats and times of a figure; the exact amounts stand in the table behind the chart.

    Args:
        frame: The figure.
        step: What a `period` is.

    Returns:
        Another frame; where it has a period, week or month, `until` says where that ends, and
        `middle` where a point of it is drawn.
    """
    drawn = frame.copy()
    for name in drawn:
        if name in DATES:
            drawn[name] = pd.to_datetime(drawn[name])
        elif drawn[name].map(lambda value: value is None or isinstance(value, Decimal | int | float)).all():
            drawn[name] = drawn[name].astype("float64")
    for name, length in {"period": step, "week": "week", "month": "month", "day": "day"}.items():
        if name in drawn:
            drawn["until"] = drawn[name] + _LENGTHS[length]
            drawn["middle"] = drawn[name] + (drawn["until"] - drawn[name]) / 2
    return drawn


def tip(frame: pd.DataFrame, currency: str, step: str = "day") -> list[alt.Tooltip]:
    """Tells of a point all of its row.

    Args:
        frame: The figure.
        currency: The currency of its amounts.
        step: What a `period` is.

    Returns:
        The tooltips.
    """
    told = []
    for name in map(str, frame.columns):
        title = label(name, currency, step)
        if name in DATES:
            monthly = title in ("month", "first booked in")
            told.append(alt.Tooltip(f"{name}:T", title=title, format="%B %Y" if monthly else "%a %-d %b %Y"))
        elif frame[name].map(lambda value: isinstance(value, str)).any():
            told.append(alt.Tooltip(f"{name}:N", title=title))
        else:
            written = ".1%" if name.endswith("_rate") else ",.2f" if name.endswith("_amount") else ",d"
            told.append(alt.Tooltip(f"{name}:Q", title=title, format=written))
    return told


def time_axis(name: str = "middle") -> alt.X:
    """Makes an axis of time.

    Args:
        name: The column; other than `middle` for bars, which reach from there to `until`.

    Returns:
        The encoding.
    """
    axis = alt.Axis(labelOverlap=True, labelSeparation=8, tickCount=6, format=TIMES)
    return alt.X(f"{name}:T", bin=alt.Undefined if name == "middle" else "binned", title=None, axis=axis)


def amount_axis(name: str, title: str) -> alt.Y:
    """Makes an axis of amounts or counts.

    Args:
        name: The column.
        title: The unit.

    Returns:
        The encoding.
    """
    return alt.Y(f"{name}:Q", title=title, axis=alt.Axis(format=",f", tickCount=5))


def share_axis(name: str, title: str) -> alt.Y:
    """Makes an axis of rates.

    Args:
        name: The column.
        title: What they are a share of.

    Returns:
        The encoding.
    """
    return alt.Y(f"{name}:Q", title=title, axis=alt.Axis(format="%", tickCount=5))


def _title(text: str) -> alt.ExprRef:
    """Breaks a title into lines where the chart is as narrow as on a telephone: Vega would cut off what does not fit.

    Args:
        text: The title.

    Returns:
        An expression of the chart's width.
    """
    return alt.ExprRef(
        f"width && containerSize()[0] < 400 ? {json.dumps(textwrap.wrap(text, 28))} : {json.dumps(text)}"
    )


def finished(chart: Any, title: str, note: str, height: int = HEIGHT) -> Any:
    """Gives a chart its title and looks.

    Args:
        chart: The chart.
        title: What it shows, with the unit.
        note: What counts.
        height: Its height in pixels.

    Returns:
        The chart, as wide as there is room.
    """
    quiet = "#5b6670"
    looks = alt.Config(
        font="system-ui, sans-serif",
        background="transparent",
        view=alt.ViewConfig(stroke=None),
        title=alt.TitleConfig(
            anchor="start",
            frame="bounds",
            offset=14,
            fontSize=15,
            fontWeight=600,
            color=NIGHT,
            subtitleFontSize=12,
            subtitleColor=quiet,
            subtitlePadding=5,
        ),
        axis=alt.AxisConfig(
            domain=False,
            ticks=False,
            labelPadding=6,
            labelColor=quiet,
            labelFontSize=11,
            titleColor=quiet,
            titleFontSize=11,
            titleFontWeight="normal",
            gridColor="#e8ebee",
        ),
        axisX=alt.AxisConfig(grid=False),
        legend=alt.LegendConfig(
            orient="top", title=None, labelFontSize=12, labelColor=NIGHT, symbolType="square", offset=6
        ),
    )
    return chart.properties(
        width="container",
        height=height,
        description=f"{title}. {note}",
        title=alt.TitleParams(_title(title), subtitle=textwrap.wrap(note, 42)),
        # The picture can be saved; nothing is offered that would send its data to a web site.
        usermeta={"embedOptions": {"actions": {"export": True, "source": False, "compiled": False, "editor": False}}},
        config=looks,
    )
