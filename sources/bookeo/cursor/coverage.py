"""Sets of time intervals: what has been read of a list, and what is missing of it. Pure.

Intervals are windows of whole seconds with both ends included, so two of them touch where the second begins one second
after the end of the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from typing import Self

from bookeo.windows import ONE_SECOND, Window, floor_second, format_time, parse_time


@dataclass(frozen=True)
class Coverage:
    """A set of seconds, as the fewest windows that hold exactly these.

    Args:
        windows: The windows, in order; no two overlap or touch. Use `of` for windows that may.
    """

    windows: tuple[Window, ...] = ()

    @classmethod
    def of(cls, windows: Iterable[Window]) -> Self:
        """Unite windows.

        Args:
            windows: Windows in any order; they may overlap.

        Returns:
            The seconds of all of them.
        """
        merged: list[Window] = []
        for window in sorted(windows):
            if merged and window.start <= merged[-1].end + ONE_SECOND:
                merged[-1] = Window(merged[-1].start, max(merged[-1].end, window.end))
            else:
                merged.append(window)
        return cls(tuple(merged))

    def __bool__(self) -> bool:
        return bool(self.windows)

    def __or__(self, other: Coverage) -> Coverage:
        return Coverage.of((*self.windows, *other.windows))

    def __and__(self, other: Coverage) -> Coverage:
        parts = (_common(mine, its) for mine in self.windows for its in other.windows)
        return Coverage.of(part for part in parts if part is not None)

    def __sub__(self, other: Coverage) -> Coverage:
        left = list(self.windows)
        for hole in other.windows:
            left = [part for window in left for part in _without(window, hole)]
        return Coverage.of(left)

    def __contains__(self, moment: datetime) -> bool:
        return any(moment in window for window in self.windows)

    def until(self, moment: datetime) -> Coverage:
        """Cut off what lies after a moment.

        Args:
            moment: The last moment to keep, aware.

        Returns:
            The seconds up to and including that of `moment`.
        """
        last = floor_second(moment)
        return Coverage(tuple(Window(w.start, min(w.end, last)) for w in self.windows if w.start <= last))

    def reached(self, start: datetime) -> datetime | None:
        """Follow the set from a moment on for as long as it has no gap.

        Args:
            start: The moment, aware.

        Returns:
            The last second before the first gap; None where `start` itself is not in the set.
        """
        return next((window.end for window in self.windows if start in window), None)

    def as_state(self) -> list[list[str]]:
        """Return the windows as plain JSON values."""
        return [[format_time(window.start), format_time(window.end)] for window in self.windows]

    @classmethod
    def from_state(cls, state: Iterable[Sequence[str]]) -> Self:
        """Read what `as_state` has written.

        Args:
            state: Pairs of times.

        Returns:
            The set.
        """
        return cls.of(Window(parse_time(start), parse_time(end)) for start, end in state)


def span(start: datetime, end: datetime) -> Coverage:
    """Make a set of one interval.

    Args:
        start: First moment, aware; floored to its second.
        end: Last moment, aware; floored likewise.

    Returns:
        The set; empty where `end` is before `start`.
    """
    first, last = floor_second(start), floor_second(end)
    return Coverage((Window(first, last),)) if first <= last else Coverage()


def intersection(sets: Iterable[Coverage]) -> Coverage:
    """Find what several sets have in common.

    Args:
        sets: The sets.

    Returns:
        The seconds that are in all of them; empty where there are none.
    """
    found = list(sets)
    return reduce(lambda one, other: one & other, found) if found else Coverage()


def begun_earlier(wanted: Coverage, overlap_seconds: float, floor: datetime) -> Coverage:
    """Let each interval begin earlier, for what a server shows late at the end of the interval before it.

    Args:
        wanted: The intervals.
        overlap_seconds: How much earlier; zero or more.
        floor: The moment before which none begins unless it did already, aware.

    Returns:
        The longer intervals.
    """
    earliest = floor_second(floor)
    longer = []
    for window in wanted.windows:
        # Compared before subtracting: no overlap, however long, leaves the range of datetime.
        room = (window.start - earliest).total_seconds()
        start = window.start - timedelta(seconds=int(max(min(room, overlap_seconds), 0)))
        longer.append(Window(start, window.end))
    return Coverage.of(longer)


def _common(one: Window, other: Window) -> Window | None:
    start, end = max(one.start, other.start), min(one.end, other.end)
    return Window(start, end) if start <= end else None


def _without(window: Window, hole: Window) -> list[Window]:
    if _common(window, hole) is None:
        return [window]
    parts = []
    if window.start < hole.start:
        parts.append(Window(window.start, hole.start - ONE_SECOND))
    if hole.end < window.end:
        parts.append(Window(hole.end + ONE_SECOND, window.end))
    return parts
