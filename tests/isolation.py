"""What keeps a run of ours away from everything outside its folder."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bookeo.http.clocks import Clocks, ClockWatch, Reading

READ_CLOCKS = ClockWatch.read
"""How the clocks are read where no test takes care that they agree."""


def isolate(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Makes a folder the current one, and takes away whatever the caller has set."""
    for name in list(os.environ):
        if name.startswith(("SOURCES__", "DESTINATION__", "DLT_", "RUNTIME__", "BOOKEO_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("DLT_DATA_DIR", str(folder / "dlt"))
    monkeypatch.setenv("DLT_PROJECT_DIR", str(folder))
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    monkeypatch.setenv("RUNTIME__LOG_LEVEL", "ERROR")
    monkeypatch.chdir(folder)
    agree_on_the_time(monkeypatch)
    forget_settings()


def forget_settings() -> None:
    """Makes dlt read its settings files anew; before dlt is imported there is nothing to forget."""
    if "dlt" in sys.modules:
        from dlt.common.configuration.container import Container
        from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

        Container()[PluggableRunContext].reload_providers()


def write_secrets(folder: Path, text: str) -> Path:
    """Write `.dlt/secrets.toml` as it has to be: readable by its owner only."""
    path = folder / ".dlt" / "secrets.toml"
    path.parent.mkdir(exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)
    return path


def agree_on_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this machine's clock stand where the sandbox's does, which is at a fixed time."""

    def read(watch: ClockWatch, before: Reading | None = None) -> Clocks:
        clocks = READ_CLOCKS(watch, None)
        return replace(clocks, machine=clocks.now, ahead=clocks.earliest)

    monkeypatch.setattr(ClockWatch, "read", read)
