"""Times as the API writes and reads them: RFC 3339 with an offset. Inside they are Unix seconds."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def whole_minute(timestamp: float) -> int:
    """Cuts the seconds off: what the API shows of its own clock. Source: real answers.

    Args:
        timestamp: Unix seconds.

    Returns:
        Unix seconds of the minute's beginning.
    """
    return int(timestamp // 60) * 60


def parse_time(text: str, zone: ZoneInfo, *, strict: bool = True) -> float:
    """Reads a time of a request.

    Args:
        text: RFC 3339 with an offset; the offset `-00:00` means the account's own zone.
        zone: The account's zone.
        strict: Whether a fraction of a second is refused.

    Returns:
        Unix seconds; a whole number, unless there is a fraction.

    Raises:
        ValueError: No offset, a fraction of a second, or no such time.
    """
    match = _TIME.fullmatch(text)
    if match is None or (strict and match[7]):
        raise ValueError("not an RFC 3339 time with whole seconds and an offset")
    fraction = float(match[7] or 0)
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    wall = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    offset = match[8]
    if offset == "-00:00":
        return wall_seconds(wall, zone) + fraction
    if offset != "Z":
        hours, minutes = int(offset[1:3]), int(offset[4:6])
        if hours > 23 or minutes > 59:
            raise ValueError("no such offset")
        shift = timedelta(hours=hours, minutes=minutes)
        wall = wall - shift if offset[0] == "+" else wall + shift
    return seconds(wall) + fraction


def parse_date(text: str) -> date:
    """Reads a date of a request.

    Args:
        text: `YYYY-MM-DD`.

    Returns:
        The date.

    Raises:
        ValueError: It is not one.
    """
    if not _DATE.fullmatch(text):
        raise ValueError("not a date like 2026-01-31")
    return date.fromisoformat(text)


def format_time(timestamp: int, zone: ZoneInfo) -> str:
    """Writes a time as the API does: the account's local time with its offset on that day.

    Args:
        timestamp: Unix seconds.
        zone: The account's zone.

    Returns:
        For instance `2015-03-30T17:02:00+11:00`.
    """
    return datetime.fromtimestamp(timestamp, zone).isoformat()


def seconds(moment: datetime) -> int:
    """Turns an aware time into Unix seconds.

    Args:
        moment: An aware time.

    Returns:
        Unix seconds; a fraction is cut off.
    """
    return (moment - _EPOCH) // timedelta(seconds=1)


def wall_seconds(wall: datetime, zone: ZoneInfo) -> int:
    """Turns what a clock on the account's wall shows into Unix seconds.

    Args:
        wall: Year to second count; its zone does not.
        zone: The account's zone.

    Returns:
        Unix seconds; of an hour that exists twice, the first.
    """
    return seconds(wall.replace(tzinfo=zone))


def as_moment(value: date | datetime | str) -> int:
    """Reads the moment at which an invented history ends.

    Args:
        value: An aware time, or a day, which means its last second in UTC, or either as ISO text.

    Returns:
        Unix seconds.

    Raises:
        ValueError: A time without zone, or text that is neither.
    """
    if isinstance(value, str):
        value = datetime.fromisoformat(value) if "T" in value else date.fromisoformat(value)
    if not isinstance(value, datetime):
        return seconds(datetime(value.year, value.month, value.day, 23, 59, 59, tzinfo=UTC))
    if value.tzinfo is None:
        raise ValueError("the end of the history needs a time zone")
    return seconds(value)
