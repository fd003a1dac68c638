"""What --since and --until name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bookeo.errors import SettingsError
from bookeo_pipelines.cli.time_range import duration, time_range

NOW = datetime(2024, 3, 1, 12, 30, 15, 999, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-01-31", "2026-01-31T00:00:00", "2026-01-31T23:59:59"),
        ("2024-02", "2024-02-01T00:00:00", "2024-02-29T23:59:59"),
        ("2026-12", "2026-12-01T00:00:00", "2026-12-31T23:59:59"),
        ("2026-01-31T18:00:00+02:00", "2026-01-31T16:00:00", "2026-01-31T16:00:00"),
        ("today", "2024-03-01T00:00:00", "2024-03-01T23:59:59"),
        ("Yesterday", "2024-02-29T00:00:00", "2024-02-29T23:59:59"),
        ("0d", "2024-03-01T00:00:00", "2024-03-01T23:59:59"),
        ("7d", "2024-02-23T00:00:00", "2024-02-23T23:59:59"),
        ("2w", "2024-02-16T00:00:00", "2024-02-16T23:59:59"),
        ("36h", "2024-02-29T00:30:15", "2024-02-29T00:30:15"),
    ],
)
def test_days_and_times(text: str, first: str, last: str) -> None:
    since, until = time_range(text, text, NOW)
    assert since == datetime.fromisoformat(f"{first}+00:00")
    assert until == datetime.fromisoformat(f"{last}+00:00")


@pytest.mark.parametrize("text", ["", "soon", "2026-13", "2026-1", "7", "-7d", "2026-02-30", "7 d", "٧d"])
def test_what_is_none_is_refused_with_examples(text: str) -> None:
    with pytest.raises(SettingsError, match=r"--since is .* it takes a date like 2026-01-31, a month like 2026-01"):
        time_range(text, None, NOW)


def test_the_last_may_not_come_before_the_first() -> None:
    assert time_range("2026-01-31", "2026-01", NOW)[0] is not None
    with pytest.raises(SettingsError, match=r"--since 2026-02-01 .* is after --until 2026-01 "):
        time_range("2026-02-01", "2026-01", NOW)
    assert time_range(None, None, NOW) == (None, None)


@pytest.mark.parametrize(("text", "minutes"), [("90m", 90), ("2h", 120), (" 1D ", 1440), ("1w", 10_080)])
def test_spans(text: str, minutes: int) -> None:
    assert duration(text, "--max-age") == timedelta(minutes=minutes)


@pytest.mark.parametrize("text", ["", "0h", "2", "h", "1.5h", "2 hours", "-2h"])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=r"--max-age is .* like 90m, 2h, 1d or 1w"):
        duration(text, "--max-age")
