"""Commands about the archive of answers."""

from __future__ import annotations

from typing import Annotated

import typer

from bookeo_pipelines.cli.options import Account, Database, Dataset, Debug, Destination, Json, console, say
from bookeo_pipelines.cli.time_range import time_range


def replay(
    since: Annotated[
        str | None,
        typer.Option(help="Only answers read on or after this day or time (UTC).", show_default=False),
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Only answers read on or before this day or time (UTC).", show_default=False)
    ] = None,
    archive: Annotated[
        str | None, typer.Option(help="The archive; by default that of the setting `archive`.", show_default=False)
    ] = None,
    destination: Destination = "duckdb",
    dataset: Dataset = "bookeo_data",
    database: Database = None,
    account: Account = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait for a load into the same place.", min=0)] = 0,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Rebuilds the tables from the archive of answers; asks nothing of Bookeo."""
    from bookeo.archive.store import Archive
    from bookeo.errors import SettingsError
    from bookeo.settings.model import keyless_settings
    from bookeo_pipelines.destinations.target import target
    from bookeo_pipelines.observability.progress import ProgressDisplay
    from bookeo_pipelines.outcomes import ExitCode
    from bookeo_pipelines.replay.account import ReplayRequest
    from bookeo_pipelines.replay.report import exit_code_of, print_replay, replay_as_json
    from bookeo_pipelines.replay.runner import run_replay

    settings = keyless_settings(archive=archive)
    if settings.archive is None:
        raise SettingsError("Name the archive with --archive, or in the setting archive.")
    request = ReplayRequest(
        Archive(settings.archive),
        target(destination, dataset, database),
        settings,
        account,
        *time_range(since, until),
        wait,
    )
    results = []
    display = ProgressDisplay(console(stderr=True))
    with display.shown():
        for result in run_replay(request, display.update):
            results.append(result)
            if not as_json:
                print_replay(console(), result)
    strict = settings.fail_on_rejected
    if as_json:
        shown = [replay_as_json(result, fail_on_rejected=strict) for result in results]
        console().print_json(shown[0] if len(shown) == 1 else shown)
    for result in results:
        for sentence in result.damaged:
            say(sentence)
    codes = {exit_code_of(result, fail_on_rejected=strict) for result in results} - {ExitCode.DONE}
    if codes:
        raise typer.Exit(int(min(codes)))
