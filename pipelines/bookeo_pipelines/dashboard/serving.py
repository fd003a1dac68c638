"""Serves the dashboard's page on this machine, to its user only."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import sys
import webbrowser
from collections.abc import Callable
from contextlib import closing, suppress
from importlib.resources import files
from pathlib import Path
from typing import Any

from bookeo.errors import SettingsError
from bookeo_pipelines.marts import MARTS_SCHEMA
from bookeo_pipelines.warehouses import is_there

HOST = "127.0.0.1"
"""Nobody but programs on this machine can connect."""
POLICY = (
    "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'; "  # Vega makes functions of expressions
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
"""Makes the browser refuse any request to another place."""


def serve_dashboard(
    database: Path | None,
    schema: str = MARTS_SCHEMA,
    *,
    port: int = 0,
    say: Callable[[str], None],
    browser: bool = True,
) -> None:
    """Serves the dashboard until it is interrupted, and ends the process.

    Args:
        database: The DuckDB file; None for the published copy if the settings name one, else the default one.
        schema: Schema of the marts.
        port: The port; 0 for any free one.
        say: Tells the user where the dashboard is.
        browser: Whether the browser is opened.

    Raises:
        SettingsError: Packages, the database or its marts are missing, or the port is taken.
        DatabaseBusy: Somebody is loading.
    """
    if not all(is_there(name) for name in ("altair", "marimo")):
        raise SettingsError("The dashboard needs the extra dashboard: pip install 'dlt-source-bookeo[dashboard]'.")
    # All that the page needs is imported here, once: its first visitor would wait for it, in a thread beside others.
    from bookeo_pipelines.dashboard import cards, marts, page, selection, tiles  # noqa: F401

    path = database or _default()
    os.environ[marts.DATABASE_VARIABLE] = str(path)
    os.environ[marts.SCHEMA_VARIABLE] = schema
    marts.open_marts()  # what is wrong with it is said here
    with closing(_listen(port)) as listening:
        key = secrets.token_urlsafe(16)
        address = f"http://{HOST}:{listening.getsockname()[1]}/?access_token={key}"
        say(f"The dashboard of {path} is at {address}")
        say("Ctrl-C ends it.")
        if browser:
            webbrowser.open(address)
        _run(_application(key), listening)
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
    from bookeo_pipelines.destination import DEFAULT_DATASET, default_database, target
    from bookeo_pipelines.publish import configured_place

    place = configured_place(target("duckdb", DEFAULT_DATASET, None))
    return place if place is not None and place.is_file() else default_database()


def _listen(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen()
    except OSError as error:
        listening.close()
        raise SettingsError(
            f"The dashboard cannot have the port {port} ({error.strerror}); give another --port, or none."
        ) from None
    return listening


def _application(key: str) -> Any:
    import marimo

    page = marimo.create_asgi_app(quiet=True, token=key).with_app(path="", root=str(notebook())).build()

    async def guarded(scope: Any, receive: Any, send: Any) -> None:
        async def send_with_policy(message: Any) -> None:
            if message["type"] == "http.response.start":
                policy = (b"content-security-policy", POLICY.encode())
                message = {**message, "headers": [*message["headers"], policy]}
            await send(message)

        await page(scope, receive, send_with_policy)

    return guarded


def _run(application: Any, listening: socket.socket) -> None:
    import uvicorn

    # A process that was started in the background may have been told to ignore Ctrl-C, and SIGTERM is no less polite.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    config = uvicorn.Config(application, log_level="error", timeout_graceful_shutdown=1, lifespan="off")
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listening])
