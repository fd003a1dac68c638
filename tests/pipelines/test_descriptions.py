"""Every table and column explains itself in the destination."""

from __future__ import annotations

from pathlib import Path

from bookeo.tables import TABLES
from bookeo_sandbox import Sandbox
from loading import AS_NEEDED, load
from truth import DATASET, query


def test_descriptions_reach_the_database_and_stay_through_the_next_load(sandbox: Sandbox, folder: Path) -> None:
    database = folder / "described.duckdb"
    load(sandbox, database, **AS_NEEDED)
    sandbox.advance(days=7)
    load(sandbox, database, **AS_NEEDED)
    columns = query(
        database,
        "SELECT table_name, column_name, comment FROM duckdb_columns() "
        f"WHERE schema_name = '{DATASET}' AND NOT starts_with(table_name, '_dlt') "
        "AND NOT starts_with(column_name, '_dlt')",
    )
    assert {table for table, _, _ in columns} >= {"bookings", "payments", "customers", "booking_options", "products"}
    for table, column, comment in columns:
        if table != "load_runs":
            assert comment == TABLES[table].column(column).description, (table, column)
    tables = dict(query(database, f"SELECT table_name, comment FROM duckdb_tables() WHERE schema_name = '{DATASET}'"))
    assert tables["bookings"] == TABLES["bookings"].description
