"""Charts of `figures`. A title says what is shown, a line below it what counts; axes bear the unit."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from bookeo_pipelines.dashboard.charts.parts import (
    GREY,
    NIGHT,
    ORANGE,
    TEAL,
    amount_axis,
    drawable,
    finished,
    share_axis,
    time_axis,
    tip,
)
from bookeo_pipelines.dashboard.figures import LEAD_TIMES

WITH_TAXES = "With taxes."


def revenue(frame: pd.DataFrame, currency: str, step: str) -> Any:
    """Draws `figures.revenue`: bars of revenue recognised, a line of revenue booked.

    Args:
        frame: The figure.
        currency: The currency of its amounts.
        step: What a bar stands for.

    Returns:
        The chart.
    """
    base = alt.Chart(drawable(frame, step)).encode(tooltip=tip(frame, currency, step))
    colors = alt.Color("kind:N", scale=alt.Scale(domain=["Recognised", "Booked"], range=[TEAL, ORANGE]))
    bars = (
        base.transform_calculate(kind="'Recognised'")
        .mark_bar(opacity=0.8)
        .encode(x=time_axis("period"), x2="until:T", y=amount_axis("recognised_gross_amount", currency), color=colors)
    )
    line = (
        base.transform_calculate(kind="'Booked'")
        .mark_line(strokeWidth=2, point=len(frame) < 20)
        .encode(x=time_axis(), y="booked_gross_amount:Q", color=colors)
    )
    note = "Booked on the day of booking; recognised on the day of the tour, once it has taken place. " + WITH_TAXES
    return finished(bars + line, f"Revenue by {step}, {currency}", note)


def seats(frame: pd.DataFrame, currency: str, step: str) -> Any:
    """Draws the seats of `figures.seats`.

    Args:
        frame: The figure.
        currency: The currency of its amounts.
        step: What a bar stands for.

    Returns:
        The chart.
    """
    bars = (
        alt.Chart(drawable(frame, step))
        .mark_bar(color=TEAL, opacity=0.8)
        .encode(
            x=time_axis("period"), x2="until:T", y=amount_axis("seats", "seats"), tooltip=tip(frame, currency, step)
        )
    )
    return finished(bars, f"Seats by {step}", "Seats of bookings that are not canceled, by the day of the tour.")


def occupancy(frame: pd.DataFrame, currency: str, step: str) -> Any:
    """Draws an occupancy, of `figures.seats` or `customers.occupancy_ahead`.

    Args:
        frame: The figure.
        currency: The currency of its amounts.
        step: What a bar stands for.

    Returns:
        The chart.
    """
    when = "day" if "day" in frame else "period"
    bars = (
        alt.Chart(drawable(frame, step))
        .mark_bar(color=ORANGE, opacity=0.85)
        .encode(
            x=time_axis(when),
            x2="until:T",
            y=share_axis("occupancy_rate", "seats booked of all"),
            tooltip=tip(frame, currency, step),
        )
    )
    title = f"Occupancy by {step}" if when == "period" else "How full the days ahead are"
    return finished(bars, title, "Seats booked of the seats there are, where snapshots of the schedule were loaded.")


def cancelations(frame: pd.DataFrame, currency: str, step: str) -> Any:
    """Draws `figures.cancelations`: two lines.

    Args:
        frame: The figure.
        currency: The currency of its amounts.
        step: What a point stands for.

    Returns:
        The chart.
    """
    lines = (
        alt.Chart(drawable(frame, step))
        .transform_fold(["cancelation_rate", "no_show_rate"], as_=["rate", "share"])
        .transform_calculate(kind="datum.rate == 'no_show_rate' ? 'No-shows' : 'Canceled'")
        .mark_line(strokeWidth=2, point=alt.OverlayMarkDef(size=24))
        .encode(
            x=time_axis(),
            y=share_axis("share", "share of bookings"),
            color=alt.Color("kind:N", scale=alt.Scale(domain=["Canceled", "No-shows"], range=[ORANGE, TEAL])),
            tooltip=tip(frame, currency, step),
        )
    )
    note = "By the day of the tour. No-shows are of bookings that have taken place."
    return finished(lines, f"Cancelation and no-show rates by {step}", note)


def lead_times(frame: pd.DataFrame, currency: str, step: str) -> Any:
    """Draws `figures.lead_times`.

    Args:
        frame: The figure.
        currency: The currency of its amounts.
        step: Not used.

    Returns:
        The chart.
    """
    bars = (
        alt.Chart(drawable(frame))
        .mark_bar(color=TEAL, opacity=0.85)
        .encode(
            x=alt.X("lead_time:N", sort=list(LEAD_TIMES), title=None, axis=alt.Axis(labelAngle=-40)),
            y=amount_axis("bookings", "bookings"),
            tooltip=tip(frame, currency),
        )
    )
    return finished(bars, "How long before the tour people book", "Bookings made in the period that are not canceled.")


def outstanding(frame: pd.DataFrame, currency: str, step: str) -> Any:
    """Draws `figures.outstanding`: overdue and not yet due, one on the other.

    Args:
        frame: The figure.
        currency: The currency of its amounts.
        step: Not used.

    Returns:
        The chart.
    """
    bars = (
        alt.Chart(drawable(frame))
        .transform_fold(["overdue_amount", "not_yet_due_amount"], as_=["part", "amount"])
        .transform_calculate(kind="datum.part == 'overdue_amount' ? 'Overdue' : 'Not yet due'")
        .mark_bar(opacity=0.85)
        .encode(
            x=time_axis("month"),
            x2="until:T",
            y=amount_axis("amount", currency),
            color=alt.Color("kind:N", scale=alt.Scale(domain=["Overdue", "Not yet due"], range=[ORANGE, TEAL])),
            tooltip=tip(frame, currency),
        )
    )
    note = "What customers owe as of today, by the month of the tour, whatever the period."
    return finished(bars, f"Outstanding balance, {currency}", note)


def mix(frame: pd.DataFrame, currency: str, amount: str, title: str, note: str) -> Any:
    """Draws shares of an amount, the largest first: by what the figure's first column says.

    Args:
        frame: The figure.
        currency: The currency of its amounts.
        amount: The column with the amount.
        title: Title of the chart.
        note: What counts.

    Returns:
        The chart.
    """
    name = str(frame.columns[0])
    rate = amount.replace("_amount", "_rate")
    largest = float(frame[amount].max())
    # On a telephone, too, there must be room for the share beside the longest bar.
    room = alt.Scale(domainMax=1.25 * largest) if largest > 0 else alt.Undefined
    base = alt.Chart(drawable(frame)).encode(
        x=alt.X(f"{amount}:Q", title=currency, scale=room, axis=alt.Axis(format=",f", tickCount=4)),
        y=alt.Y(f"{name}:N", sort=None, title=None, axis=alt.Axis(labelLimit=110)),
        tooltip=tip(frame, currency),
    )
    bars = base.mark_bar(color=TEAL, opacity=0.85)
    shares = base.mark_text(align="left", dx=4, color=NIGHT, fontSize=11).encode(
        text=alt.Text(f"{rate}:Q", format=".0%")
    )
    return finished(bars + shares, f"{title}, {currency}", note, height=max(90, 30 * len(frame)))


def payment_methods(frame: pd.DataFrame, currency: str, step: str) -> Any:
    """Draws `figures.payment_methods`.

    Args:
        frame: The figure.
        currency: The currency of its amounts.
        step: Not used.

    Returns:
        The chart.
    """
    return mix(frame, currency, "received_amount", "Payment methods", "Money received in the period, before refunds.")


def sources(frame: pd.DataFrame, currency: str, step: str) -> Any:
    """Draws `figures.sources`.

    Args:
        frame: The figure.
        currency: The currency of its amounts.
        step: Not used.

    Returns:
        The chart.
    """
    return mix(
        frame, currency, "gross_amount", "Where bookings come from", "Revenue booked in the period. " + WITH_TAXES
    )


def campaigns(frame: pd.DataFrame, currency: str, step: str) -> Any:
    """Draws `figures.campaigns`.

    Args:
        frame: The figure.
        currency: The currency of its amounts.
        step: Not used.

    Returns:
        The chart.
    """
    return mix(frame, currency, "gross_amount", "Campaigns", "Revenue booked in the period. " + WITH_TAXES)


def promotions(frame: pd.DataFrame, currency: str, step: str) -> Any:
    """Draws `figures.promotions`.

    Args:
        frame: The figure.
        currency: The currency of its amounts.
        step: Not used.

    Returns:
        The chart.
    """
    return mix(frame, currency, "gross_amount", "Promotions", "Revenue booked in the period, with and without one.")


def weekdays(frame: pd.DataFrame, currency: str, step: str) -> Any:
    """Draws `figures.weekdays`.

    Args:
        frame: The figure.
        currency: The currency of its amounts.
        step: Not used.

    Returns:
        The chart.
    """
    bars = (
        alt.Chart(drawable(frame))
        .mark_bar(color=TEAL, opacity=0.85)
        .encode(
            x=alt.X(
                "weekday:N", sort=None, title=None, axis=alt.Axis(labelAngle=0, labelExpr="slice(datum.label, 0, 3)")
            ),
            y=amount_axis("gross_per_day_amount", f"{currency} a day"),
            tooltip=tip(frame, currency),
        )
    )
    note = "Average of a day of the period, by the day of the tour. " + WITH_TAXES
    return finished(bars, f"Revenue by day of the week, {currency}", note)


def seasons(frame: pd.DataFrame, currency: str, step: str) -> Any:
    """Draws `figures.seasons`: bars for each year, season by season.

    Args:
        frame: The figure.
        currency: The currency of its amounts.
        step: Not used.

    Returns:
        The chart.
    """
    years = sorted(map(str, frame["year"].unique()))
    colors = [GREY, "#8fb8c2", TEAL, ORANGE]
    bars = (
        alt.Chart(drawable(frame.assign(year=frame["year"].astype(str))))
        .mark_bar(opacity=0.9)
        .encode(
            x=alt.X("season:N", sort=["spring", "summer", "autumn", "winter"], title=None, axis=alt.Axis(labelAngle=0)),
            xOffset="year:N",
            y=amount_axis("gross_amount", currency),
            color=alt.Color("year:N", scale=alt.Scale(domain=years[-4:], range=colors[-len(years) :])),
            tooltip=tip(frame.assign(year=frame["year"].astype(str)), currency),
        )
        .transform_filter(alt.FieldOneOfPredicate("year", years[-4:]))
    )
    note = "By the day of the tour, whatever the period; days ahead as far as they are booked. " + WITH_TAXES
    return finished(bars, f"Revenue by season, {currency}", note)
