"""Serves a sandbox that remembers its answers: what was asked before costs it nothing, so that it slows nobody down.

    python benchmarks/measuring/replay.py --bookings 20000

prints the sandbox's line of JSON when it answers. Answers to `GET` are kept as they went over the wire and sent
again byte for byte until the business changes. `GET /_replay` tells what was asked, `POST /_replay` sets how long a
page takes, `DELETE /_replay` forgets the answers and the count.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import socket
import sys
from typing import Any
from urllib.parse import parse_qsl

import orjson
import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bookeo_sandbox import Business, Sandbox
from bookeo_sandbox.serving import control
from bookeo_sandbox.serving.service import Service
from bookeo_sandbox.serving.web import application

CONTROL = "/_replay"


class Replay:
    """Keeps the answers of an application.

    Args:
        answers: The application.
    """

    def __init__(self, answers: ASGIApp) -> None:
        self._answers = answers
        self._kept: dict[tuple[str, frozenset[tuple[str, str]]], list[Message]] = {}
        self._asked = 0
        self._seconds = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request from memory where it can."""
        if scope["path"] == CONTROL:
            await _reply(send, await self._control(scope["method"], receive))
        elif scope["method"] != "GET" or not scope["path"].startswith("/v2/"):
            await self._answers(scope, receive, send)
        else:
            self._asked += 1
            if self._seconds:
                await asyncio.sleep(self._seconds)
            question = (scope["path"], _question(scope["query_string"]))
            if question not in self._kept:
                self._kept[question] = await self._ask(scope, receive)
            for message in self._kept[question]:
                await send(message)

    async def _ask(self, scope: Scope, receive: Receive) -> list[Message]:
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        await self._answers(scope, receive, keep)
        return messages

    async def _control(self, method: str, receive: Receive) -> dict[str, Any]:
        if method == "POST":
            self._seconds = orjson.loads((await receive())["body"])["seconds"]
        if method == "DELETE":
            self._kept.clear()
            self._asked = 0
        return {"asked": self._asked, "kept": len(self._kept)}


def _question(query: bytes) -> frozenset[tuple[str, str]]:
    """Says what a query asks for: a page of a token, whatever else is repeated with it."""
    asked = dict(parse_qsl(query.decode()))
    token = {name: asked[name] for name in ("pageNavigationToken", "pageNumber") if name in asked}
    return frozenset((token or asked).items())


async def _reply(send: Send, value: dict[str, Any]) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": orjson.dumps(value)})


def main() -> None:
    """Serves until it is told to end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bookings", type=int, default=20_000, help="size of the business (default: %(default)s)")
    parser.add_argument("--years", type=float, default=3, help="length of its history (default: %(default)s)")
    options = parser.parse_args()
    gc.freeze()
    service = Service(Business.generate(**vars(options)))
    # asyncio switches the delay of small packets off only for sockets that say TCP.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(256)
    sandbox = Sandbox(service, f"http://127.0.0.1:{listener.getsockname()[1]}")
    replay = Replay(application(service, control.routes(lambda: sandbox)))
    sys.stdout.write(json.dumps(sandbox.describe()) + "\n")
    sys.stdout.flush()
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    server = uvicorn.Server(
        uvicorn.Config(
            replay,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            date_header=False,
            server_header=False,
            timeout_keep_alive=75,
        )
    )
    server.run(sockets=[listener])


if __name__ == "__main__":
    main()
