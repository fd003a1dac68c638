"""Pure time arithmetic: request windows, overlap, and the API's spelling of times.

A window has whole seconds and both its ends belong to it, as the API's time filters do ("on or after", "on or before",
source: swagger file). Windows that follow each other therefore meet to the second: the next begins one second after
the end of the one before.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar

MAX_WINDOW = timedelta(days=31)
"""The longest range one pair of time filters may span. Source: the vendor's pages."""
ONE_SECOND = timedelta(seconds=1)
PADDING = timedelta(minutes=1)
"""How far a request reaches over both ends of its window: whole minutes are the coarsest unit in which a server was
seen to keep times, and whether its filters include their ends need not be known then."""
LONGEST_ASKED = MAX_WINDOW - 2 * PADDING
"""The longest window that can be asked for with its padding."""
AGAIN_AFTER = timedelta(hours=20)
"""When what is done about once a day is due again: less than a day, so that a daily load that begins a little earlier
than yesterday's does not wait another day."""

_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d):(\d\d)(\.\d+)?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)", flags=re.ASCII
)


@dataclass(frozen=True, order=True)
class Window:
    """A range of time, both ends inclusive.

    Args:
        start: First second that belongs to it; aware, UTC, whole seconds.
        end: Last second that belongs to it; aware, UTC, whole seconds, not before `start`.

    Raises:
        ValueError: An end is not aware, not UTC or not a whole second, or they are the wrong way round.
    """

    start: datetime
    end: datetime

    EARLIEST: ClassVar[datetime] = datetime.min.replace(tzinfo=UTC)
    LATEST: ClassVar[datetime] = datetime.max.replace(tzinfo=UTC, microsecond=0)

    def __post_init__(self) -> None:
        for name, moment in (("start", self.start), ("end", self.end)):
            if moment.utcoffset() != timedelta(0) or moment.microsecond:
                raise ValueError(f"The {name} of a window must be a whole second in UTC, not {moment.isoformat()}.")
        if self.start > self.end:
            raise ValueError(
                f"A window cannot end ({self.end.isoformat()}) before it starts ({self.start.isoformat()})."
            )

    @property
    def span(self) -> timedelta:
        """The time from `start` to `end`, as the API measures it: zero for a single second."""
        return self.end - self.start

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end + ONE_SECOND

    def __str__(self) -> str:
        return f"{format_time(self.start)} to {format_time(self.end)}"


def floor_second(moment: datetime) -> datetime:
    """Brings a time to UTC and drops what is less than a second.

    Args:
        moment: An aware time in any zone.

    Returns:
        The same time in UTC, whole seconds.

    Raises:
        ValueError: The time has no zone.
    """
    if moment.utcoffset() is None:
        raise ValueError(f"The time {moment.isoformat()} has no time zone.")
    return moment.astimezone(UTC).replace(microsecond=0)


