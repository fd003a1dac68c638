"""What the charts about customers, and about the days ahead, show; as in `figures`."""

from __future__ import annotations

import pandas as pd

from bookeo_pipelines.dashboard.figures import average
from bookeo_pipelines.dashboard.marts import Marts
from bookeo_pipelines.dashboard.selection import CHOSEN, Selection
from bookeo_pipelines.dashboard.tiles import IN_CURRENCY
from bookeo_pipelines.runtime.quoting import literal

COHORTS_SHOWN = 13
"""Months of first bookings in the picture of retention: a year and the month before."""
DAYS_AHEAD = 91


def new_and_returning(marts: Marts, selection: Selection) -> pd.DataFrame:
    """New customers' bookings against those of returning ones, by the day of booking.

    Args:
        marts: The marts.
        selection: What is chosen.

    Returns:
        One row for each step and kind of customer.
    """
    sql = f"""
        SELECT date_trunc({literal(selection.step)}, booked_date)::DATE AS period, customer_kind,
               sum(standing_bookings)::BIGINT AS bookings, sum(seats)::BIGINT AS seats,
               sum(gross_amount) AS gross_amount
        FROM mart_new_and_returning_by_day WHERE {CHOSEN} AND booked_date BETWEEN $since AND $until
        GROUP BY ALL ORDER BY ALL"""
    return marts.rows(sql, **selection.values)


_COHORTS = "account_id = coalesce($account, account_id) AND currency = $currency"


def retention(marts: Marts, selection: Selection) -> pd.DataFrame:
    """Who came back: customers by the month of their first booking, for all products.

    Args:
        marts: The marts.
        selection: What is chosen; of it the account and the currency matter.

    Returns:
        One row for each of the latest cohorts and each month since, from the first one after.
    """
    sql = f"""
        SELECT cohort_month, months_since, sum(cohort_customers)::BIGINT AS customers,
               sum(active_customers)::BIGINT AS active_customers,
               (sum(active_customers) / sum(cohort_customers))::DECIMAL(19, 6) AS retention_rate
        FROM mart_cohorts WHERE {_COHORTS} AND months_since BETWEEN 1 AND {COHORTS_SHOWN - 1}
        GROUP BY 1, 2 QUALIFY dense_rank() OVER (ORDER BY cohort_month DESC) < {COHORTS_SHOWN} ORDER BY ALL"""
    return marts.rows(sql, **selection.values)


def lifetime_value(marts: Marts, selection: Selection) -> pd.DataFrame:
    """What a customer has been worth, by the year of the first booking, for all products.

    Args:
        marts: The marts.
        selection: What is chosen; of it the account and the currency matter.

    Returns:
        One row for each year and month since, as far as all cohorts of the year have come.
    """
    sql = f"""
        SELECT year(cohort_month)::VARCHAR AS first_booked_in, months_since, sum(cohort_customers)::BIGINT AS customers,
               sum(cumulative_gross_amount) AS cumulative_gross_amount
        FROM mart_cohorts WHERE {_COHORTS}
        GROUP BY year(cohort_month), months_since
        QUALIFY count(*) = max(count(*)) OVER (PARTITION BY year(cohort_month)) ORDER BY ALL"""
    found = marts.rows(sql, **selection.values)
    found["lifetime_value_amount"] = average(found["cumulative_gross_amount"], found["customers"])
    return found


def booking_pace(marts: Marts, selection: Selection) -> pd.DataFrame:
    """What was on the books so many days before the tours of the period, beside the same weekdays a year earlier.

    Args:
        marts: The marts.
        selection: What is chosen; tours after today are left out, so that each point is about the same days.

    Returns:
        One row for each point in time, the earliest first.
    """
    sql = f"""
        SELECT days_before, sum(bookings)::BIGINT AS bookings, sum(bookings_last_year)::BIGINT AS bookings_last_year,
               sum(seats)::BIGINT AS seats, sum(seats_last_year)::BIGINT AS seats_last_year,
               sum(gross_amount) AS gross_amount, sum(gross_amount_last_year) AS last_year_gross_amount
        FROM mart_booking_pace
        WHERE {CHOSEN} AND tour_date BETWEEN $since AND least($until, $today) GROUP BY ALL ORDER BY days_before DESC"""
    return marts.rows(sql, **selection.values)


def on_the_books(marts: Marts, selection: Selection) -> pd.DataFrame:
    """What is on the books for the weeks ahead, beside what was as long before the same weekdays last year.

    Args:
        marts: The marts.
        selection: What is chosen; its days do not matter.

    Returns:
        One row for each week that has anything.
    """
    sql = f"""
        WITH latest AS (
            SELECT * FROM mart_booking_pace
            WHERE {CHOSEN} AND tour_date > $today AND tour_date <= $today::DATE + {DAYS_AHEAD}
            QUALIFY row_number() OVER (PARTITION BY account_id, product_id, tour_date ORDER BY days_before) = 1
        )
        SELECT date_trunc('week', tour_date)::DATE AS week, sum(bookings)::BIGINT AS bookings,
               sum(bookings_last_year)::BIGINT AS bookings_last_year, sum(seats)::BIGINT AS seats,
               sum(seats_last_year)::BIGINT AS seats_last_year, sum(gross_amount) AS gross_amount,
               sum(gross_amount_last_year) AS last_year_gross_amount
        FROM latest GROUP BY ALL ORDER BY week"""
    return marts.rows(sql, **selection.values)


def occupancy_ahead(marts: Marts, selection: Selection) -> pd.DataFrame:
    """How full the tours and courses of the days ahead are.

    Args:
        marts: The marts.
        selection: What is chosen; its days do not matter.

    Returns:
        One row for each day with slots.
    """
    sql = f"""
        SELECT tour_date AS day, sum(slots)::BIGINT AS slots, sum(full_slots)::BIGINT AS full_slots,
               sum(capacity)::BIGINT AS capacity, sum(seats_booked)::BIGINT AS seats_booked,
               (sum(capacity) - sum(seats_booked))::BIGINT AS seats_free,
               (sum(seats_booked) / nullif(sum(capacity), 0))::DECIMAL(19, 6) AS occupancy_rate
        FROM mart_occupancy_by_day
        WHERE {IN_CURRENCY} AND tour_date BETWEEN $today AND $today::DATE + {DAYS_AHEAD} GROUP BY ALL ORDER BY day"""
    return marts.rows(sql, **selection.values)
