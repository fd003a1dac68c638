"""Customers change, come and hide without a booking changing; they are right in the end all the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cheap_loads import STILL_BUSINESS, asked, assert_exact, load_as_needed

from bookeo_pipelines.destinations.target import target
from bookeo_pipelines.load.runner import LoadRequest, LoadResult, run_load
from bookeo_sandbox import Sandbox, serve
from bookeo_sandbox.protocol.errors import ApiError
from loading import AS_NEEDED, settings_of
from truth import DATASET, query

TABLES = ("bookings", "customers", "customer_phone_numbers", "customer_custom_fields")
ALL = ["bookings_r_all", "customers_r_all", "payments_r_all"]
OF_ONE_BOOKING = "GET /bookings/{bookingNumber}/customer"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with serve(**STILL_BUSINESS) as running:
        yield running


@pytest.fixture
def database(folder: Path) -> Path:
    return folder / "bookeo.duckdb"


def load_customers(sandbox: Sandbox, database: Path, **values: Any) -> LoadResult:
    return load_as_needed(sandbox, database, tables=TABLES, **values)


def city(database: Path, customer_id: str) -> Any:
    sql = f"SELECT street_address_city FROM {DATASET}.customers WHERE customer_id = ?"
    return query(database, sql, customer_id)[0][0]


def test_an_edited_customer_is_stale_until_refreshed(database: Path, sandbox: Sandbox) -> None:
    load_customers(sandbox, database)
    edited = sandbox.truth()["bookings"][3]["customerId"]
    sandbox.edit_customer(edited, city="Ulaanbaatar")
    load_customers(sandbox, database)
    assert "GET /customers" not in asked(sandbox)
    assert city(database, edited) != "Ulaanbaatar"

    sandbox.clear_requests()
    settings = settings_of(sandbox, **AS_NEEDED)
    result = run_load(LoadRequest(settings, target("duckdb", DATASET, database), tables=TABLES, refresh_customers=True))
    assert result.failure is None
    assert asked(sandbox)["GET /customers"] == 1
    assert city(database, edited) == "Ulaanbaatar"
    assert_exact(database, sandbox, tables=TABLES)


def test_a_refresh_happens_by_itself_when_it_is_due(database: Path, sandbox: Sandbox) -> None:
    def refreshed(hours: float) -> bool:
        sandbox.advance(hours=hours)
        load_customers(sandbox, database, refresh_customers_days=2)
        return "GET /customers" in asked(sandbox)

    assert [refreshed(hours) for hours in (0, 47, 1, 1)] == [True, False, True, False]


def test_customers_come_once_they_may_be_read(database: Path, sandbox: Sandbox) -> None:
    sandbox.permissions(["bookings_r_all", "payments_r_all"])
    result = load_customers(sandbox, database)
    assert any("lacks the permission customers_r_all" in message for message in result.notes.messages)
    assert result.tables["bookings"].after == len(sandbox.truth()["bookings"])
    sandbox.permissions(ALL)
    load_customers(sandbox, database)
    assert not {"GET /customers", OF_ONE_BOOKING} & asked(sandbox).keys(), "they come with their bookings"
    assert_exact(database, sandbox, tables=TABLES)
    load_customers(sandbox, database)
    assert not {"GET /customers", OF_ONE_BOOKING} & asked(sandbox).keys()


def test_a_customer_who_may_not_be_read_is_asked_for_again_when_permissions_change(
    database: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_this_one(_: Any) -> None:
        raise ApiError(403, "Not this one")

    hidden = sandbox.truth()["bookings"][0]["customerId"]
    theirs = [booking for booking in sandbox.truth()["bookings"] if booking["customerId"] == hidden]
    for booking in theirs:
        shown = {name: value for name, value in booking.items() if name != "customer"}
        sandbox.override(booking["bookingNumber"], shown)
    with monkeypatch.context() as patched:
        operation = ("GET", "/bookings/{bookingNumber}/customer")
        patched.setitem(sandbox._service.operations, operation, not_this_one)  # type: ignore[arg-type]
        load_customers(sandbox, database)
        assert query(database, f"SELECT 1 FROM {DATASET}.customers WHERE customer_id = ?", hidden) == []
        assert OF_ONE_BOOKING in asked(sandbox)
        load_customers(sandbox, database)
        assert OF_ONE_BOOKING not in asked(sandbox)
    sandbox.permissions(ALL)
    load_customers(sandbox, database)
    assert asked(sandbox)[OF_ONE_BOOKING] == 1
    assert_exact(database, sandbox, tables=TABLES)
