"""A database of two businesses in two currencies, loaded, and with marts built by the commands of the README."""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import asdict
from pathlib import Path

import pytest
from filelock import FileLock

from bookeo_sandbox import serve
from command_here import run
from command_runs import Outcome
from isolation import forget_settings, isolate
from loading import AS_NEEDED, load
from reading_docs import ROOT, Block, blocks

BUSINESS = {"bookings": 60, "years": 1.4, "end": "2026-06-30", "accounts": 2, "currencies": ("EUR", "USD")}
SETTINGS = {**AS_NEEDED, "histories": "never", "start": "2025-02-01", "slots": "daily"}
"""Whose booking it is stands in the booking: the marts need no histories."""


def commands() -> Block:
    """The commands with which the README builds marts and looks at them."""
    [found] = [
        block for block in blocks(ROOT / "README.md") if block.section == "Figures: marts" and block.language == "bash"
    ]
    return found


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database, made once for all workers; not to be changed."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    made = folder / "business_with_marts"
    with FileLock(made.with_suffix(".making")):
        if not made.exists():
            building = tmp_path_factory.mktemp("building")
            build(building)
            building.replace(made)
    return made / "bookeo.duckdb"


def build(folder: Path) -> None:
    """Loads both businesses into `bookeo.duckdb` of a folder, and runs the commands there."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        isolate(monkeypatch, folder)
        with serve(**BUSINESS) as running:
            second = {"name": "second", "api_key": running.accounts[1].api_key}
            monkeypatch.setenv("SOURCES__BOOKEO__ACCOUNTS", json.dumps([second]))
            forget_settings()
            for number, name in enumerate((None, "second")):
                load(running, folder / "bookeo.duckdb", account=number, account_name=name, **SETTINGS)
        outcomes = {line: asdict(run(*shlex.split(line)[1:])) for line in commands().code.splitlines()}
        (folder / "outcomes.json").write_text(json.dumps(outcomes))
    forget_settings()


def outcomes(built: Path) -> dict[str, Outcome]:
    """How each of those commands ended when the database was made."""
    kept = json.loads(built.with_name("outcomes.json").read_text())
    return {line: Outcome(**outcome) for line, outcome in kept.items()}
