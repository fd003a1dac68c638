"""Who may look at the dashboard, and from where; asked of the guard itself, without a server."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import stat
import time
from collections.abc import MutableMapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import duckdb
import pytest

from bookeo.errors import SettingsError
from bookeo_pipelines.dashboard import guard, marts, serving
from bookeo_pipelines.dashboard.guard import POLICY, Guard, Password, is_loopback

KEY = "the-key"
SECRET = "correct horse & battery=1"
HOME = "127.0.0.1:8080"


class Page:
    """Stands for marimo's page: notes what reaches it, and answers as permissively as that does."""

    def __init__(self) -> None:
        self.reached: list[MutableMapping[str, Any]] = []

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        self.reached.append(scope)
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            return
        headers = [(b"content-type", b"text/html"), (b"access-control-allow-origin", b"*")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"figures"})


def ask(
    door: Guard, path: str = "/", *, kind: str = "http", method: str = "GET", body: bytes = b"", **headers: str
) -> tuple[int | str, dict[str, str]]:
    """Asks once; the status, or what becomes of the websocket, and the headers."""
    named = {"host": HOME} | {name.replace("_", "-"): value for name, value in headers.items()}
    scope: dict[str, Any] = {
        "type": kind,
        "path": path,
        "query_string": b"",
        "scheme": "http",
        "headers": [(name.encode(), value.encode()) for name, value in named.items() if value],
    }
    if kind == "http":
        scope["method"] = method
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    asyncio.run(door(scope, receive, send))
    if kind == "websocket":
        return f"{sent[0]['type']} {sent[0].get('code', '')}".strip(), {}
    return sent[0]["status"], {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}


ELSEWHERE = {
    "another host": {"host": "evil.example"},
    "another host, the right port": {"host": "evil.example:8080"},
    "no host": {"host": ""},
    "a host that only looks like it": {"host": "127.0.0.1.evil.example:8080"},
    "a broken host": {"host": "[::1"},
    "another origin": {"origin": "http://evil.example"},
    "another port of this machine": {"origin": "http://127.0.0.1:9999"},
    "another name of this machine": {"origin": "http://localhost:8080"},
    "no origin to speak of": {"origin": "null"},
    "a script of another site": {"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors"},
    "a script of another port": {"sec_fetch_site": "same-site", "sec_fetch_mode": "no-cors"},
}


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize("headers", ELSEWHERE.values(), ids=ELSEWHERE)
def test_other_pages_and_hosts_are_refused(kind: str, headers: dict[str, str]) -> None:
    page = Page()
    status, _ = ask(Guard(page, KEY), "/ws", kind=kind, **headers)
    assert status == (403 if kind == "http" else "websocket.close 4403")
    assert page.reached == []


