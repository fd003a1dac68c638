"""Snapshots of the availability: what they hold, what they cost, and that nobody pays for them unasked."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bookeo import BookeoSettings
from bookeo.errors import SettingsError
from bookeo_pipelines.destinations.target import target
from bookeo_pipelines.load.plan import make_plan
from bookeo_sandbox import Sandbox
from loading import END, list_requests, load, settings_of
from stored import stored_rows, table_types
from truth import DATASET, query

SLOTS = "GET /availability/slots"
LIGHT: dict[str, Any] = {"customers": "never", "payments": "never", "histories": "never", "slots": "daily"}
SMALL_LISTS = ("business", "products", "people_categories", "resources", "taxes")
PRODUCTS = 5
"""Products of the sandbox that take place at set times; the other two are by appointment."""


def calls(sandbox: Sandbox) -> int:
    return sum(sandbox.requests()["by_operation"].get(SLOTS, {}).values())


def test_a_snapshot_shows_the_slots_of_the_coming_weeks(sandbox: Sandbox, folder: Path) -> None:
    database = folder / "bookeo.duckdb"
    result = load(sandbox, database, **LIGHT)
    assert calls(sandbox) == PRODUCTS * 2, "one for each product and 31 days"
    assert table_types(database)["slots"] == {
        **dict.fromkeys(("account_id", "product_id", "event_id"), "VARCHAR"),
        **dict.fromkeys(("snapshot_at", "start_time", "end_time", "fetched_at"), "TIMESTAMP WITH TIME ZONE"),
        "start_date_local": "DATE",
        "start_time_local": "TIME",
        **dict.fromkeys(("num_seats_available", "start_time_offset_minutes", "end_time_offset_minutes"), "BIGINT"),
        **dict.fromkeys(("course_schedule", "resources", "extra"), "JSON"),
    }
    rows = stored_rows(database, "slots", result.account_id)
    assert result.tables["slots"].loaded == len(rows) > 100
    assert {row["snapshot_at"] for row in rows} == {END}
    first, last = (edge(row["start_time"] for row in rows) for edge in (min, max))
    assert END <= first < END + timedelta(days=1)
    assert END + timedelta(days=60) < last < END + timedelta(days=62)
    assert {row["extra"] for row in rows} == {None}

    # A tour's first slot is at nine where the business is, and what is booked of it is no longer free.
    [sunset] = query(database, f"SELECT product_id FROM {DATASET}.products WHERE product_code = 'TOUR-SUNSET'")
    tours = {row["event_id"]: row for row in rows if row["product_id"] == sunset[0]}
    assert {str(row["start_time_local"]) for row in tours.values()} == {"09:00:00", "17:30:00"}
    assert {str(row["start_date_local"]) for row in tours.values()} >= {"2026-07-01", "2026-08-30"}
    taken = query(
        database,
        f"""SELECT b.event_id, sum(p.number * c.num_seats) FROM {DATASET}.bookings AS b
        JOIN {DATASET}.booking_participants AS p USING (account_id, booking_number)
        JOIN {DATASET}.people_categories AS c USING (account_id, people_category_id)
        WHERE NOT b.canceled AND NOT b.private_event AND b.product_id = ? AND b.start_time > ? GROUP BY ALL""",
        sunset[0],
        END,
    )
    assert taken
    assert all(tours[event]["num_seats_available"] == max(14 - seats, 0) for event, seats in taken)


def test_a_snapshot_is_taken_whole_and_once_a_day(sandbox: Sandbox, folder: Path) -> None:
    database = folder / "bookeo.duckdb"
    few: dict[str, Any] = {**LIGHT, "slots_days": 10, "tables": ("bookings", *SMALL_LISTS, "slots")}
    # A budget that ends within the snapshot: the next load takes it.
    load(sandbox, database, **few, max_requests=13)
    assert 0 < calls(sandbox) < PRODUCTS
    load(sandbox, database, **few)
    whole = f"SELECT count(DISTINCT product_id), count(DISTINCT snapshot_at) FROM {DATASET}.slots"
    assert query(database, whole) == [(PRODUCTS, 1)]
    for hours, snapshots in ((1, 1), (20, 2)):
        sandbox.advance(hours=hours)
        sandbox.clear_requests()
        load(sandbox, database, **few)
        assert calls(sandbox) == PRODUCTS * (snapshots - 1)
        # The products are asked for along with a snapshot; the small lists are not due.
        assert list_requests(sandbox) - calls(sandbox) == snapshots
        found = query(database, f"SELECT DISTINCT snapshot_at FROM {DATASET}.slots ORDER BY ALL")
        assert [moment for (moment,) in found] == [END, END + timedelta(hours=21)][:snapshots]


def test_nobody_pays_for_snapshots_unasked(first_load: Path) -> None:
    assert BookeoSettings().slots == "never"
    assert "slots" not in table_types(first_load)


@pytest.mark.parametrize("slots", ["daily", "never"])
def test_a_plan_counts_the_snapshot(slots: str, sandbox: Sandbox, folder: Path) -> None:
    where = target("duckdb", DATASET, folder / "bookeo.duckdb")
    plan = make_plan(settings_of(sandbox, **{**LIGHT, "slots": slots}), where, "bookeo", None, None)
    assert plan.requests.get(f"{SLOTS} (about)") == (1 + PRODUCTS * 2 if slots == "daily" else None)


def test_without_the_permission_everything_else_is_loaded(sandbox: Sandbox, folder: Path) -> None:
    sandbox.permissions(["bookings_r_all", "customers_r_all", "payments_r_all"])
    result = load(sandbox, folder / "bookeo.duckdb", **LIGHT, tables=("bookings", "slots"))
    assert result.tables["bookings"].loaded
    assert "slots" not in result.tables
    assert "Slots are left out: the api key lacks the permission availability_r." in result.notes.messages
    assert calls(sandbox) == 0


@pytest.mark.parametrize(("name", "value"), [("slots", "hourly"), ("slots_days", 0), ("slots_days", 367)])
def test_what_makes_no_sense_is_said(name: str, value: Any, sandbox: Sandbox) -> None:
    with pytest.raises(SettingsError, match=f"The setting {name} is"):
        settings_of(sandbox, **{name: value})
