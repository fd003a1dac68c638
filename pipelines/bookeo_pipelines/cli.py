"""The `bookeo` command."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from bookeo import BookeoSettings
    from bookeo_pipelines.load import AccountFailed, LoadRequest, LoadResult

# dlt reads this when it is imported; whoever wants the telemetry sets it to true.
os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
# Its warnings are for those who build pipelines; ours are in the summary.
os.environ.setdefault("RUNTIME__LOG_LEVEL", "ERROR")

app = typer.Typer(
    name="bookeo",
    help="Bookeo bookings, customers and payments as exact tables in DuckDB or a warehouse.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Destination = Annotated[str, typer.Option(help="dlt's name of the destination, such as duckdb or postgres.")]
Dataset = Annotated[str, typer.Option(help="The dataset (schema) that holds the tables.")]
Database = Annotated[
    Path | None,
    typer.Option(help="The DuckDB file; by default bookeo.duckdb in the current folder.", show_default=False),
]
Account = Annotated[
    str | None, typer.Option(help="Name of one of the accounts in [[sources.bookeo.accounts]].", show_default=False)
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show where in the program an error came from.", hidden=True)]


def console(*, stderr: bool = False) -> Console:
    """Makes a console; piped output gets room for whole tables."""
    made = Console(stderr=stderr)
    if not made.is_terminal:
        made.width = 140
    return made


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"bookeo {version('bookeo')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    pass


@app.command(epilog="Example: `bookeo check`")
def check(account: Account = None, as_json: Json = False) -> None:
    """Says whether the keys work, which account they open, and what they may read."""
    from bookeo import load_settings
    from bookeo_pipelines.check import check_keys, print_check

    result = check_keys(load_settings(account=account))
    if as_json:
        typer.echo(json.dumps(result.as_json(), indent=2))
    else:
        print_check(console(), result)
    if result.missing:
        raise typer.Exit(1)


@app.command(epilog="Example: `bookeo load --since 2025-01-01`")
def load(
    since: Annotated[
        str | None,
        typer.Option(help="First day or time (UTC) to load; by default where the last load ended.", show_default=False),
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Last day or time (UTC) to load; by default now.", show_default=False)
    ] = None,
    destination: Destination = "duckdb",
    dataset: Dataset = "bookeo_data",
    database: Database = None,
    tables: Annotated[
        str | None, typer.Option(help="Only these tables, with commas between them.", show_default=False)
    ] = None,
    account: Account = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait for another load into the same place.", min=0)] = 0,
    max_requests: Annotated[
        int | None,
        typer.Option(help="Requests that this run may make; the next run goes on.", min=1, show_default=False),
    ] = None,
    refresh: Annotated[
        str | None,
        typer.Option(help="Read all `customers` again: they change without a booking changing.", show_default=False),
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Load an invented business from a sandbox; needs no keys.")
    ] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Loads what was booked, changed, canceled or paid since the last load."""
    from bookeo.errors import SettingsError
    from bookeo.settings import last_moment, load_all_settings, moment
    from bookeo_pipelines.destination import target
    from bookeo_pipelines.load import LoadRequest

    if refresh not in (None, "customers"):
        raise SettingsError(f"--refresh is {refresh!r}; it takes customers.")
    where = target(destination, dataset, database)

    def request(settings: BookeoSettings) -> LoadRequest:
        return LoadRequest(
            settings=settings,
            target=where,
            since=moment(since, "--since") if since is not None else None,
            until=last_moment(until, "--until") if until is not None else None,
            tables=tuple(name.strip() for name in tables.split(",") if name.strip()) if tables is not None else None,
            wait_seconds=wait,
            refresh_customers=refresh == "customers",
        )

    if demo:
        from bookeo_pipelines.demo import demo_sandbox

        with demo_sandbox() as settings:
            _load([request(settings)], as_json)
    else:
        _load([request(settings) for settings in load_all_settings(account, max_requests=max_requests)], as_json)


def _load(requests: list[LoadRequest], as_json: bool) -> None:
    """Runs the loads, shows them, and ends with the exit code where that is not 0."""
    from bookeo_pipelines.load import run_load, run_loads
    from bookeo_pipelines.progress import ProgressDisplay
    from bookeo_pipelines.summary import as_json as result_as_json
    from bookeo_pipelines.summary import ending, print_result

    out = console()

    def show(result: LoadResult | AccountFailed) -> None:
        if not as_json:
            print_result(out, result)

    display = ProgressDisplay(console(stderr=True))
    results: list[LoadResult | AccountFailed]
    if len(requests) == 1:
        with display.shown():
            results = [run_load(requests[0], lambda progress: display.update("", progress))]
        show(results[0])
    else:
        with display.shown():
            results = run_loads(requests, display.update, show, requests[0].settings.accounts_at_once)
    if as_json:
        shown = [result_as_json(result) for result in results]
        typer.echo(json.dumps(shown[0] if len(shown) == 1 else shown, indent=2))
    code, sentences = ending(results, fail_on_rejected=requests[0].settings.fail_on_rejected)
    for sentence in sentences:
        _say(sentence)
    if code:
        raise typer.Exit(int(code))


