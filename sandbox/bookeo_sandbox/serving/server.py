"""Runs a sandbox: in a thread of the test that uses it, or as a process of its own. On this machine only."""

from __future__ import annotations

import ipaddress
import json
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from bookeo_sandbox.business import Business
from bookeo_sandbox.serving import control
from bookeo_sandbox.serving.sandbox import Sandbox
from bookeo_sandbox.serving.service import Service
from bookeo_sandbox.serving.web import application


@contextmanager
def serve(
    business: Business | None = None, *, port: int = 0, host: str = "127.0.0.1", **options: Any
) -> Iterator[Sandbox]:
    """Serves a business from a thread for as long as the context lasts.

    Args:
        business: What to serve; None: one made with the options.
        port: TCP port; 0: any that is free.
        host: A loopback address.
        **options: Arguments of `Business.generate`.

    Yields:
        The running sandbox.

    Raises:
        ValueError: The host is not on this machine, or both a business and options are given.
        OSError: The port is taken.
    """
    if business is not None and options:
        raise ValueError("give a business or the options to make one, not both")
    listener = _listen(host, port)
    try:
        service = Service(business or Business.generate(**options))
        sandbox = Sandbox(service, _root_url(listener))
        server = uvicorn.Server(
            uvicorn.Config(
                application(service, control.routes(lambda: sandbox)),
                lifespan="off",
                ws="none",
                interface="asgi3",
                log_config=None,
                access_log=False,
                date_header=False,
                server_header=False,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=1,
            )
        )
        # A connection that a fault breaks off is no news; uvicorn would report it as an error.
        logging.getLogger("uvicorn").setLevel(logging.CRITICAL + 1)
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL + 1)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="bookeo-sandbox", daemon=True)
        thread.start()
        while not server.started and thread.is_alive():
            thread.join(0.005)
        try:
            yield sandbox
        finally:
            server.should_exit = True
            thread.join(10)
    finally:
        listener.close()


def run(
    *, port: int = 0, host: str = "127.0.0.1", ready: Callable[[Sandbox], None] | None = None, **options: Any
) -> None:
    """Serves a business until SIGINT or SIGTERM; for the main thread.

    Args:
        port: TCP port; 0: any that is free.
        host: A loopback address.
        ready: Called once it answers; None: prints one line of JSON with where it is and its keys.
        **options: Arguments of `Business.generate`.
    """
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with serve(port=port, host=host, **options) as sandbox:
            (ready or _announce)(sandbox)
            stop.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _announce(sandbox: Sandbox) -> None:
    sys.stdout.write(json.dumps(sandbox.describe(), ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _listen(host: str, port: int) -> socket.socket:
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        raise ValueError(
            f"{host!r} is no address of this machine; the sandbox listens on 127.0.0.1 or ::1 only"
        ) from None
    if not address.is_loopback:
        raise ValueError(f"{host!r} is not a loopback address; the sandbox listens on this machine only")
    if not 0 <= port <= 65535:
        raise ValueError(f"{port} is no TCP port; it lies between 0 and 65535")
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    # asyncio switches the delay of small packets off only for sockets that say TCP; else answers take 40 ms more.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((str(address), port))
        listener.listen(256)
    except OSError:
        listener.close()
        raise
    return listener


def _root_url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
