"""A plan says what the load then asks for, takes a request for each window at most, and writes nothing."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cheap_loads import asked

from bookeo import Progress
from bookeo_pipelines.destinations.target import target
from bookeo_pipelines.load.runner import LoadRequest, run_load
from bookeo_sandbox import Sandbox
from command_runs import Run
from loading import SMALL, START, settings_of
from truth import DATASET


def test_the_plan_of_a_first_load_is_what_it_costs(bookeo: Run, keys: Sandbox, folder: Path) -> None:
    outcome = bookeo("plan", "--since", "2025-01-01", "--json")
    assert outcome.code == 0
    [plan] = json.loads(outcome.out)
    empty = sum(window["bookings"] == 0 for window in plan["windows"])
    assert (plan["bookings"], plan["since"][:10]) == (SMALL["bookings"], "2025-01-01")
    assert empty > 10
    assert keys.requests()["total"] == plan["requests_made"] == len(plan["windows"]) + 1
    assert not (folder / "bookeo.duckdb").exists()

    keys.clear_requests()
    result = json.loads(bookeo("load", "--since", "2025-01-01", "--json").out)
    assert result["tables"]["bookings"]["rows"] == plan["bookings"]
    assert asked(keys)["GET /bookings"] == len(plan["windows"]) - empty == plan["requests"]["GET /bookings"]
    assert result["requests"] <= sum(plan["requests"].values()) + 2
    assert sum(plan["requests"].values()) <= result["requests"] + 2


def test_the_plan_of_a_later_load_leaves_the_database_as_it_is(
    bookeo: Run, keys: Sandbox, folder: Path, loaded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = hashlib.sha256(loaded.read_bytes()).hexdigest()
    keys.advance(days=40)
    outcome = bookeo("plan")
    assert outcome.code == 0
    assert hashlib.sha256(loaded.read_bytes()).hexdigest() == before
    assert keys.requests()["total"] == 3, "whose key it is, and two windows"
    [(count, filled, windows)] = re.findall(r"(\d+) bookings in (\d+) of (\d+) windows", outcome.out)
    assert (filled, windows) == ("2", "2")
    [plan] = json.loads(bookeo("plan", "--json").out)
    assert plan["bookings"] == int(count)
    assert plan["requests"]["GET /settings/*"] == 6
    monkeypatch.setenv("SOURCES__BOOKEO__SETTINGS_HOURS", "2000")
    [plan] = json.loads(bookeo("plan", "--json").out)
    assert plan["requests"]["GET /settings/*"] == 1, "the small lists need not be read"


def test_the_plan_names_what_asking_for_each_booking_costs(
    bookeo: Run, keys: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CUSTOMERS", "PAYMENTS", "HISTORIES"):
        monkeypatch.setenv(f"SOURCES__BOOKEO__{name}", "always")
    monkeypatch.setenv("SOURCES__BOOKEO__REQUESTS_PER_SECOND", "1000")
    [plan] = json.loads(bookeo("plan", "--json").out)
    assert plan["requests"]["GET /bookings/{bookingNumber}/payments"] == SMALL["bookings"]
    assert plan["seconds"] == round(sum(plan["requests"].values()) / 1000, 1)
    assert plan["since"].startswith(START)


def test_a_plan_leaves_a_load_alone_that_is_under_way(keys: Sandbox, loaded: Path) -> None:
    keys.advance(days=7)
    planned: list[subprocess.CompletedProcess[str]] = []

    def plan(_: Progress) -> None:
        if not planned:
            program = [sys.executable, "-c", "from bookeo_pipelines.cli.app import main; main()", "plan", "--json"]
            planned.append(subprocess.run(program, capture_output=True, text=True, check=False))

    result = run_load(LoadRequest(settings_of(keys), target("duckdb", DATASET, loaded)), plan)
    assert result.failure is None
    assert result.tables["bookings"].new > 0
    [outcome] = planned
    assert outcome.returncode == 0, outcome.stderr
    # Bookings of the last two days are listed once more, and not written again.
    assert json.loads(outcome.stdout)[0]["bookings"] >= result.tables["bookings"].loaded
