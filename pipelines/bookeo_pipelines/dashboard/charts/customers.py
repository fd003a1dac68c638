"""Charts of `customers`; as in `charts`."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from bookeo_pipelines.dashboard.charts.parts import GREY, ORANGE, TEAL, amount_axis, drawable, finished, time_axis, tip


def new_and_returning(frame: pd.DataFrame, currency: str, step: str) -> Any:
    """Draws `customers.new_and_returning`, one on the other.

    Args:
        frame: The figure.
        currency: The currency of its amounts.
        step: What a bar stands for.

    Returns:
        The chart.
    """
    kinds = [kind for kind in ("returning", "new", "unknown") if kind in set(frame["customer_kind"])]
    colors = {"returning": TEAL, "new": ORANGE, "unknown": GREY}
    bars = (
        alt.Chart(drawable(frame, step))
        .mark_bar(opacity=0.85)
        .encode(
            x=time_axis("period"),
            x2="until:T",
            y=amount_axis("bookings", "bookings"),
            color=alt.Color("customer_kind:N", scale=alt.Scale(domain=kinds, range=[colors[kind] for kind in kinds])),
            tooltip=tip(frame, currency, step),
        )
    )
    note = "Bookings that are not canceled, by the day of booking. New: a customer's first booking."
    return finished(bars, f"New against returning customers by {step}", note)


def retention(frame: pd.DataFrame, currency: str, step: str) -> Any:
    """Draws `customers.retention` as a field of months.

    Args:
        frame: The figure.
        currency: The currency of its amounts.
        step: Not used.

    Returns:
        The chart.
    """
    base = alt.Chart(drawable(frame)).encode(
        x=alt.X("months_since:O", title="months since the first booking", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("yearmonth(cohort_month):O", title=None, axis=alt.Axis(format="%b %Y")),
        tooltip=tip(frame, currency),
    )
    color = alt.Color("retention_rate:Q", scale=alt.Scale(scheme="teals", domainMin=0), legend=None)
    fields = base.mark_rect(stroke="white", strokeWidth=1).encode(color=color)
    dark = alt.condition("datum.retention_rate > 0.6 * datum.most", alt.value("white"), alt.value("#24323d"))
    shares = (
        base.transform_joinaggregate(most="max(retention_rate)")
        .mark_text(fontSize=10)
        .encode(text=alt.Text("retention_rate:Q", format=".0%"), color=dark)
    )
    note = "Of the customers who first booked in a month: who booked again so many months later. All products."
    rows = int(frame["cohort_month"].nunique())
    return finished(fields + shares, "Who comes back, share of customers", note, height=max(90, 21 * rows))


def lifetime_value(frame: pd.DataFrame, currency: str, step: str) -> Any:
    """Draws `customers.lifetime_value`: a line for each year of first bookings.

    Args:
        frame: The figure.
        currency: The currency of its amounts.
        step: Not used.

    Returns:
        The chart.
    """
    years = sorted(frame["first_booked_in"].unique())[-4:]
    colors = [GREY, "#8fb8c2", TEAL, ORANGE][-len(years) :]
    lines = (
        alt.Chart(drawable(frame))
        .transform_filter(alt.FieldOneOfPredicate("first_booked_in", years))
        .mark_line(strokeWidth=2, point=alt.OverlayMarkDef(size=24))
        .encode(
            x=alt.X("months_since:Q", title="months since the first booking", axis=alt.Axis(tickMinStep=1)),
            y=alt.Y("lifetime_value_amount:Q", title=f"{currency} a customer", scale=alt.Scale(zero=False)),
            color=alt.Color("first_booked_in:N", scale=alt.Scale(domain=years, range=colors)),
            tooltip=tip(frame, currency),
        )
    )
    note = "Revenue with taxes of a customer so far, by the year of the first booking. All products."
    return finished(lines, f"Lifetime value of a customer, {currency}", note)


def booking_pace(frame: pd.DataFrame, currency: str, step: str) -> Any:
    """Draws `customers.booking_pace`: this year's line and last year's.

    Args:
        frame: The figure.
        currency: The currency of its amounts.
        step: Not used.

    Returns:
        The chart.
    """
    lines = (
        alt.Chart(drawable(frame))
        .transform_fold(["gross_amount", "last_year_gross_amount"], as_=["which", "amount"])
        .transform_calculate(kind="datum.which == 'gross_amount' ? 'This period' : 'A year before'")
        .mark_line(strokeWidth=2, point=alt.OverlayMarkDef(size=24))
        .encode(
            x=alt.X("days_before:O", sort="descending", title="days before the tour", axis=alt.Axis(labelAngle=0)),
            y=amount_axis("amount", currency),
            color=alt.Color("kind:N", scale=alt.Scale(domain=["This period", "A year before"], range=[TEAL, GREY])),
            tooltip=tip(frame, currency),
        )
    )
    note = (
        "Revenue on the books so many days before the tours of the period, and before the same weekdays a year earlier."
    )
    return finished(lines, f"Booking pace, {currency}", note)


def on_the_books(frame: pd.DataFrame, currency: str, step: str) -> Any:
    """Draws `customers.on_the_books`: this year beside last year, week by week.

    Args:
        frame: The figure.
        currency: The currency of its amounts.
        step: Not used.

    Returns:
        The chart.
    """
    bars = (
        alt.Chart(drawable(frame))
        .transform_fold(["gross_amount", "last_year_gross_amount"], as_=["which", "amount"])
        .transform_calculate(kind="datum.which == 'gross_amount' ? 'This year' : 'As early last year'")
        .mark_bar(opacity=0.9)
        .encode(
            x=alt.X("yearmonthdate(week):O", title="week from", axis=alt.Axis(format="%-d %b", labelAngle=-40)),
            xOffset=alt.XOffset("kind:N", sort=["As early last year", "This year"]),
            y=amount_axis("amount", currency),
            color=alt.Color("kind:N", scale=alt.Scale(domain=["As early last year", "This year"], range=[GREY, TEAL])),
            tooltip=tip(frame, currency),
        )
    )
    note = "Revenue of tours ahead, beside what was on the books as many days before the same weekdays last year."
    return finished(bars, f"On the books for the coming weeks, {currency}", note)
