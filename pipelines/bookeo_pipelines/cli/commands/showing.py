"""The command that shows figures."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from bookeo_pipelines.cli.options import Database, Debug, console


def dashboard(
    database: Database = None,
    marts_schema: Annotated[str, typer.Option(help="Schema of the tables of figures.")] = "bookeo_marts",
    host: Annotated[
        str, typer.Option(help="The address to serve it at; any but this machine's own needs a password.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port on this machine; 0: any free one.", min=0, max=65535)] = 0,
    password_file: Annotated[
        Path | None,
        typer.Option(
            help="File with a password to log in with; or set `BOOKEO_DASHBOARD_PASSWORD`.", show_default=False
        ),
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open the browser.")] = True,
    debug: Debug = False,
) -> None:
    """Shows the figures as a page in the browser, to nobody but you, until Ctrl-C; changes nothing."""
    from bookeo_pipelines.dashboard.guard import is_loopback
    from bookeo_pipelines.dashboard.serving import serve_dashboard

    def say(line: str) -> None:
        console().print(line, soft_wrap=True)

    password = _password(password_file)
    if password is None and not is_loopback(host) and sys.stdin.isatty():
        password = typer.prompt("A password for the dashboard", hide_input=True, confirmation_prompt=True)
    serve_dashboard(database, marts_schema, host=host, port=port, password=password, say=say, browser=browser)


def _password(file: Path | None) -> str | None:
    """The password of the file or the environment, where children do not find it."""
    from bookeo.errors import SettingsError
    from bookeo_pipelines.dashboard.serving import PASSWORD_VARIABLE

    in_environment = os.environ.pop(PASSWORD_VARIABLE, None)
    if file is None:
        return in_environment
    try:
        return file.read_text(encoding="utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise SettingsError(f"The password file {file} cannot be read: {reason}.") from None