@app.command(epilog="Example: `bookeo plan --since 2025-01-01`")
def plan(
    since: Annotated[str | None, typer.Option(help="As for load.", show_default=False)] = None,
    until: Annotated[str | None, typer.Option(help="As for load.", show_default=False)] = None,
    destination: Destination = "duckdb",
    dataset: Dataset = "bookeo_data",
    database: Database = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """Says what a load would ask for and how long it would take; loads nothing."""
    from bookeo.settings import last_moment, load_all_settings, moment
    from bookeo_pipelines.destination import target
    from bookeo_pipelines.load import LoadRequest
    from bookeo_pipelines.plan import make_plan
    from bookeo_pipelines.plan_view import plan_as_json, print_plan

    where = target(destination, dataset, database)
    begin = moment(since, "--since") if since is not None else None
    end = last_moment(until, "--until") if until is not None else None
    plans = [
        make_plan(settings, where, LoadRequest(settings, where).pipeline_name, begin, end)
        for settings in load_all_settings(account)
    ]
    if as_json:
        typer.echo(json.dumps([plan_as_json(made) for made in plans], indent=2))
    else:
        for made in plans:
            print_plan(console(), made)


@app.command(epilog="Example: `bookeo reconcile --fix`")
def reconcile(
    since: Annotated[
        str | None, typer.Option(help="First start day (UTC); by default before all that is held.", show_default=False)
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Last start day (UTC); by default at least a year ahead.", show_default=False)
    ] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Mark what vanished, and read again what differs.")] = False,
    destination: Destination = "duckdb",
    dataset: Dataset = "bookeo_data",
    database: Database = None,
    account: Account = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait for a load into the same place.", min=0)] = 0,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Compares what is held with what there is, by the bookings' start times; ends with 1 if differences are left."""
    from bookeo.settings import last_moment, load_all_settings, moment
    from bookeo_pipelines.destination import target
    from bookeo_pipelines.load import LoadRequest
    from bookeo_pipelines.reconcile_view import reconcile_and_show

    where = target(destination, dataset, database)
    begin = moment(since, "--since") if since is not None else None
    end = last_moment(until, "--until") if until is not None else None
    requests = [LoadRequest(s, where, begin, end, wait_seconds=wait) for s in load_all_settings(account)]
    code = reconcile_and_show(requests, console(), console(stderr=True), fix=fix, as_json=as_json)
    if code:
        raise typer.Exit(int(code))


@app.command(epilog="Example: `bookeo status`")
def status(
    destination: Destination = "duckdb",
    dataset: Dataset = "bookeo_data",
    database: Database = None,
    account: Account = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Says how far the loads have come, what is incomplete or pending, and what they cost; asks nothing of Bookeo."""
    from bookeo_pipelines.destination import target
    from bookeo_pipelines.status import read_status
    from bookeo_pipelines.status_view import print_status, status_as_json

    accounts = read_status(target(destination, dataset, database), account)
    if as_json:
        typer.echo(json.dumps(status_as_json(accounts), indent=2))
    else:
        print_status(console(), accounts)


@app.command(epilog="Example: `bookeo reset --since 2026-01-01`")
def reset(
    table: Annotated[
        str | None, typer.Option(help="Read this table again from the beginning.", show_default=False)
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Read again what changed since this day or time (UTC).", show_default=False)
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    destination: Destination = "duckdb",
    dataset: Dataset = "bookeo_data",
    database: Database = None,
    account: Account = None,
    debug: Debug = False,
) -> None:
    """Rewinds a cursor, after asking, so that the next load reads again; no row is deleted."""
    from bookeo.errors import SettingsError
    from bookeo.settings import moment
    from bookeo_pipelines.destination import target
    from bookeo_pipelines.reset import planned_reset

    where = target(destination, dataset, database)
    begin = moment(since, "--since") if since is not None else None
    if not yes and not sys.stdin.isatty():
        raise SettingsError("Nobody is there to be asked: give --yes to rewind without asking.")
    with planned_reset(where, account, table=table, since=begin) as planned:
        for sentence in planned.rewind.sentences:
            console().print(sentence, highlight=False, soft_wrap=True)
        if not yes and not typer.confirm("Rewind?"):
            console().print("Nothing was changed.")
            raise typer.Exit(1)
        planned.carry_out()
    console().print("Rewound.")


@app.command(epilog='Example: `bookeo query "SELECT count(*) FROM bookeo_data.bookings"`')
def query(
    sql: Annotated[str, typer.Argument(help="What to ask, in DuckDB's SQL.")],
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Asks the DuckDB file, without changing anything in it."""
    from bookeo_pipelines.query import ask, print_rows

    rows = ask(database, sql)
    if as_json:
        typer.echo(rows.to_json(orient="records", date_format="iso", indent=2))
    else:
        print_rows(console(), rows)


@app.command(epilog="Example: `bookeo demo`")
def demo(database: Database = None) -> None:
    """Loads an invented business, lets a week go by, loads again, and asks three questions."""
    from bookeo_pipelines.demo import run_demo

    run_demo(console(), database, lambda request: _load([request], as_json=False))


@app.command(epilog="Example: `bookeo sandbox --port 8080 --bookings 20000`")
def sandbox(
    port: Annotated[int, typer.Option(help="The port on this machine; 0: any free one.", min=0, max=65535)] = 0,
    bookings: Annotated[int, typer.Option(help="Bookings of the invented business.", min=1)] = 5000,
    seed: Annotated[int, typer.Option(help="Another seed, another business.")] = 1,
    end: Annotated[str, typer.Option(help="The day up to which it has been booked.")] = "2026-06-30",
    accounts: Annotated[int, typer.Option(help="Business accounts.", min=1)] = 1,
) -> None:
    """Serves a local Bookeo over an invented business, until Ctrl-C."""
    from bookeo_pipelines.demo import serve_sandbox

    serve_sandbox(console(), port=port, bookings=bookings, seed=seed, end=end, accounts=accounts)


def _say(message: str) -> None:
    console(stderr=True).print(message, style="red", highlight=False, soft_wrap=True, markup=False)


def main() -> None:
    """Runs the command; every failure ends as one sentence and a non-zero exit code."""
    from bookeo_pipelines.outcome import run_and_exit

    run_and_exit(app, _say, debug="--debug" in sys.argv[1:])
