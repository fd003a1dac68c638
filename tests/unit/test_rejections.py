"""Which rejected records are still missing, as the tables have it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bookeo_pipelines.gaps.rejections import Rejection, bookings_to_ask, counts, open_rejections
from memory_warehouse import ACCOUNT, EARLY, LATE, MemoryWarehouse, booking, holding, payment


def rejected(table: str, raw_id: str | None, position: int = 0, **more: Any) -> dict[str, Any]:
    row = {
        "table_name": table,
        "raw_id": raw_id,
        "fetched_at": EARLY,
        "position": position,
        "reason": "bad",
        "raw": "{}",
    }
    return {**row, **more}


def still_missing(warehouse: MemoryWarehouse) -> list[tuple[str, str]]:
    return [(one.table, one.raw_id) for one in open_rejections(warehouse, warehouse.tables, ACCOUNT)]


def test_a_record_that_came_again_in_a_form_that_fits_is_not_missing() -> None:
    warehouse = holding(
        rejected_rows=[
            *(rejected("bookings", number) for number in ("1", "2", "3")),
            *(rejected("booking_options", number) for number in ("1", "2")),
            rejected("payments", "P1"),
            rejected("payments", "P2"),
        ],
        bookings=[booking("1", fetched_at=LATE), booking("2", fetched_at=EARLY)],
        payments=[payment("P1", fetched_at=LATE)],
    )
    assert still_missing(warehouse) == [
        ("booking_options", "2"),
        ("bookings", "2"),
        ("bookings", "3"),
        ("payments", "P2"),
    ]


def test_one_that_was_rejected_again_is_missing_once() -> None:
    again = LATE + timedelta(hours=1)
    rows = [rejected("bookings", "1"), rejected("bookings", "1", fetched_at=again)]
    warehouse = holding(rejected_rows=rows, bookings=[booking("1", fetched_at=LATE)])
    assert open_rejections(warehouse, warehouse.tables, ACCOUNT) == [Rejection("bookings", "1", again)]


@pytest.mark.parametrize(("outcome", "is_missing"), [("not found", False), ("answered", True), ("not permitted", True)])
def test_one_that_is_gone_is_not_missing(outcome: str, is_missing: bool) -> None:
    check = {"resource": "bookings", "parent_id": "1", "basis": "", "outcome": outcome, "checked_at": LATE}
    warehouse = holding(rejected_rows=[rejected("bookings", "1")], child_checks=[check])
    assert bool(still_missing(warehouse)) is is_missing


def test_what_the_small_lists_do_not_show_any_more_is_gone() -> None:
    tax = {"tax_id": "other", "fetched_at": LATE}
    rows = [rejected("taxes", "T1"), rejected("taxes", None, 1), rejected("products", "P")]
    assert still_missing(holding(rejected_rows=rows, taxes=[tax])) == [("products", "P")]


def test_one_without_an_id_is_missing_until_its_row_is_deleted() -> None:
    warehouse = holding(rejected_rows=[rejected("bookings", None)], bookings=[booking("1", fetched_at=LATE)])
    assert still_missing(warehouse) == [("bookings", "")]
    assert still_missing(MemoryWarehouse()) == []


def test_bookings_are_asked_for_once_a_day() -> None:
    found = [
        Rejection(table, raw, EARLY) for table, raw in (("booking_people", "2"), ("bookings", "1"), ("taxes", "3"))
    ]
    assert bookings_to_ask(found, LATE) == dict.fromkeys("12", "rejected, asked on 2026-01-01")
    assert counts([*found, found[0]]) == {"booking_people": 2, "bookings": 1, "taxes": 1}
