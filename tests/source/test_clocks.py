"""Which clock counts, and how far a range counts as read by it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bookeo.http.clocks import OPEN_END, Clocks, ClockWatch, Reading
from bookeo.http.response import http_time
from isolation import READ_CLOCKS

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NEWEST = NOW - 20 * MINUTE
"""The newest change that was seen."""


def clocks(*answers: datetime, machine: datetime = NOW, before: Reading | None = None, seconds: float = 1) -> Clocks:
    """The clocks of a load whose answers come some seconds after each other."""
    elapsed = 0.0
    watch = ClockWatch(lambda: machine, lambda: elapsed)
    for answer in answers:
        elapsed += seconds
        watch.answered(answer)
    return READ_CLOCKS(watch, before)


def test_where_all_agree_the_earliest_counts() -> None:
    behind = NOW - 2 * MINUTE
    assert clocks(NOW, NOW + MINUTE).covered_until(NEWEST) == NOW
    assert clocks(NOW, machine=behind).covered_until(NEWEST) == behind
    assert clocks(behind, NOW).covered_until(None) == behind
    assert clocks(NOW, before=Reading(NOW - DAY, NOW - DAY - MINUTE)).disagreement is None


@pytest.mark.parametrize(
    ("found", "apart"),
    [
        pytest.param(clocks(NOW + 3 * HOUR), 3 * HOUR, id="the server 3 h ahead, at least for this load"),
        pytest.param(clocks(NOW, NOW + DAY, NOW), DAY, id="one answer a day ahead"),
        pytest.param(clocks(NOW + DAY, NOW, NOW), DAY, id="the first answer a day ahead"),
        pytest.param(clocks(NOW - 2 * HOUR), 2 * HOUR, id="the server 2 h behind"),
        pytest.param(clocks(NOW, machine=NOW + 400 * DAY), 400 * DAY, id="this machine 400 days ahead"),
        pytest.param(clocks(NOW, machine=NOW - 400 * DAY), 400 * DAY, id="this machine 400 days behind"),
        pytest.param(clocks(NOW, before=Reading(NOW - DAY, NOW - 9 * DAY)), 8 * DAY, id="more passed by one clock"),
        pytest.param(clocks(NOW, before=Reading(NOW + DAY, NOW + DAY)), DAY, id="both were ahead before, or went back"),
        pytest.param(clocks(), timedelta.max, id="the server does not say"),
    ],
)
def test_where_they_disagree_only_the_newest_change_counts(found: Clocks, apart: timedelta) -> None:
    assert found.disagreement is not None
    assert abs(found.disagreement - min(apart, timedelta.max)) <= MINUTE
    assert found.covered_until(None) is None
    reached = found.covered_until(NEWEST)
    assert reached is not None
    assert reached == min(NEWEST, found.now)


def test_a_newest_change_after_the_servers_clock_counts_up_to_the_clock() -> None:
    assert clocks(NOW, machine=NOW + DAY).covered_until(NOW + HOUR) == NOW


def test_what_is_asked_is_open_past_every_clock_of_the_server() -> None:
    assert clocks(NOW, NOW + HOUR).open_end == NOW + HOUR + OPEN_END
    assert clocks().open_end == NOW + OPEN_END


def test_a_load_that_takes_hours_is_no_disagreement() -> None:
    answers = [NOW + number * HOUR for number in range(1, 5)]
    found = clocks(*answers, seconds=3600)
    assert found.disagreement is None or found.disagreement <= HOUR
    assert found.covered_until(NOW + 10 * HOUR) is not None


def test_a_date_without_a_zone_is_none() -> None:
    assert http_time("Tue, 30 Jun 2026 12:00:00 GMT") == NOW
    assert http_time("Tue, 30 Jun 2026 12:00:00") is None
    assert http_time("Tue, 30 Jun 2026 12:00:00 -0000") is None


@pytest.mark.parametrize("apart", [None, 3 * HOUR])
def test_readings_are_kept_from_load_to_load(apart: timedelta | None) -> None:
    for reading in (Reading(NOW, NOW + HOUR, apart), Reading(None, NOW)):
        assert Reading.from_state(reading.as_state()) == reading
    assert Reading.from_state(None) is None
