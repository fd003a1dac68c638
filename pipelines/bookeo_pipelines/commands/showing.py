"""The command that shows figures."""

from __future__ import annotations

from typing import Annotated

import typer

from bookeo_pipelines.commands.options import Database, Debug, console


def dashboard(
    database: Database = None,
    marts_schema: Annotated[str, typer.Option(help="Schema of the tables of figures.")] = "bookeo_marts",
    port: Annotated[int, typer.Option(help="The port on this machine; 0: any free one.", min=0, max=65535)] = 0,
    browser: Annotated[bool, typer.Option(help="Open the browser.")] = True,
    debug: Debug = False,
) -> None:
    """Shows the figures as a page in the browser, to nobody but you, until Ctrl-C; changes nothing."""
    from bookeo_pipelines.dashboard.serving import serve_dashboard

    def say(line: str) -> None:
        console().print(line, soft_wrap=True)

    serve_dashboard(database, marts_schema, port=port, say=say, browser=browser)
