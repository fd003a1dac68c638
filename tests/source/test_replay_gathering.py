"""Answers of many loads in one package are what is left of the packages one by one; given-up ones are left out."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from bookeo import BookeoSettings
from bookeo.archive.file_format import FIRST, NOTES, ArchiveFile, Kept, KeptAnswer, without_uncommitted
from bookeo.replay.archived_batch import ArchivedBatch, ArchiveSession
from bookeo.replay.source import Gathering

NOON = datetime(2026, 6, 30, 12, tzinfo=UTC)
SESSION = ArchiveSession(BookeoSettings(), "a1")


def batch(order: int, records: list[dict[str, Any]], entity: str = "Booking", **facts: Any) -> ArchivedBatch:
    told = {
        "entity": entity,
        "fetched_at": (NOON + timedelta(minutes=order)).isoformat(),
        "left_out": [],
        "whole_sets": True,
        "load_windows": [],
        "child_checks": [],
        "unchanged": [],
        **facts,
    }
    answer = KeptAnswer(json.dumps({"data": records}).encode(), {"records": "data", "constants": {}})
    return ArchivedBatch(SESSION, Kept(told, [answer]), complete=True)


def booking(number: int, options: int) -> dict[str, Any]:
    return {
        "bookingNumber": str(number),
        "title": f"with {options}",
        "creationTime": "2026-01-01T00:00:00Z",
        "creationAgent": "x",
        "productId": "P",
        "participants": {"numbers": []},
        "options": [{"id": f"O{n}", "name": "n", "value": "v"} for n in range(options)],
    }


def one_by_one(batches: list[ArchivedBatch]) -> dict[str, set[tuple[Any, ...]]]:
    """What dlt's merge leaves: each package replaces the sets of the owners that it has."""
    held: dict[str, dict[Any, list[tuple[Any, ...]]]] = {"bookings": {}, "booking_options": {}}
    for one in batches:
        for table, sets in held.items():
            rows = one.table(table)
            assert rows is not None
            new: dict[Any, list[tuple[Any, ...]]] = {}
            for row in rows.to_pylist():
                new.setdefault(row["booking_number"], []).append(tuple(row.items()))
            sets.update(new)
    return {table: {row for rows in sets.values() for row in rows} for table, sets in held.items()}


@settings(max_examples=10, deadline=None)
@given(st.lists(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 3)), max_size=4), min_size=1, max_size=5))
def test_many_loads_in_one_package_leave_the_same(loads: list[list[tuple[int, int]]]) -> None:
    gathering = Gathering()
    for order, load in enumerate(loads):
        gathering.add(batch(order, [booking(*one) for one in load]))
    taken = {one.table.name: one.rows.to_pylist() for one in gathering.take()}
    alone = one_by_one([batch(order, [booking(*one) for one in load]) for order, load in enumerate(loads)])
    for table, rows in alone.items():
        assert sorted(map(str, rows)) == sorted(str(tuple(row.items())) for row in taken.get(table, []))
    assert (gathering.size, gathering.take()) == (0, [])


def test_rows_that_wait_are_changed_as_those_in_the_destination() -> None:
    gathering = Gathering()
    gathering.add(batch(0, [booking(1, 1), booking(2, 1)]))
    gathering.change("bookings", ["2", "3"], {"deleted_at": NOON})
    gathering.change("payments", ["1"], None)
    gathering.add(batch(1, [booking(3, 1)]))
    rows = next(one.rows for one in gathering.take() if one.table.name == "bookings")
    marked = dict(zip(rows["booking_number"].to_pylist(), rows["deleted_at"].to_pylist(), strict=True))
    assert marked == {"1": None, "2": NOON, "3": None}
    gathering.add(batch(0, [booking(1, 1), booking(2, 1)]))
    gathering.change("bookings", ["2"], None)
    rows = next(one.rows for one in gathering.take() if one.table.name == "bookings")
    assert rows["booking_number"].to_pylist() == ["1"]


def test_whole_sets_and_single_rows_do_not_go_into_one_package() -> None:
    gathering = Gathering()
    feed = batch(0, [], "Payment", whole_sets=False)
    gathering.add(batch(0, [], "Payment", load_windows=[]))
    assert gathering.takes(feed), "nothing of the table is there yet"
    payment = {"id": "p", "creationTime": "2026-01-01T00:00:00Z", "receivedTime": "2026-01-01T00:00:00Z"}
    payment |= {"reason": "r", "amount": {"amount": "1", "currency": "EUR"}, "paymentMethod": "cash"}  # type: ignore[dict-item]
    gathering.add(batch(0, [payment], "Payment"))
    assert not gathering.takes(feed)
    assert gathering.takes(batch(1, [booking(1, 1)]))


def test_a_column_that_was_not_there_is_null() -> None:
    row = {"account_id": "a1", "resource": "bookings", "window_start": NOON.isoformat(), "seconds": "0.125"}
    table = batch(0, [], load_windows=[row]).table("load_windows")
    assert table is not None
    [read] = table.to_pylist()
    assert (read["window_start"], str(read["seconds"]), read["status"]) == (NOON, "0.1250", None)
    assert isinstance(table, pa.Table)


def test_packages_that_were_given_up_are_left_out() -> None:
    def files(*packages: tuple[str, str]) -> list[ArchiveFile]:
        return [ArchiveFile("a1", "bookings", NOON, package, after) for package, after in packages]

    def left(*packages: tuple[str, str]) -> list[str]:
        return [file.package for file in without_uncommitted(files(*packages))]

    assert left(("1", FIRST), ("2", "1"), ("3", "2")) == ["1", "2", "3"]
    # Twice it was tried to go on from 1 before it was done.
    assert left(("1", FIRST), ("2", "1"), ("3.5", "1"), ("10", "1"), ("11", "10")) == ["1", "10", "11"]
    # Nobody can tell whether the last one was committed: it is taken for that.
    assert left(("1", FIRST), ("2", "1"), ("10", "1")) == ["1", "10"]
    # The database was put back from a copy, and loaded anew from there; or there are two of them.
    assert left(("1", FIRST), ("2", "1"), ("3", "2"), ("4", "1"), ("5", "4")) == ["1", "2", "3", "4", "5"]
    assert left(("1", FIRST), ("2", FIRST)) == ["1", "2"]
    # Notes are no packages.
    note = ArchiveFile("a1", NOTES, NOON, "9")
    assert without_uncommitted([*files(("1", FIRST)), note]) == [*files(("1", FIRST)), note]
