"""Commands that look at what is held, and compare it with what there is."""

from __future__ import annotations

from typing import Annotated

import typer

from bookeo_pipelines.commands.options import (
    Account,
    Database,
    Dataset,
    Debug,
    Destination,
    Json,
    LogFormat,
    LogLevel,
    console,
    say,
)
from bookeo_pipelines.commands.reporting import reported


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
    from bookeo_pipelines.destination import target
    from bookeo_pipelines.status import read_status
    from bookeo_pipelines.status_view import print_status, status_as_json

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
    from bookeo_pipelines.query import ask, print_rows, rows_as_json

    rows = ask(database, sql, allow_files=allow_files)
    if as_json:
        console().print_json(rows_as_json(rows))
    else:
        print_rows(console(), rows)


def reconcile(
    since: Annotated[
        str | None, typer.Option(help="First start day (UTC); by default before all that is held.", show_default=False)
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Last start day (UTC); by default at least a year ahead.", show_default=False)
    ] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Mark what vanished, and read again what differs.")] = False,
    accept: Annotated[
        int,
        typer.Option(
            help="Rows of a kind that may be gone, even if they are more than 20 and more than 5 %.",
            min=0,
            show_default=False,
        ),
    ] = 0,
    destination: Destination = "duckdb",
    dataset: Dataset = "bookeo_data",
    database: Database = None,
    account: Account = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait for a load into the same place.", min=0)] = 0,
    as_json: Json = False,
    log_format: LogFormat = None,
    log_level: LogLevel = None,
    debug: Debug = False,
) -> None:
    """Compares what is held with what there is, by the bookings' start times; ends with 1 if differences are left."""
    with reported("reconcile", log_format, log_level, as_json=as_json, account=account, debug=debug) as report:
        from bookeo.settings import last_moment, load_all_settings, moment
        from bookeo_pipelines.destination import target
        from bookeo_pipelines.load import LoadRequest
        from bookeo_pipelines.progress import ProgressDisplay
        from bookeo_pipelines.reconcile_view import reconcile_and_show

        where = target(destination, dataset, database)
        begin = moment(since, "--since") if since is not None else None
        end = last_moment(until, "--until") if until is not None else None
        requests = [LoadRequest(s, where, begin, end, wait_seconds=wait) for s in load_all_settings(account)]
        display = ProgressDisplay(console(stderr=True, quiet=report.logging))
        code = reconcile_and_show(requests, console(), display, report, say, fix=fix, accept=accept)
        if code:
            raise typer.Exit(int(code))
