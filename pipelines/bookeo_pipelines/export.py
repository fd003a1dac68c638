"""Tables as files, Parquet or CSV, for programs that do not open DuckDB."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from rich.console import Console
from rich.table import Table

from bookeo.errors import FatalError, SettingsError
from bookeo.tables import TABLES
from bookeo_pipelines.access import require_database
from bookeo_pipelines.destination import Target, database_errors
from bookeo_pipelines.placing import placed

Format = Literal["parquet", "csv"]
MARTS = "bookeo_marts"
"""The schema of the marts, whose tables are exported, too."""
BYTE_ORDER_MARK = "\ufeff"
"""Stands before the first column's name in CSV: by it a spreadsheet knows that the letters are UTF-8."""
OPTIONS = {
    "parquet": "FORMAT parquet, COMPRESSION zstd",
    "csv": "FORMAT csv, HEADER, TIMESTAMPFORMAT '%Y-%m-%d %H:%M:%S'",
}


class ExportFailed(FatalError):
    """The files could not be written; what was there before stays."""


@dataclass(frozen=True)
class Exported:
    """A table that became a file.

    Args:
        table: Its name.
        file: The file.
        rows: Rows in it.
    """

    table: str
    file: Path
    rows: int


def export(target: Target, folder: Path, format_name: str, tables: tuple[str, ...] | None = None) -> list[Exported]:
    """Writes tables into files, all of the same moment; either all files are put in place, or none.

    Money stays exact: decimals in Parquet, all digits in CSV. Times are in UTC. Only the owner may read the files.

    Args:
        target: The DuckDB file and the dataset in it.
        folder: Where the files go, one named after each table; it is made where it is not there.
        format_name: `parquet` or `csv`.
        tables: Names of tables; None for all of the dataset and of the marts.

    Returns:
        What was written.

    Raises:
        SettingsError: There is no such database, format or table.
        DatabaseBusy: A load is writing to the database.
        ExportFailed: A file cannot be written.
    """
    import duckdb

    if format_name not in get_args(Format):
        raise SettingsError(f"--format is {format_name!r}; it takes parquet or csv.")
    with _reading(target) as connection:
        found = _tables(connection, target.dataset)
        unknown = sorted(set(tables or ()) - found.keys())
        if unknown or tables == () or not found:
            known = ", ".join(found) or "none"
            raise SettingsError(f"There is no table {', '.join(unknown) or 'to export'}; there are: {known}.")
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with ExitStack() as files:
                return [
                    _write(connection, found[name], folder / f"{name}.{format_name}", format_name, files)
                    for name in found
                    if tables is None or name in tables
                ]
        except (duckdb.Error, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error).splitlines()[0]
            raise ExportFailed(f"The files in {folder} cannot be written: {reason}.") from None


@contextmanager
def _reading(target: Target) -> Iterator[Any]:
    import duckdb

    require_database(target)
    with database_errors(target):
        connection = duckdb.connect(str(target.database), read_only=True)
    try:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection
    finally:
        connection.close()


def _tables(connection: Any, dataset: str) -> dict[str, str]:
    """The tables to export by name, each with its full name: those declared here, then the marts."""
    sql = "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema IN (?, ?) ORDER BY ALL"
    held = connection.execute(sql, [dataset, MARTS]).fetchall()
    ours = [(schema, name) for name in TABLES for schema in (dataset,) if (schema, name) in held]
    marts = [(schema, name) for schema, name in held if schema == MARTS and not name.startswith("stg_")]
    return {name: f"{schema}.{name}" for schema, name in ours + marts}


def _write(connection: Any, table: str, file: Path, format_name: str, files: ExitStack) -> Exported:
    made = files.enter_context(placed(file))
    columns: list[str] = []
    for name, kind, *_ in connection.execute(f"DESCRIBE {table}").fetchall():
        # Other programs take Parquet's JSON for bytes.
        value = f'"{name}"::VARCHAR' if kind == "JSON" else f'"{name}"'
        mark = BYTE_ORDER_MARK if format_name == "csv" and not columns else ""
        columns.append(f'{value} AS "{mark}{name}"')
    place = str(made).replace("'", "''")
    copied = f"COPY (SELECT {', '.join(columns)} FROM {table}) TO '{place}' ({OPTIONS[format_name]})"
    [(rows,)] = connection.execute(copied).fetchall()
    return Exported(table.rpartition(".")[2], file, rows)


def print_exported(console: Console, exported: list[Exported]) -> None:
    """Prints what was written.

    Args:
        console: Where to print.
        exported: The files.
    """
    table = Table()
    table.add_column("file")
    for name in ("rows", "kB"):
        table.add_column(name, justify="right")
    for one in exported:
        table.add_row(str(one.file), f"{one.rows:,}", f"{one.file.stat().st_size / 1000:,.0f}")
    console.print(table)
