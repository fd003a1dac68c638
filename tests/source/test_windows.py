from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from bookeo.windows import (
    MAX_WINDOW,
    ONE_SECOND,
    Window,
    floor_second,
    format_time,
    halve,
    parse_day_or_time,
    parse_time,
    split_range,
    start_with_overlap,
)

OFFSETS = st.integers(-11 * 4, 14 * 4).map(lambda quarters: timezone(timedelta(minutes=15 * quarters)))
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=OFFSETS)  # noqa: DTZ001
ZONED = st.datetimes(
    datetime(2020, 1, 1),  # noqa: DTZ001
    datetime(2030, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from(["Australia/Sydney", "America/New_York", "Europe/Rome", "Pacific/Apia"]).map(ZoneInfo),
)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


@given(
    MOMENTS | ZONED, st.timedeltas(timedelta(0), timedelta(days=900)), st.timedeltas(timedelta(hours=1), 2 * MAX_WINDOW)
)
@example(utc(2024, 2, 29), timedelta(days=366), MAX_WINDOW)
@example(utc(2023, 12, 31, 23, 59, 59), ONE_SECOND, timedelta(hours=1))
@example(utc(2024, 1, 1), MAX_WINDOW, MAX_WINDOW)
@example(utc(2024, 1, 1), MAX_WINDOW + ONE_SECOND, MAX_WINDOW)
def test_windows_cover_the_range_and_meet_to_the_second(start: datetime, length: timedelta, longest: timedelta) -> None:
    end = start.astimezone(UTC) + length

    windows = split_range(start, end, longest)

    assert windows[0].start == floor_second(start)
    assert windows[-1].end == floor_second(end)
    for earlier, later in pairwise(windows):
        assert later.start == earlier.end + ONE_SECOND
    assert all(window.span <= min(longest, timedelta(days=31)) for window in windows)
    assert windows == sorted(windows)


@given(MOMENTS, MOMENTS)
def test_a_range_the_wrong_way_round_has_no_windows(a: datetime, b: datetime) -> None:
    assume(a < b)
    assert split_range(b, a) == []


def test_the_hour_that_comes_twice_is_not_the_wrong_way_round() -> None:
    sydney = ZoneInfo("Australia/Sydney")
    first, second = datetime(2024, 4, 7, 2, 30, tzinfo=sydney), datetime(2024, 4, 7, 2, 10, tzinfo=sydney, fold=1)
    [window] = split_range(first, second)
    assert window.span == timedelta(minutes=40)
    assert split_range(second, first) == []


def test_equal_ends_make_one_window_of_a_second() -> None:
    moment = utc(2024, 2, 29, 23, 59, 59)
    assert split_range(moment, moment) == [Window(moment, moment)]


def test_parts_of_a_second_are_not_lost() -> None:
    start, end = datetime(2024, 1, 1, 0, 0, 10, 700_000, UTC), datetime(2024, 1, 1, 0, 0, 20, 300_000, UTC)
    assert split_range(start, end) == [Window(utc(2024, 1, 1, 0, 0, 10), utc(2024, 1, 1, 0, 0, 20))]


def test_a_window_length_of_zero_means_single_seconds() -> None:
    start = utc(2024, 1, 1)
    windows = split_range(start, start + 2 * ONE_SECOND, timedelta(0))
    assert windows == [Window(start + n * ONE_SECOND, start + n * ONE_SECOND) for n in range(3)]


def test_windows_reach_the_end_of_time() -> None:
    end = datetime.max.replace(tzinfo=UTC, microsecond=0)
    assert split_range(end - timedelta(days=40), end)[-1].end == end


@pytest.mark.parametrize("day", ["2024-03-31", "2024-10-27", "2024-02-29", "2024-12-31"])
def test_a_day_of_rome_has_its_true_length_whatever_daylight_saving_does(day: str) -> None:
    rome = ZoneInfo("Europe/Rome")
    first = datetime.fromisoformat(day).replace(tzinfo=rome)
    after = (first + timedelta(days=1)).replace(tzinfo=rome)
    hours = {"2024-03-31": 23, "2024-10-27": 25}.get(day, 24)
    [window] = split_range(first, after)
    assert window.span == timedelta(hours=hours)


@given(MOMENTS, st.integers(1, 10_000_000))
def test_halves_meet_and_cover_the_window(moment: datetime, seconds: int) -> None:
    start = floor_second(moment)
    window = Window(start, start + timedelta(seconds=seconds))
    halves = halve(window)
    assert halves is not None
    earlier, later = halves
    assert (earlier.start, later.end) == (window.start, window.end)
    assert later.start == earlier.end + ONE_SECOND
    assert abs(earlier.span - later.span) <= ONE_SECOND


def test_a_single_second_has_no_halves() -> None:
    assert halve(Window(utc(2024, 1, 1), utc(2024, 1, 1))) is None


@given(MOMENTS, MOMENTS, st.integers(0, 10**9))
def test_a_load_begins_before_the_cursor_but_not_before_the_floor(
    cursor: datetime, floor: datetime, overlap: int
) -> None:
    begin = start_with_overlap(cursor, overlap, floor)
    assert begin == max(floor_second(floor), floor_second(cursor) - timedelta(seconds=overlap))
    assert begin.microsecond == 0
    assert start_with_overlap(None, overlap, floor) == floor_second(floor)


@given(MOMENTS | ZONED)
def test_times_survive_writing_and_reading(moment: datetime) -> None:
    text = format_time(moment)
    assert text.endswith("+00:00")
    assert parse_time(text) == floor_second(moment)
    assert parse_time(moment.isoformat()) == moment.astimezone(UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2015-03-30T17:02:00+11:00", utc(2015, 3, 30, 6, 2)),
        ("2024-02-29T23:59:59Z", utc(2024, 2, 29, 23, 59, 59)),
        ("2024-01-01T00:00:00+14:00", utc(2023, 12, 31, 10)),
        ("2023-12-31T23:00:00-11:00", utc(2024, 1, 1, 10)),
        ("2024-01-01t00:00:00.123456789z", datetime(2024, 1, 1, 0, 0, 0, 123456, UTC)),
        ("2016-12-31T23:59:60Z", utc(2017, 1, 1)),
        ("2024-06-01T00:00:00-00:00", utc(2024, 6, 1)),
    ],
)
def test_the_apis_times_are_read(text: str, expected: datetime) -> None:
    moment = parse_time(text)
    assert moment == expected
    assert moment.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    ["", "2024-01-01", "2024-01-01T00:00:00", "2024-01-01T00:00Z", "2023-02-29T00:00:00Z", "20240101T000000Z",
     "2024-01-01T24:00:01Z", "2024-01-01T00:00:00+25:00", "2024-01-01T00:00:00Z\n", "٢٠٢٤-01-01T00:00:00Z",
     "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:60Z", "2024-01-01T00:00:61Z", "secret person"],
)  # fmt: skip
def test_what_is_not_a_time_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a time|no such") as caught:
        parse_time(text)
    assert not text or text not in str(caught.value)
    assert caught.value.__context__ is None


