"""Lists that lie: totals that do not add up, permissions that are lost, nothing where there were bookings."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bookeo.errors import ListSuspicious, ListUnproven, PermissionMissing
from bookeo_pipelines.destinations.target import target
from bookeo_pipelines.status.status import AccountStatus, read_status
from bookeo_sandbox import Sandbox
from loading import END, load
from truth import DATASET, assert_equals_truth, query

TABLES = ("bookings",)


def status(database: Path) -> AccountStatus:
    return read_status(target("duckdb", DATASET, database), now=END)[0]


@pytest.mark.parametrize("total", ["null", "float", "one_more"])
def test_rows_land_whatever_the_totals_say_and_are_read_again(folder: Path, sandbox: Sandbox, total: str) -> None:
    database = folder / "bookeo.duckdb"
    sandbox.fault("wrong_total", "GET /bookings", total=total, after=1)
    result = load(sandbox, database, tables=TABLES, may_fail=True)
    assert isinstance(result.failure, ListUnproven)
    assert_equals_truth(database, sandbox, tables=TABLES, vanished="absent")
    found = status(database)
    assert found.unproven
    assert not found.is_complete
    sandbox.faults([])
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
    sandbox.fault("empty_list", "GET /bookings")
    result = load(sandbox, database, tables=TABLES, may_fail=True)
    assert isinstance(result.failure, ListSuspicious)
    assert status(database).cursors.bookings == before
    sandbox.faults([])
    load(sandbox, database, tables=TABLES)
    assert status(database).cursors.bookings == before + timedelta(hours=30)
    assert query(database, f"SELECT count(*) > 0 FROM {DATASET}.bookings WHERE updated_at > '{before}'") == [(True,)]
