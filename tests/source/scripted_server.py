"""A web server that answers with what a test puts into its script, and remembers what it was asked."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from bookeo.settings.model import BookeoSettings
from patience import PATIENCE

API_KEY = "APIKEY-4f1d9c-do-not-show"
SECRET_KEY = "SECRETKEY-77ab3e-do-not-show"


@dataclass
class Reply:
    status: int = 200
    payload: Any = None
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    cut_off: int | None = None
    """Bytes of the body that are sent before the connection ends."""
    reset: bool = False
    hold: threading.Event | None = None
    """Answers once this is set."""


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]
    body: bytes


class Script:
    def __init__(self) -> None:
        self.replies: list[Reply | Callable[[Asked], Reply]] = []
        self.otherwise: Reply | Callable[[Asked], Reply] = Reply(payload={"ok": True})
        self.asked: list[Asked] = []
        self.lock = threading.Lock()
        self.base_url = ""

    def reply_to(self, asked: Asked) -> Reply:
        with self.lock:
            self.asked.append(asked)
            reply = self.replies.pop(0) if self.replies else self.otherwise
        return reply(asked) if callable(reply) else reply


@contextmanager
def scripted_server() -> Iterator[Script]:
    script = Script()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one write, else each answer waits 40 ms for an acknowledgement

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            url = urlsplit(self.path)
            params = dict(parse_qsl(url.query, keep_blank_values=True))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = script.reply_to(Asked(self.command, url.path, params, headers, self.rfile.read(length)))
            if reply.hold:
                reply.hold.wait(PATIENCE)
            if reply.reset:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                self.close_connection = True
                return
            body = reply.body if reply.body is not None else json.dumps(reply.payload).encode()
            self.send_response_only(reply.status)
            headers = {"Content-Type": "application/json", "Content-Length": str(len(body))} | reply.headers
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body if reply.cut_off is None else body[: reply.cut_off])
            self.close_connection = reply.cut_off is not None

        do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815

        def log_message(self, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    script.base_url = f"http://127.0.0.1:{server.server_port}/v2"
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def settings_for(base_url: str, **values: Any) -> BookeoSettings:
    settings = BookeoSettings()
    settings.api_key, settings.secret_key, settings.base_url = API_KEY, SECRET_KEY, base_url
    for name, value in values.items():
        assert hasattr(settings, name)
        setattr(settings, name, value)
    return settings


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.sleeps: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.sleeps.append(seconds)
        self.now += seconds
