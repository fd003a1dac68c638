"""Several accounts in one dataset, each with its own cursor."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bookeo.errors import SettingsError
from bookeo_sandbox import Sandbox, serve
from loading import BEGIN, END, SMALL, WEEK, load
from truth import DATASET, assert_equals_truth, query

TABLES = ("bookings", "booking_people", "customers", "customer_bookings", "payments", "products", "taxes")
"""Tables of every kind; the later loads need no more of them."""


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """The small business, and a second account beside it."""
    with serve(**SMALL, accounts=2) as running:
        accounts = [{"name": "second", "api_key": running.accounts[1].api_key}]
        monkeypatch.setenv("SOURCES__BOOKEO__ACCOUNTS", json.dumps(accounts))
        yield running


def test_two_accounts_survive_each_other(loaded: Path, sandbox: Sandbox) -> None:
    result = load(sandbox, loaded, account=1, account_name="second")
    assert result.covered is not None
    assert result.covered[0] == BEGIN
    assert result.account == "second"
    assert_equals_truth(loaded, sandbox, 0)
    assert_equals_truth(loaded, sandbox, 1)
    past = [sandbox.truth(0), sandbox.truth(1)]
    sandbox.advance(days=7)
    for number, name in enumerate((None, "second")):
        result = load(sandbox, loaded, account=number, account_name=name, tables=TABLES, settings_hours=0)
        assert result.covered is not None
        assert (result.covered[0] > BEGIN, result.covered[1]) == (True, END + WEEK)
        assert result.account_id == sandbox.accounts[number].account_id
        # The summary counts this account's rows only.
        counted = query(loaded, f"SELECT count(*) FROM {DATASET}.bookings WHERE account_id = ?", result.account_id)
        assert [(result.tables["bookings"].after,)] == counted
    for number in (0, 1):
        assert_equals_truth(loaded, sandbox, number, tables=TABLES, earlier=[past[number]])


def test_keys_of_another_account_are_noticed(loaded: Path, sandbox: Sandbox) -> None:
    before = query(loaded, f"SELECT * FROM {DATASET}.bookings ORDER BY ALL")
    ids = [account.account_id for account in sandbox.accounts]
    with pytest.raises(SettingsError, match=f"account {ids[1]}, but this pipeline has loaded the account {ids[0]}"):
        load(sandbox, loaded, account=1)
    assert query(loaded, f"SELECT * FROM {DATASET}.bookings ORDER BY ALL") == before
    load(sandbox, loaded, tables=("bookings",))
    assert_equals_truth(loaded, sandbox, tables=["bookings"])


def test_an_account_that_nobody_has_named(folder: Path, sandbox: Sandbox) -> None:
    with pytest.raises(SettingsError, match=r"no account 'third'.*known: second"):
        load(sandbox, folder / "bookeo.duckdb", account_name="third")
