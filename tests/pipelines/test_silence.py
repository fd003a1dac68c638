"""Lists that lie: totals that do not add up, permissions that are lost, nothing where there were bookings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from bookeo.client.pagination import ListPage, list_page
from bookeo.errors import ListSuspicious, ListUnproven, PermissionMissing
from bookeo.http.response import Answer
from bookeo_pipelines.destinations.target import target
from bookeo_pipelines.status.status import AccountStatus, read_status
from bookeo_sandbox import Sandbox
from loading import END, load
from truth import DATASET, assert_equals_truth, query

TABLES = ("bookings",)


def status(database: Path) -> AccountStatus:
    return read_status(target("duckdb", DATASET, database), now=END)[0]


def pages_become(patch: pytest.MonkeyPatch, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Changes every page of bookings before our client looks at it."""

    def changed(answer: Answer, **more: Any) -> ListPage:
        if answer.operation != "GET /bookings":
            return list_page(answer, **more)
        return list_page(replace(answer, body=orjson.dumps(change(answer.payload))), **more)

    patch.setattr("bookeo.client.base.list_page", changed)


def with_total(total: float | None) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda page: {**page, "info": {**page["info"], "totalItems": total}} if page["data"] else page


@pytest.mark.parametrize("total", [None, 1.5, 7000])
def test_rows_land_whatever_the_totals_say_and_are_read_again(
    folder: Path, sandbox: Sandbox, total: float | None
) -> None:
    database = folder / "bookeo.duckdb"
    with pytest.MonkeyPatch.context() as patch:
        pages_become(patch, with_total(total))
        result = load(sandbox, database, tables=TABLES, may_fail=True)
    assert isinstance(result.failure, ListUnproven)
    assert_equals_truth(database, sandbox, tables=TABLES, vanished="absent")
    found = status(database)
    assert found.unproven
    assert not found.is_complete
    assert load(sandbox, database, tables=TABLES).failure is None
    assert status(database).is_complete


def test_without_the_permission_nothing_counts_as_read(loaded: Path, sandbox: Sandbox) -> None:
    before = status(loaded).cursors.bookings
    sandbox.advance(days=1)
    permissions = ["bookings_r_all", "customers_r_all", "payments_r_all"]
    sandbox.permissions(permissions[1:])
    with pytest.raises(PermissionMissing, match="bookings_r_all"):
        load(sandbox, loaded, tables=TABLES)
    assert status(loaded).cursors.bookings == before
    sandbox.permissions(permissions)
    load(sandbox, loaded, tables=TABLES)
    assert status(loaded).cursors.bookings == before + timedelta(days=1)


def test_an_empty_list_where_there_were_bookings_is_not_believed(folder: Path, sandbox: Sandbox) -> None:
    database = folder / "bookeo.duckdb"
    load(sandbox, database, tables=TABLES)
    before = status(database).cursors.bookings
    sandbox.advance(hours=30)
    empty = {"info": {"totalItems": 0, "totalPages": 0, "currentPage": 1}, "data": []}
    with pytest.MonkeyPatch.context() as patch:
        pages_become(patch, lambda _: empty)
        result = load(sandbox, database, tables=TABLES, may_fail=True)
    assert isinstance(result.failure, ListSuspicious)
    assert status(database).cursors.bookings == before
    load(sandbox, database, tables=TABLES)
    assert status(database).cursors.bookings == before + timedelta(hours=30)
    assert query(database, f"SELECT count(*) > 0 FROM {DATASET}.bookings WHERE updated_at > '{before}'") == [(True,)]
