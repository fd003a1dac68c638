"""Questions to the DuckDB file, answered without changing anything in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bookeo.errors import SettingsError
from bookeo_pipelines.destination import Target, database_errors, default_database

MOST_ROWS_SHOWN = 100


class QueryRefused(SettingsError):
    """DuckDB does not understand the question."""


def ask(database: Path | None, sql: str) -> Any:
    """Asks a question.

    Args:
        database: The DuckDB file; None for the default one.
        sql: The question.

    Returns:
        The answer as a pandas DataFrame; money as Decimal.

    Raises:
        SettingsError: There is no such file, or DuckDB refuses the question.
        DatabaseBusy: A load is writing to it.
    """
    import duckdb
    import pandas as pd

    path = database or default_database()
    if not path.is_file():
        raise SettingsError(f"There is no database {path}; load it first with bookeo load, or name it with --database.")
    with database_errors(Target(database=path)):
        connection = duckdb.connect(str(path), read_only=True)
    try:
        connection.execute("SET TimeZone = 'UTC'")
        answer = connection.execute(sql)
        names = [column[0] for column in answer.description or ()]
        return pd.DataFrame(answer.fetchall(), columns=names, dtype=object)
    except duckdb.Error as error:
        raise QueryRefused(f"DuckDB refuses the question: {str(error).splitlines()[0]}") from None
    finally:
        connection.close()


def print_rows(console: Console, rows: Any) -> None:
    """Prints an answer as a table.

    Args:
        console: Where to print.
        rows: A pandas DataFrame.
    """
    table = Table()
    for name in rows.columns:
        numeric = rows[name].map(lambda value: isinstance(value, int) or type(value).__name__ == "Decimal").any()
        table.add_column(str(name), justify="right" if numeric else "left")
    for row in rows.head(MOST_ROWS_SHOWN).itertuples(index=False):
        table.add_row(*("" if value is None else str(value) for value in row))
    console.print(table)
    if len(rows) > MOST_ROWS_SHOWN:
        console.print(f"... and {len(rows) - MOST_ROWS_SHOWN:,} more rows; --json gives all.", highlight=False)
