"""A load in a process of its own that is killed, the hard way, at a moment of choice.

The process is forked from a server that has imported everything already: importing dlt takes longer than a small load.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from bookeo_pipelines.destinations.target import Target
from bookeo_sandbox import RequestInfo
from load_rig import Rig
from patience import PATIENCE

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(
    ["load_rig", "killed_load", "bookeo_pipelines.load.runner", "dlt.destinations.impl.duckdb.duck"]
)


@dataclass(frozen=True)
class Moment:
    """When to kill: before the n-th step of a phase, at the n-th request, or after a time.

    A step is a file that is moved, saved or deleted, or a statement for the database: between two of them nothing
    happens that a later run could see.

    Args:
        kind: `extract`, `normalize`, `load` or `between` for a step; `request`; `seconds`; `statement`, right after the
            first one with a text in it; `never` to count the steps.
        at: Which one, from 1; or how many seconds.
        text: The text that the statement holds.
    """

    kind: str
    at: float = 0
    text: str = ""


@dataclass(frozen=True)
class Death:
    """How the process ended.

    Args:
        killed: Whether it was killed; otherwise it ended before its moment came.
        phase: What the load was doing: `start`, `extract`, `normalize`, `load` or `between`.
        steps: Steps taken, by phase; only of a load that was not killed.
        error: What a load that was not killed ended with.
    """

    killed: bool
    phase: str
    steps: dict[str, int]
    error: str | None = None


def run_and_kill(rig: Rig, moment: Moment, environment: dict[str, str], **settings: Any) -> Death:
    """Runs a load in another process and kills it.

    Args:
        rig: What to load, and where to.
        moment: When to kill.
        environment: Variables for the process.
        **settings: More settings.

    Returns:
        How it ended.
    """
    ours, theirs = _context.Pipe()
    job = (rig.settings_values(**settings), rig.target, rig.tables, environment, moment, theirs)
    process = _context.Process(target=_child, args=job, daemon=True)
    process.start()
    theirs.close()
    assert process.pid is not None
    if moment.kind == "request":
        _kill_at_request(rig, process.pid, int(moment.at))
    said: list[Any] = []
    reader = threading.Thread(target=_listen, args=(ours, said))
    reader.start()
    if moment.kind == "seconds":
        process.join(moment.at)
        if process.is_alive():
            os.kill(process.pid, signal.SIGKILL)
    process.join(PATIENCE)
    alive = process.is_alive()
    if alive:
        process.kill()
        process.join()
    reader.join()
    rig.sandbox.remove_hooks()
    assert not alive, "the load neither ended nor came to its moment"
    phases = [word for word in said if isinstance(word, str)]
    steps = next((word for word in said if isinstance(word, dict)), {})
    error = next((word[0] for word in said if isinstance(word, tuple)), None)
    return Death(process.exitcode == -signal.SIGKILL, phases[-1] if phases else "start", steps, error)


def _kill_at_request(rig: Rig, pid: int, nth: int) -> None:
    seen = 0
    lock = threading.Lock()

    def hook(_: RequestInfo) -> None:
        nonlocal seen
        with lock:
            seen += 1
            if seen == nth:
                os.kill(pid, signal.SIGKILL)

    rig.sandbox.on_request(hook)


def _listen(pipe: Connection, said: list[Any]) -> None:
    while True:
        try:
            said.append(pipe.recv())
        except (EOFError, OSError):
            return


def _child(
    settings: dict[str, Any],
    target: Target,
    tables: tuple[str, ...] | None,
    environment: dict[str, str],
    moment: Moment,
    pipe: Connection,
) -> None:
    os.environ.update(environment)
    os.chdir(environment["DLT_PROJECT_DIR"])
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    from bookeo import load_settings
    from bookeo_pipelines.load.runner import LoadRequest, run_load

    steps: dict[str, int] = {}
    watch = _Steps(moment, pipe, steps)
    watch.install()
    error = None
    try:
        result = run_load(LoadRequest(load_settings(**settings), target, tables=tables))
        error = str(result.failure) if result.failure else None
    except Exception as failure:
        error = f"{type(failure).__name__}: {failure}"
    if error is not None:
        pipe.send((error,))
    pipe.send(steps)
    pipe.close()


class _Steps:
    """Counts the moments between which a load could have a different past, and kills at one of them."""

    def __init__(self, moment: Moment, pipe: Connection, steps: dict[str, int]) -> None:
        self._moment = moment
        self._pipe = pipe
        self._steps = steps
        self._phase = "between"
        self._lock = threading.Lock()

    def install(self) -> None:
        from dlt.common.storages import FileStorage
        from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient
        from dlt.pipeline.pipeline import Pipeline

        self._before(os, "rename")
        self._before(os, "replace")
        self._before(FileStorage, "save")
        self._before(FileStorage, "delete_folder")
        self._before(DuckDbSqlClient, "execute_query")
        self._before(DuckDbSqlClient, "commit_transaction")
        if self._moment.kind == "statement":
            self._after_statement(DuckDbSqlClient)
        for name in ("extract", "normalize", "load"):
            self._phase_of(Pipeline, name)

    def _after_statement(self, owner: Any) -> None:
        original: Callable[..., Any] = owner.execute_query

        @contextmanager
        def watched(client: Any, query: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
            with original(client, query, *args, **kwargs) as cursor:
                yield cursor
            if self._moment.text in str(query):
                os.kill(os.getpid(), signal.SIGKILL)

        owner.execute_query = watched

    def _before(self, owner: Any, name: str) -> None:
        original: Callable[..., Any] = getattr(owner, name)

        def counted(*args: Any, **kwargs: Any) -> Any:
            self._step()
            return original(*args, **kwargs)

        setattr(owner, name, counted)

    def _phase_of(self, owner: Any, name: str) -> None:
        original: Callable[..., Any] = getattr(owner, name)

        def named(*args: Any, **kwargs: Any) -> Any:
            before, self._phase = self._phase, name
            self._pipe.send(name)
            try:
                return original(*args, **kwargs)
            finally:
                self._phase = before
                self._pipe.send(before)

        setattr(owner, name, named)

    def _step(self) -> None:
        with self._lock:
            self._steps[self._phase] = self._steps.get(self._phase, 0) + 1
            if self._moment.kind == self._phase and self._steps[self._phase] == int(self._moment.at):
                os.kill(os.getpid(), signal.SIGKILL)
