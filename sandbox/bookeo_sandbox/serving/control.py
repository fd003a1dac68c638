"""The control calls under `/_sandbox`: the methods of `Sandbox` for those in another process. They take no keys."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bookeo_sandbox.serving.sandbox import Sandbox

Act = Callable[[Sandbox, dict[str, Any], Request], Any]


def routes(sandbox: Callable[[], Sandbox]) -> list[BaseRoute]:
    """Lists the control calls.

    Args:
        sandbox: Gives the sandbox that they act on.

    Returns:
        Routes, relative to `/_sandbox`.
    """
    table: list[tuple[str, str, Act]] = [
        ("GET", "/", lambda s, a, r: s.describe()),
        ("POST", "/advance", lambda s, a, r: {"now": s.advance(**a)}),
        ("POST", "/reset", lambda s, a, r: s.reset()),
        ("GET", "/truth", lambda s, a, r: s.truth(_which(r))),
        ("GET", "/requests", lambda s, a, r: s.requests()),
        ("DELETE", "/requests", lambda s, a, r: s.clear_requests()),
        ("GET", "/faults", lambda s, a, r: s.faults()),
        ("POST", "/faults", lambda s, a, r: s.faults(a["faults"]) if "faults" in a else s.fault(**a).as_dict()),
        ("DELETE", "/faults", lambda s, a, r: s.faults([])),
        ("POST", "/rate_limit", lambda s, a, r: s.rate_limit(**a)),
        ("GET", "/switches", lambda s, a, r: s.switches()),
        ("POST", "/switches", lambda s, a, r: s.switches(**a)),
        ("POST", "/permissions", lambda s, a, r: s.permissions(a["permissions"], _which(r))),
        ("POST", "/revoke", lambda s, a, r: s.revoke(_which(r), **a)),
        ("POST", "/expire_tokens", lambda s, a, r: s.expire_tokens()),
        ("GET", "/outbox", lambda s, a, r: s.outbox(_which(r))),
        ("POST", "/bookings/{number}/touch", lambda s, a, r: s.touch(r.path_params["number"], **a)),
        ("POST", "/bookings/{number}/cancel", lambda s, a, r: s.cancel(r.path_params["number"])),
        ("POST", "/bookings/{number}/delete", lambda s, a, r: s.delete(r.path_params["number"])),
        ("POST", "/payments", lambda s, a, r: {"id": s.add_payment(**a)}),
        ("POST", "/payments/{id}/change", lambda s, a, r: s.change_payment(r.path_params["id"], **a)),
        ("POST", "/payments/{id}/delete", lambda s, a, r: s.delete_payment(r.path_params["id"])),
        ("POST", "/records/{id}/spoil", lambda s, a, r: s.spoil(r.path_params["id"], **a)),
        ("POST", "/customers/{id}/delete", lambda s, a, r: s.delete_customer(r.path_params["id"])),
        ("POST", "/customers/{id}/edit", lambda s, a, r: s.edit_customer(r.path_params["id"], **a)),
    ]
    found: list[BaseRoute] = [Route(path, _endpoint(sandbox, act), methods=[method]) for method, path, act in table]

    async def override(request: Request) -> Response:
        shown = await request.body() if request.method == "PUT" else None
        try:
            sandbox().override(request.path_params["number"], shown)
        except KeyError:
            return _json({"message": "No such booking"}, 404)
        return _json({})

    return [*found, Route("/bookings/{number}/override", override, methods=["PUT", "DELETE"])]


def _which(request: Request) -> str | int | None:
    which = request.query_params.get("account")
    return int(which) if which is not None and which.isdigit() and len(which) < 3 else which


def _endpoint(sandbox: Callable[[], Sandbox], act: Act) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        body = await request.body()
        try:
            arguments = orjson.loads(body) if body else {}
            result = act(sandbox(), arguments, request)
        except (KeyError, IndexError, StopIteration) as error:
            return _json({"message": f"No such thing: {error}"}, 404)
        except (TypeError, ValueError, AttributeError) as error:
            return _json({"message": str(error)}, 400)
        return _json({} if result is None else result)

    return endpoint


def _json(value: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")