OWN = {
    "typed in": {},
    "this machine by name": {"host": "localhost:8080"},
    "through a tunnel to another port": {"host": "127.0.0.1:9000", "origin": "http://127.0.0.1:9000"},
    "by the sixth version": {"host": "[::1]:8080", "origin": "http://[::1]:8080"},
    "the page itself": {"origin": "http://127.0.0.1:8080", "sec_fetch_site": "same-origin", "sec_fetch_mode": "cors"},
    "a link elsewhere": {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"},
}


@pytest.mark.parametrize("headers", OWN.values(), ids=OWN)
def test_its_own_requests_reach_the_page(headers: dict[str, str]) -> None:
    page = Page()
    status, shown = ask(Guard(page, KEY), **headers)
    assert (status, len(page.reached)) == (200, 1)
    assert shown["content-security-policy"] == POLICY
    assert not [name for name in shown if name.startswith("access-control-")]
    assert ask(Guard(page, KEY), "/ws", kind="websocket", **headers) == ("websocket.accept", {})
    # Whether it knows the key is for the page to ask.
    assert not any(name == b"authorization" for scope in page.reached for name, _ in scope["headers"])


@pytest.fixture
def page() -> Page:
    return Page()


@pytest.fixture
def door(page: Page, monkeypatch: pytest.MonkeyPatch) -> Guard:
    monkeypatch.setattr(guard, "FAILURE_SECONDS", 0.0)
    return Guard(page, KEY, Password(SECRET))


def log_in(door: Guard, password: str = SECRET, **headers: str) -> tuple[int | str, dict[str, str]]:
    return ask(door, "/login", method="POST", body=f"password={quote(password)}".encode(), **headers)


def test_with_a_password_nothing_is_shown_before_the_login(door: Guard, page: Page) -> None:
    for path in ("/", "/health", "/auth/login", "/api/status", "/?access_token=the-key"):
        assert ask(door, path, host="reports.example:8080")[0] == 303
        assert ask(door, path, method="POST")[0] == 401
    assert ask(door, "/", authorization=f"Bearer {KEY}")[0] == 303
    assert ask(door, "/", cookie="bookeo_dashboard=guess; x")[0] == 303
    assert ask(door, "/ws", kind="websocket") == ("websocket.close 4401", {})
    status, shown = ask(door, "/login")
    assert (status, shown["content-security-policy"]) == (200, POLICY)
    assert page.reached == []


def test_the_password_opens_it(door: Guard, page: Page) -> None:
    status, shown = log_in(door, host="reports.example", origin="https://reports.example", x_forwarded_proto="https")
    assert (status, shown["location"]) == (303, "/")
    cookie = shown["set-cookie"]
    assert re.fullmatch(r"bookeo_dashboard=\S{40,}; Path=/; HttpOnly; SameSite=Strict; Max-Age=\d+; Secure", cookie)
    assert SECRET not in str(shown)
    session = cookie.partition(";")[0]
    assert ask(door, "/", cookie=session)[0] == 200
    assert ask(door, "/ws", kind="websocket", cookie=session) == ("websocket.accept", {})
    for scope in page.reached:
        assert dict(scope["headers"])[b"authorization"] == b"Bearer the-key"
    # The cookie is no way in for the pages of others.
    assert ask(door, "/ws", kind="websocket", cookie=session, origin="http://evil.example")[0] == "websocket.close 4403"
    assert "Secure" not in log_in(door)[1]["set-cookie"]


def test_a_login_ends(door: Guard, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(guard, "time", SimpleNamespace(**vars(time) | {"monotonic": lambda: now[0]}))
    session = log_in(door)[1]["set-cookie"].partition(";")[0]
    now[0] += guard.SESSION_SECONDS - 1
    assert ask(door, "/", cookie=session)[0] == 200
    now[0] += 2
    assert ask(door, "/", cookie=session)[0] == 303


@pytest.mark.parametrize("password", ["", "wrong", SECRET[:-1], f"{SECRET} ", "é" * 20, "x" * 10_000])
def test_another_password_does_not(door: Guard, page: Page, password: str) -> None:
    status, shown = log_in(door, password)
    assert (status, "set-cookie" in shown) == (403, False)
    assert page.reached == []


def test_wrong_passwords_are_slow(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    # Only the guard's own sleep: other threads of the process sleep, too.
    monkeypatch.setattr(guard, "asyncio", SimpleNamespace(**vars(asyncio) | {"sleep": sleep}))
    door = Guard(page, KEY, Password(SECRET))
    log_in(door, "wrong")
    log_in(door)
    assert waited == [guard.FAILURE_SECONDS]
    assert guard.FAILURE_SECONDS >= 1


def test_the_password_is_not_kept(door: Guard) -> None:
    assert SECRET not in repr(vars(door)) + repr(vars(Password(SECRET)))
    with pytest.raises(SettingsError, match="too short"):
        Password("x" * 11)


def test_what_other_machines_could_reach_needs_a_password(built: Path) -> None:
    for host in ("0.0.0.0", "192.0.2.1", "::", "reports.example"):
        assert not is_loopback(host)
        with pytest.raises(SettingsError, match="needs a password"):
            serving.serve_dashboard(built, host=host, say=print, browser=False)
    assert all(map(is_loopback, ("127.0.0.1", "127.8.8.8", "::1", "localhost")))


def test_no_program_gets_the_key_as_an_argument(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(serving.webbrowser, "open", lambda address: opened.append(address) or True)
    serving._open_browser(f"http://127.0.0.1:1/?access_token={KEY}", folder)
    assert opened == [(folder / "dashboard.html").as_uri()]
    assert KEY not in opened[0]
    assert stat.S_IMODE((folder / "dashboard.html").stat().st_mode) == 0o600
    assert f"url=http://127.0.0.1:1/?access_token={KEY}" in (folder / "dashboard.html").read_text()
    assert not [name for name in os.environ if KEY in os.environ[name]]


def test_the_password_comes_from_a_file_or_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bookeo_pipelines.cli.commands.showing import _password

    (folder / "password").write_text(f"{SECRET}\n")
    monkeypatch.setenv(serving.PASSWORD_VARIABLE, "another password")
    assert _password(folder / "password") == SECRET
    assert serving.PASSWORD_VARIABLE not in os.environ  # programs that are started do not get it
    assert _password(None) is None
    monkeypatch.setenv(serving.PASSWORD_VARIABLE, "another password")
    assert _password(None) == "another password"
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        _password(folder / "none")


def test_the_page_reads_its_copy_and_nothing_else(built: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A file of its own: other workers lock the one that all share.
    monkeypatch.setenv(marts.DATABASE_VARIABLE, str(shutil.copy(built, folder / built.name)))
    (folder / "secret.txt").write_text("what nobody else may read")
    copy, _ = marts.open_marts()
    assert copy.row("SELECT count(*) AS n FROM mart_tours_by_day")["n"] > 0
    for sql in ("SELECT * FROM read_text('secret.txt')", "COPY mart_tours_by_day TO 'out.csv'"):
        with pytest.raises(duckdb.PermissionException):
            copy.rows(sql)
