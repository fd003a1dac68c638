"""Every table and column explains itself in the destination."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from bookeo.schema import TABLES
from bookeo_pipelines.destinations.target import target
from bookeo_pipelines.load.runner import LoadRequest, run_load
from bookeo_sandbox import Sandbox, serve
from command_runs import Run
from loading import AS_NEEDED, SMALL, load, settings_of
from postgres_server import PostgresDatabase, PostgresServer
from truth import DATASET, query


def assert_described(comments: Iterable[tuple[str, str, str | None]], at_least: set[str]) -> None:
    """Every column of our tables says what it is. A column without a name stands for its table."""
    found = {(table, column): comment for table, column, comment in comments if not column.startswith("_dlt")}
    assert {table for table, _ in found} >= at_least
    for (table, column), comment in found.items():
        described = TABLES[table].column(column).description if column else TABLES[table].description
        assert comment == described, (table, column)


def test_descriptions_reach_the_database_and_stay_through_the_next_load(sandbox: Sandbox, loaded: Path) -> None:
    database = loaded
    sandbox.advance(days=7)
    load(sandbox, database, tables=("bookings", "booking_options", "customers", "payments"), **AS_NEEDED)
    ours = f"schema_name = '{DATASET}' AND NOT starts_with(table_name, '_dlt')"
    tables = {"bookings", "payments", "customers", "booking_options", "products", "load_windows", "load_runs"}
    tables |= {"data_copies"}  # which no package makes
    columns = query(database, f"SELECT table_name, column_name, comment FROM duckdb_columns() WHERE {ours}")
    assert_described(columns, tables)
    assert_described(query(database, f"SELECT table_name, '', comment FROM duckdb_tables() WHERE {ours}"), tables)


COMMENTS = """
    SELECT relname, coalesce(attname, ''), obj_description(c.oid), col_description(c.oid, attnum)
    FROM pg_class AS c JOIN pg_attribute AS a ON attrelid = c.oid AND attnum > 0 AND NOT attisdropped
    WHERE relkind = 'r' AND relnamespace = 'bookeo_data'::regnamespace AND NOT starts_with(relname, '_dlt')
"""


def test_descriptions_reach_postgres(
    postgres: PostgresDatabase, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", postgres.url)
    with serve(**{**SMALL, "bookings": 20}) as sandbox:
        settings = settings_of(sandbox, histories="never", payments="never")
        tables = ("bookings", "booking_participants", "customers")
        result = run_load(LoadRequest(settings, target("postgres", "bookeo_data", None), tables=tables))
    assert result.failure is None
    rows = [line.split("|") for line in postgres_server.run(COMMENTS, postgres.name).splitlines()]
    assert_described([(table, column, comment) for table, column, _, comment in rows], {*tables, "load_runs"})
    assert_described([(table, "", comment) for table, _, comment, _ in rows], {*tables, "load_runs"})


def test_bookeo_docs_writes_the_dictionary_and_the_diagram(bookeo: Run, folder: Path) -> None:
    done = bookeo("docs", "--output", folder / "new" / "dictionary")
    assert done.code == 0
    assert {path.name for path in (folder / "new" / "dictionary").iterdir()} == {"tables.md", "tables.svg"}
    assert "tables.md" in done.out
    (folder / "file").touch()
    done = bookeo("docs", "--output", folder / "file")
    assert done.code == 1
    assert "cannot be written" in done.err
