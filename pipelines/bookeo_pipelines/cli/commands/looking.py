"""The command that shows how the loads stand."""

from __future__ import annotations

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
