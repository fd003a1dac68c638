"""Commands that ask the warehouse in SQL."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bookeo_pipelines.cli.exit import show_reason
from bookeo_pipelines.cli.options import Database, Dataset, Debug, Destination, Json, console, say

if TYPE_CHECKING:
    from bookeo_pipelines.destinations.target import Target

AllowFiles = Annotated[
    bool, typer.Option("--allow-files", help="Let the question read other files, too (`read_csv` and the like).")
]
Vertical = Annotated[bool, typer.Option("--vertical", help="Print each row as lines of a name and a value.")]


def query(
    sql: Annotated[
        str | None,
        typer.Argument(help="What to ask, in the SQL of the destination; - or nothing: standard input."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="A file with the question.", show_default=False)
    ] = None,
    destination: Destination = "duckdb",
    dataset: Dataset = "bookeo_data",
    database: Database = None,
    allow_files: AllowFiles = False,
    vertical: Vertical = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, all rows and all digits.")] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Ask the warehouse, without changing anything in it and without reading anything else.

    Tables of the dataset and of the marts need no schema: `FROM bookings`. A terminal shows 100 rows and the columns
    that fit; a file or a pipe gets all.
    """
    from bookeo.errors import SettingsError
    from bookeo_pipelines.destinations.target import target
    from bookeo_pipelines.share.query import ask

    if as_csv and as_json:
        raise SettingsError("Give --csv or --json, not both.")
    rows = ask(None, _question(sql, file), allow_files=allow_files, target=target(destination, dataset, database))
    _print(rows, as_json=as_json, as_csv=as_csv, vertical=vertical)


def tables(
    destination: Destination = "duckdb",
    dataset: Dataset = "bookeo_data",
    database: Database = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """List the tables that can be asked, and how many columns each has."""
    from bookeo_pipelines.destinations.target import target
    from bookeo_pipelines.share.query import tables_in

    _print(tables_in(target(destination, dataset, database)), as_json=as_json)


def shell(
    destination: Destination = "duckdb",
    dataset: Dataset = "bookeo_data",
    database: Database = None,
    allow_files: AllowFiles = False,
    debug: Debug = False,
) -> None:
    """Ask one question after another; each ends with a semicolon. Ctrl-D ends it.

    The database is open only while a question is answered, so a load can run meanwhile.
    """
    from bookeo_pipelines.destinations.target import target
    from bookeo_pipelines.share.query import ask, tables_in

    where = target(destination, dataset, database)
    if sys.stdin.isatty():
        import readline  # noqa: F401 - gives `input` a line to edit, and what was asked before

        console().print(f"{where.description}: SQL that ends with a semicolon, .tables, or Ctrl-D to leave.")
    for question in _questions():
        _answer(where, question, ask, tables_in, allow_files=allow_files)


def _answer(where: Target, question: str, ask: Any, tables_in: Any, *, allow_files: bool) -> None:
    from bookeo.errors import BookeoError

    try:
        rows = tables_in(where) if question == ".tables" else ask(None, question, allow_files=allow_files, target=where)
        _print(rows)
    except BookeoError as error:
        say(f"Error: {error.message}")
        show_reason(error)


def _questions() -> Any:
    lines: list[str] = []
    while True:
        try:
            line = input("" if not sys.stdin.isatty() else "   ...> " if lines else "bookeo> ")
        except EOFError:
            break
        lines.append(line)
        if line.rstrip().endswith(";") or line.strip() == ".tables":
            yield "\n".join(lines).strip()
            lines.clear()
    if "".join(lines).strip():
        yield "\n".join(lines).strip()


def _question(sql: str | None, file: Path | None) -> str:
    from bookeo.errors import SettingsError

    if file is not None and sql is not None:
        raise SettingsError("Give the question or a file with it, not both.")
    if file is not None:
        try:
            return file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise SettingsError(f"The file {file} cannot be read: {why}.") from None
    if sql is None and sys.stdin.isatty():
        raise SettingsError("Say what to ask: an SQL statement, --file, or a question on standard input.")
    return sys.stdin.read() if sql in (None, "-") else str(sql)


def _print(rows: Any, *, as_json: bool = False, as_csv: bool = False, vertical: bool = False) -> None:
    from bookeo_pipelines.share.answer import print_rows, rows_as_csv, rows_as_json

    if as_json:
        console().print_json(rows_as_json(rows))
    elif as_csv:
        console().print_text(rows_as_csv(rows))
    else:
        print_rows(console(), rows, vertical=vertical)
