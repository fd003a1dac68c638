"""The command that shows how the loads stand."""

from __future__ import annotations

from typing import Annotated

import typer

from bookeo_pipelines.cli.options import Account, Database, Dataset, Debug, Destination, Json, console, say


def status(
    destination: Destination = "duckdb",
    dataset: Dataset = "bookeo_data",
    database: Database = None,
    account: Account = None,
    max_age: Annotated[
        str | None,
        typer.Option(
            help="End with 1 where bookings were read up to longer ago than this: 90m, 2h, 1d.", show_default=False
        ),
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show how far the loads have come, what is missing or pending, and what they cost; Bookeo is not asked.

    The exit code is 1 where something that should have been read is missing or unproven, or is older than --max-age.
    """
    from bookeo_pipelines.cli.time_range import duration
    from bookeo_pipelines.destinations.target import target
    from bookeo_pipelines.status.report import print_status, status_as_json
    from bookeo_pipelines.status.status import read_status

    limit = duration(max_age, "--max-age") if max_age is not None else None
    accounts = read_status(target(destination, dataset, database), account)
    if as_json:
        console().print_json(status_as_json(accounts))
    else:
        print_status(console(), accounts)
    stale = [one for one in accounts if limit is not None and one.is_older_than(limit)]
    for one in stale:
        behind = f"{one.lag.total_seconds() / 3600:,.1f} h ago" if one.lag is not None else "never"
        say(f"{one.account or one.account_id}: bookings were last read {behind}, and --max-age is {max_age}.")
    if stale or not all(one.is_complete for one in accounts):
        raise typer.Exit(1)
