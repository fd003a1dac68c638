"""Lines of log: JSON that programs can read, with what happened in it, and nothing personal or secret at any level."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bookeo_pipelines.runtime.logs import start_logging
from bookeo_sandbox import Sandbox
from command_runs import Run

LINE = ("time", "level", "logger", "message")


def lines_of(text: str) -> list[dict[str, Any]]:
    """The lines of log; that each of them is JSON is the first promise."""
    return [json.loads(line) for line in text.splitlines()]


def test_a_load_tells_programs_what_it_does(
    bookeo: Run, keys: Sandbox, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys.fault("rate_limit", "GET /bookings", times=1, retry_after=0)
    keys.fault("error", "GET /settings/apikeyinfo", status=500, times=1)
    monkeypatch.setattr("bookeo_pipelines.observability.observer.PROGRESS_SECONDS", 0)
    load = ("load", "--tables", "bookings,booking_people,customers,payments")
    outcome = bookeo(*load, "--log-format", "json", "--log-level", "debug", "--json")
    assert outcome.code == 0
    lines = lines_of(outcome.err)
    assert all(tuple(line)[:4] == LINE for line in lines)
    found = {line["message"]: line for line in lines}
    throttled = next(line for line in lines if "429" in line["message"] and "wait_seconds" in line)
    assert (throttled["level"], throttled["operation"]) == ("info", "GET /bookings")
    assert any(line.get("status") == 500 and line["level"] == "debug" for line in lines)
    assert any("attempt 2 follows" in line["message"] for line in lines)
    assert found["The load begins"]["account_id"] == keys.accounts[0].account_id
    assert found["The load goes on"]["requests"] > 0
    assert not [line for line in lines if line["level"] in ("warning", "error")], "all is well"
    packages = [line for line in lines if line["message"] == "A package is committed"]
    assert [line["package"] for line in packages] == [*range(1, len(packages) + 1)]
    assert sum(line["rows"].get("bookings", 0) for line in packages) == 100
    assert packages[0]["seconds"].keys() == {"extract", "normalize", "load"}
    ended, summary = found["The load has ended"], json.loads(outcome.out)
    for name in ("since", "until", "requests", "throttled", "seconds", "packages", "outcome"):
        assert ended[name] == summary[name], name
    assert {line["logger"].partition(".")[0] for line in lines} == {"bookeo", "bookeo_pipelines", "dlt", "urllib3"}
    assert not any("/v2/" in line["message"] for line in lines), "a path of urllib3"
    customers = keys.truth()["customers"]
    personal = {c[name] for c in customers for name in ("emailAddress", "lastName") if len(c.get(name, "")) > 4}
    assert len(personal) > 20
    assert not [word for word in {*personal, keys.secret_key, keys.api_key} if word in outcome.err]


def test_a_failure_is_a_line_too(bookeo: Run, keys: Sandbox) -> None:
    keys.revoke()
    outcome = bookeo("load", "--log-format", "json", "--json")
    assert outcome.code == 1
    ended, said = lines_of(outcome.err)
    assert (ended["level"], ended["outcome"]) == ("error", "fatal")
    assert (ended["failure"]["type"], ended["failure"]["status"]) == ("CredentialsRejected", 401)
    assert said["message"].startswith("Error: ")


def test_text_is_for_people(bookeo: Run, keys: Sandbox, loaded: Path) -> None:
    outcome = bookeo("load", "--tables", "bookings", "--log-level", "info")
    assert outcome.code == 0
    assert " info    bookeo_pipelines.observability.observer: The load has ended outcome=done" in outcome.err
    assert bookeo("load", "--log-level", "loud").code == 2


def test_nobody_asked(bookeo: Run, keys: Sandbox, loaded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__BOOKEO__MAX_ATTEMPTS", "1")
    keys.fault("error", "GET /bookings", status=503)
    outcome = bookeo("load", "--tables", "bookings")
    assert outcome.code == 4
    assert len(outcome.err.splitlines()) == 1


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_what_libraries_quote_stays_out(log_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    start_logging(log_format, "debug")
    speak: dict[str, Callable[[], None]] = {
        "dlt": lambda: logging.getLogger("dlt").error("Constraint Error: jane@example.com is there twice"),
        "dlt at work": lambda: logging.getLogger("dlt").debug("row jane@example.com"),
        "urllib3": lambda: logging.getLogger("urllib3.connectionpool").debug(
            '%s://%s:%s "%s %s %s" %s %s',
            "https",
            "hooks.example.com",
            443,
            "POST",
            "/services/jane@example.com?q=1",
            "HTTP/1.1",
            200,
            9,
        ),
        "urllib3 warns": lambda: logging.getLogger("urllib3").warning("jane@example.com"),
    }
    for name, say in speak.items():
        say()
        said = capsys.readouterr().err
        assert "jane" not in said, name
        assert bool(said) == (name != "dlt at work"), name
    try:
        raise ValueError("jane@example.com")
    except ValueError:
        logging.getLogger("dlt").exception("jane@example.com")
    said = capsys.readouterr().err
    assert "ValueError" in said
    assert "jane" not in said
    logging.getLogger("dlt").info("Found 1 load packages\njane@example.com")
    assert "jane" not in capsys.readouterr().err
