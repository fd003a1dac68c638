"""The service on HTTP: routes, compression, and the faults that only a connection can have."""

from __future__ import annotations

import asyncio
import gzip
import socket
import struct
from collections.abc import Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bookeo_sandbox.protocol.calls import Answer
from bookeo_sandbox.protocol.errors import ApiError
from bookeo_sandbox.serving.faults import Fault
from bookeo_sandbox.serving.service import Service

_SMALL = 500
"""Bytes below which compressing an answer is not worth it."""
_HTML = b"<!DOCTYPE html><html><body><h1>We will be back soon</h1></body></html>"
_TRANSPORT = "sandbox.transport"
_WRONG_DATE = "sandbox.wrong_date"


def application(service: Service, control: list[BaseRoute]) -> ASGIApp:
    """Builds the ASGI application.

    Args:
        service: What answers below `/v2`.
        control: Routes below `/_sandbox`.

    Returns:
        The application.
    """

    async def refused(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        message = {404: "No such path", 405: "This path does not take this method"}.get(status, "Internal error")
        answer = service.refusal(ApiError(status, message))
        return Response(answer.body, status, media_type="application/json")

    methods: dict[str, list[str]] = {}
    for method, path in service.operations:
        methods.setdefault(path, []).append(method)
    routes = [Route(path, _Endpoint(service, path), methods=allowed) for path, allowed in methods.items()]
    app = Starlette(
        routes=[Mount("/v2", routes=routes), Mount("/_sandbox", routes=control)],
        exception_handlers={HTTPException: refused},
    )
    app.router.redirect_slashes = False
    return _Front(app, service)


class _Front:
    """Puts the sandbox's own time on every answer and keeps the connection at hand for faults."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Only the server's own callable knows the connection; frameworks wrap it further down.
        scope[_TRANSPORT] = getattr(getattr(send, "__self__", None), "transport", None)

        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = self._service.date(scope.get(_WRONG_DATE))
                if date is not None:
                    message["headers"] = [*message["headers"], (b"date", date.encode())]
            await send(message)

        await self._app(scope, receive, dated)


class _Endpoint:
    """All methods of one path."""

    def __init__(self, service: Service, path: str) -> None:
        self._service = service
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        method = "GET" if request.method == "HEAD" else request.method
        query = dict(request.query_params)
        info, faults = self._service.arrive(f"{method} {self._path}", request.path_params, query, request.headers)
        struck = {fault.kind: fault for fault in faults}
        scope[_WRONG_DATE] = struck.get("wrong_date")
        if "delay" in struck:
            await asyncio.sleep(struck["delay"].seconds)
        if "reset" in struck and not struck["reset"].executed:
            self._service.note(info, "reset", ["reset"])
            _reset(scope)
            return
        answer = self._service.answer(info, faults, query, request.headers, body)
        if "reset" in struck:
            _reset(scope)
            return
        if answer.status < 400:
            _spoil(answer, struck)
        compress = self._service.business.switches.gzip and _takes_gzip(request.headers)
        lie = struck.get("wrong_encoding")
        if lie and request.headers.get("accept-encoding", "identity") != "identity" and answer.body:
            compress = False
            answer.headers["Content-Encoding"] = lie.encoding
        payload, headers = _encoded(answer, compress=compress)
        if "wrong_length" in struck and len(payload) > 1:
            await _send_other_length(
                scope, receive, send, answer.status, headers, payload, struck["wrong_length"].length
            )
            return
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        if "drip" in struck:
            await _drip(receive, send, payload, struck["drip"].seconds)
            return
        if "cut" in struck and len(payload) > 1:
            # Returning with less than was promised makes the server close the connection.
            await send({"type": "http.response.body", "body": payload[: len(payload) // 2], "more_body": True})
            return
        await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else payload})


async def _drip(receive: Receive, send: Send, payload: bytes, pause: float) -> None:
    gone = asyncio.create_task(_gone(receive))
    for place in range(len(payload)):
        await send({"type": "http.response.body", "body": payload[place : place + 1], "more_body": True})
        if (await asyncio.wait({gone}, timeout=pause))[0]:
            return
    gone.cancel()
    await send({"type": "http.response.body", "body": b""})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_other_length(
    scope: Scope,
    receive: Receive,
    send: Send,
    status: int,
    headers: list[tuple[bytes, bytes]],
    payload: bytes,
    more: int,
) -> None:
    """Promises more bytes than come and waits, or promises fewer and sends all the same."""
    promised = max(len(payload) + more, 0)
    headers = [(name, value) for name, value in headers if name != b"content-length"]
    headers.append((b"content-length", str(promised).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": payload[:promised], "more_body": more > 0})
    if more > 0:
        await _gone(receive)
    else:
        scope[_TRANSPORT].write(payload[promised:])


def _spoil(answer: Answer, struck: Mapping[str, Fault]) -> None:
    if "html" in struck:
        answer.status, answer.body = 200, _HTML
        answer.headers["Content-Type"] = "text/html; charset=utf-8"
    elif "empty" in struck:
        answer.status, answer.body = 200, b""


def _encoded(answer: Answer, *, compress: bool) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    headers = dict(answer.headers)
    body = answer.body
    if body:
        headers.setdefault("Content-Type", "application/json; charset=utf-8")
    headers["Vary"] = "Accept-Encoding"
    if compress and len(body) >= _SMALL:
        body = gzip.compress(body, 1, mtime=0)
        headers["Content-Encoding"] = "gzip"
    if answer.status != 204:
        headers["Content-Length"] = str(len(body))
    return body, [(name.lower().encode(), value.encode()) for name, value in headers.items()]


def _takes_gzip(headers: Mapping[str, str]) -> bool:
    for part in headers.get("accept-encoding", "").lower().split(","):
        coding, _, weight = part.strip().partition(";")
        if coding.strip() == "gzip":
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _reset(scope: Scope) -> None:
    transport: Any = scope[_TRANSPORT]
    # Closing without lingering sends RST instead of FIN.
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
