"""All tables are there after the first load, and one that is lost is filled again."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from bookeo.cursor.state import LoadState
from bookeo.schema import TABLES
from bookeo_sandbox import Sandbox, serve
from command_runs import Run
from loading import AS_NEEDED, SMALL, load
from stored import query
from truth import DATASET, assert_equals_truth

HELD = f"SELECT table_name FROM duckdb_tables() WHERE schema_name = '{DATASET}'"


def test_an_account_without_bookings_has_all_tables(folder: Path, bookeo: Run) -> None:
    database = folder / "bookeo.duckdb"
    with serve(**{**SMALL, "bookings": 0}) as sandbox:
        load(sandbox, database, **AS_NEEDED)
    held = {table for (table,) in query(database, HELD)}
    assert TABLES.keys() - {"slots", "data_copies"} <= held
    assert query(database, f"SELECT count(*) FROM {DATASET}.bookings") == [(0,)]
    comments = f"SELECT count(*) FROM duckdb_tables() WHERE schema_name = '{DATASET}' AND table_name = 'payments'"
    assert query(database, f"{comments} AND comment IS NOT NULL") == [(1,)]
    assert bookeo("query", f"SELECT count(*) AS n FROM {DATASET}.payments", "--json").code == 0
    assert bookeo("marts", "build").code == 0


@pytest.mark.parametrize("table", ["booking_participants", "customers", "payments", "bookings"])
def test_a_table_that_was_dropped_is_filled_again(table: str, folder: Path, sandbox: Sandbox, loaded: Path) -> None:
    tables = ("bookings", "booking_participants", "customers", "payments")
    load(sandbox, loaded, tables=tables, **AS_NEEDED)
    with duckdb.connect(str(loaded)) as connection:
        connection.execute(f"DROP TABLE {DATASET}.{table}")
    result = load(sandbox, loaded, tables=tables, **AS_NEEDED)
    assert f"read again: {table}" in " ".join(result.notes.messages)
    load(sandbox, loaded, tables=tables, **AS_NEEDED)
    assert_equals_truth(
        loaded,
        sandbox,
        tables=tables,
        drift_allowed=True,
        linked_by=frozenset({"endpoint", "description", "number", None}),
        unlinked_payments=True,
    )


def test_what_a_state_notes_of_tables() -> None:
    state = LoadState()
    assert state.holds({"bookings", "payments"}) == frozenset()
    assert LoadState.from_source({"loads": state.as_state()}).tables_held == {"bookings", "payments"}
    assert state.holds({"bookings"}) == {"payments"}
    assert state.holds({"bookings"}) == frozenset()
