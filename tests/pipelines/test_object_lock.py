"""A lock made of an object that can be put once: one holder, and no holder that is gone."""

from __future__ import annotations

import json
import os
import re
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from bookeo_pipelines.destinations.target import Target, target
from bookeo_pipelines.outcomes import ExitCode, exit_code
from bookeo_pipelines.warehouse.lock import LoadRunning, one_at_a_time
from bookeo_pipelines.warehouse.object_lock import STALE_AFTER, ObjectLock
from bookeo_pipelines.warehouse.writer_lock import DestinationAway, writer_lock
from places import in_delta
from truth import DATASET

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)


@pytest.fixture(params=["file", "memory"])
def place(request: pytest.FixtureRequest, folder: Path) -> tuple[Any, str]:
    if request.param == "file":
        return fsspec.filesystem("file"), str(folder / "lock")
    MemoryFileSystem.store.clear()
    return fsspec.filesystem("memory"), "/lock"


def lock(place: tuple[Any, str], now: datetime = NOW) -> ObjectLock:
    return ObjectLock(*place, now=lambda: now)


def left_by(place: tuple[Any, str], **holder: Any) -> None:
    """Somebody else's lock."""
    known = {"token": "t", "user": "ann", "host": "elsewhere", "pid": 7, "since": NOW.isoformat()}
    files, path = place
    files.pipe_file(path, json.dumps({**known, "renewed": NOW.isoformat(), **holder}).encode())


def test_one_holds_it_and_the_others_are_told_who(place: tuple[Any, str]) -> None:
    first, second = lock(place), lock(place)
    assert first.acquire(0) is None
    assert first.is_ours()
    holder = second.acquire(0)
    assert holder is not None
    assert re.fullmatch(rf"bookeo .+@.+ pid {os.getpid()}, since 2026-06-30T12:00:00\+00:00", holder)
    assert not second.is_ours()
    second.release()
    assert first.is_ours(), "nobody frees what is not theirs"
    first.release()
    assert second.acquire(0) is None
    second.release()
    assert not place[0].exists(place[1])


def test_of_many_who_want_it_at_once_one_gets_it(place: tuple[Any, str]) -> None:
    left_by(place, renewed=(NOW - STALE_AFTER - timedelta(seconds=1)).isoformat())
    locks = [lock(place) for _ in range(8)]
    got: list[bool] = []
    together = threading.Barrier(len(locks))

    def take(one: ObjectLock) -> None:
        together.wait()
        got.append(one.acquire(0) is None)

    threads = [threading.Thread(target=take, args=(one,)) for one in locks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(got) == 1
    assert [one.is_ours() for one in locks].count(True) == 1
    for one in locks:
        one.release()


@pytest.mark.parametrize(
    ("holder", "is_free"),
    [
        ({}, False),
        ({"renewed": (NOW - STALE_AFTER).isoformat()}, False),
        ({"renewed": (NOW - STALE_AFTER - timedelta(seconds=1)).isoformat()}, True),
        ({"host": "this", "pid": 2**22 + 1}, True),
        ({"host": "this", "pid": os.getpid()}, False),
    ],
)
def test_when_a_holder_counts_as_gone(
    place: tuple[Any, str], holder: dict[str, Any], is_free: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "this")
    left_by(place, **holder)
    one = lock(place)
    assert (one.acquire(0) is None) is is_free
    one.release()


def test_a_load_into_delta_tables_is_told_who_loads_from_elsewhere(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in in_delta(folder).environment.items():
        monkeypatch.setenv(name, value)
    where = target("delta", DATASET, None)
    path = folder / "delta" / f"{DATASET}.bookeo-lock"
    with writer_lock(where, "A") as held, writer_lock(where, "B"):
        assert path.exists()
        held.check()
        left_by((fsspec.filesystem("file"), str(path)), renewed="2099-01-01T00:00:00+00:00")
        with pytest.raises(DestinationAway, match="kept other loads out was lost"):
            held.check()
    with (
        pytest.raises(LoadRunning, match=r"\(bookeo ann@elsewhere pid 7, since 2026-06-30") as refused,
        writer_lock(where),
    ):
        pass
    assert exit_code(refused.value) == ExitCode.TRY_LATER
    path.unlink()
    with writer_lock(where):
        pass
    assert not path.exists()


@pytest.mark.parametrize("kind", ["duckdb", "sqlite"])
def test_a_lake_with_a_catalog_in_a_file_has_one_writer(
    kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = folder / "catalog.db"
    monkeypatch.setenv("DESTINATION__DUCKLAKE__CREDENTIALS__CATALOG", f"{kind}:///{catalog}")
    monkeypatch.setenv("DESTINATION__DUCKLAKE__CREDENTIALS__STORAGE", str(folder / "lake"))
    where = Target("ducklake")
    with writer_lock(where, "A"), writer_lock(where, "B"):
        pass
    with (
        one_at_a_time(folder / f"catalog.db.{DATASET}.lock", "elsewhere"),
        pytest.raises(LoadRunning, match=r"\(process \d+ of .+ on .+, since 2"),
        writer_lock(where, "A"),
    ):
        pass
