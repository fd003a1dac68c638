"""Every test by itself: its own folders, none of the caller's settings, no telemetry."""

from __future__ import annotations

import gc
import logging
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import duckdb
import pytest
from hypothesis import settings

from isolation import READ_CLOCKS, forget_settings, isolate

if TYPE_CHECKING:
    from bookeo_pipelines.load.runner import LoadResult
    from bookeo_sandbox import Sandbox
    from postgres_server import PostgresDatabase, PostgresServer

gc.set_threshold(50_000, 20, 20)  # as the command does
settings.register_profile("no deadline", deadline=None)  # how long an example takes says more about the machine
settings.load_profile("no deadline")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--random-order", type=int, metavar="SEED", help="run files, and tests in each file, in another order"
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Shuffle the files, and the tests in each of them; a file stays together, for its tests share fixtures."""
    seed: int | None = config.getoption("random_order")
    if seed is None:
        return
    order = Random(seed)
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    shuffled = list(files.values())
    order.shuffle(shuffled)
    for tests in shuffled:
        order.shuffle(tests)
    items[:] = [item for tests in shuffled for item in tests]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The test's own current folder."""
    isolate(monkeypatch, tmp_path)
    names = ("bookeo", "bookeo_pipelines", "bookeo_pipelines.observability.observer", "dlt", "urllib3", "opentelemetry")
    loggers = [logging.getLogger(name) for name in names]
    before = [(logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    yield tmp_path
    for logger, (logger.handlers[:], level, logger.propagate) in zip(loggers, before, strict=True):
        logger.setLevel(level)
    monkeypatch.undo()
    forget_settings()


@pytest.fixture
def clocks_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets this machine's clock be compared with the sandbox's, which is months away from it."""
    from bookeo.http.clocks import ClockWatch

    monkeypatch.setattr(ClockWatch, "read", READ_CLOCKS)


@pytest.fixture
def reread_settings() -> Callable[[], None]:
    """Makes dlt take notice of settings files that the test has written."""
    return forget_settings


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A small business, always the same at first."""
    from bookeo_sandbox import serve
    from loading import SMALL

    with serve(**SMALL) as running:
        yield running


@pytest.fixture(scope="session")
def first_result(tmp_path_factory: pytest.TempPathFactory) -> LoadResult:
    """What a first load of that business did; its database is not to be changed."""
    from bookeo_sandbox import serve
    from loading import SMALL, load

    folder = tmp_path_factory.mktemp("first")
    with pytest.MonkeyPatch.context() as monkeypatch:
        isolate(monkeypatch, folder)
        with serve(**SMALL) as running:
            result = load(running, folder / "first.duckdb", archive=str(folder / "archive"))
            assert result.usage.total_requests == running.requests()["total"]
            assert running.requests()["keys_in_query"] is False
            assert running.switches()["strict"] is True
            assert {status for by in running.requests()["by_operation"].values() for status in by} == {"200"}
    return result


@pytest.fixture(scope="session")
def first_load(first_result: LoadResult) -> Path:
    """The database after that first load; not to be changed."""
    assert first_result.target.database is not None
    return first_result.target.database


@pytest.fixture(scope="session")
def first_archive(first_load: Path) -> Path:
    """The answers that this first load got; not to be changed."""
    return first_load.with_name("archive")


@pytest.fixture
def loaded(first_load: Path, folder: Path) -> Path:
    """A database of the test's own as after a first load. What a load must know stands in it, so a copy will do."""
    database = folder / "bookeo.duckdb"
    shutil.copy(first_load, database)
    with duckdb.connect(str(database)) as connection:
        # The archive of the first load is not the copy's: what erases somebody here must not touch it.
        connection.execute("DELETE FROM bookeo_data.data_copies")
    return database


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A real PostgreSQL server, one for each process of the tests."""
    from postgres_server import MISSING, programs, running_server

    if programs() is None:
        pytest.skip(MISSING)
    with running_server() as server:
        yield server


@pytest.fixture
def postgres(postgres_server: PostgresServer) -> Iterator[PostgresDatabase]:
    """A database of the test's own on that server, empty."""
    yield from _database(postgres_server)


@pytest.fixture(scope="module")
def module_postgres(postgres_server: PostgresServer) -> Iterator[PostgresDatabase]:
    """A database that the tests of one module share."""
    yield from _database(postgres_server)


def _database(server: PostgresServer) -> Iterator[PostgresDatabase]:
    database = server.create(f"bookeo_{uuid.uuid4().hex[:12]}")
    yield database
    server.drop(database.name)
