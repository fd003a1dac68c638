"""A sweep costs what there is to sweep, whatever years somebody has mistyped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookeo_pipelines.reconcile.swept_range import FIRST, LAST, MARGIN, earlier, later, swept_range

NOW = datetime(2026, 2, 10, tzinfo=UTC)
YEAR_AHEAD = NOW + timedelta(days=366)
WINDOW = timedelta(days=31)


def range_of(*times: datetime) -> tuple[datetime, datetime]:
    return swept_range(times, NOW, YEAR_AHEAD)


def monthly(first_year: int, last_year: int) -> list[datetime]:
    return [datetime(year, month, 1, tzinfo=UTC) for year in range(first_year, last_year + 1) for month in range(1, 13)]


def test_a_sweep_covers_all_rows_and_a_window_more_at_either_end() -> None:
    rows = monthly(2020, 2030)
    assert range_of(*rows) == (rows[0] - MARGIN, rows[-1] + MARGIN)
    assert range_of(*monthly(2025, 2026)) == (datetime(2025, 1, 1, tzinfo=UTC) - MARGIN, YEAR_AHEAD)
    assert range_of() == (NOW - MARGIN, YEAR_AHEAD)


@pytest.mark.parametrize("year", [1, 25, 206, 1926, 2015, 2206, 9999])
def test_a_mistyped_year_is_left_out(year: int) -> None:
    rows = [*monthly(2024, 2026), datetime(year, 6, 10, tzinfo=UTC)]
    assert range_of(*rows) == range_of(*monthly(2024, 2026))


def test_many_rows_beyond_a_gap_are_worth_crossing_it() -> None:
    gap_windows = 40
    far = datetime(2026, 1, 1, tzinfo=UTC) - gap_windows * WINDOW
    assert range_of(*[far] * (gap_windows - 1))[0] == NOW - MARGIN
    assert range_of(*[far] * (gap_windows + 2))[0] == far - MARGIN


def test_a_season_without_bookings_is_crossed() -> None:
    lonely = NOW - 11 * WINDOW
    assert range_of(lonely) == (lonely - MARGIN, YEAR_AHEAD)


@given(st.lists(st.datetimes(timezones=st.just(UTC)), max_size=30))
def test_windows_are_no_more_than_rows_and_a_year_for_each_gap(times: list[datetime]) -> None:
    since, until = range_of(*times)
    assert since <= NOW < YEAR_AHEAD <= until
    left_out = [moment for moment in times if not since <= moment <= until]
    assert (until - since) / WINDOW <= (len(times) + 1) * max(12, len(times)) + 2 + (YEAR_AHEAD - NOW) / WINDOW
    assert all(not NOW <= moment <= YEAR_AHEAD for moment in left_out)


def test_no_date_leaves_the_calendar() -> None:
    assert earlier(FIRST + timedelta(seconds=1), timedelta(days=1)) == FIRST
    assert later(LAST, timedelta(seconds=1)) == LAST
    assert earlier(NOW, timedelta(days=1)) + timedelta(days=1) == NOW == later(NOW, timedelta(0))
