"""Which ranges a load asks for, and what counts as read afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookeo.cursor.coverage import Coverage, span
from bookeo.cursor.ranges import SETTLING, ListReading, Range, Wanted, next_range
from bookeo.cursor.state import Listing, LoadState
from bookeo.errors import SettingsError
from bookeo.extract.window_reader import WindowRead
from bookeo.http.clocks import OPEN_END, Clocks
from bookeo.windows import Window

START = datetime(2020, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
TABLES = frozenset({"bookings", "booking_options"})


def clocks(now: datetime = NOW, *, apart: timedelta = timedelta(0)) -> Clocks:
    return Clocks(now, now, now, now + apart)


def ask(state: LoadState, now: datetime = NOW, *, listing: Listing = "bookings", **given: Any) -> Range:
    wanted = Wanted(**{"tables": TABLES, "start": START, "overlap_seconds": 3600, **given})
    return next_range(state, listing, wanted, clocks(now))


def land(
    state: LoadState,
    covers: Range,
    windows: Iterable[Window] | None = None,
    *,
    now: datetime = NOW,
    newest: datetime | None = None,
    apart: timedelta = timedelta(0),
    recent: dict[str, str] | None = None,
    proven: bool = True,
) -> ListReading:
    """Lands windows, all of the range by default."""
    known = state.bookings
    reading = ListReading("bookings", covers, known.known_digests(covers.tables))
    found = list(windows) if windows is not None else list(covers.asked.windows)
    reads = [
        WindowRead(w, (), frozenset(recent or {"1": ""}), 1, 1, 1, 0.0, None, recent=recent or {}, proven=proven)
        for w in found
    ]
    reading.read(reads)
    ended = Coverage.of(found) == covers.asked
    reading.land(state, clocks(now, apart=apart), reads, newest, ended=ended)
    return reading


@pytest.fixture
def loaded() -> LoadState:
    """The state after a first load that came to its end at `NOW`."""
    state = LoadState()
    land(state, ask(state))
    return state


def test_a_first_load_asks_from_the_start_to_past_the_clock() -> None:
    found = ask(LoadState())
    assert (found.asked, found.until) == (span(START, NOW + OPEN_END), NOW)
    assert ask(LoadState(), until=NOW - DAY).asked == span(START, NOW - DAY)
    assert ask(LoadState(), until=NOW + DAY).asked == span(START, NOW + OPEN_END)


def test_what_is_asked_past_the_clock_does_not_count_as_read(loaded: LoadState) -> None:
    assert loaded.bookings.common(TABLES) == span(START, NOW)


def test_the_next_load_overlaps_and_once_a_day_reads_two_days_again(loaded: LoadState) -> None:
    assert ask(loaded, NOW + HOUR).asked == span(NOW - HOUR + SECOND, NOW + HOUR + OPEN_END)
    again = ask(loaded, NOW + DAY)
    assert again.settles
    assert again.since == NOW - SETTLING
    land(loaded, again, now=NOW + DAY)
    assert not ask(loaded, NOW + DAY + HOUR).settles


def test_a_load_that_is_cut_short_is_gone_on_with(loaded: LoadState) -> None:
    state = LoadState()
    first = Window(START, START + 30 * DAY)
    land(state, ask(state), [first])
    assert state.bookings.missing == span(first.end + SECOND, NOW)
    assert ask(state).since == first.end + SECOND - HOUR
    assert not loaded.bookings.missing


@given(
    st.lists(
        st.tuples(
            st.integers(0, 90), st.integers(0, 40), st.sets(st.sampled_from("ab"), min_size=1), st.integers(0, 3)
        ),
        max_size=6,
    )
)
def test_whatever_came_before_a_plain_load_reads_all_that_is_missing(calls: list[Any]) -> None:
    state, begin = LoadState(), NOW - 100 * DAY
    read: dict[str, Coverage] = {"a": Coverage(), "b": Coverage()}
    for first, days, tables, killed in calls:
        since = begin + first * DAY
        found = ask(state, start=begin, since=since, until=since + days * DAY, tables=frozenset(tables))
        windows = found.asked.windows[: killed or None]
        land(state, found, windows)
        for table in tables:
            read[table] |= Coverage.of(windows).until(NOW)
    plain = ask(state, start=begin, tables=frozenset("ab"))
    for table in "ab":
        assert span(begin, NOW) - read[table] - plain.asked == Coverage(), "what nobody has read is asked for"
    land(state, plain)
    assert state.bookings.common("ab") == span(begin, NOW) | state.bookings.common("ab")
    assert not state.bookings.missing


def test_a_reading_again_goes_on_where_it_stopped_if_it_is_called_the_same_way(loaded: LoadState) -> None:
    call = {"since": NOW - 100 * DAY, "until": NOW - 30 * DAY}
    found = ask(loaded, **call)
    assert (found.asked, found.rereads) == (span(*call.values()), True)
    stopped = NOW - 60 * DAY
    land(loaded, found, [Window(call["since"], stopped)])
    assert ask(loaded, **call).since == stopped + SECOND
    assert loaded.bookings.common(TABLES) == span(START, NOW), "it was covered, and stays so"
    # Ordinary loads are in nobody's way.
    land(loaded, ask(loaded, NOW + HOUR), now=NOW + HOUR)
    again = ask(loaded, **call)
    assert again.since == stopped + SECOND
    land(loaded, again)
    assert ask(loaded, **call).since == call["since"], "done once, it begins anew"
    assert ask(loaded, since=call["since"] + DAY).since == call["since"] + DAY


def test_a_reading_again_has_every_record_written() -> None:
    state = LoadState()
    land(state, ask(state), recent={"1": f"{int(NOW.timestamp()):x}.aa"})
    assert state.bookings.known_digests(TABLES)
    ask(state, since=NOW - DAY)
    assert not state.bookings.known_digests(TABLES), "an older version that comes back must be written again"


def test_a_table_added_later_is_read_from_the_start(loaded: LoadState) -> None:
    assert ask(loaded, tables=TABLES | {"booking_people"}).since == START
    land(loaded, ask(loaded, NOW + DAY, tables=frozenset({"bookings"})), now=NOW + DAY)
    assert ask(loaded, NOW + 2 * DAY).since == NOW - SETTLING, "what one of them has missed"


def test_payments_that_the_feed_has_brought_are_not_asked_for_booking_by_booking(loaded: LoadState) -> None:
    loaded.payments.covered["payments"] = span(START, NOW)
    assert ask(loaded, NOW + HOUR, tables=TABLES | {"payments"}).since == NOW - HOUR + SECOND


def test_clocks_that_disagree_let_only_what_is_older_than_the_newest_change_count() -> None:
    state = LoadState()
    covers = ask(state)
    land(state, covers, apart=3 * HOUR)
    assert not state.bookings.common(TABLES), "nothing was seen"
    land(state, covers, apart=3 * HOUR, newest=NOW - 5 * HOUR)
    assert state.bookings.common(TABLES) == span(START, NOW - 5 * HOUR)


def test_windows_before_the_newest_change_count_in_the_end() -> None:
    state, newest = LoadState(), NOW - DAY
    covers = ask(state)
    reading = ListReading("bookings", covers, {})
    for number, window in enumerate((Window(START, NOW - 40 * DAY), Window(NOW - 40 * DAY + SECOND, NOW + OPEN_END))):
        reads = [WindowRead(window, (), frozenset("1"), 1, 1, 1, 0.0, None)]
        reading.read(reads)
        found = newest if number else NOW - 50 * DAY
        reading.land(state, clocks(apart=DAY), reads, found, ended=bool(number))
    assert state.bookings.common(TABLES) == span(START, newest)


def test_what_a_wrong_clock_let_count_in_the_future_is_read_when_it_comes(loaded: LoadState) -> None:
    loaded.bookings.landed(span(NOW, NOW + 3 * HOUR), TABLES)
    assert NOW + 2 * HOUR in ask(loaded, NOW + HOUR).asked


def test_windows_that_are_not_proven_stay_missing() -> None:
    state = LoadState()
    covers = ask(state)
    land(state, covers, proven=False)
    assert not state.bookings.common(TABLES)
    assert state.bookings.missing == span(START, NOW)
    assert ask(state).asked == covers.asked


def mark(at: datetime, digest: str = "aa") -> str:
    return f"{int(at.timestamp()):x}.{digest}"


def test_nothing_counts_for_tables_that_could_not_be_seen() -> None:
    state = LoadState()
    covers = ask(state)
    [window] = covers.asked.windows
    reading = ListReading("bookings", covers, {})
    reads = [WindowRead(window, (), frozenset("1"), 1, 1, 1, 0.0, None, recent={"1": ""})]
    reading.read(reads)
    reading.land(state, clocks(), reads, None, ended=True, hidden=frozenset({"booking_options"}))
    assert state.bookings.common({"bookings"}) == span(START, NOW)
    assert state.bookings.known_digests(TABLES) == {}, "each record is written again once it can be seen"
    assert ask(state).since == START


def test_an_empty_window_is_doubted_only_where_the_daily_look_back_does_not_read_it(loaded: LoadState) -> None:
    def doubted(covers: Range, window: Window, now: datetime, keys: frozenset[str] = frozenset()) -> bool:
        read = WindowRead(window, (), keys, 0, 1, 1, 0.0, None)
        return ListReading("bookings", covers, {}).is_new_silence([read], now)

    daily = ask(loaded, NOW + DAY)
    [window] = daily.asked.windows
    assert not doubted(daily, window, NOW + DAY)
    late = ask(loaded, NOW + 5 * DAY)
    assert doubted(late, Window(NOW - HOUR, NOW + 7 * DAY), NOW + 5 * DAY)
    assert not doubted(late, Window(NOW - HOUR, NOW + 7 * DAY), NOW + 5 * DAY, frozenset("1"))
    first = ask(LoadState())
    assert doubted(first, Window(START, START + DAY), NOW)
    assert not doubted(first, Window(NOW - DAY, NOW + DAY), NOW)


def test_records_that_come_late_widen_the_overlap_and_are_counted() -> None:
    state = LoadState()
    known = {"1": mark(NOW - DAY), "2": mark(NOW - HOUR)}
    land(state, ask(state), recent=known)
    assert state.bookings.late == 0
    later = NOW + HOUR
    late = {**known, "2": mark(NOW - HOUR, "bb"), "3": mark(NOW - HOUR / 2), "4": mark(NOW + HOUR / 2)}
    land(state, ask(state, later), now=later, recent=late)
    assert (state.bookings.late, state.bookings.overlap_seconds) == (1, 3600), "half an hour late, once more as much"
    assert ask(state, later + HOUR, overlap_seconds=60).since == later - HOUR + SECOND


def test_nothing_where_there_were_records_is_suspicious() -> None:
    state = LoadState()
    land(state, ask(state), recent={"1": mark(NOW - HOUR / 2)})
    before = state.bookings.common(TABLES)
    covers = ask(state, NOW + HOUR)
    reading = ListReading("bookings", covers, state.bookings.known_digests(TABLES))
    reads = [WindowRead(covers.asked.windows[0], (), frozenset(), 0, 1, 1, 0.0, None)]
    reading.read(reads)
    assert reading.is_suspicious
    reading.land(state, clocks(NOW + HOUR), reads, None, ended=True)
    assert state.bookings.common(TABLES) == before


@pytest.mark.parametrize("first", [True, False])
def test_a_range_the_wrong_way_round_is_refused_and_leaves_no_trace(first: bool, loaded: LoadState) -> None:
    state = LoadState() if first else loaded
    before = state.as_state()
    for call in ({"since": NOW + HOUR}, {"since": NOW, "until": NOW - DAY}, {"start": NOW + DAY}):
        with pytest.raises(SettingsError, match="after its end"):
            ask(state, **call)
    assert state.as_state() == before
