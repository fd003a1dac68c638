"""What the charts and the tables behind them show, as frames: one function a figure, each empty where there is nothing.

Amounts end with `_amount` and are in the selection's currency, rates end with `_rate` and are between 0 and 1.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pandas as pd

from bookeo_pipelines.dashboard.marts import Marts
from bookeo_pipelines.dashboard.selection import CHOSEN, Selection
from bookeo_pipelines.dashboard.tiles import IN_CURRENCY

_STEPS = """
    steps AS (
        SELECT DISTINCT date_trunc('{step}', day)::DATE AS period
        FROM range($since::TIMESTAMP, $until::TIMESTAMP + INTERVAL 1 DAY, INTERVAL 1 DAY) AS days(day)
    )"""
"""Every point of time of a chart, those without a booking included."""


def _by_step(selection: Selection, sql: str) -> str:
    return sql.replace("{steps}", _STEPS).replace("{step}", selection.step)


def average(amounts: pd.Series[Any], counts: pd.Series[Any]) -> pd.Series[Any]:
    """Divides amounts without making floats of them, as a database would.

    Args:
        amounts: Decimals.
        counts: Whole numbers above 0.

    Returns:
        The quotients, rounded to two decimals.
    """
    quotients = [(amount / count).quantize(Decimal("0.01")) for amount, count in zip(amounts, counts, strict=True)]
    return pd.Series(quotients, index=amounts.index, dtype=object)


def revenue(marts: Marts, selection: Selection) -> pd.DataFrame:
    """Revenue booked by the day of booking, and recognised by the day of the tour.

    Args:
        marts: The marts.
        selection: What is chosen.

    Returns:
        One row for each step.
    """
    sql = f"""
        WITH {{steps}},
        booked AS (
            SELECT date_trunc('{{step}}', booked_date)::DATE AS period, sum(standing_bookings) AS bookings,
                   sum(gross_amount) AS gross, sum(net_amount) AS net
            FROM mart_booked_by_day WHERE {CHOSEN} AND booked_date BETWEEN $since AND $until GROUP BY ALL
        ),
        toured AS (
            SELECT date_trunc('{{step}}', tour_date)::DATE AS period, sum(recognised_gross_amount) AS gross,
                   sum(recognised_net_amount) AS net, sum(recognised_discount_amount) AS discount
            FROM mart_tours_by_day WHERE {CHOSEN} AND tour_date BETWEEN $since AND $until GROUP BY ALL
        )
        SELECT period, coalesce(booked.bookings, 0) AS bookings,
               coalesce(booked.gross, 0) AS booked_gross_amount, coalesce(booked.net, 0) AS booked_net_amount,
               coalesce(toured.gross, 0) AS recognised_gross_amount, coalesce(toured.net, 0) AS recognised_net_amount,
               coalesce(toured.discount, 0) AS recognised_discount_amount
        FROM steps LEFT JOIN booked USING (period) LEFT JOIN toured USING (period)
        WHERE EXISTS (FROM booked) OR EXISTS (FROM toured)
        ORDER BY period"""
    return marts.rows(_by_step(selection, sql), **selection.values)


def seats(marts: Marts, selection: Selection) -> pd.DataFrame:
    """Bookings, people and seats by the day of the tour, and occupancy where slots are known.

    Args:
        marts: The marts.
        selection: What is chosen.

    Returns:
        One row for each step; `occupancy_rate` is null where no slot is known.
    """
    sql = f"""
        WITH {{steps}},
        toured AS (
            SELECT date_trunc('{{step}}', tour_date)::DATE AS period, sum(standing_bookings) AS bookings,
                   sum(participants) AS participants, sum(seats) AS seats
            FROM mart_tours_by_day WHERE {CHOSEN} AND tour_date BETWEEN $since AND $until GROUP BY ALL
        ),
        slots AS (
            SELECT date_trunc('{{step}}', tour_date)::DATE AS period, sum(slots) AS slots, sum(capacity) AS capacity,
                   sum(seats_booked) AS seats_booked
            FROM mart_occupancy_by_day WHERE {IN_CURRENCY} AND tour_date BETWEEN $since AND $until GROUP BY ALL
        )
        SELECT period, coalesce(bookings, 0) AS bookings, coalesce(participants, 0) AS participants,
               coalesce(seats, 0) AS seats, slots, capacity, seats_booked,
               (seats_booked / nullif(capacity, 0))::DECIMAL(19, 6) AS occupancy_rate
        FROM steps LEFT JOIN toured USING (period) LEFT JOIN slots USING (period)
        WHERE EXISTS (FROM toured) OR EXISTS (FROM slots)
        ORDER BY period"""
    return marts.rows(_by_step(selection, sql), **selection.values)


def cancelations(marts: Marts, selection: Selection) -> pd.DataFrame:
    """Canceled bookings among all for the tours of a day, and no-shows among those that have taken place.

    Args:
        marts: The marts.
        selection: What is chosen.

    Returns:
        One row for each step with a booking.
    """
    sql = f"""
        SELECT date_trunc('{{step}}', tour_date)::DATE AS period, sum(bookings)::BIGINT AS bookings,
               sum(canceled_bookings)::BIGINT AS canceled_bookings,
               (sum(canceled_bookings) / sum(bookings))::DECIMAL(19, 6) AS cancelation_rate,
               sum(taken_place_bookings)::BIGINT AS taken_place_bookings,
               sum(no_show_bookings)::BIGINT AS no_show_bookings,
               (sum(no_show_bookings) / nullif(sum(taken_place_bookings), 0))::DECIMAL(19, 6) AS no_show_rate
        FROM mart_tours_by_day WHERE {CHOSEN} AND tour_date BETWEEN $since AND $until GROUP BY ALL ORDER BY period"""
    return marts.rows(_by_step(selection, sql), **selection.values)


LEAD_TIMES = (
    "same day",
    "1 day",
    "2 to 3 days",
    "4 to 7 days",
    "8 to 14 days",
    "15 to 30 days",
    "31 to 60 days",
    "more",
)
"""Classes of lead time, from short to long."""


def lead_times(marts: Marts, selection: Selection) -> pd.DataFrame:
    """How long before the tour people book: bookings made in the period that are not canceled.

    Args:
        marts: The marts.
        selection: What is chosen.

    Returns:
        One row for each of `LEAD_TIMES`.
    """
    sql = f"""
        WITH classes AS (
            SELECT unnest([0, 1, 3, 7, 14, 30, 60, 1000000]) AS most, unnest($classes) AS lead_time,
                   unnest(range(8)) AS place
        ),
        made AS (
            SELECT lead_days, gross_amount FROM fct_bookings
            WHERE {CHOSEN} AND booked_date BETWEEN $since AND $until AND NOT is_canceled
        ),
        classed AS (
            SELECT min(most) AS most, gross_amount FROM (SELECT row_number() OVER () AS id, * FROM made)
            INNER JOIN classes ON lead_days <= most GROUP BY id, gross_amount
        )
        SELECT lead_time, count(gross_amount) AS bookings,
               (count(gross_amount) / (SELECT count(*) FROM made))::DECIMAL(19, 6) AS bookings_rate,
               coalesce(sum(gross_amount), 0) AS gross_amount
        FROM classes LEFT JOIN classed USING (most) WHERE EXISTS (FROM made) GROUP BY place, lead_time ORDER BY place"""
    return marts.rows(sql, classes=list(LEAD_TIMES), **selection.values)


def outstanding(marts: Marts, selection: Selection) -> pd.DataFrame:
    """What customers owe as of today, by the month of the tour, whatever the period.

    Args:
        marts: The marts.
        selection: What is chosen; its days do not matter.

    Returns:
        One row for each month with something outstanding, or paid in another currency, which nobody can offset.
    """
    sql = f"""
        SELECT date_trunc('month', tour_date)::DATE AS month, sum(overdue_amount) AS overdue_amount,
               sum(outstanding_amount - overdue_amount) AS not_yet_due_amount,
               sum(outstanding_amount) AS outstanding_amount, sum(paid_otherwise_amount) AS paid_otherwise_amount
        FROM mart_tours_by_day WHERE {CHOSEN} GROUP BY ALL
        HAVING sum(outstanding_amount + paid_otherwise_amount) > 0 ORDER BY month"""
    return marts.rows(sql, **selection.values)


def payment_methods(marts: Marts, selection: Selection) -> pd.DataFrame:
    """How customers paid in the period.

    Args:
        marts: The marts.
        selection: What is chosen.

    Returns:
        One row for each payment method, that of most money first. Vouchers and credit bring no money: what was redeemed
        or entered on account stands in a column of its own.
    """
    sql = f"""
        SELECT payment_method, nature, sum(payments)::BIGINT AS payments, sum(refunds)::BIGINT AS refunds,
               sum(received_amount) AS received_amount, sum(refunded_amount) AS refunded_amount,
               sum(net_amount) AS kept_amount,
               sum(redeemed_amount + on_account_amount + unknown_amount) AS not_money_amount,
               (sum(received_amount) / nullif(sum(sum(received_amount)) OVER (), 0))::DECIMAL(19, 6) AS received_rate
        FROM mart_payments_by_day WHERE {CHOSEN} AND received_date BETWEEN $since AND $until
        GROUP BY payment_method, nature ORDER BY received_amount DESC, payment_method"""
    return marts.rows(sql, **selection.values)


SHOWN = 30
"""Values of a column of anybody's words that are shown by name; the others are added up."""


