"""Runs of the command in this process, which starts no interpreter and imports nothing anew."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from bookeo_pipelines.cli.app import main
from command_runs import Outcome
from patience import PATIENCE


@contextlib.contextmanager
def environment(values: Mapping[str, str]) -> Iterator[pytest.MonkeyPatch]:
    """Sets variables for as long as the block runs."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name, value in {"RUNTIME__DLTHUB_TELEMETRY": "false", **values}.items():
            monkeypatch.setenv(name, value)
        yield monkeypatch


def run(*arguments: str, **variables: str) -> Outcome:
    """Runs `bookeo` in this process, in an environment with some variables."""
    out, err, here = io.StringIO(), io.StringIO(), Path.cwd()
    with environment(variables) as monkeypatch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        monkeypatch.setattr(sys, "argv", ["bookeo", *arguments])
        monkeypatch.setattr("bookeo_pipelines.observability.progress.PLAIN_EVERY_SECONDS", PATIENCE)
        with pytest.raises(SystemExit) as ended:
            main()
    assert Path.cwd() == here
    assert "--debug" in arguments or "Traceback" not in out.getvalue() + err.getvalue()
    return Outcome(int(ended.value.code or 0), out.getvalue(), err.getvalue())
