"""Run SQL from outside against the warehouse, without changing anything in it and without reaching anything else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dlt.common.destination.exceptions import DestinationException

from bookeo_pipelines.destinations.target import DEFAULT_DATASET, Target, default_database
from bookeo_pipelines.runtime.quoting import identifier, literal
from bookeo_pipelines.share.read_only import (
    QueryRefused,
    check_question,
    check_select,
    first_line,
    further_lines,
    open_read_only,
)
from bookeo_pipelines.warehouse.reading import reading

MARTS_DATASET = "bookeo_marts"


def ask(
    database: Path | None,
    sql: str,
    *,
    allow_files: bool = False,
    target: Target | None = None,
) -> Any:
    """Ask a question.

    Args:
        database: The DuckDB file; None for the default one.
        sql: One statement that only reads, such as SELECT. Tables of the dataset, and of the marts, need no schema.
        allow_files: Whether it may read other files, by `read_csv` and the like.
        target: The destination, where it is another than that file.

    Returns:
        The answer as a pandas DataFrame of Python objects; money as Decimal. Of columns of the same name the later
        ones get a number.

    Raises:
        SettingsError: There is no such file, or the database refuses the question.
        DatabaseBusy: A load is writing to it.

    Example:
        >>> ask(Path("bookeo.duckdb"), "SELECT count(*) AS bookings FROM bookings")  # doctest: +SKIP
          bookings
        0     5000
    """
    import pandas as pd

    where = target or Target(database=database or default_database())
    with asking(where, allow_files=allow_files) as execute:
        names, rows = execute(sql)
    return pd.DataFrame(rows, columns=names, dtype=object)


@contextmanager
def asking(target: Target, *, allow_files: bool = False) -> Iterator[Any]:
    """Open the warehouse for questions.

    Args:
        target: A DuckDB file, or another destination that answers SQL.
        allow_files: Whether questions to a DuckDB file may read other files.

    Yields:
        A function from a question to the names of the columns and the rows, as tuples of Python objects.

    Raises:
        SettingsError: There is no such file, or the database refuses a question.
        DatabaseBusy: A load is writing to it.
    """
    if target.database is None:
        with reading(target) as source:
            yield lambda sql: _asked_elsewhere(source, target, sql)
        return
    connection = open_read_only(target, any_files=allow_files, search=(target.dataset, MARTS_DATASET))
    try:
        yield lambda sql: _asked_duckdb(connection, sql)
    finally:
        connection.close()


def _asked_duckdb(connection: Any, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    import duckdb

    try:
        check_question(sql)
        answer = connection.execute(sql)
        return _distinct(column[0] for column in answer.description or ()), answer.fetchall()
    except duckdb.PermissionException as error:
        raise QueryRefused(
            f"DuckDB refuses the question: {first_line(error)}. A question reads the database and nothing else; "
            "--allow-files lets it read other files."
        ) from None
    except duckdb.Error as error:
        raise QueryRefused(f"DuckDB refuses the question: {first_line(error)}", further_lines(error)) from None


def _asked_elsewhere(source: Any, target: Target, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    check_select(sql, target.destination)
    try:
        names, rows = source.answer(sql, (MARTS_DATASET,))
    except DestinationException as error:
        cause = error.__cause__ or error
        raise QueryRefused(
            f"{target.description} refuses the question: {first_line(cause)}", further_lines(cause)
        ) from None
    return _distinct(names), rows


def tables_in(target: Target) -> Any:
    """List the tables that can be asked.

    Args:
        target: A DuckDB file, or another destination that has an information schema.

    Returns:
        A pandas DataFrame with a row for each table: `schema`, `table`, `columns` (how many).

    Raises:
        SettingsError: There is no such file, or the database refuses to tell.
    """
    shown = ", ".join(map(literal, (target.dataset or DEFAULT_DATASET, MARTS_DATASET)))
    sql = f"""
        SELECT table_schema AS {identifier("schema")}, table_name AS {identifier("table")},
            count(*) AS {identifier("columns")}
        FROM information_schema.columns WHERE table_schema IN ({shown}) AND table_name NOT LIKE {literal("_dlt%")}
        GROUP BY table_schema, table_name ORDER BY table_schema, table_name"""
    return ask(None, sql, target=target)


def _distinct(names: Iterable[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        number, free = 0, name
        while free in found:
            number += 1
            free = f"{name}_{number}"
        found.append(free)
    return found
