"""Who may look at the dashboard: programs of this machine that know its key, or whoever knows its password."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bookeo.errors import SettingsError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

POLICY = (
    "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'; "  # Vega makes functions of expressions
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
"""Makes the browser refuse any request to another place."""
SHORTEST_PASSWORD = 12
LOGIN = "/login"
COOKIE = "bookeo_dashboard"
SESSION_SECONDS = 12 * 3600
"""How long a login is good for."""
FAILURE_SECONDS = 1.0
"""How long the next try of a password waits after a wrong one, whoever makes it."""
LONGEST_FORM = 4096
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Bookeo dashboard</title><style>body{font:16px sans-serif;margin:20vh auto;max-width:20em;padding:0 1em}
input,button{font:inherit;width:100%;box-sizing:border-box;padding:.5em;margin:.3em 0}</style>
<form method="post" action="/login"><label>Password of the dashboard
<input name="password" type="password" autocomplete="current-password" autofocus required></label>
<button>Log in</button><p>MESSAGE</p></form></html>"""


class Password:
    """A password, of which only a slow hash is kept.

    Args:
        text: The password.

    Raises:
        SettingsError: It is too short.
    """

    def __init__(self, text: str) -> None:
        if len(text) < SHORTEST_PASSWORD:
            raise SettingsError(f"The dashboard's password is too short; take {SHORTEST_PASSWORD} characters or more.")
        self._salt = secrets.token_bytes(16)
        self._hash = self._hashed(text)

    def __repr__(self) -> str:
        return "Password()"

    def is_it(self, text: str) -> bool:
        """Compare, in a time that tells nothing.

        Args:
            text: What somebody entered.

        Returns:
            Whether it is the password.
        """
        return hmac.compare_digest(self._hashed(text), self._hash)

    def _hashed(self, text: str) -> bytes:
        return hashlib.scrypt(text.encode("utf-8", "surrogatepass"), salt=self._salt, n=2**14, r=8, p=1)


class Guard:
    """Lets only those through to the page who may see it, and no other page's scripts.

    Args:
        page: The page as an ASGI application, which asks for the key.
        key: The page's key.
        password: What people log in with instead; None: only programs of this machine get in, with the key.
    """

    def __init__(self, page: Application, key: str, password: Password | None = None) -> None:
        self._page = page
        self._key = key
        self._password = password
        self._sessions: dict[str, float] = {}
        self._trying = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a connection, as ASGI says."""
        if scope["type"] not in ("http", "websocket"):
            await self._page(scope, receive, send)
            return
        send = _with_policy(send)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if not _is_own(headers, any_host=self._password is not None):
            await _refuse(scope, send, 403)
        elif self._password is None:
            await self._page(scope, receive, send)
        elif scope["path"] == LOGIN and scope["type"] == "http":
            await self._login(self._password, scope, headers, receive, send)
        elif not self._has_session(headers):
            await _refuse(scope, send, 401)
        else:
            # The page itself knows the key alone.
            others = [(name, value) for name, value in scope["headers"] if name != b"authorization"]
            authorized = [*others, (b"authorization", f"Bearer {self._key}".encode())]
            await self._page({**scope, "headers": authorized}, receive, send)

    async def _login(
        self, password: Password, scope: Scope, headers: dict[str, str], receive: Receive, send: Send
    ) -> None:
        if scope["method"] != "POST":
            await _answer(send, 200, PAGE.replace("MESSAGE", ""))
            return
        entered = await _form_value(receive, "password")
        async with self._trying:
            right = await asyncio.to_thread(password.is_it, entered)
            if not right:
                await asyncio.sleep(FAILURE_SECONDS)
        if not right:
            await _answer(send, 403, PAGE.replace("MESSAGE", "That is not the password."))
            return
        now, token = time.monotonic(), secrets.token_urlsafe(32)
        self._sessions = {known: ends for known, ends in self._sessions.items() if ends > now}
        self._sessions[_digest(token)] = now + SESSION_SECONDS
        encrypted = "https" in (scope.get("scheme"), headers.get("x-forwarded-proto", "").strip())
        attributes = f"Path=/; HttpOnly; SameSite=Strict; Max-Age={SESSION_SECONDS}{'; Secure' if encrypted else ''}"
        await _answer(send, 303, "", ("location", "/"), ("set-cookie", f"{COOKIE}={token}; {attributes}"))

    def _has_session(self, headers: dict[str, str]) -> bool:
        cookies: SimpleCookie = SimpleCookie()
        try:
            cookies.load(headers.get("cookie", ""))
        except CookieError:
            return False
        return COOKIE in cookies and self._sessions.get(_digest(cookies[COOKIE].value), 0) > time.monotonic()


def is_loopback(host: str) -> bool:
    """Tell whether only programs of this machine can reach an address.

    Args:
        host: An IP address or a host's name.

    Returns:
        Whether it is one of this machine's own; of names only `localhost` is.
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_own(headers: dict[str, str], *, any_host: bool) -> bool:
    """Whether a request is the dashboard's own, or somebody's who opens it; and not another page's."""
    host = headers.get("host", "")
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    # A name that a stranger's server has given to this machine's address would make the stranger's page one of ours.
    if not any_host and not is_loopback(name):
        return False
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != host:
        return False
    asked_by, mode = headers.get("sec-fetch-site", "none"), headers.get("sec-fetch-mode", "")
    return asked_by in ("none", "same-origin") or mode == "navigate"


def _with_policy(send: Send) -> Send:
    async def send_with_policy(message: Message) -> None:
        if message["type"] == "http.response.start":
            # No other page may read what is here, whatever the page's own program allows.
            more = {b"content-security-policy": POLICY.encode(), b"referrer-policy": b"no-referrer"}
            sent = [(name.lower(), value) for name, value in message.get("headers", ())]
            kept = [one for one in sent if not one[0].startswith(b"access-control-") and one[0] not in more]
            message = {**message, "headers": [*kept, *more.items()]}
        await send(message)

    return send_with_policy


async def _refuse(scope: Scope, send: Send, status: int) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 4000 + status})
    elif status == 401 and scope["method"] == "GET":
        await _answer(send, 303, "", ("location", LOGIN))
    else:
        await _answer(send, status, "")


async def _answer(send: Send, status: int, page: str, *headers: tuple[str, str]) -> None:
    content = ("content-type", "text/html; charset=utf-8")
    named: Iterable[tuple[str, str]] = (content, ("cache-control", "no-store"), *headers)
    encoded = [(name.encode(), value.encode()) for name, value in named]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": page.encode()})


async def _form_value(receive: Receive, name: str) -> str:
    body, more = b"", True
    while more and len(body) <= LONGEST_FORM:
        message = await receive()
        if message["type"] != "http.request":
            break
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return parse_qs(body[:LONGEST_FORM].decode("utf-8", "replace")).get(name, [""])[0]


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
