"""Who is told when a command fails: a command or a webhook, without keys, and without hiding how the load ended."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from bookeo.errors import SettingsError
from bookeo.settings.model import load_settings
from bookeo_pipelines.observability import alerts as alerting
from bookeo_sandbox import Sandbox
from command_runs import Run
from patience import PATIENCE

KEEP = "import os, pathlib, sys; pathlib.Path('told').write_text(sys.stdin.read() + repr(dict(os.environ)))"


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets whoever is told take the time that a busy machine needs."""
    monkeypatch.setattr(alerting, "COMMAND_SECONDS", PATIENCE)
    monkeypatch.setattr(alerting, "WEBHOOK_SECONDS", PATIENCE)


@pytest.fixture
def keeper(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Names a command that keeps what it is told, and what it sees of the environment."""
    monkeypatch.setenv("SOURCES__BOOKEO__ON_FAILURE", f'"{sys.executable}" -c "{KEEP}"')
    return folder / "told"


class Webhook:
    """Takes what is posted to it."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.status = 200
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                hook.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(hook.status)
                self.send_header("Content-Length", "0")
                self.send_header("Location", "http://127.0.0.1:9/elsewhere")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/secret-path"


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    made = Webhook()
    monkeypatch.setenv("SOURCES__BOOKEO__ON_FAILURE", made.url)
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def test_a_command_is_told_what_failed(
    bookeo: Run, keys: Sandbox, loaded: Path, keeper: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__BOOKEO__MAX_ATTEMPTS", "1")
    keys.fault("error", "GET /bookings", status=503)
    outcome = bookeo("load", "--tables", "bookings", "--json")
    assert outcome.code == 4
    said, _, seen = keeper.read_text().partition("}{")
    told = json.loads(said + "}")
    assert told["accounts"] == [json.loads(outcome.out)], "the summary that --json prints"
    assert (told["command"], told["exit_code"]) == ("load", 4)
    assert told["accounts"][0]["failure"]["kind"] == "retriable"
    assert told["text"].startswith(
        "bookeo load ended with exit code 4: Stopped early: GET /bookings got no whole answer"
    )
    assert "PATH" in seen
    for key in (keys.api_key, keys.secret_key):
        assert key not in said + seen


def test_a_webhook_is_told_of_rejected_records_and_of_nothing_personal(
    bookeo: Run, keys: Sandbox, loaded: Path, webhook: Webhook
) -> None:
    assert bookeo("load", "--tables", "bookings").code == 0
    assert webhook.bodies == [], "nobody is told that all is well"
    shown = keys.truth()["bookings"][0]
    shown["price"]["totalPaid"]["amount"] = "jane@example.com"
    keys.touch(shown["bookingNumber"])
    keys.override(shown["bookingNumber"], shown)
    assert bookeo("load", "--tables", "bookings").code == 3
    [told] = webhook.bodies
    assert told["text"] == "bookeo load ended with exit code 3: records were rejected"
    assert told["accounts"][0]["outcome"] == "rejected"
    assert told["accounts"][0]["rejected"] == {"bookings": 1}
    assert "jane" not in json.dumps(told)


def test_what_ends_a_command_before_its_first_request_is_told(bookeo: Run, webhook: Webhook) -> None:
    outcome = bookeo("load", "--json")
    assert outcome.code == 1
    shown = json.loads(outcome.out)
    assert shown["failure"]["type"] == "SettingsError"
    assert webhook.bodies[0]["accounts"] == [shown]
    assert bookeo("reconcile").code == 1
    assert webhook.bodies[1]["command"] == "reconcile"


def test_an_error_of_ours_is_told_without_its_text(
    bookeo: Run, keys: Sandbox, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> None:
        raise ValueError("jane@example.com")

    monkeypatch.setattr("bookeo_pipelines.load.runner._load", fails)
    assert bookeo("load").code == 1
    assert "ValueError" in webhook.bodies[0]["text"]
    assert "jane" not in json.dumps(webhook.bodies)


def test_reconcile_tells_how_much_differs(bookeo: Run, keys: Sandbox, loaded: Path, webhook: Webhook) -> None:
    keys.delete(keys.truth()["bookings"][0]["bookingNumber"])
    assert bookeo("reconcile", "--since", "2026-05-01", "--until", "2026-05-02").code in (0, 1)
    assert bookeo("reconcile").code == 1
    told = webhook.bodies[-1]["accounts"][0]
    assert (told["outcome"], told["left"]["vanished"]) == ("differences", 1)


FAILING_HOOKS: dict[str, tuple[Callable[[Webhook], str], str]] = {
    "a command that fails": (lambda _: "false", "the command ended with exit code 1"),
    "no command": (lambda _: "no-such-program --now", "the command cannot be run (No such file or directory)"),
    "half a quotation": (lambda _: "echo 'oh", "the command cannot be read (No closing quotation)"),
    "nobody there": (lambda _: "http://127.0.0.1:9/secret-path", "the connection was refused"),
    "refused": (lambda hook: hook.url, "the webhook answered with HTTP 403"),
    "redirected": (lambda hook: hook.url, "the webhook answered with HTTP 302"),
}


@pytest.mark.parametrize("case", FAILING_HOOKS)
def test_an_alert_that_fails_is_a_sentence_and_no_more(
    bookeo: Run, keys: Sandbox, webhook: Webhook, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    hook, sentence = FAILING_HOOKS[case]
    webhook.status = {"refused": 403, "redirected": 302}.get(case, 200)
    monkeypatch.setenv("SOURCES__BOOKEO__ON_FAILURE", hook(webhook))
    keys.revoke()
    outcome = bookeo("load")
    assert outcome.code == 1
    told, error = outcome.err.splitlines()
    assert told == f"The alert (setting on_failure) could not be delivered: {sentence}."
    assert error.startswith("Error: ")
    assert "secret-path" not in outcome.err


def test_a_command_that_hangs_is_left(keeper: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerting, "COMMAND_SECONDS", 0.1)
    monkeypatch.setenv("SOURCES__BOOKEO__ON_FAILURE", "sleep 60")
    said = alerting.alert("load", 1, [])
    assert said
    assert "did not end within" in said


@pytest.mark.parametrize("hook", ["http://hooks.example.com/secret", "ftp://127.0.0.1/secret", "file:///secret"])
def test_an_address_that_others_could_read_is_refused(hook: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__BOOKEO__ON_FAILURE", hook)
    with pytest.raises(SettingsError, match="on_failure is a URL that does not start with https://") as raised:
        load_settings(api_key="a", secret_key="s")
    assert "secret" not in raised.value.message
    assert alerting.alert("load", 1, []) == raised.value.message


@pytest.mark.parametrize(
    "hook", ["https://hooks.example.com/x", "http://localhost:80/", "mail -s failed me@example.com"]
)
def test_others_are_taken(hook: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__BOOKEO__ON_FAILURE", hook)
    assert load_settings(api_key="a", secret_key="s").on_failure == hook


def test_nobody_is_told_where_nobody_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "SOURCES__BOOKEO__ON_FAILURE" not in os.environ
    assert alerting.alert("load", 1, []) is None
