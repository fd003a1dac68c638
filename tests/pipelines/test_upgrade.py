"""A database that an older version has written is loaded further: nothing is lost or twice, its mistakes are mended."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from cheap_loads import STILL_BUSINESS, asked, assert_exact, first_load_of_still_business, load_as_needed

from bookeo.windows import format_time
from bookeo_pipelines.destinations.target import target
from bookeo_pipelines.gaps.payment_repair import Settlement
from bookeo_pipelines.status.status import read_status
from bookeo_pipelines.warehouse.load_packages import load_pending, open_pipeline
from bookeo_sandbox import Sandbox, serve
from loading import BEGIN, END
from truth import DATASET, query

TABLES = ("bookings", "customers", "payments")
LATER_COLUMNS = {
    "load_runs": ("bookings_until", "payments_until", "proof", "checked_until"),
    "load_windows": ("status",),
    "bookings": ("deleted_at",),
    "customers": ("deleted_at",),
}
"""Columns that the first versions did not have."""


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with serve(**STILL_BUSINESS) as running:
        yield running


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


def change(database: Path, *statements: str) -> None:
    with duckdb.connect(str(database)) as connection:
        for sql in statements:
            connection.execute(sql)


def as_first_versions_left_it(database: Path, sandbox: Sandbox) -> None:
    """Take away what later versions have added: a state with a version, columns, tables."""
    cursor = {"initial_value": BEGIN, "last_value": END, "unique_hashes": [], "start_value": BEGIN}
    resources: dict[str, Any] = {
        "booking_pages": {
            "incremental": {"updated_at": cursor},
            "account_id": sandbox.accounts[0].account_id,
            "fed": ["bookings", "customers"],
            "loaded_from": format_time(BEGIN),
            "recent": {},
        },
        "payment_feed": {"incremental": {"received_time": cursor}, "recent": {}, "read_again_at": format_time(END)},
    }
    pipeline = open_pipeline("bookeo", target("duckdb", DATASET, database))
    with pipeline.managed_state(extract_state=True) as state:
        state["sources"]["bookeo"] = {"resources": resources}
    load_pending(pipeline)
    drops = [
        f"ALTER TABLE {DATASET}.{table} DROP COLUMN {column}"
        for table, columns in LATER_COLUMNS.items()
        for column in columns
    ]
    change(database, *drops, f"DROP TABLE IF EXISTS {DATASET}.data_copies")


def double_payments(database: Path, count: int) -> None:
    """Have older rows beside those of some payments, which is how one version left them."""
    change(
        database,
        f"""
        INSERT INTO {DATASET}.payments BY NAME
        SELECT * REPLACE (NULL AS booking_number, NULL AS linked_by, fetched_at - INTERVAL 1 HOUR AS fetched_at)
        FROM {DATASET}.payments WHERE booking_number IS NOT NULL ORDER BY payment_id LIMIT {count}
        """,
    )


def doubled(database: Path) -> int:
    [(count,)] = query(database, f"SELECT count(*) - count(DISTINCT payment_id) FROM {DATASET}.payments")
    return int(count)


def test_a_database_of_the_first_versions_is_loaded_further(database: Path, sandbox: Sandbox) -> None:
    as_first_versions_left_it(database, sandbox)
    double_payments(database, 16)
    past = sandbox.truth()
    sandbox.advance(days=2)
    load_as_needed(sandbox, database, tables=TABLES)
    assert doubled(database) == 0
    assert_exact(database, sandbox, tables=TABLES, earlier=[past])
    [status] = read_status(
        target("duckdb", DATASET, database), now=datetime.fromisoformat(sandbox.now()).astimezone(UTC)
    )
    assert status.is_complete
    load_as_needed(sandbox, database, tables=TABLES)
    assert sum(asked(sandbox).values()) <= 3


def test_what_an_older_version_took_for_complete_is_looked_at_again(
    database: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    double_payments(database, 16)
    with monkeypatch.context() as older:
        older.setattr("bookeo_pipelines.load.completeness_proof.VERSION", 1)
        older.setattr(Settlement, "keep_newest", lambda _: False)
        load_as_needed(sandbox, database, tables=TABLES)
    assert doubled(database) == 16
    load_as_needed(sandbox, database, tables=TABLES)
    assert doubled(database) == 0
    assert_exact(database, sandbox, tables=["payments"])
