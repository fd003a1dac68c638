"""The days and times that options name: absolute, or counted back from now."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

EXAMPLES = "a date like 2026-01-31, a month like 2026-01, a time like 2026-01-31T18:00:00Z, today, yesterday, 7d or 2w"
_BACK = re.compile(r"(\d{1,5})([dwh])", re.ASCII)
_MONTH = re.compile(r"(\d{4})-(\d\d)", re.ASCII)
_AGE = re.compile(r"(\d{1,5})([mhdw])", re.ASCII)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


def time_range(
    since: str | None, until: str | None, now: datetime | None = None
) -> tuple[datetime | None, datetime | None]:
    """Read the options --since and --until.

    Args:
        since: The first day or time, as a user writes it; None: not given.
        until: The last one; a day or a month counts to its last second.
        now: What relative days are counted from, aware; None: this machine's clock.

    Returns:
        Both moments, aware, UTC, ends included; None where not given.

    Raises:
        SettingsError: One is no day or time, or the first comes after the last.

    Example:
        >>> time_range("2026-02", "2026-02")[1].isoformat()
        '2026-02-28T23:59:59+00:00'
    """
    from bookeo.errors import SettingsError

    now = (now or datetime.now(UTC)).astimezone(UTC)
    begin = _span(since, "--since", now)[0] if since is not None else None
    end = _span(until, "--until", now)[1] if until is not None else None
    if begin is not None and end is not None and begin > end:
        raise SettingsError(
            f"--since {since} ({begin:%Y-%m-%d %H:%M} UTC) is after --until {until} ({end:%Y-%m-%d %H:%M} UTC)."
        )
    return begin, end


def _span(text: str, option: str, now: datetime) -> tuple[datetime, datetime]:
    """The first and the last second that a text names; of a time, both are the same."""
    from bookeo.errors import SettingsError
    from bookeo.windows import parse_day_or_time

    word = text.strip().lower()
    try:
        if word in ("today", "yesterday"):
            day = _midnight(now) - (_DAY if word == "yesterday" else timedelta(0))
            return day, day + _DAY - _SECOND
        if back := _BACK.fullmatch(word):
            there = now.replace(microsecond=0) - int(back[1]) * _UNITS[back[2]]
            return (there, there) if back[2] == "h" else (_midnight(there), _midnight(there) + _DAY - _SECOND)
        if month := _MONTH.fullmatch(word):
            first = datetime(int(month[1]), int(month[2]), 1, tzinfo=UTC)
            return first, (first + 31 * _DAY).replace(day=1) - _SECOND
        moment = parse_day_or_time(text)
        whole_day = re.fullmatch(r"\d{4}-\d\d-\d\d", word, re.ASCII)
        return moment, moment + (_DAY - _SECOND if whole_day else timedelta(0))
    except (ValueError, OverflowError):
        raise SettingsError(f"{option} is {text!r}; it takes {EXAMPLES}.") from None


def duration(text: str, option: str) -> timedelta:
    """Read an option that takes a span of time.

    Args:
        text: What a user wrote, such as `90m`, `2h`, `1d` or `1w`.
        option: The option, for the message.

    Returns:
        The span, more than nothing.

    Raises:
        SettingsError: It is none.

    Example:
        >>> duration("90m", "--max-age")
        datetime.timedelta(seconds=5400)
    """
    from bookeo.errors import SettingsError

    age = _AGE.fullmatch(text.strip().lower())
    if age is None or not int(age[1]):
        raise SettingsError(f"{option} is {text!r}; it takes minutes, hours, days or weeks like 90m, 2h, 1d or 1w.")
    return int(age[1]) * _UNITS[age[2]]


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)