def split_range(start: datetime, end: datetime, max_length: timedelta = MAX_WINDOW) -> list[Window]:
    """Cuts a range into consecutive windows, all but the last of the full length.

    Both ends are floored to the second they lie in: the API has whole seconds, so a start of 10.7 s asks for second 10
    and an end of 20.3 s for all of second 20; nothing between them is lost.

    Args:
        start: First moment of the range; aware.
        end: Last moment of the range; aware.
        max_length: The longest that one window may span, zero or more; more than 31 days counts as 31 days.

    Returns:
        Windows that cover exactly the range; none when `start` is after `end`, one when they are equal.

    Raises:
        ValueError: A time has no zone, or `max_length` is negative.
    """
    if max_length < timedelta(0):
        raise ValueError("A window's length cannot be negative.")
    first, last = floor_second(start), floor_second(end)
    # Compared in UTC: two times of one zone compare by what the wall clock shows, wrong in the hour that comes twice.
    if start.astimezone(UTC) > end.astimezone(UTC):
        return []
    length = min(timedelta(seconds=max_length // ONE_SECOND), MAX_WINDOW)
    windows = []
    while last - first > length:
        windows.append(Window(first, first + length))
        first += length + ONE_SECOND
    windows.append(Window(first, last))
    return windows


def halve(window: Window) -> tuple[Window, Window] | None:
    """Splits a window in two that meet to the second.

    Args:
        window: Any window.

    Returns:
        The earlier and the later half, or None for a single second.
    """
    if window.start == window.end:
        return None
    middle = window.start + timedelta(seconds=(window.span // ONE_SECOND - 1) // 2)
    return Window(window.start, middle), Window(middle + ONE_SECOND, window.end)


def padded(window: Window) -> Window:
    """Let a request reach a little over both ends of its window.

    Args:
        window: The window.

    Returns:
        What to ask for; at the limits of time the window's own end.
    """
    earliest, latest = Window.EARLIEST, Window.LATEST
    return Window(max(window.start, earliest + PADDING) - PADDING, min(window.end, latest - PADDING) + PADDING)


def start_with_overlap(cursor: datetime | None, overlap_seconds: float, floor: datetime) -> datetime:
    """Says where a load begins.

    Args:
        cursor: End of what was loaded before, aware; None when nothing was.
        overlap_seconds: How far before the cursor to begin, for changes that the server committed late; zero or more.
        floor: The moment before which a load never asks, aware.

    Returns:
        The start, aware UTC, whole seconds, never before `floor` (except for the part of a second dropped from it).

    Raises:
        ValueError: A time has no zone.
    """
    earliest = floor_second(floor)
    if cursor is None:
        return earliest
    reached = floor_second(cursor)
    # Compared before subtracting, so that no overlap, however long, can leave the range of datetime.
    if reached - earliest <= timedelta(seconds=overlap_seconds):
        return earliest
    return floor_second(reached - timedelta(seconds=overlap_seconds))


def parse_time(text: str) -> datetime:
    """Reads a time as the API writes it: RFC 3339 with an offset or `Z`, e.g. `2015-03-30T17:02:00+11:00`.

    Args:
        text: The time. A leap second (`:60`) is read as the first second of the next minute.

    Returns:
        The time, aware, UTC; digits beyond the microsecond are dropped.

    Raises:
        ValueError: The text is not such a time; it is not repeated in the message.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError("not a time with an offset, as RFC 3339 writes it")
    day, minute, second, fraction, offset = match.groups()
    leap = second == "60"
    zone = "+00:00" if offset in "Zz" else offset
    try:
        local = datetime.fromisoformat(f"{day}T{minute}:{'59' if leap else second}{(fraction or '')[:7]}{zone}")
        return local.astimezone(UTC) + (ONE_SECOND if leap else timedelta(0))
    except (ValueError, OverflowError):
        pass
    raise ValueError("no such day or time")


def parse_day_or_time(text: str) -> datetime:
    """Reads a day or a time as people write them in settings and options.

    Args:
        text: `2026-01-31` (its first second, UTC), `2026-01-31T08:00:00` (UTC), or a time with its offset.

    Returns:
        The moment, aware, UTC.

    Raises:
        ValueError: The text is none of these.
    """
    text = text.strip()
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text, flags=re.ASCII):
        return parse_time(f"{text}T00:00:00Z")
    if re.fullmatch(r"[\d.:-]+[Tt ][\d.:]+", text, flags=re.ASCII):
        return parse_time(f"{text}Z")
    return parse_time(text)


def format_time(moment: datetime) -> str:
    """Writes a time for a request.

    The offset is always spelt out as `+00:00`: to the API `-00:00` means the account's own zone (source: the vendor's
    pages), and local time sent as UTC is a mistake that this makes impossible.

    Args:
        moment: An aware time in any zone.

    Returns:
        E.g. `2026-01-31T23:00:00+00:00`.

    Raises:
        ValueError: The time has no zone.
    """
    return floor_second(moment).isoformat()
