"""Questions to the DuckDB file, answered without changing anything in it and without reaching anything else."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.table import Table

from bookeo_pipelines.destinations.target import Target, default_database
from bookeo_pipelines.runtime.terminal import Terminal, cell
from bookeo_pipelines.share.read_only import QueryRefused, check_question, first_line, open_read_only

MOST_ROWS_SHOWN = 100


def ask(database: Path | None, sql: str, *, allow_files: bool = False) -> Any:
    """Ask a question.

    Args:
        database: The DuckDB file; None for the default one.
        sql: One statement that only reads, such as SELECT.
        allow_files: Whether it may read other files, by `read_csv` and the like.

    Returns:
        The answer as a pandas DataFrame of Python objects; money as Decimal. Of columns of the same name the later
        ones get a number.

    Raises:
        SettingsError: There is no such file, or DuckDB refuses the question.
        DatabaseBusy: A load is writing to it.
    """
    import duckdb
    import pandas as pd

    connection = open_read_only(Target(database=database or default_database()), any_files=allow_files)
    try:
        check_question(sql)
        answer = connection.execute(sql)
        names = _distinct(column[0] for column in answer.description or ())
        return pd.DataFrame(answer.fetchall(), columns=names, dtype=object)
    except duckdb.PermissionException as error:
        raise QueryRefused(
            f"DuckDB refuses the question: {first_line(error)}. A question reads the database and nothing else; "
            "--allow-files lets it read other files."
        ) from None
    except duckdb.Error as error:
        raise QueryRefused(f"DuckDB refuses the question: {first_line(error)}") from None
    finally:
        connection.close()


def _distinct(names: Iterable[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        number, free = 0, name
        while free in found:
            number += 1
            free = f"{name}_{number}"
        found.append(free)
    return found


def print_rows(console: Terminal, rows: Any) -> None:
    """Print an answer as a table.

    Args:
        console: Where to print.
        rows: A pandas DataFrame.
    """
    table = Table()
    for name in rows.columns:
        numeric = rows[name].map(lambda value: isinstance(value, int | Decimal)).any()
        table.add_column(cell(name), justify="right" if numeric else "left")
    for row in rows.head(MOST_ROWS_SHOWN).itertuples(index=False, name=None):
        table.add_row(*map(cell, row))
    console.print(table)
    if len(rows) > MOST_ROWS_SHOWN:
        console.print(f"... and {len(rows) - MOST_ROWS_SHOWN:,} more rows; --json gives all.")


def rows_as_json(rows: Any) -> list[dict[str, Any]]:
    """Return an answer for `bookeo_pipelines.runtime.json_text`.

    Args:
        rows: A pandas DataFrame.

    Returns:
        One object for each row.
    """
    names = [str(name) for name in rows.columns]
    return [dict(zip(names, row, strict=True)) for row in rows.itertuples(index=False, name=None)]
