"""Moments at which a calendar does something: what must hold on any day is tried at each of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

SECOND = timedelta(seconds=1)
TURNING_POINTS = [
    "2024-02-29T00:00:00+00:00",  # a leap day
    "2024-03-01T00:00:00+00:00",  # the end of a leap February
    "2025-03-01T00:00:00+00:00",  # the end of an ordinary one
    "2026-03-08T10:00:00+00:00",  # clocks change in Los Angeles
    "2026-03-29T01:00:00+00:00",  # clocks change in Berlin
    "2026-04-04T16:00:00+00:00",  # and in Sydney, at the end of summer
    "2026-05-01T00:00:00+00:00",  # the end of a month of 30 days
    "2026-10-03T16:00:00+00:00",
    "2026-10-25T01:00:00+00:00",
    "2026-11-01T09:00:00+00:00",
    "2026-12-01T00:00:00+00:00",
    "2027-01-01T00:00:00+00:00",  # a new year
    "2028-02-29T12:00:00+00:00",
]
MOMENTS = [datetime.fromisoformat(text) - before for text in TURNING_POINTS for before in (SECOND, timedelta(0))]
"""The last second before each of them, and the first one after it; aware, UTC."""
DAYS = sorted({moment.astimezone(UTC).date() for moment in MOMENTS})


def name_moment(moment: object) -> str:
    """Return how pytest names a moment or a day among a test's parameters."""
    return str(moment).replace("+00:00", "Z").replace(" ", "T")
