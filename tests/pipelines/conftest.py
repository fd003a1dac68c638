"""The command as people run it, but in this process."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas  # noqa: F401 - the command leaves it out of a process that has not imported it
import pytest

from bookeo_sandbox import Sandbox
from command_runs import Outcome, Run
from loading import START
from patience import PATIENCE


@pytest.fixture
def bookeo(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command with the given arguments; whatever it says, no traceback and no key is in it."""
    from bookeo_pipelines.cli.app import main

    def run(*arguments: str | Path) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["bookeo", *map(str, arguments)])
        monkeypatch.setenv("NO_COLOR", "1")
        monkeypatch.setattr("bookeo_pipelines.observability.progress.PLAIN_EVERY_SECONDS", PATIENCE)
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        for name in ("API_KEY", "SECRET_KEY"):
            key = os.environ.get(f"SOURCES__BOOKEO__{name}")
            assert not key or key not in said.out + said.err, f"{name} is shown"
        code = ended.value.code or 0
        assert isinstance(code, int)
        return Outcome(code, said.out, said.err)

    return run


@pytest.fixture
def keys(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """The sandbox, its address and keys in the environment."""
    monkeypatch.setenv("SOURCES__BOOKEO__API_KEY", sandbox.api_key)
    monkeypatch.setenv("SOURCES__BOOKEO__SECRET_KEY", sandbox.secret_key)
    monkeypatch.setenv("SOURCES__BOOKEO__BASE_URL", sandbox.base_url)
    monkeypatch.setenv("SOURCES__BOOKEO__START", START)
    return sandbox


@pytest.fixture
def records(monkeypatch: pytest.MonkeyPatch, reread_settings: Callable[[], None]) -> Iterator[list[str]]:
    """Everything that is logged by anybody, at the lowest level."""
    said: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(f"{record.name} {record.getMessage()} {record.args!r} {record.exc_text}")

    handler = Keep(logging.DEBUG)
    names = [None, "urllib3", "dlt", "requests", "bookeo"]
    levels = {name: logging.getLogger(name).level for name in names}
    monkeypatch.setenv("RUNTIME__LOG_LEVEL", "DEBUG")
    reread_settings()
    for name in names:
        logging.getLogger(name).setLevel(logging.DEBUG)
    for name in (None, "dlt"):
        logging.getLogger(name).addHandler(handler)
    yield said
    for name in (None, "dlt"):
        logging.getLogger(name).removeHandler(handler)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
