"""Whatever happens in whatever order, and then quiet: after two plain loads the tables equal the truth."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from adversity import BUSINESS, Step, World, outcome_of
from bookeo_sandbox import serve
from places import in_ducklake, in_postgres
from postgres_server import PostgresDatabase

SEQUENCES = 20
LOST_ROWS_ONCE = {
    "a replica behind, ends of windows that are excluded, times to the millisecond": [
        Step("switch", {"name": "replica_lag_minutes", "value": 30}),
        Step("load"),
        Step("advance", {"hours": 20}),
        Step("switch", {"name": "window_ends", "value": "exclusive"}),
        Step("load", {"since": "2026-06-20"}),
        Step("advance", {"hours": 20}),
        Step("switch", {"name": "precision", "value": "milliseconds"}),
        Step("load"),
    ],
    "customers are hidden for some days": [
        Step("load"),
        Step("permission_lost", {"name": "customers_r_all", "after": 0}),
        Step("advance", {"hours": 100}),
        Step("load"),
    ],
    "customers are hidden during the first load": [
        Step("permission_lost", {"name": "customers_r_all", "after": 2}),
        Step("load"),
    ],
}


@pytest.fixture(autouse=True)
def _quiet_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNTIME__LOG_LEVEL", "CRITICAL")
    monkeypatch.setattr(logging.getLogger("bookeo"), "disabled", True)


@pytest.mark.parametrize("seed", range(SEQUENCES))
def test_any_sequence_ends_in_the_truth(seed: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps, wrong = outcome_of(seed, folder, monkeypatch)
    assert not wrong, "\n".join([*map(str, steps), *wrong])


@pytest.mark.parametrize("steps", LOST_ROWS_ONCE.values(), ids=LOST_ROWS_ONCE)
def test_sequences_that_once_lost_rows(steps: list[Step], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(**BUSINESS) as sandbox:
        assert World(sandbox, folder, monkeypatch).run(steps) == []


@pytest.mark.parametrize("seed", [100, 101])
def test_any_sequence_ends_in_the_truth_in_postgres(
    seed: int, folder: Path, postgres: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = in_postgres(postgres)
    for name, value in place.environment.items():
        monkeypatch.setenv(name, value)
    steps, wrong = outcome_of(seed, folder, monkeypatch, place)
    assert not wrong, "\n".join([*map(str, steps), *wrong])


def test_any_sequence_ends_in_the_truth_in_a_lake(
    folder: Path, postgres: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = in_ducklake(postgres, folder)
    for name, value in place.environment.items():
        monkeypatch.setenv(name, value)
    steps, wrong = outcome_of(102, folder, monkeypatch, place)
    assert not wrong, "\n".join([*map(str, steps), *wrong])
