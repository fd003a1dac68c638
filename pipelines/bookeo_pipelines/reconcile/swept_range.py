"""Which start or receipt times a comparison sweeps: the cost follows the rows, not the span of their dates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from bookeo.windows import MAX_WINDOW

MARGIN = MAX_WINDOW
"""How far before the first and after the last time held a sweep looks: one more window at either end."""
EMPTY_WINDOWS = 12
"""Windows without any row that a sweep crosses in any case: a year."""
FIRST = datetime.min.replace(tzinfo=UTC)
LAST = datetime.max.replace(tzinfo=UTC, microsecond=0)


def swept_range(times: Sequence[datetime], low: datetime, high: datetime) -> tuple[datetime, datetime]:
    """Decide where a sweep begins and ends.

    It covers from `low` to `high` and the rows around. A row beyond a gap (one typing mistake in a year) is left out
    where asking for it and those beyond it costs less than to cross the gap window by window.

    Args:
        times: The rows' times, aware.
        low: What the sweep covers in any case, aware...
        high: ...up to this, aware.

    Returns:
        First and last moment, aware, UTC; a margin around the first and last row that is not left out.
    """
    before = sorted(moment for moment in times if moment < low)
    after = sorted((moment for moment in times if moment > high), reverse=True)
    first = _dense_end(before, low)
    last = _dense_end(after, high)
    return earlier(first, MARGIN), later(last, MARGIN) if after and last != high else last


def _dense_end(times: Sequence[datetime], anchor: datetime) -> datetime:
    """Find the outermost time that is worth a sweep up to it; `times` go from the outermost towards the anchor."""
    end = times[0] if times else anchor
    for position, moment in enumerate(times):
        inner = times[position + 1] if position + 1 < len(times) else anchor
        if abs(inner - moment) > MAX_WINDOW * max(EMPTY_WINDOWS, position + 1):
            end = inner
    return end


def earlier(moment: datetime, by: timedelta) -> datetime:
    """Subtract, without leaving the range of dates.

    Args:
        moment: An aware time.
        by: How much.

    Returns:
        The time, UTC, not before the year 1.
    """
    moment = moment.astimezone(UTC)
    return moment - by if moment - FIRST > by else FIRST


def later(moment: datetime, by: timedelta) -> datetime:
    """Add, without leaving the range of dates.

    Args:
        moment: An aware time.
        by: How much.

    Returns:
        The time, UTC, not after the year 9999.
    """
    moment = moment.astimezone(UTC)
    return moment + by if LAST - moment > by else LAST
