"""The `bookeo` command: the list of its subcommands. Each stands in a module of `bookeo_pipelines.cli.commands`."""

from __future__ import annotations

import atexit
import gc
import sys
from typing import Annotated

import typer

from bookeo_pipelines.cli.commands import (
    archiving,
    asking,
    configuring,
    loading,
    looking,
    privacy,
    reconciling,
    sharing,
    showing,
    starting,
    trying,
)
from bookeo_pipelines.cli.commands.marts import marts
from bookeo_pipelines.cli.options import say
from bookeo_pipelines.interrupts import interrupts
from bookeo_pipelines.runtime.startup import quiet_dlt
from bookeo_pipelines.runtime.terminal import show_in_any_encoding
from bookeo_pipelines.runtime.trusted_places import prepare_places
from bookeo_pipelines.runtime.umask import owner_only

quiet_dlt()

app = typer.Typer(
    name="bookeo",
    help="Bookeo bookings, customers and payments as exact tables in DuckDB or a warehouse.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"bookeo {version('dlt-source-bookeo')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    if not {"--help", "-h"} & set(sys.argv[1:]):
        prepare_places(sys.argv[1:])


app.command(epilog="Example: `bookeo init`")(starting.init)
app.command(epilog="Example: `bookeo check`")(loading.check)
app.command(epilog="Example: `bookeo doctor`")(starting.doctor)
app.command(epilog="Example: `bookeo config`")(configuring.config)
app.command(epilog="Example: `bookeo load --since 2025-01-01`")(loading.load)
app.command(epilog="Example: `bookeo run`")(loading.run)
app.command(epilog="Example: `bookeo plan --since 2025-01-01`")(loading.plan)
app.command(epilog="Example: `bookeo reconcile --fix`")(reconciling.reconcile)
app.command(epilog="Example: `bookeo status`")(looking.status)
app.command(epilog="Example: `bookeo reset --since 2026-01-01`")(loading.reset)
app.command(epilog="Example: `bookeo replay --archive answers --database rebuilt.duckdb`")(archiving.replay)
app.command(epilog='Example: `bookeo query "SELECT count(*) FROM bookings"`')(asking.query)
app.command(epilog="Example: `bookeo tables`")(asking.tables)
app.command(epilog="Example: `bookeo shell`")(asking.shell)
app.add_typer(marts, name="marts")
app.command(epilog="Example: `bookeo dashboard`")(showing.dashboard)
app.command(epilog="Example: `bookeo publish --to /srv/reports/bookeo.duckdb`")(sharing.publish)
app.command(epilog="Example: `bookeo export --output export --format csv --tables bookings,payments`")(sharing.export)
app.command(epilog="Example: `bookeo docs --output dictionary`")(sharing.docs)
app.command(epilog="Example: `bookeo pii`")(privacy.pii)
app.command(epilog="Example: `bookeo forget --customer 41551N8F7XF15A1B2C3D4`")(privacy.forget)
app.command(epilog="Example: `bookeo person --customer 41551N8F7XF15A1B2C3D4 --output person.html`")(privacy.person)
app.command(epilog="Example: `bookeo demo`")(trying.demo)
app.command(epilog="Example: `bookeo sandbox --port 8080 --bookings 20000`")(trying.sandbox)


def main() -> None:
    """Runs the command; every failure ends as one sentence and a non-zero exit code."""
    from bookeo_pipelines.cli.exit import run_and_exit

    # What the libraries make stays; to look through it for garbage, again and again, took a tenth of the CPU.
    gc.set_threshold(50_000, 20, 20)
    # At the end, too, Python would look through all that is left, to free it piece by piece.
    atexit.register(gc.freeze)
    show_in_any_encoding()
    interrupts.begin(say)
    with owner_only():
        run_and_exit(app, say, debug="--debug" in sys.argv[1:])
