"""The command that compares what is held with what there is."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

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
    console,
    say,
)
from bookeo_pipelines.cli.reporting import Report, reported
from bookeo_pipelines.cli.time_range import time_range

if TYPE_CHECKING:
    from bookeo_pipelines.load.runner import LoadRequest
    from bookeo_pipelines.observability.progress import ProgressDisplay
    from bookeo_pipelines.outcomes import ExitCode
    from bookeo_pipelines.reconcile.runner import Reconciliation
    from bookeo_pipelines.runtime.terminal import Terminal


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
    """Compare what is held with what there is, by the bookings' start times; ends with 1 if differences are left."""
    with reported("reconcile", log_format, log_level, as_json=as_json, account=account, debug=debug) as report:
        from bookeo.settings.model import load_all_settings
        from bookeo_pipelines.destinations.target import target
        from bookeo_pipelines.load.runner import LoadRequest
        from bookeo_pipelines.observability.progress import ProgressDisplay

        where = target(destination, dataset, database)
        begin, end = time_range(since, until)
        requests = [LoadRequest(s, where, begin, end, wait_seconds=wait) for s in load_all_settings(account)]
        display = ProgressDisplay(console(stderr=True, quiet=report.logging))
        code = _reconcile_and_show(requests, console(), display, report, say, fix=fix, accept=accept)
        if code:
            raise typer.Exit(int(code))


def _reconcile_and_show(
    requests: Sequence[LoadRequest],
    out: Terminal,
    display: ProgressDisplay,
    report: Report,
    say: Callable[[str], None],
    *,
    fix: bool,
    accept: int = 0,
) -> ExitCode:
    """Compare accounts one after the other and shows what was found; one that fails does not keep the others back.

    Args:
        requests: One for each account.
        out: Where findings are printed.
        display: Where progress is shown.
        report: Whether findings are printed as JSON (an object, or a list of them for several accounts), and what is
            told of them elsewhere.
        say: Says a sentence to the user.
        fix: Whether differences are mended.
        accept: Rows of each kind that may be gone, however many they are.

    Returns:
        `FATAL` where differences are left or an account cannot be compared, `TRY_LATER` where that only takes time.

    Raises:
        BookeoError: The only account cannot be compared.
    """
    from bookeo.errors import BookeoError
    from bookeo_pipelines.outcomes import ExitCode, exit_code, failed_as_json
    from bookeo_pipelines.reconcile.report import print_reconciliation, reconciliation_as_json, reconciliation_in_short
    from bookeo_pipelines.reconcile.runner import run_reconcile

    results: list[Reconciliation] = []
    codes = {ExitCode.DONE}
    for request in requests:
        name = request.settings.account or ""
        try:
            with display.shown():
                tell = functools.partial(display.update, name)
                result = run_reconcile(request, fix=fix, accept=accept, on_progress=tell)
        except BookeoError as error:
            if len(requests) == 1:
                raise
            say(f"Error: {name}: {error.message}")
            show_reason(error)
            if report.debug:
                show_trace(error)
            report.accounts.append(failed_as_json(name, error))
            report.sentences.append(f"Account {name}: {error.message}")
            codes.add(exit_code(error))
            continue
        results.append(result)
        codes.add(ExitCode.DONE if result.clean else ExitCode.FATAL)
        report.accounts.append(reconciliation_in_short(result))
        if not result.clean:
            report.sentences.append(f"Account {result.account or result.account_id}: differences are left")
        if not report.as_json:
            print_reconciliation(out, result)
    if report.as_json:
        shown = [reconciliation_as_json(result) for result in results]
        out.print_json(shown[0] if len(requests) == 1 else shown)
    return next(code for code in (ExitCode.FATAL, ExitCode.TRY_LATER, ExitCode.DONE) if code in codes)
