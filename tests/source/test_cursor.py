"""Where a load begins and ends, and what an interrupted one goes on from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bookeo.cursor import Range, State, backfill_ended, next_range, window_landed
from bookeo.errors import SettingsError, TablesAdded

START = datetime(2020, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
DAY = timedelta(days=1)
OVERLAP = timedelta(minutes=10)


def ask(state: State, cursor: datetime | None, **more: Any) -> Range:
    given: dict[str, Any] = {
        "account_id": "A",
        "tables": ["bookings", "booking_options"],
        "start": START,
        "now": NOW,
        "since": None,
        "until": None,
        "overlap_seconds": 600,
    }
    return next_range(state, cursor=cursor, **given | more)


@pytest.fixture
def loaded() -> State:
    """The state after a first load that came to its end at `NOW`."""
    state: State = {}
    covered = ask(state, None)
    window_landed(state, covered, covered.until)
    return state


def test_a_first_load_covers_all_from_the_start_to_the_servers_now() -> None:
    assert ask({}, None) == Range(START, NOW, moves_cursor=True)
    assert ask({}, None, since=NOW - DAY).since == NOW - DAY
    assert ask({}, None, until=NOW - DAY).until == NOW - DAY
    assert ask({}, None, until=NOW + DAY).until == NOW, "nothing is known of what comes after the server's now"


def test_the_next_load_begins_before_the_cursor_but_never_before_the_first(loaded: State) -> None:
    assert ask(loaded, NOW, now=NOW + DAY) == Range(NOW - OVERLAP, NOW + DAY, moves_cursor=True)
    assert ask(loaded, START + OVERLAP / 2, now=NOW + DAY).since == START


def test_a_server_whose_clock_went_back_is_still_asked_for_a_range_the_right_way_round(loaded: State) -> None:
    covered = ask(loaded, NOW, now=NOW - DAY)
    assert covered.since <= covered.until == NOW - DAY


def test_a_first_load_that_was_killed_goes_on_from_its_cursor_when_called_again_the_same_way() -> None:
    state: State = {}
    since, reached = NOW - 10 * DAY, NOW - 5 * DAY
    window_landed(state, ask(state, None, since=since), reached)
    again = ask(state, reached, since=since)
    assert again == Range(reached - OVERLAP, NOW, moves_cursor=True)
    # Called otherwise it does what it says: a range is read again, or more tables are filled.
    assert ask(dict(state), reached, since=since + DAY).backfill
    assert ask(dict(state), reached, since=since, tables=["bookings", "booking_people"]).backfill
    # Once it is done, the same call reads the range again, as it says.
    window_landed(state, again, again.until)
    assert ask(state, NOW, since=since).backfill


def test_a_reading_again_leaves_the_cursor_alone_and_goes_on_where_it_stopped(loaded: State) -> None:
    since, stopped = NOW - 100 * DAY, NOW - 60 * DAY
    covered = ask(loaded, NOW, since=since, until=NOW - 30 * DAY)
    assert (covered.moves_cursor, covered.backfill) == (False, True)
    window_landed(loaded, covered, stopped)
    again = ask(loaded, NOW, since=since, until=NOW - 30 * DAY)
    assert again.since == stopped + timedelta(seconds=1)
    assert backfill_ended(loaded, NOW, again.until) is None, "it did not come up to the cursor"
    assert ask(loaded, NOW, since=since, until=NOW - 30 * DAY).since == since, "done once, it begins anew"


def test_a_reading_again_that_joins_the_cursor_moves_it(loaded: State) -> None:
    later = NOW + DAY
    covered = ask(loaded, NOW, since=NOW - DAY, now=later)
    assert backfill_ended(loaded, NOW, covered.until) == later


def test_a_reading_again_of_some_tables_never_moves_the_cursor_for_the_others(loaded: State) -> None:
    covered = ask(loaded, NOW, since=NOW - DAY, now=NOW + DAY, tables=["bookings"])
    assert backfill_ended(loaded, NOW, covered.until) is None


def test_a_reading_again_forgets_what_the_last_load_had_met(loaded: State) -> None:
    loaded["recent"] = {"1": "digest"}
    ask(loaded, NOW, since=NOW - DAY)
    assert "recent" not in loaded, "an older version that comes back must be written again"


def test_a_table_that_the_cursor_has_passed_by_is_refused_until_it_is_filled(loaded: State) -> None:
    more = ["bookings", "booking_options", "booking_people"]
    with pytest.raises(TablesAdded, match="booking_people"):
        ask(loaded, NOW, tables=more)
    covered = ask(loaded, NOW, tables=["booking_people"], since=START, now=NOW + DAY)
    backfill_ended(loaded, NOW, covered.until)
    assert ask(loaded, NOW, tables=more, now=NOW + DAY).moves_cursor


def test_another_accounts_keys_are_refused(loaded: State) -> None:
    with pytest.raises(SettingsError, match="account B"):
        ask(loaded, NOW, account_id="B")


@pytest.mark.parametrize("cursor", [None, NOW])
def test_a_range_the_wrong_way_round_is_refused(cursor: datetime | None) -> None:
    state: State = {"account_id": "A", "fed": [], "loaded_from": "2020-01-01T00:00:00+00:00"} if cursor else {}
    with pytest.raises(SettingsError, match="after its end"):
        ask(state, cursor, since=NOW, until=NOW - DAY)
