"""The first ten minutes: keys are asked for and kept, what is wrong is named, and one command does all."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer

from bookeo_pipelines.status.doctor import CLOCK_SECONDS, clock_finding
from bookeo_pipelines.status.first_settings import write_secrets
from bookeo_sandbox import Sandbox, serve
from command_runs import Run
from programs import find_program
from truth import DATASET, query

HERE = datetime(2026, 6, 30, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def business() -> Iterator[Sandbox]:
    with serve(bookings=40, seed=11, end="2026-06-30") as running:
        yield running


@pytest.fixture
def keys(business: Sandbox, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    monkeypatch.setenv("SOURCES__BOOKEO__BASE_URL", business.base_url)
    monkeypatch.setenv("SOURCES__BOOKEO__API_KEY", business.api_key)
    monkeypatch.setenv("SOURCES__BOOKEO__SECRET_KEY", business.secret_key)
    monkeypatch.setenv("SOURCES__BOOKEO__START", "2023-01-01")
    return business


def answering(monkeypatch: pytest.MonkeyPatch, *answers: str) -> None:
    given = iter(answers)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)

    def prompt(text: str, *, hide_input: bool = False) -> str:
        assert hide_input, f"{text} would be shown"
        return next(given)

    monkeypatch.setattr(typer, "prompt", prompt)


def test_init_keeps_keys_that_work(
    bookeo: Run, folder: Path, business: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, f" {business.api_key} ", business.secret_key)
    outcome = bookeo("init", "--base-url", business.base_url)
    assert outcome.code == 0, outcome.err
    secrets = folder / ".dlt" / "secrets.toml"
    assert secrets.stat().st_mode & 0o777 == 0o600
    assert tomllib.loads(secrets.read_text())["sources"]["bookeo"]["api_key"] == business.api_key
    assert business.api_key not in outcome.out + outcome.err
    assert "bookeo run" in outcome.out
    assert "is there already" in bookeo("init").err


def test_init_keeps_nothing_that_does_not_work(
    bookeo: Run, folder: Path, business: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, "a-wrong-key", business.secret_key)
    outcome = bookeo("init", "--base-url", business.base_url)
    assert outcome.code == 1
    assert "Nothing was written." in outcome.out
    assert not (folder / ".dlt" / "secrets.toml").exists()
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert "Nobody is there to be asked" in bookeo("init").err


def test_secrets_are_written_for_any_key_and_into_a_new_file_only(folder: Path) -> None:
    place = folder / ".dlt" / "secrets.toml"
    odd = 'a"b\\c\u00e9'
    write_secrets(place, odd, "s", "http://127.0.0.1:1")
    assert tomllib.loads(place.read_text())["sources"]["bookeo"] == {
        "api_key": odd,
        "secret_key": "s",
        "base_url": "http://127.0.0.1:1",
    }
    with pytest.raises(FileExistsError):
        write_secrets(place, "x", "y")


def test_git_leaves_the_keys_out_of_anybodys_repository(folder: Path) -> None:
    git = find_program("git")
    subprocess.run([git, "init", "--quiet", str(folder)], check=True)
    write_secrets(folder / ".dlt" / "secrets.toml", "k", "s")
    listed = [git, "-C", str(folder), "status", "--porcelain", "--untracked-files=all"]
    assert subprocess.run(listed, capture_output=True, text=True, check=True).stdout == "?? .dlt/.gitignore\n"
    (folder / ".dlt" / ".gitignore").write_text("mine")
    (folder / ".dlt" / "secrets.toml").unlink()
    write_secrets(folder / ".dlt" / "secrets.toml", "k", "s")
    assert (folder / ".dlt" / ".gitignore").read_text() == "mine"


@pytest.mark.parametrize(
    ("seconds", "state"), [(0, "fine"), (CLOCK_SECONDS, "fine"), (CLOCK_SECONDS + 1, "wrong"), (-86_400, "wrong")]
)
def test_the_clock_is_held_against_the_servers(seconds: int, state: str) -> None:
    found = clock_finding(HERE, HERE + timedelta(seconds=seconds))
    assert found.state == state
    assert ("behind" in found.text) == (seconds < -CLOCK_SECONDS)
    assert clock_finding(None, HERE).state == "note"


def test_check_looks_at_all_accounts_and_names_the_one_that_fails(
    bookeo: Run, keys: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = [{"name": "north", "api_key": keys.api_key}, {"name": "south", "api_key": "a-wrong-key"}]
    monkeypatch.delenv("SOURCES__BOOKEO__API_KEY")
    monkeypatch.setenv("SOURCES__BOOKEO__ACCOUNTS", json.dumps(accounts))
    outcome = bookeo("check", "--json")
    assert outcome.code == 1
    assert [one["account"] for one in json.loads(outcome.out)] == ["north", "south"]
    assert outcome.err.startswith("Error: south: ")
    assert bookeo("check", "--account", "north").code == 0
    assert [one["account"] for one in json.loads(bookeo("check", "--account", "north,south", "--json").out)] == [
        "north",
        "south",
    ]
    assert "east" in bookeo("check", "--account", "north,east").err


def test_doctor_names_what_is_wrong(bookeo: Run, folder: Path, keys: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {one["what"]: one for one in json.loads(bookeo("doctor", "--json").out)}
    assert {"versions", "extras", "settings", "account", "clock", "disk", "database"} == set(found)
    assert found["account"]["state"] == "fine"
    assert found["database"]["state"] == "note"
    (folder / "bookeo.duckdb").write_text("no database")
    monkeypatch.setenv("SOURCES__BOOKEO__API_KEY", "a-wrong-key")
    outcome = bookeo("doctor", "--json")
    found = {one["what"]: one for one in json.loads(outcome.out)}
    assert outcome.code == 1
    assert (found["account"]["state"], found["database"]["state"]) == ("wrong", "wrong")
    assert "a-wrong-key" not in outcome.out


def test_run_loads_builds_and_publishes(bookeo: Run, folder: Path, keys: Sandbox) -> None:
    outcome = bookeo("run", "--publish", str(folder / "readers.duckdb"))
    assert outcome.code == 0, outcome.err
    [(bookings,)] = query(folder / "readers.duckdb", f"SELECT count(*) FROM {DATASET}.bookings")
    assert bookings == 40
    assert query(folder / "readers.duckdb", "SELECT count(*) FROM bookeo_marts.fct_bookings") == [(40,)]


@pytest.mark.parametrize("module", ["bookeo", "bookeo_pipelines"])
def test_python_runs_it_as_a_module(module: str, folder: Path) -> None:
    done = subprocess.run([sys.executable, "-m", module, "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("bookeo ")