def _mix(marts: Marts, selection: Selection, by: str, more: str) -> pd.DataFrame:
    # Of the bookings themselves: what is rare in an account's history may be frequent in the period.
    sql = f"""
        WITH mixed AS (
            SELECT {by}, count(*) AS bookings_made, count(*) FILTER (is_canceled) AS canceled_bookings,
                   count(*) FILTER (NOT is_canceled) AS bookings, {more},
                   coalesce(sum(seats) FILTER (NOT is_canceled), 0) AS seats,
                   coalesce(sum(gross_amount) FILTER (NOT is_canceled), 0) AS gross_amount
            FROM fct_bookings WHERE {CHOSEN} AND booked_date BETWEEN $since AND $until GROUP BY {by}
        ),
        ranked AS (
            SELECT * REPLACE (if(place > {SHOWN}, format('other ({{}})', different - {SHOWN}), {by}) AS {by}) FROM (
                SELECT *, row_number() OVER (ORDER BY gross_amount DESC, {by}) AS place, count(*) OVER () AS different
                FROM mixed
            )
        )
        SELECT {by}, sum(COLUMNS(* EXCLUDE ({by}, gross_amount, place, different)))::BIGINT,
               sum(gross_amount) AS gross_amount,
               (sum(gross_amount) / nullif(sum(sum(gross_amount)) OVER (), 0))::DECIMAL(19, 6) AS gross_rate
        FROM ranked GROUP BY {by} ORDER BY min(place)"""
    return marts.rows(sql, **selection.values)


