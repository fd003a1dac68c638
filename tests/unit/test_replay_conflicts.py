"""A replay leaves alone what the destination knows better."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from bookeo.replay.source import TableRows
from bookeo.schema import TABLES, arrow_schema
from bookeo_pipelines.replay.conflicts import NewerRows
from memory_warehouse import ACCOUNT, EARLY, LATE, booking, holding

SECOND = timedelta(seconds=1)
GONE_AT = LATE + timedelta(hours=1)


def rows(table: str, given: Iterable[dict[str, Any]], *, whole_sets: bool = False) -> TableRows:
    made = pa.Table.from_pylist([{"account_id": ACCOUNT, **row} for row in given], schema=arrow_schema(TABLES[table]))
    return TableRows(TABLES[table], whole_sets, made)


def left(tables: list[TableRows], column: str = "booking_number") -> dict[str, list[str]]:
    return {one.table.name: one.rows[column].to_pylist() for one in tables}


@pytest.mark.parametrize(("read_at", "stays"), [(LATE - SECOND, False), (LATE, True), (LATE + SECOND, True)])
def test_only_a_row_that_is_older_is_left_out(read_at: datetime, stays: bool) -> None:
    # The newest row of all is another one: each must be held against its own.
    held = NewerRows(holding(bookings=[booking("1", fetched_at=LATE), booking("9", fetched_at=LATE + 9 * SECOND)]))
    written = rows("bookings", [booking("1", fetched_at=read_at), booking("2", fetched_at=EARLY)])
    assert left(held.only_newer([written])) == {"bookings": ["1", "2"] if stays else ["2"]}


def test_what_is_all_older_is_no_table_at_all() -> None:
    held = NewerRows(holding(bookings=[booking("1", fetched_at=LATE)]))
    assert held.only_newer([rows("bookings", [booking("1", fetched_at=EARLY)])]) == []


def option(number: str, updated_at: datetime) -> dict[str, Any]:
    return {"booking_number": number, "position": 1, "updated_at": updated_at}


def test_the_lists_of_a_booking_go_with_it_however_old_they_say_they_are() -> None:
    warehouse = holding(
        bookings=[booking("1", fetched_at=LATE), booking("2", fetched_at=EARLY)],
        booking_options=[option("1", EARLY), option("2", LATE)],
    )
    written = [
        rows("booking_options", [option("1", LATE), option("2", EARLY)], whole_sets=True),
        rows("bookings", [booking("1", fetched_at=EARLY), booking("2", fetched_at=LATE)]),
    ]
    assert left(NewerRows(warehouse).only_newer(written)) == {"booking_options": ["2"], "bookings": ["2"]}


@pytest.mark.parametrize(
    ("read_at", "is_marked"), [(EARLY, True), (EARLY - SECOND, True), (EARLY + SECOND, False), (LATE, False)]
)
def test_who_vanished_is_marked_again_unless_they_came_back(read_at: datetime, is_marked: bool) -> None:
    warehouse = holding(bookings=[booking("1", fetched_at=EARLY, deleted_at=GONE_AT), booking("2")])
    held = NewerRows(warehouse)
    warehouse.write(
        [("UPDATE {bookings} SET deleted_at = NULL, fetched_at = %s WHERE booking_number = '1'", [read_at])]
    )
    held.mark_again()
    marks = dict(warehouse.rows("SELECT booking_number, deleted_at FROM {bookings}"))
    assert marks == {"1": GONE_AT if is_marked else None, "2": None}


def test_whether_the_destination_knew_more_is_strict() -> None:
    held = NewerRows(holding(bookings=[booking("1", fetched_at=LATE)]))
    assert held.anything_after(LATE - SECOND)
    assert not held.anything_after(LATE)
    assert not NewerRows(holding()).anything_after(EARLY)
