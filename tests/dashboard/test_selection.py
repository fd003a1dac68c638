"""The periods that the dashboard offers, on any day."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from bookeo_pipelines.dashboard.selection import Selection, periods
from days import DAYS, name_moment

LENGTHS = {"Last 90 days": 90, "Last 30 days": 30, "Last 7 days": 7, "Last 52 weeks": 364, "Next 90 days": 91}


@pytest.mark.parametrize("today", DAYS, ids=name_moment)
def test_periods_are_what_their_names_say(today: date) -> None:
    first, last = date(2020, 2, 29), today + timedelta(days=400)
    offered = periods(today, first, last)
    assert {name: (until - since).days + 1 for name, (since, until) in offered.items() if name in LENGTHS} == LENGTHS
    assert offered["Month to date"] == (today - timedelta(days=today.day - 1), today)
    assert offered["Year to date"] == (date(today.year, 1, 1), today)
    assert offered["All time"] == (first, last)
    assert {name for name, (_, until) in offered.items() if until != today} == {"Next 90 days", "All time"}


@pytest.mark.parametrize("today", DAYS, ids=name_moment)
def test_periods_stay_within_what_is_known(today: date) -> None:
    for first in (today, today - timedelta(days=3)):
        for since, until in periods(today, first, today).values():
            assert first <= since <= until <= today


@pytest.mark.parametrize("today", DAYS, ids=name_moment)
def test_a_year_earlier_is_the_same_day_of_the_week(today: date) -> None:
    earlier = Selection("EUR", today - timedelta(days=6), today, today).last_year
    assert (earlier.since.weekday(), earlier.until.weekday()) == ((today.weekday() + 1) % 7, today.weekday())
    assert 364 <= (today - earlier.until).days <= 366
