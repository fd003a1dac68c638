"""Which range a load covers: from the cursor, since a moment, until a moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from bookeo.cursor import Range, State, backfill_ended, next_range, window_landed
from bookeo.errors import SettingsError, TablesAdded
from bookeo_sandbox import Sandbox
from loading import BEGIN, END, OVERLAP, load
from truth import DATASET, assert_equals_truth, assert_ledger_covers, convert, query

MIDDLE = datetime(2026, 5, 10, tzinfo=UTC)
TABLES = ("bookings", "booking_people")
"""Enough to tell which range was read."""


def updated(sandbox: Sandbox) -> dict[str, datetime]:
    """When each booking was last changed or else made."""
    return {
        b["bookingNumber"]: convert("time", b.get("lastChangeTime") or b["creationTime"])
        for b in sandbox.truth()["bookings"]
    }


def numbers(database: Path) -> set[str]:
    return {row[0] for row in query(database, f"SELECT booking_number FROM {DATASET}.bookings")}


def test_a_first_load_until_a_moment_is_continued_from_there(folder: Path, sandbox: Sandbox) -> None:
    database = folder / "bookeo.duckdb"
    since, until = BEGIN + timedelta(days=20), MIDDLE
    result = load(sandbox, database, tables=TABLES, since=since, until=until)
    assert result.covered == (since, until)
    assert numbers(database) == {n for n, at in updated(sandbox).items() if since <= at <= until} != set()
    result = load(sandbox, database, tables=TABLES)
    assert result.covered == (until - OVERLAP, END)
    assert numbers(database) == {n for n, at in updated(sandbox).items() if since <= at}
    # What lies before the first load's start comes when it is asked for.
    result = load(sandbox, database, tables=TABLES, since=BEGIN)
    assert result.covered == (BEGIN, END)
    assert_equals_truth(database, sandbox, tables=TABLES, vanished="absent")
    assert_ledger_covers(database, sandbox.truth()["accountId"], BEGIN, END)


def test_a_later_load_since_a_moment_mends_and_leaves_the_cursor(loaded: Path, sandbox: Sandbox) -> None:
    with duckdb.connect(str(loaded)) as connection:
        connection.execute(f"DELETE FROM {DATASET}.bookings WHERE updated_at >= ?", [MIDDLE])
        connection.execute(f"UPDATE {DATASET}.bookings SET title = 'spoilt', total_paid_amount = 0")
    sandbox.advance(days=3)
    result = load(sandbox, loaded, tables=TABLES, since=BEGIN, until=MIDDLE)
    assert result.covered == (BEGIN, MIDDLE)
    assert query(loaded, f"SELECT count(*) FROM {DATASET}.bookings WHERE title = 'spoilt'") == [(0,)]
    result = load(sandbox, loaded, tables=TABLES)
    assert result.covered == (END - OVERLAP, END + timedelta(days=3))


def test_an_end_in_the_future_is_now(loaded: Path, sandbox: Sandbox) -> None:
    sandbox.advance(days=1)
    result = load(sandbox, loaded, tables=TABLES, until=END + timedelta(days=400))
    assert result.covered == (END - OVERLAP, END + timedelta(days=1))


class Cursor:
    """The state that loads share, without a load."""

    def __init__(self) -> None:
        self.state: State = {}
        self.at: datetime | None = None

    def load(self, now: datetime, tables: set[str] | None = None, *, ends: bool = True, **given: Any) -> Range:
        """Decides on a range and, if the load ends, moves what must be moved."""
        options = {"account_id": "A", "start": BEGIN, "since": None, "until": None, "overlap_seconds": 600, **given}
        found = next_range(self.state, tables=tables or {"bookings", "taxes"}, cursor=self.at, now=now, **options)
        if ends:
            self.end(found)
        return found

    def end(self, found: Range) -> None:
        window_landed(self.state, found, found.until)
        if found.moves_cursor:
            self.at = max(found.until, self.at or found.until)
        if found.backfill:
            assert self.at is not None
            self.at = backfill_ended(self.state, self.at, found.until) or self.at


HOUR = timedelta(hours=1)


def test_ranges_follow_each_other_with_the_overlap() -> None:
    cursor = Cursor()
    assert cursor.load(END) == Range(BEGIN, END, moves_cursor=True)
    assert cursor.load(END + HOUR) == Range(END - OVERLAP, END + HOUR, moves_cursor=True)
    assert cursor.load(END + 2 * HOUR, until=END + HOUR).since == END + HOUR - OVERLAP


def test_the_overlap_does_not_reach_before_what_was_asked_for() -> None:
    cursor = Cursor()
    cursor.load(END, since=END - timedelta(seconds=60))
    assert cursor.load(END + HOUR).since == END - timedelta(seconds=60)


def test_a_server_whose_clock_went_back_moves_nothing_back() -> None:
    cursor = Cursor()
    cursor.load(END)
    found = cursor.load(END - HOUR)
    assert found.since <= found.until == END - HOUR
    assert cursor.at == END


@pytest.mark.parametrize("first", [True, False])
def test_a_range_the_wrong_way_round_is_refused_and_leaves_no_trace(first: bool) -> None:
    cursor = Cursor()
    if not first:
        cursor.load(END)
    before = dict(cursor.state)
    for given in ({"since": END + HOUR}, {"since": MIDDLE, "until": MIDDLE - HOUR}):
        with pytest.raises(SettingsError, match="after its end"):
            cursor.load(END, **given)
    assert cursor.state == before


def test_an_interrupted_rereading_goes_on_where_it_stopped() -> None:
    cursor = Cursor()
    cursor.load(END)
    found = cursor.load(END, since=BEGIN, ends=False)
    assert found == Range(BEGIN, END, moves_cursor=False, backfill=True)
    window_landed(cursor.state, found, MIDDLE)
    again = cursor.load(END + HOUR, since=BEGIN, ends=False)
    assert again == Range(MIDDLE + timedelta(seconds=1), END + HOUR, moves_cursor=False, backfill=True)
    window_landed(cursor.state, again, MIDDLE + HOUR)
    # Another call is another reading, and so is the same one after an ordinary load.
    assert cursor.load(END + HOUR, since=BEGIN + HOUR, ends=False).since == BEGIN + HOUR
    assert cursor.load(END + HOUR, {"bookings"}, since=BEGIN, ends=False).since == BEGIN
    cursor.load(END + HOUR)
    assert cursor.load(END + 2 * HOUR, since=BEGIN, ends=False).since == BEGIN


@pytest.mark.parametrize(
    ("since", "until", "jumps"),
    [
        (BEGIN, None, True),
        (END, None, True),
        (BEGIN, MIDDLE, False),  # it ends before the cursor
        (END + timedelta(seconds=1), None, False),  # a gap would open
    ],
)
def test_a_rereading_moves_the_cursor_only_where_no_gap_opens(
    since: datetime, until: datetime | None, jumps: bool
) -> None:
    cursor = Cursor()
    cursor.load(END)
    cursor.load(END + HOUR, since=since, until=until)
    assert cursor.at == (END + HOUR if jumps else END)


def test_a_rereading_of_some_tables_never_moves_the_cursor_of_all() -> None:
    cursor = Cursor()
    cursor.load(END)
    cursor.load(END + HOUR, {"bookings"}, since=BEGIN)
    assert cursor.at == END
    assert cursor.load(END + 2 * HOUR).since == END - OVERLAP


def test_a_table_that_the_cursor_has_passed_by_is_filled_as_advised() -> None:
    cursor = Cursor()
    cursor.load(END, {"bookings"})
    with pytest.raises(TablesAdded, match=f"bookeo load --tables taxes --since {BEGIN:%Y-%m-%d}"):
        cursor.load(END + HOUR)
    assert cursor.at == END
    cursor.load(END + HOUR, {"taxes"}, since=BEGIN)
    assert cursor.load(END + 2 * HOUR).since == END - OVERLAP


def test_filling_a_part_does_not_make_a_table_follow() -> None:
    cursor = Cursor()
    cursor.load(END, {"bookings"})
    cursor.load(END + HOUR, {"taxes"}, since=BEGIN, until=MIDDLE)
    with pytest.raises(TablesAdded):
        cursor.load(END + HOUR)


def test_a_table_left_out_once_has_been_passed_by() -> None:
    cursor = Cursor()
    cursor.load(END)
    cursor.load(END + HOUR, {"bookings"})
    with pytest.raises(TablesAdded, match="taxes"):
        cursor.load(END + 2 * HOUR)


def test_another_account_does_not_continue_this_one() -> None:
    cursor = Cursor()
    cursor.load(END)
    with pytest.raises(SettingsError, match="account B, but this pipeline has loaded the account A"):
        cursor.load(END + HOUR, account_id="B")
