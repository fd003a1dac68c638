"""Commands that look at what is held."""

from __future__ import annotations

from typing import Annotated

import typer

from bookeo_pipelines.cli.options import Account, Database, Dataset, Debug, Destination, Json, console


def status(
    destination: Destination = "duckdb",
    dataset: Dataset = "bookeo_data",
    database: Database = None,
    account: Account = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show how far the loads have come, what is missing or pending, and what they cost; Bookeo is not asked.

    The exit code is 1 where something that should have been read is missing or unproven.
    """
    from bookeo_pipelines.destinations.target import target
    from bookeo_pipelines.status.report import print_status, status_as_json
    from bookeo_pipelines.status.status import read_status

    accounts = read_status(target(destination, dataset, database), account)
    if as_json:
        console().print_json(status_as_json(accounts))
    else:
        print_status(console(), accounts)
    if not all(one.is_complete for one in accounts):
        raise typer.Exit(1)


def query(
    sql: Annotated[str, typer.Argument(help="What to ask, in DuckDB's SQL.")],
    database: Database = None,
    allow_files: Annotated[
        bool, typer.Option("--allow-files", help="Let the question read other files, too (`read_csv` and the like).")
    ] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Asks the DuckDB file, without changing anything and without reading anything else."""
    from bookeo_pipelines.share.query import ask, print_rows, rows_as_json

    rows = ask(database, sql, allow_files=allow_files)
    if as_json:
        console().print_json(rows_as_json(rows))
    else:
        print_rows(console(), rows)
