"""Commands that need no account: the demonstration and the sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bookeo_pipelines.cli.commands.loading import run_and_show
from bookeo_pipelines.cli.options import Debug, console
from bookeo_pipelines.cli.reporting import Report


def demo(
    database: Annotated[Path, typer.Option(help="The DuckDB file.")] = Path("demo.duckdb"), debug: Debug = False
) -> None:
    """Load an invented business, let a week go by, load again, and ask three questions."""
    from bookeo_pipelines.cli.demo_runner import run_demo

    run_demo(console(), database, lambda request: run_and_show([request], Report()))


def sandbox(
    port: Annotated[int, typer.Option(help="The port on this machine; 0: any free one.", min=0, max=65535)] = 0,
    bookings: Annotated[int, typer.Option(help="Bookings of the invented business.", min=1)] = 5000,
    seed: Annotated[int, typer.Option(help="Another seed, another business.")] = 1,
    end: Annotated[str, typer.Option(help="The day up to which it has been booked.")] = "2026-06-30",
    accounts: Annotated[int, typer.Option(help="Business accounts.", min=1)] = 1,
    debug: Debug = False,
) -> None:
    """Serves a local Bookeo over an invented business, until Ctrl-C."""
    from bookeo_pipelines.cli.demo_runner import serve_sandbox

    serve_sandbox(console(), port=port, bookings=bookings, seed=seed, end=end, accounts=accounts)
