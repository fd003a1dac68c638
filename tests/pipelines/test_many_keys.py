"""What the warehouse holds of many ids is asked with as few questions as a destination takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from bookeo_pipelines.destinations.target import target
from bookeo_pipelines.gaps.customers import QUERIES_AT_MOST
from bookeo_pipelines.gaps.payment_links import WarehouseLinks
from bookeo_pipelines.gaps.payments import unpaid_sums
from bookeo_pipelines.warehouse.client import KEYS_AT_ONCE, Warehouse
from bookeo_pipelines.warehouse.load_packages import open_pipeline
from truth import DATASET, query


@pytest.fixture
def warehouse(loaded: Path) -> Warehouse:
    [(account_id,)] = query(loaded, f"SELECT account_id FROM {DATASET}.business")
    return Warehouse(open_pipeline("bookeo", target("duckdb", DATASET, loaded)), account_id)


def questions(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The SQL that is asked from now on."""
    asked: list[str] = []
    rows = warehouse.rows

    def noted(sql: str, *values: Any) -> list[Any]:
        asked.append(sql)
        return rows(sql, *values)

    monkeypatch.setattr(warehouse, "rows", noted)
    return asked


def test_duckdb_is_asked_once_for_all(warehouse: Warehouse, loaded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = query(loaded, f"SELECT booking_number, customer_id FROM {DATASET}.bookings")
    asked = questions(warehouse, monkeypatch)
    unknown = [f"it's {number}" for number in range(3 * KEYS_AT_ONCE)]
    assert WarehouseLinks(warehouse).customers_of([*unknown, *(number for number, _ in held)]) == dict(held)
    assert len(asked) == 1
    assert WarehouseLinks(warehouse).customers_of([]) == {}
    assert len(asked) == 1


def test_all_rows_are_looked_at_rather_than_many_times_at_some(
    warehouse: Warehouse, loaded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with duckdb.connect(str(loaded)) as connection:
        connection.execute(f"DELETE FROM {DATASET}.payments")
    unpaid = unpaid_sums(warehouse)
    asked = questions(warehouse, monkeypatch)
    monkeypatch.setattr(warehouse, "among", lambda keys: (("%s", [key]) for key in keys))
    for count, times in ((3, 3), (QUERIES_AT_MOST, QUERIES_AT_MOST), (QUERIES_AT_MOST + 1, 1)):
        numbers = sorted(unpaid)[1 : count + 1]
        assert unpaid_sums(warehouse, numbers) == {number: unpaid[number] for number in numbers}
        assert len(asked) == times
        asked.clear()
    assert unpaid_sums(warehouse, []) == {}
    assert not asked


def test_others_are_asked_for_some_hundred_each(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warehouse, "_client", lambda: None)
    keys = [str(number) for number in range(2 * KEYS_AT_ONCE + 1)]
    groups = list(warehouse.among(keys))
    assert [key for _, group in groups for key in group] == keys
    assert [(marks.count("%s"), len(group)) for marks, group in groups] == [(KEYS_AT_ONCE,) * 2] * 2 + [(1, 1)]
    assert list(warehouse.among([])) == []
