"""Two machines, with working folders of their own, load one account into one Postgres: one waits or stops."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from bookeo_pipelines.destinations.errors import DestinationAway
from bookeo_pipelines.destinations.target import target
from bookeo_pipelines.outcomes import ExitCode, exit_code
from bookeo_pipelines.warehouse.access import sole_access
from bookeo_pipelines.warehouse.lock import LoadRunning
from bookeo_pipelines.warehouse.writer_lock import WriterLock, writer_lock
from bookeo_sandbox import serve
from killed_load import Moment, run_and_kill
from load_rig import SMALL_BUSINESS, Rig, environment
from places import Place, in_postgres
from postgres_server import PostgresDatabase, PostgresServer
from truth import DATASET, assert_equals_truth

TABLES = ("bookings", "booking_people")


@pytest.fixture
def place(postgres: PostgresDatabase, monkeypatch: pytest.MonkeyPatch) -> Place:
    made = in_postgres(postgres)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    return made


def test_one_of_two_loads_of_an_account_is_told_who_is_there(place: Place, folder: Path) -> None:
    where = target("postgres", DATASET, None)
    with writer_lock(where, "A1"):
        with (
            pytest.raises(LoadRunning, match=r"\(bookeo .+@.+ pid \d+, since \d{4}-") as refused,
            writer_lock(where, "A1"),
        ):
            pass
        assert exit_code(refused.value) == ExitCode.TRY_LATER
        with writer_lock(where, "A2"):
            pass
        with pytest.raises(LoadRunning), writer_lock(where):
            pass
        # As `bookeo forget`, `reset` and `replay` do, whichever account they are about.
        with pytest.raises(LoadRunning), sole_access(where, whole_dataset=True):
            pass
    with writer_lock(where), pytest.raises(LoadRunning), writer_lock(where, "A1"):
        pass
    with writer_lock(where, "A1"):
        pass


def test_two_machines_in_turns_and_at_once(
    place: Place, folder: Path, postgres: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(**SMALL_BUSINESS | {"bookings": 60}) as sandbox:
        rig = Rig(folder, sandbox, target=target("postgres", DATASET, None), tables=TABLES, chunk_bookings=20)
        other = folder / "other machine"
        other.mkdir()
        variables = {**environment(other), **place.environment}
        refused: list[str | None] = []

        def load_there() -> None:
            refused.append(run_and_kill(rig, Moment("never"), variables).error)

        # The other machine begins while this one loads.
        there = threading.Thread(target=load_there)
        there.start()
        here = run_and_kill(rig, Moment("never"), {**environment(folder), **place.environment}).error
        there.join()
        errors = [error for error in (here, *refused) if error is not None]
        assert all(error.startswith("LoadRunning: Another load into postgres") for error in errors), errors
        assert len(errors) < 2
        for machine in (environment(folder), environment(other), environment(folder)):
            sandbox.advance(hours=8)
            death = run_and_kill(rig, Moment("never"), {**machine, **place.environment})
            assert death.error is None
        assert_equals_truth(place, sandbox, tables=TABLES, drift_allowed=True)


def test_who_lost_the_lock_writes_nothing(
    place: Place, postgres: PostgresDatabase, postgres_server: PostgresServer
) -> None:
    with writer_lock(target("postgres", DATASET, None), "A1") as lock:
        lock.check()
        postgres_server.run(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'bookeo %'",
            postgres.name,
        )
        with pytest.raises(DestinationAway, match="kept other loads out was lost"):
            lock.check()
    WriterLock(None, "DuckDB").check()
