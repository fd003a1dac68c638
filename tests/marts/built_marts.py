"""Marts that were built, and how to ask them."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg2
from describing import described_marts
from psycopg2.extras import RealDictCursor

from bookeo_pipelines.destinations.target import target
from bookeo_pipelines.marts.build import Schemas
from bookeo_pipelines.marts.dbt import run_dbt
from bookeo_pipelines.warehouse.load_packages import working_folder
from command_here import environment, run
from stored import reading

Row = dict[str, Any]


@dataclass(frozen=True)
class Built:
    """Marts that were built.

    Attributes:
        said: What `bookeo marts build --json` said.
        rows: Gives the rows of a query.
        unit_tests: Runs dbt's unit tests; gives what became of each by its name.
        compile_models: Gives the SQL of selected models by their names.
        compiled: Folder with the SQL of the checks.
        counts: Rows of each table.
        empty: The same of the same database when it was empty.
        variables: The environment in which it was built.
    """

    said: dict[str, Any]
    rows: Callable[[str], list[Row]]
    unit_tests: Callable[[], dict[str, str]]
    compile_models: Callable[[str], dict[str, str]]
    compiled: Path
    counts: dict[str, int]
    empty: dict[str, int]
    variables: dict[str, str]


def build(
    options: list[str], rows: Callable[[str], list[Row]], empty: dict[str, int] | None = None, **variables: str
) -> Built:
    """Runs `bookeo marts build`, which must go well."""
    outcome = run("marts", "build", "--json", *options, **variables)
    assert outcome.code == 0, outcome.err
    said = json.loads(outcome.out)
    with environment(variables):
        where = target(said["destination"], "bookeo_data", Path(said["database"]) if said["database"] else None)
        work = working_folder(where) / "marts" / "target"

    def unit_tests() -> dict[str, str]:
        with environment(variables):
            done = run_dbt(where, ["test", "--select", "test_type:unit"], Schemas().variables(where))
        return {result.node.name: result.message or str(result.status) for result in done.result.results}

    def compiled(selected: str) -> dict[str, str]:
        with environment(variables):
            done = run_dbt(where, ["compile", "--select", selected], Schemas().variables(where))
        return {result.node.name: result.node.compiled_code for result in done.result.results}

    folder = work / "compiled" / "bookeo_marts"
    return Built(said, rows, unit_tests, compiled, folder, count(rows), empty or {}, variables)


def count(rows: Callable[[str], list[Row]]) -> dict[str, int]:
    """Counts the rows of every table of the marts."""
    named = (f"SELECT '{name}' AS name, count(*) AS rows FROM bookeo_marts.{name}" for name in described_marts())
    return {row["name"]: row["rows"] for row in rows(" UNION ALL ".join(named))}


def rows_in(database: Path) -> Callable[[str], list[Row]]:
    """Gives the rows of a query of a DuckDB file."""

    def rows(sql: str) -> list[Row]:
        with reading(database) as connection:
            found: list[Row] = connection.execute(sql).to_arrow_table().to_pylist()
            return found

    return rows


def rows_from(url: str) -> Callable[[str], list[Row]]:
    """Gives the rows of a query of a PostgreSQL database; times come as aware UTC."""

    def rows(sql: str) -> list[Row]:
        connection = psycopg2.connect(url, cursor_factory=RealDictCursor, options="-ctimezone=UTC")
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute(sql)
            return [dict(row) for row in cursor.fetchall()]

    return rows


def execute(url: str, *statements: str) -> None:
    """Runs statements in a PostgreSQL database, all in one transaction."""
    connection = psycopg2.connect(url)
    with contextlib.closing(connection), connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def checks(compiled: Path) -> dict[str, str]:
    """Gives the SQL of every check as it was run, by its name; a check finds something if it has rows."""
    return {path.stem: path.read_text() for path in compiled.rglob("*.sql") if is_check(path)}


def is_check(path: Path) -> bool:
    return path.parent.name == "tests" or (path.parent.suffix == ".yml" and path.parent.name != "unit_tests.yml")


def plain(value: Any) -> Any:
    """pandas' own kinds of values as Python's."""
    if value is None or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    return value.item() if hasattr(value, "item") else value


def assert_same(name: str, found: list[Row], right: pd.DataFrame) -> None:
    """Compares all rows of a table, column by column, whatever their order."""
    wanted = [{column: plain(value) for column, value in row.items()} for row in right.to_dict("records")]
    assert len(found) == len(wanted) > 0, name
    assert found[0].keys() == wanted[0].keys(), name
    columns = sorted(wanted[0])
    ordered = [sorted((tuple(row[c] for c in columns) for row in rows), key=str) for rows in (found, wanted)]
    for one, other in zip(*ordered, strict=True):
        assert one == other, f"{name}: {[(c, a, b) for c, a, b in zip(columns, one, other, strict=True) if a != b]}"