@given(st.text(max_size=40))
def test_reading_a_time_knows_no_other_error(text: str) -> None:
    for read in (parse_time, parse_day_or_time):
        try:
            assert read(text).utcoffset() == timedelta(0)
        except ValueError as error:
            assert error.args  # noqa: PT017


def test_days_and_times_of_people_are_read_as_utc() -> None:
    assert parse_day_or_time("2024-02-29") == utc(2024, 2, 29)
    assert parse_day_or_time(" 2024-02-29T08:00:00 ") == utc(2024, 2, 29, 8)
    assert parse_day_or_time("2024-02-29T08:00:00+02:00") == utc(2024, 2, 29, 6)
    for wrong in ("29.02.2024", "2023-02-29", "2024-13-01", "yesterday"):
        with pytest.raises(ValueError, match=r"not a time|no such"):
            parse_day_or_time(wrong)


def test_a_time_without_zone_is_refused() -> None:
    naive = datetime(2024, 1, 1)  # noqa: DTZ001
    for use in (floor_second, format_time, lambda moment: split_range(moment, moment)):
        with pytest.raises(ValueError, match="no time zone"):
            use(naive)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (utc(2024, 1, 2), utc(2024, 1, 1)),
        (utc(2024, 1, 1), datetime(2024, 1, 1, 0, 0, 0, 1, UTC)),
        (datetime(2024, 1, 1), utc(2024, 1, 2)),  # noqa: DTZ001
        (utc(2024, 1, 1), datetime(2024, 1, 3, tzinfo=timezone(timedelta(hours=1)))),
    ],
)
def test_a_window_is_whole_seconds_of_utc(start: datetime, end: datetime) -> None:
    with pytest.raises(ValueError, match="window"):
        Window(start, end)


def test_a_window_holds_both_its_ends() -> None:
    window = Window(utc(2024, 1, 1), utc(2024, 1, 2))
    assert window.start in window
    assert datetime(2024, 1, 2, 0, 0, 0, 999_999, UTC) in window
    assert window.end + ONE_SECOND not in window
