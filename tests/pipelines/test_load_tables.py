"""Loading some tables only, and lists that become shorter or empty."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partialmethod
from pathlib import Path
from typing import Any

import pytest

from bookeo.client.client import BookeoClient
from bookeo.errors import SettingsError
from bookeo_sandbox import Sandbox
from loading import BEGIN, END, WEEK, load
from patience import PATIENCE
from truth import BOOKING_LISTS, DATASET, assert_equals_truth, query


def test_tables_chosen_and_added_later(folder: Path, sandbox: Sandbox) -> None:
    database = folder / "bookeo.duckdb"
    result = load(sandbox, database, tables=("bookings", "booking_taxes"))
    filled = {table for table, change in result.tables.items() if change.after}
    assert filled == {"bookings", "booking_taxes", "load_windows"}
    assert_equals_truth(database, sandbox, tables=["bookings", "booking_taxes"], vanished="absent")
    assert set(sandbox.requests()["by_operation"]) == {"GET /settings/apikeyinfo", "GET /bookings"}

    sandbox.advance(days=7)
    result = load(sandbox, database)
    assert result.covered == (BEGIN, END + WEEK), "the others are read from the start"
    assert_equals_truth(database, sandbox)


def test_lists_that_shrink_and_lists_that_empty(loaded: Path, sandbox: Sandbox) -> None:
    def rows(table: str, number: str) -> int:
        return query(loaded, f"SELECT count(*) FROM {DATASET}.{table} WHERE booking_number = ?", number)[0][0]

    bookings = {b["bookingNumber"]: b for b in sandbox.truth()["bookings"]}
    emptied = {}
    for table in BOOKING_LISTS:
        sql = f"SELECT booking_number FROM {DATASET}.{table} GROUP BY ALL ORDER BY count(*) DESC, 1"
        emptied[table] = next(number for (number,) in query(loaded, sql) if number not in emptied.values())
    shortened = next(
        number
        for number, booking in bookings.items()
        if len(booking["participants"]["details"]) > 1 and number not in emptied.values()
    )
    for number in {*emptied.values(), shortened}:
        sandbox.touch(number, seconds=-1)
        booking = next(b for b in sandbox.truth()["bookings"] if b["bookingNumber"] == number)
        if number == shortened:
            booking["participants"]["details"] = booking["participants"]["details"][:1]
        else:
            booking["participants"]["numbers"] = []
            booking["participants"]["details"] = []
            booking["price"]["taxes"] = []
            for optional in ("options", "resources", "priceAdjustments", "couponCodes"):
                booking.pop(optional, None)
        sandbox.override(number, booking)
    tables = ("bookings", *BOOKING_LISTS)
    load(sandbox, loaded, tables=tables)
    for table, number in emptied.items():
        assert rows(table, number) == 0, table
        assert rows("bookings", number) == 1
    assert rows("booking_people", shortened) == 1
    assert rows("booking_participants", shortened) == len(bookings[shortened]["participants"]["numbers"])

    # What was only shown differently is back when it is shown as it is.
    for number in {*emptied.values(), shortened}:
        sandbox.override(number, None)
        sandbox.touch(number)
    load(sandbox, loaded, tables=tables)
    assert_equals_truth(loaded, sandbox, tables=tables)


def test_payments_that_go_and_histories_that_empty(loaded: Path, sandbox: Sandbox) -> None:
    account = sandbox.business.accounts[0]
    number, removed = next((n, b.payments) for n, b in account.bookings.items() if len(b.payments) > 1)
    booking = account.bookings[number]
    for payment in removed:
        del account.payments[payment.id]
        account.by_receipt.remove(payment, payment.received)
    booking.payments, booking.paid = (), 0
    sandbox.touch(number)
    tables = ("bookings", "customers", "customer_bookings", "payments")
    load(sandbox, loaded, tables=tables)
    assert query(loaded, f"SELECT count(*) FROM {DATASET}.payments WHERE booking_number = ?", number) == [(0,)]
    assert_equals_truth(loaded, sandbox, tables=tables)


def test_settings_lists_are_replaced_whole(loaded: Path, sandbox: Sandbox) -> None:
    account = sandbox.business.accounts[0]
    profile = account.profile
    kind, *kinds = profile.resource_types
    account.profile = replace(
        profile,
        taxes=(),
        categories=profile.categories[:-1],
        resource_types=(replace(kind, resources=kind.resources[1:]), *kinds),
        products=(replace(profile.products[0], name="Renamed", limits=()), *profile.products[2:]),
    )
    lists = ("products", "product_rates", "product_limits", "people_categories", "resources", "resource_types", "taxes")
    load(sandbox, loaded, tables=lists)
    assert query(loaded, f"SELECT count(*) > 0 FROM {DATASET}.taxes") == [(True,)], "read again within a day"
    load(sandbox, loaded, tables=lists, settings_hours=0)
    assert_equals_truth(loaded, sandbox, tables=lists)
    assert query(loaded, f"SELECT count(*) FROM {DATASET}.taxes") == [(0,)]


def test_the_small_lists_are_read_side_by_side(folder: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    together = threading.Barrier(5, timeout=PATIENCE)

    def wait(self: BookeoClient, read: Callable[[BookeoClient], Any]) -> Any:
        together.wait()
        return read(self)

    for name in ("business", "products", "people_categories", "resources", "taxes"):
        monkeypatch.setattr(BookeoClient, name, partialmethod(wait, getattr(BookeoClient, name)))
    database = folder / "bookeo.duckdb"
    load(sandbox, database, tables=("products", "taxes"), concurrency=5)
    assert_equals_truth(database, sandbox, tables=("products", "taxes"))


def test_an_unknown_table_is_named_before_anything_is_asked(folder: Path, sandbox: Sandbox) -> None:
    for tables in (("bookings", "nonsense"), ("load_windows",), ()):
        with pytest.raises(SettingsError, match="There is no table"):
            load(sandbox, folder / "bookeo.duckdb", tables=tables)
    assert not (folder / "bookeo.duckdb").exists()
    assert sandbox.requests()["total"] == 0
