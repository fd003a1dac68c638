"""Tables as files, Parquet or CSV, for programs that do not open DuckDB."""

from __future__ import annotations

import re
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from rich.table import Table

from bookeo.errors import FatalError, SettingsError
from bookeo.schema import TABLES
from bookeo_pipelines.destinations.target import Target
from bookeo_pipelines.runtime.atomic_file import placed, refuse_foreign_link
from bookeo_pipelines.runtime.quoting import identifier, literal
from bookeo_pipelines.runtime.terminal import Terminal
from bookeo_pipelines.share.read_only import first_line, open_read_only

Format = Literal["parquet", "csv"]
MARTS = "bookeo_marts"
"""The schema of the marts, whose tables are exported, too."""
BYTE_ORDER_MARK = "\ufeff"
"""Stands before the first column's name in CSV: by it a spreadsheet knows that the letters are UTF-8."""
FORMULA = "[=+@\t\r\n＝＋－＠-]"
"""How a text begins that a spreadsheet takes for a formula, which may fetch an address, or run a program."""
NUMBER = r"0[0-9][0-9.,:/eE% +-]*$|[0-9]{16,}$|[0-9]+[.,:/eE%-][0-9.,:/eE% +-]*$"
"""A text that a spreadsheet takes for a number, day or time: a phone number loses its zeros, a long id its last digits,
and `1-2` becomes a day."""
TAKEN_FOR_ELSE = f"^({FORMULA}|{NUMBER})"
TEXT = r"'\1"
"""What stands for that: behind an apostrophe a spreadsheet takes anything for text."""
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


def export(
    target: Target,
    folder: Path,
    format_name: str,
    tables: tuple[str, ...] | None = None,
    *,
    for_excel: bool = False,
) -> list[Exported]:
    """Writes tables into files, all of the same moment; either all files are put in place, or none.

    Money stays exact: decimals in Parquet, all digits in CSV. Times are in UTC. Only the owner may read the files.

    Args:
        target: The DuckDB file and the dataset in it.
        folder: Where the files go, one named after each table; it is made where it is not there.
        format_name: `parquet` or `csv`.
        tables: Names of tables; None for all of the dataset and of the marts.
        for_excel: Whether texts in CSV get an apostrophe in front that a spreadsheet would take for formulas, or for
            numbers and days, of which it would lose digits.

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
    if for_excel and format_name != "csv":
        raise SettingsError("--for excel is about CSV; give --format csv, too.")
    with closing(open_read_only(target, folders=[folder])) as connection:
        found = _tables(connection, target.dataset)
        unknown = sorted(set(tables or ()) - found.keys())
        if unknown or tables == () or not found:
            known = ", ".join(found) or "none"
            raise SettingsError(f"There is no table {', '.join(unknown) or 'to export'}; there are: {known}.")
        refuse_foreign_link(folder)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with ExitStack() as files:
                return [
                    _write(connection, place, _file(folder, name, format_name), format_name, files, for_excel=for_excel)
                    for name, place in found.items()
                    if tables is None or name in tables
                ]
        except (duckdb.Error, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) else first_line(error)
            raise ExportFailed(f"The files in {folder} cannot be written: {reason}.") from None


def _tables(connection: Any, dataset: str) -> dict[str, tuple[str, str]]:
    """The tables to export by name, each with its schema and name: those declared here, then the marts."""
    sql = "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema IN (?, ?) ORDER BY ALL"
    held = connection.execute(sql, [dataset, MARTS]).fetchall()
    ours = [(schema, name) for name in TABLES for schema in (dataset,) if (schema, name) in held]
    marts = [(schema, name) for schema, name in held if schema == MARTS and not name.startswith("stg_")]
    return {name: (schema, name) for schema, name in ours + marts}


def _file(folder: Path, table: str, format_name: str) -> Path:
    """The table's file, which is in the folder whatever the table is called, on any system."""
    name = re.sub(r'[\x00-\x1f/\\:*?"<>|]', lambda found: f"%{ord(found[0]):02X}", table)
    return folder / f"{name}.{format_name}"


def _write(
    connection: Any, table: tuple[str, str], file: Path, format_name: str, files: ExitStack, *, for_excel: bool
) -> Exported:
    made = files.enter_context(placed(file))
    place = identifier(*table)
    columns: list[str] = []
    for name, kind, *_ in connection.execute(f"DESCRIBE {place}").fetchall():
        value, shown = identifier(name), name
        if kind == "JSON":
            # Other programs take Parquet's JSON for bytes.
            value = f"{value}::VARCHAR"
        if for_excel and kind in ("JSON", "VARCHAR"):
            value = f"regexp_replace({value}, {literal(TAKEN_FOR_ELSE)}, {literal(TEXT)})"
            shown = re.sub(TAKEN_FOR_ELSE, TEXT, shown)
        mark = BYTE_ORDER_MARK if format_name == "csv" and not columns else ""
        columns.append(f"{value} AS {identifier(mark + shown)}")
    copied = f"COPY (SELECT {', '.join(columns)} FROM {place}) TO {literal(made)} ({OPTIONS[format_name]})"
    [(rows,)] = connection.execute(copied).fetchall()
    return Exported(table[1], file, rows)


def print_exported(console: Terminal, exported: list[Exported]) -> None:
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
