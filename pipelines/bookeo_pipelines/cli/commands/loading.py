"""Commands that load or prepare a load."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bookeo_pipelines.cli.exit import show_reason, show_trace
from bookeo_pipelines.cli.options import (
    Account,
    Database,
    Dataset,
    Debug,
    Destination,
    Json,
    LogFormat,
    LogLevel,
    Publish,
    console,
    say,
)
from bookeo_pipelines.cli.reporting import Report, reported
from bookeo_pipelines.cli.time_range import time_range
from bookeo_pipelines.runtime.startup import quick_start, started

if TYPE_CHECKING:
    from bookeo import BookeoSettings
    from bookeo_pipelines.load.runner import AccountFailed, LoadRequest, LoadResult


def check(account: Account = None, as_json: Json = False, debug: Debug = False) -> None:
    """Say whether the keys work, which account they open, and what they may read; of all accounts, one by one."""
    from bookeo.errors import BookeoError
    from bookeo.settings.model import load_all_settings
    from bookeo_pipelines.outcomes import ExitCode, exit_code, failed_as_json
    from bookeo_pipelines.status.check import check_keys, print_check

    accounts = load_all_settings(account)
    found: list[dict[str, Any]] = []
    code = ExitCode.DONE
    for settings in accounts:
        name = settings.account or ""
        try:
            result = check_keys(settings)
        except BookeoError as error:
            if len(accounts) == 1:
                raise
            say(f"Error: {name}: {error.message}")
            show_reason(error)
            found.append(failed_as_json(settings.account, error))
            code = ExitCode.FATAL if ExitCode.FATAL in (code, exit_code(error)) else exit_code(error)
            continue
        found.append(result.as_json())
        if result.missing:
            code = ExitCode.FATAL
        if not as_json:
            if len(accounts) > 1:
                console().print(f"{name}:", style="bold")
            print_check(console(), result)
    if as_json:
        console().print_json(found[0] if len(accounts) == 1 else found)
    if code:
        raise typer.Exit(int(code))


def plan(
    since: Annotated[str | None, typer.Option(help="As for load.", show_default=False)] = None,
    until: Annotated[str | None, typer.Option(help="As for load.", show_default=False)] = None,
    destination: Destination = "duckdb",
    dataset: Dataset = "bookeo_data",
    database: Database = None,
    account: Account = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Says what a load would ask for and how long it would take; loads nothing."""
    from bookeo.settings.model import load_all_settings
    from bookeo_pipelines.destinations.target import target
    from bookeo_pipelines.load.plan import make_plan
    from bookeo_pipelines.load.plan_report import plan_as_json, print_plan
    from bookeo_pipelines.warehouse.load_packages import pipeline_name

    where = target(destination, dataset, database)
    begin, end = time_range(since, until)
    plans = [
        make_plan(settings, where, pipeline_name(settings.account), begin, end)
        for settings in load_all_settings(account)
    ]
    if as_json:
        console().print_json([plan_as_json(made) for made in plans])
    else:
        for made in plans:
            print_plan(console(), made)


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
    publish: Publish = None,
    archive: Annotated[
        str | None,
        typer.Option(help="Where every answer is kept; by default the setting `archive`.", show_default=False),
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Load an invented business from a sandbox; needs no keys.")
    ] = False,
    as_json: Json = False,
    log_format: LogFormat = None,
    log_level: LogLevel = None,
    debug: Debug = False,
) -> None:
    """Loads what was booked, changed, canceled or paid since the last load."""
    # pyarrow and DuckDB import these where they find them, for nothing here, and that takes half as long as dlt. What
    # other destinations need is not known.
    needless = ("numpy", "pandas") if destination == "duckdb" else ()
    with (
        quick_start(*needless),
        reported("load", log_format, log_level, as_json=as_json, account=account, debug=debug) as report,
    ):
        from bookeo.errors import SettingsError
        from bookeo.settings.model import load_all_settings
        from bookeo_pipelines.destinations.target import target
        from bookeo_pipelines.load.runner import LoadRequest
        from bookeo_pipelines.share.publish import configured_place

        if refresh not in (None, "customers"):
            raise SettingsError(f"--refresh is {refresh!r}; it takes customers.")
        where = target(destination, dataset, database)
        begin, end = time_range(since, until)

        def request(settings: BookeoSettings) -> LoadRequest:
            return LoadRequest(
                settings=settings,
                target=where,
                since=begin,
                until=end,
                tables=tuple(name.strip() for name in tables.split(",") if name.strip())
                if tables is not None
                else None,
                wait_seconds=wait,
                refresh_customers=refresh == "customers",
            )

        if demo:
            from bookeo_pipelines.cli.demo_runner import demo_sandbox

            with demo_sandbox() as settings:
                settings.archive = archive
                run_and_show([request(settings)], report, publish)
        else:
            accounts = load_all_settings(account, max_requests=max_requests, archive=archive)
            run_and_show([request(settings) for settings in accounts], report, publish or configured_place(where))


