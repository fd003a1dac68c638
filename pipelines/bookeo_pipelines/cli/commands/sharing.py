"""Commands that hand on what is held: copies and files for other programs."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bookeo_pipelines.cli.options import Database, Dataset, Debug, Json, console, say

NOT_NOTED = (
    "Note: another program has the database open, so bookeo forget will not know of this copy; run the same command "
    "again later, or delete the copy yourself."
)


class _Reader(StrEnum):
    """What opens the files."""

    EXCEL = "excel"


def publish(
    to: Annotated[
        Path | None,
        typer.Option(help="DuckDB file at which to put the copy; by default as the settings say.", show_default=False),
    ] = None,
    database: Database = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait for a load that is running.", min=0)] = 0,
    debug: Debug = False,
) -> None:
    """Puts a copy of the DuckDB file in place for readers, who then never wait for a load, nor a load for them."""
    from bookeo.errors import SettingsError
    from bookeo_pipelines.destinations.target import DEFAULT_DATASET, target
    from bookeo_pipelines.share.publish import configured_place, publish_now

    where = target("duckdb", DEFAULT_DATASET, database)
    place = to or configured_place(where)
    if place is None:
        raise SettingsError("Nothing says where the copy goes: give --to, or the setting publish.")
    is_noted = publish_now(where, place, wait)
    console().print(f"Published at {place}", soft_wrap=True)
    if not is_noted:
        say(NOT_NOTED)


def export(
    output: Annotated[Path, typer.Option(help="The folder for the files.")] = Path("export"),
    format_name: Annotated[str, typer.Option("--format", help="parquet or csv.")] = "parquet",
    tables: Annotated[
        str | None, typer.Option(help="Only these tables, with commas between them.", show_default=False)
    ] = None,
    reader: Annotated[
        _Reader | None,
        typer.Option(
            "--for",
            help="Of CSV: `excel` keeps a spreadsheet from running texts as formulas, and from dropping zeros.",
            show_default=False,
        ),
    ] = None,
    dataset: Dataset = "bookeo_data",
    database: Database = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Writes the tables, and the marts where they are built, into files, one each."""
    from bookeo_pipelines.destinations.target import target
    from bookeo_pipelines.share.data_copies import note_export
    from bookeo_pipelines.share.export import export as write_files
    from bookeo_pipelines.share.export import print_exported

    chosen = tuple(name.strip() for name in tables.split(",") if name.strip()) if tables is not None else None
    where = target("duckdb", dataset, database)
    exported = write_files(where, output, format_name, chosen, for_excel=reader is _Reader.EXCEL)
    if not note_export(where, output):
        say(NOT_NOTED)
    if as_json:
        found = [{"table": one.table, "file": str(one.file), "rows": one.rows} for one in exported]
        console().print_json(found)
    else:
        print_exported(console(), exported)


def docs(
    output: Annotated[Path, typer.Option(help="The folder for the documents.")] = Path("docs"),
    debug: Debug = False,
) -> None:
    """Writes the data dictionary (every table and column in words) and a diagram of the tables."""
    from bookeo_pipelines.docs.dictionary import write_documents

    for made in write_documents(output):
        console().print(f"Written: {made}", soft_wrap=True)
