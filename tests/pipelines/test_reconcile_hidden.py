"""What the API hides is not taken for deleted, and what it changes without a word is found."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from cheap_loads import STILL_BUSINESS, assert_exact, first_load_of_still_business, load_as_needed
from payments_by_hand import Till

from bookeo.errors import PermissionMissing
from bookeo_pipelines.destinations.target import target
from bookeo_pipelines.load.runner import LoadRequest
from bookeo_pipelines.reconcile.runner import Reconciliation, SweepIncomplete, run_reconcile
from bookeo_sandbox import Sandbox, serve
from loading import AS_NEEDED, settings_of
from truth import DATASET, query

TABLES = ("bookings", "customers", "payments")
MARKED = f"SELECT count(*) FROM {DATASET}.bookings WHERE deleted_at IS NOT NULL"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with serve(**STILL_BUSINESS) as running:
        yield running


@pytest.fixture
def till(sandbox: Sandbox) -> Till:
    return Till(sandbox)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database after a first load; not to be changed."""
    return first_load_of_still_business(tmp_path_factory.mktemp("first"), TABLES)


@pytest.fixture
def database(first: Path, folder: Path) -> Path:
    """A copy of it."""
    copy = folder / "bookeo.duckdb"
    shutil.copy(first, copy)
    return copy


def reconcile(sandbox: Sandbox, database: Path, *, fix: bool = False, accept: int = 0) -> Reconciliation:
    request = LoadRequest(settings_of(sandbox, **AS_NEEDED), target("duckdb", DATASET, database))
    return run_reconcile(request, fix=fix, accept=accept)


def found(result: Reconciliation) -> dict[str, list[str]]:
    return {kind.value: sorted(numbers) for kind, numbers in result.found.items() if numbers}


def change(database: Path, sql: str, *values: Any) -> None:
    with duckdb.connect(str(database)) as connection:
        connection.execute(sql, list(values))


def test_without_the_permission_nothing_is_compared(database: Path, sandbox: Sandbox) -> None:
    sandbox.permissions(["customers_r_all", "payments_r_all"])
    with pytest.raises(PermissionMissing, match="bookings_r_all"):
        reconcile(sandbox, database, fix=True)
    assert query(database, MARKED) == [(0,)]


def test_bookings_that_are_all_hidden_are_not_marked(database: Path, sandbox: Sandbox) -> None:
    with sandbox.business.lock:
        account = sandbox.business.accounts[0]
        for booking in list(account.bookings.values()):
            account.delete_booking(booking)
    count = query(database, f"SELECT count(*) FROM {DATASET}.bookings")[0][0]
    with pytest.raises(SweepIncomplete, match=f"--accept {count}"):
        reconcile(sandbox, database, fix=True)
    assert query(database, MARKED) == [(0,)]


def test_many_that_vanish_are_marked_only_if_accepted_and_lose_the_mark_when_met_again(
    database: Path, sandbox: Sandbox
) -> None:
    numbers = [booking["bookingNumber"] for booking in sandbox.truth()["bookings"]][-25:]
    account = sandbox.business.accounts[0]
    kept = [account.bookings[number] for number in numbers]
    for number in numbers:
        sandbox.delete(number)
    refused = reconcile(sandbox, database, fix=True)
    assert sorted(refused.left["vanished"]) == sorted(numbers)  # type: ignore[index]
    assert not refused.clean
    assert any("--accept 25" in message for message in refused.notes.messages)
    assert query(database, MARKED) == [(0,)]

    assert reconcile(sandbox, database, fix=True, accept=25).clean
    assert query(database, MARKED) == [(25,)]
    with sandbox.business.lock:
        for booking in kept:
            account.add_booking(booking)
    load_as_needed(sandbox, database, tables=TABLES, overlap_seconds=86_400 * 365)
    assert query(database, MARKED) == [(0,)]


def test_changes_of_payments_that_no_booking_shows_are_found_and_mended(
    database: Path, sandbox: Sandbox, till: Till
) -> None:
    late = till.add(description="Gutschein", days_ago=60)
    ahead = till.add(description="Gutschein", days_ago=-1)
    voucher = next(p for p in till.account.by_receipt if p.booking is None and p is not late and p is not ahead)  # type: ignore[attr-defined]
    till.edit(voucher, voucher.amount + 100)
    others = [p for p in till.account.by_receipt if p.booking is None and p not in (late, ahead, voucher)]  # type: ignore[attr-defined]
    till.delete(others[0])
    twice = next(p for p in till.account.by_receipt if p.booking)  # type: ignore[attr-defined]
    change(
        database,
        f"INSERT INTO {DATASET}.payments BY NAME (SELECT * REPLACE (NULL AS booking_number, NULL AS linked_by, "
        f"fetched_at - INTERVAL 1 DAY AS fetched_at) FROM {DATASET}.payments WHERE payment_id = ?)",
        twice.id,
    )
    planted = {
        "payments missing": [late.id],
        "payments stale": [voucher.id],
        "payments gone": [others[0].id],
        "payments twice": [twice.id],
    }
    seen = found(reconcile(sandbox, database))
    assert {kind: seen.get(kind) for kind in planted} == planted
    result = reconcile(sandbox, database, fix=True)
    assert result.clean, result.left
    load_as_needed(sandbox, database, tables=TABLES)
    assert found(reconcile(sandbox, database)) == {}
    links = query(database, f"SELECT count(*) FROM {DATASET}.payments WHERE payment_id = ?", ahead.id)
    assert links in ([(0,)], [(1,)])


def test_payments_of_a_booking_that_move_no_time_of_change_are_found_and_mended(
    database: Path, sandbox: Sandbox, till: Till
) -> None:
    bookings = till.bookings()
    till.add(booking=bookings[2], description="Kasse", days_ago=60)
    till.add(booking=bookings[3], days_ago=-40)
    till.delete(bookings[4].payments[0])
    changed = {booking.number for booking in bookings[2:5]}
    assert changed <= set(found(reconcile(sandbox, database))["stale"])
    assert reconcile(sandbox, database, fix=True).clean
    assert_exact(database, sandbox, tables=["bookings", "payments"])


def test_payments_that_cancel_out_are_found_and_linked(database: Path, sandbox: Sandbox, till: Till) -> None:
    booking = till.bookings()[2]
    both = [till.add(amount, booking=booking, description="Kasse", days_ago=60) for amount in (500, -500)]
    assert found(reconcile(sandbox, database)) == {"payments missing": sorted(payment.id for payment in both)}
    reconcile(sandbox, database, fix=True)
    assert reconcile(sandbox, database, fix=True).clean
    links = f"SELECT DISTINCT booking_number FROM {DATASET}.payments WHERE payment_id IN (?, ?)"
    assert query(database, links, *(payment.id for payment in both)) == [(booking.number,)]


def test_a_mistyped_year_costs_one_request(database: Path, sandbox: Sandbox) -> None:
    usual = reconcile(sandbox, database).usage.total_requests
    account = sandbox.business.accounts[0]
    for booking, year in zip(list(account.bookings.values())[:2], (2206, 1726), strict=True):
        before = booking.start
        with sandbox.business.lock:
            booking.start += (year - 2026) * 31_556_952
            booking.end = booking.start + 3600
            booking.cache = None
            account.by_start.moved(booking, before)
        moved = "start_time = start_time + to_years(CAST(? AS INTEGER))"
        change(database, f"UPDATE {DATASET}.bookings SET {moved} WHERE booking_number = ?", year - 2026, booking.number)
    assert reconcile(sandbox, database).usage.total_requests <= usual + 4