def run(
    destination: Destination = "duckdb",
    dataset: Dataset = "bookeo_data",
    database: Database = None,
    account: Account = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait for another load into the same place.", min=0)] = 0,
    publish: Publish = None,
    log_format: LogFormat = None,
    log_level: LogLevel = None,
    debug: Debug = False,
) -> None:
    """Load, build the marts, and put a copy for readers in place, where one is set: what a schedule runs.

    Figures are made of whatever was loaded, also where the load ended early; the exit code is then the load's.
    """
    with reported("run", log_format, log_level, as_json=False, account=account, debug=debug) as report:
        from bookeo.settings.model import load_all_settings
        from bookeo_pipelines.destinations.target import target
        from bookeo_pipelines.load.runner import LoadRequest
        from bookeo_pipelines.marts.build import build_marts
        from bookeo_pipelines.marts.report import print_built
        from bookeo_pipelines.outcomes import ExitCode, exit_code
        from bookeo_pipelines.share.publish import Publication, configured_place

        where = target(destination, dataset, database)
        publication = Publication(where, publish or configured_place(where))
        code = 0
        try:
            run_and_show([LoadRequest(one, where, wait_seconds=wait) for one in load_all_settings(account)], report)
        except typer.Exit as ended:
            code = ended.exit_code
            if code == ExitCode.FATAL:
                raise
        with console(stderr=True).status("Building the marts ..."):
            built = [build_marts(one, wait_seconds=wait, debug=debug) for one in where.files()]
        for result in built:
            print_built(console(), result)
        publication.make()
        if publication.failure is not None:
            say(publication.failure.message)
            code = code or int(exit_code(publication.failure))
        if code:
            raise typer.Exit(code)


def run_and_show(requests: list[LoadRequest], report: Report, publish: Path | None = None) -> None:
    """Runs the loads, shows them, and ends with the exit code where that is not 0.

    Args:
        requests: One for each account.
        report: How to show them, and what is told of them elsewhere.
        publish: Where a copy for readers goes; None for no copy.

    Raises:
        typer.Exit: The exit code is not 0.
    """
    from bookeo_pipelines.load.report import as_json as result_as_json
    from bookeo_pipelines.load.report import ending, print_result
    from bookeo_pipelines.load.runner import run_load, run_loads
    from bookeo_pipelines.observability.progress import ProgressDisplay
    from bookeo_pipelines.share.publish import Publication

    started()
    out = console()

    def show(result: LoadResult | AccountFailed) -> None:
        if not report.as_json:
            print_result(out, result)

    settings = requests[0].settings
    publication = Publication(requests[0].target, publish)
    display = ProgressDisplay(console(stderr=True, quiet=report.logging))
    results: list[LoadResult | AccountFailed]
    if len(requests) == 1:
        with display.shown():
            results = [run_load(requests[0], lambda progress: display.update("", progress), publication.make)]
        show(results[0])
    else:
        with display.shown():
            results = run_loads(requests, display.update, show, settings.accounts_at_once, publication.make)
    report.accounts += [result_as_json(result, fail_on_rejected=settings.fail_on_rejected) for result in results]
    if report.as_json:
        shown = report.accounts
        console().print_json(shown[0] if len(shown) == 1 else shown)
    code, sentences = ending(results, fail_on_rejected=settings.fail_on_rejected, publication=publication.failure)
    report.sentences += sentences
    for sentence in sentences:
        say(sentence)
    for failure in [*(result.failure for result in results), publication.failure]:
        if failure is not None:
            show_reason(failure)
            if report.debug:
                show_trace(failure)
    if code:
        raise typer.Exit(int(code))


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
    from bookeo_pipelines.destinations.target import target
    from bookeo_pipelines.load.reset import planned_reset

    where = target(destination, dataset, database)
    begin, _ = time_range(since, None)
    if not yes and not sys.stdin.isatty():
        raise SettingsError("Nobody is there to be asked: give --yes to rewind without asking.")
    with planned_reset(where, account, table=table, since=begin) as planned:
        for sentence in planned.rewind.sentences:
            console().print(sentence, soft_wrap=True)
        if not yes and not typer.confirm("Rewind?"):
            console().print("Nothing was changed.")
            raise typer.Exit(1)
        planned.carry_out()
    console().print("Rewound.")
