"""A backfill of three shops and four months, made once by Dagster's own executor."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from dagster import DagsterInstance, execute_job
from dagster._core.definitions.reconstruct import ReconstructableRepository
from shops import BUSINESS, DEFINITIONS, QUIET, SETTINGS, Backfill, rectangle, write_settings

from bookeo_sandbox import serve
from isolation import isolate
from patience import PATIENCE

MEMORY = Path("/dev/shm")


@contextmanager
def opened_instance() -> Iterator[DagsterInstance]:
    """An instance of Dagster with a database of its own."""
    # Its SQLite waits for the disk with each of some hundred events.
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as place:
        # Seconds after which a server that does not start hangs, on a busy machine.
        Path(place, "dagster.yaml").write_text(f"{SETTINGS}code_servers:\n  local_startup_timeout: {PATIENCE}\n")
        with DagsterInstance.from_config(place) as opened:
            yield opened


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    """The test's own instance, in which nothing has happened."""
    with opened_instance() as opened:
        yield opened


@pytest.fixture(scope="module")
def idle_instance() -> Iterator[DagsterInstance]:
    """An instance in which nothing is to happen."""
    with opened_instance() as opened:
        yield opened


@pytest.fixture(scope="module")
def backfill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backfill]:
    """All months of all shops, loaded in one run whose step is a process of its own. Nothing of it is to be changed."""
    folder = tmp_path_factory.mktemp("backfill")
    with opened_instance() as instance, serve(**BUSINESS) as sandbox:
        with pytest.MonkeyPatch.context() as monkeypatch:
            write_settings(folder, sandbox)
            isolate(monkeypatch, folder)
            (folder / "definitions.py").write_text(DEFINITIONS)
            repository = ReconstructableRepository.for_file("definitions.py", "defs", str(folder))
            job = repository.get_reconstructable_job("bookeo_load")
            with execute_job(job, instance, tags=rectangle(), run_config=QUIET) as done:
                run_id = done.run_id
        yield Backfill(sandbox, folder, instance, run_id)
