"""What a DuckDB file holds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

Row = dict[str, Any]
Connection = duckdb.DuckDBPyConnection
DATASET = "bookeo_data"


@contextmanager
def reading(database: Path) -> Iterator[Connection]:
    """Opens a DuckDB file for reading; times come as aware UTC."""
    with duckdb.connect(str(database), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def query(database: Path, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Asks a DuckDB file.

    Args:
        database: The file.
        sql: The question.
        *parameters: Values for its question marks.

    Returns:
        The rows.
    """
    with reading(database) as connection:
        return ask(connection, sql, *parameters)


def contents(database: Path, tables: Iterable[str], dataset: str = DATASET) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of some tables, sorted."""
    with reading(database) as connection:
        return {table: ask(connection, f"SELECT * FROM {dataset}.{table} ORDER BY ALL") for table in tables}


def table_types(database: Path, dataset: str = DATASET) -> dict[str, dict[str, str]]:
    """The types of all columns, by table."""
    with reading(database) as connection:
        return types_in(connection, dataset)


def stored_rows(database: Path, table: str, account_id: str, dataset: str = DATASET) -> list[Row]:
    """All rows of an account in a table, JSON parsed."""
    with reading(database) as connection:
        return rows_in(connection, dataset, table, types_in(connection, dataset)[table], account_id)


def ask(connection: Connection, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    found = connection.execute(sql, list(parameters)).to_arrow_table()
    return list(zip(*(column.to_pylist() for column in found.columns), strict=True))


def types_in(connection: Connection, dataset: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    sql = """
        SELECT table_name, column_name, data_type FROM information_schema.columns
        WHERE table_catalog = current_database() AND table_schema = ?
    """
    for table, column, kind in ask(connection, sql, dataset):
        found.setdefault(table, {})[column] = kind
    return found


def rows_in(connection: Connection, dataset: str, table: str, types: Mapping[str, str], account_id: str) -> list[Row]:
    columns = ", ".join(f'"{name}"' for name in types)
    rows = ask(connection, f"SELECT {columns} FROM {dataset}.{table} WHERE account_id = ?", account_id)
    return [
        {
            name: json.loads(value) if kind == "JSON" and value is not None else value
            for (name, kind), value in zip(types.items(), values, strict=True)
        }
        for values in rows
    ]


def lose_columns(database: Path, lost: Mapping[str, Iterable[str]], dataset: str = DATASET) -> None:
    """Makes a database as a version of before left it, which did not know some columns.

    Args:
        database: The file.
        lost: Names of columns, by table.
        dataset: The schema in the file.
    """
    with duckdb.connect(str(database)) as connection:
        versions = f"{dataset}._dlt_version"
        [[text]] = connection.execute(f"SELECT schema FROM {versions} ORDER BY version DESC LIMIT 1").fetchall()
        schema = json.loads(text)
        for table, columns in lost.items():
            for column in columns:
                connection.execute(f"ALTER TABLE {dataset}.{table} DROP COLUMN {column}")
                del schema["tables"][table]["columns"][column]
        schema["version_hash"] = "of a version of before"
        connection.execute(
            f"UPDATE {versions} SET schema = ?, version_hash = ?", [json.dumps(schema), schema["version_hash"]]
        )
