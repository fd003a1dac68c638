"""Serves the dashboard's page: on this machine to its user only, elsewhere to whoever knows the password."""

from __future__ import annotations

import os
import secrets
import socket
import sys
import webbrowser
from collections.abc import Callable
from contextlib import closing, suppress
from html import escape
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bookeo.errors import SettingsError
from bookeo_pipelines.dashboard.guard import Guard, Password, is_loopback
from bookeo_pipelines.destinations.registry import is_there
from bookeo_pipelines.interrupts import interrupts
from bookeo_pipelines.marts.build import MARTS_SCHEMA

HOST = "127.0.0.1"
"""Where it is served by default: nobody but programs on this machine can connect."""
PASSWORD_VARIABLE = "BOOKEO_DASHBOARD_PASSWORD"  # noqa: S105 - its name
"""Environment variable that holds the password."""


def serve_dashboard(
    database: Path | None,
    schema: str = MARTS_SCHEMA,
    *,
    host: str = HOST,
    port: int = 0,
    password: str | None = None,
    say: Callable[[str], None],
    browser: bool = True,
) -> None:
    """Serves the dashboard until it is interrupted, and ends the process.

    Args:
        database: The DuckDB file; None for the published copy if the settings name one, else the default one.
        schema: Schema of the marts.
        host: The address to serve it at; `0.0.0.0` for all of this machine's.
        port: The port; 0 for any free one.
        password: What people log in with; None: the page has a key in its address, which only this user is told.
        say: Tells the user where the dashboard is.
        browser: Whether the browser is opened.

    Raises:
        SettingsError: Packages, the database or its marts are missing, the address or port cannot be had, or others
            could look without a password.
        DatabaseBusy: Somebody is loading.
    """
    if not all(is_there(name) for name in ("altair", "marimo")):
        raise SettingsError("The dashboard needs the extra dashboard: pip install 'dlt-source-bookeo[dashboard]'.")
    if password is None and not is_loopback(host):
        raise SettingsError(
            f"--host {host} lets other machines in, so the dashboard needs a password: give --password-file, or "
            f"{PASSWORD_VARIABLE}."
        )
    known = Password(password) if password is not None else None
    # All that the page needs is imported here, once: its first visitor would wait for it, in a thread beside others.
    from bookeo_pipelines.dashboard import (
        cards,  # noqa: F401
        marts,
        page,  # noqa: F401
        selection,  # noqa: F401
        tiles,  # noqa: F401
    )

    path = database or _default()
    os.environ[marts.DATABASE_VARIABLE] = str(path)
    os.environ[marts.SCHEMA_VARIABLE] = schema
    marts.open_marts()  # what is wrong with it is said here
    with closing(_listen(host, port)) as listening, TemporaryDirectory(prefix="bookeo-dashboard-") as folder:
        key = secrets.token_urlsafe(16)
        address = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}/"
        if known is None:
            address += f"?access_token={key}"
        say(f"The dashboard of {path} is at {address}")
        if not is_loopback(host):
            say("It is not encrypted: let others reach it through a proxy that speaks HTTPS, or in a private network.")
        say("Ctrl-C ends it.")
        if browser and is_loopback(host):
            _open_browser(address, Path(folder))
        _run(Guard(_page(key), key, known), listening)
    try:
        say("The dashboard has ended.")
        sys.stdout.flush()
    finally:  # where nobody reads any more what is said, too
        os._exit(0)  # marimo's threads would keep the process alive for ever


def notebook() -> Path:
    """Finds the page, which is installed along with this package.

    Returns:
        The marimo notebook.
    """
    return Path(str(files("bookeo_notebooks"))) / "dashboard.py"


def _default() -> Path:
    from bookeo_pipelines.destinations.target import DEFAULT_DATASET, default_database, target
    from bookeo_pipelines.share.publish import configured_place

    place = configured_place(target("duckdb", DEFAULT_DATASET, None))
    return place if place is not None and place.is_file() else default_database()


def _open_browser(address: str, folder: Path) -> None:
    """Open a page by way of a file that only this user can read: all can read the arguments of a program."""
    page = folder / "dashboard.html"
    page.touch(mode=0o600)
    page.write_text(f'<meta charset="utf-8"><meta http-equiv="refresh" content="0; url={escape(address)}">')
    webbrowser.open(page.as_uri())


def _listen(host: str, port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen()
    except OSError as error:
        listening.close()
        place = f"the port {port}" if host == HOST else f"{host}, port {port}"
        raise SettingsError(
            f"The dashboard cannot have {place} ({error.strerror}); give another --port, or none."
        ) from None
    return listening


def _page(key: str) -> Any:
    import marimo

    return marimo.create_asgi_app(quiet=True, token=key).with_app(path="", root=str(notebook())).build()


def _run(application: Any, listening: socket.socket) -> None:
    import uvicorn

    interrupts.let_go()
    config = uvicorn.Config(application, log_level="error", timeout_graceful_shutdown=1, lifespan="off")
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listening])