def sources(marts: Marts, selection: Selection) -> pd.DataFrame:
    """Where the bookings made in the period came from.

    Args:
        marts: The marts.
        selection: What is chosen.

    Returns:
        One row for each source, that of most revenue first; of more than 30, the others together, as `other (n)`.
    """
    return _mix(marts, selection, "source", _NEW_CUSTOMERS)


def campaigns(marts: Marts, selection: Selection) -> pd.DataFrame:
    """Which campaigns led to the bookings made in the period.

    Args:
        marts: The marts.
        selection: What is chosen.

    Returns:
        One row for each campaign as in `sources`, `none` for bookings without one; no row where all are.
    """
    mix = _mix(marts, selection, "campaign", _NEW_CUSTOMERS)
    return mix if (mix["campaign"] != "none").any() else mix.iloc[:0]


def promotions(marts: Marts, selection: Selection) -> pd.DataFrame:
    """Which promotions the bookings of the period were made with.

    Args:
        marts: The marts.
        selection: What is chosen.

    Returns:
        One row for each promotion as in `sources`; `none` for bookings without one.
    """
    coupons = "count(*) FILTER (has_coupon AND NOT is_canceled) AS coupon_bookings"
    return _mix(marts, selection, "promotion", coupons)


_NEW_CUSTOMERS = "count(*) FILTER (customer_kind = 'new' AND NOT is_canceled) AS new_customer_bookings"


def weekdays(marts: Marts, selection: Selection) -> pd.DataFrame:
    """How busy the days of the week are: tours of the period.

    Args:
        marts: The marts.
        selection: What is chosen.

    Returns:
        One row for each day of the week, from Monday; `days` says how many such days the period has.
    """
    sql = f"""
        WITH days AS (
            SELECT isodow(day) AS place, dayname(day) AS weekday, count(*) AS days
            FROM range($since::TIMESTAMP, $until::TIMESTAMP + INTERVAL 1 DAY, INTERVAL 1 DAY) AS days(day) GROUP BY ALL
        ),
        toured AS (
            SELECT weekday AS place, sum(standing_bookings)::BIGINT AS bookings, sum(seats)::BIGINT AS seats,
                   sum(gross_amount) AS gross
            FROM mart_tours_by_day WHERE {CHOSEN} AND tour_date BETWEEN $since AND $until GROUP BY ALL
        )
        SELECT weekday, days, coalesce(bookings, 0) AS bookings, coalesce(seats, 0) AS seats,
               coalesce(gross, 0) AS gross_amount
        FROM days LEFT JOIN toured USING (place) WHERE EXISTS (FROM toured) ORDER BY place"""
    found = marts.rows(sql, **selection.values)
    found["gross_per_day_amount"] = average(found["gross_amount"], found["days"])
    return found


def seasons(marts: Marts, selection: Selection) -> pd.DataFrame:
    """How busy the seasons are, of every year, by the day of the tour.

    Args:
        marts: The marts.
        selection: What is chosen; its days do not matter.

    Returns:
        One row for each year and season.
    """
    sql = f"""
        SELECT tour_year AS year, season, sum(standing_bookings)::BIGINT AS bookings, sum(seats)::BIGINT AS seats,
               sum(gross_amount) AS gross_amount
        FROM mart_weekdays_and_seasons WHERE {CHOSEN} GROUP BY ALL
        ORDER BY year, any_value(list_position(['spring', 'summer', 'autumn', 'winter'], season))"""
    return marts.rows(sql, **selection.values)
