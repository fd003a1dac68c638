"""One writer at a time, held in the destination: a lock in a working folder is not seen by another machine.

In Postgres, and for a DuckLake whose catalog is in Postgres, advisory locks of one session say who writes: a load holds
its account, whoever changes all accounts holds the dataset. They end with the session, however the process ends. They
need a session of their own, so not a pooler that gives each transaction another one.

Delta tables, into which accounts load in turns, have an object beside them (see `object_lock`), and a DuckLake whose
catalog is a file has a lock beside that file. The accounts of one process share these.
"""

from __future__ import annotations

import getpass
import hashlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from bookeo_pipelines.destinations.dlt_compat import configuration_of
from bookeo_pipelines.destinations.errors import DestinationAway
from bookeo_pipelines.destinations.target import Target
from bookeo_pipelines.warehouse.lock import LoadRunning, one_at_a_time
from bookeo_pipelines.warehouse.object_lock import ObjectLock

RETRY_SECONDS = 0.5
_NAME_LENGTH = 63
"""Characters of a session's name that Postgres keeps."""


class WriterLock:
    """A lock that is held in the destination.

    Args:
        require: Raises something, or tells False, where the lock is held no more; None where there is no such lock.
        what: The destination in words.
    """

    def __init__(self, require: Callable[[], object] | None, what: str) -> None:
        self._require = require
        self._what = what

    @property
    def is_held(self) -> bool:
        """Whether there is a lock at all."""
        return self._require is not None

    def check(self) -> None:
        """Make sure that the lock is still held, before anything is written.

        Raises:
            DestinationAway: The session has ended, and somebody else may write by now.
        """
        if self._require is None:
            return
        try:
            held, cause = self._require() is not False, None
        except Exception as error:
            held, cause = False, error
        if not held:
            raise DestinationAway(
                f"The connection to {self._what} that kept other loads out was lost, so nothing more was written; run "
                "the same command again."
            ) from cause


@contextmanager
def writer_lock(target: Target, account_id: str | None = None, wait_seconds: float = 0) -> Iterator[WriterLock]:
    """Keep other writers out for as long as the block runs, also those of other machines.

    Args:
        target: The destination.
        account_id: The account that is written to; None: all of them.
        wait_seconds: How long to wait for whoever writes.

    Yields:
        The lock.

    Raises:
        LoadRunning: Somebody else writes; the message says who, and since when.
        DestinationAway: The destination cannot be reached.
    """
    alone = _LOCKS.get(target.destination)
    found = alone(target, wait_seconds) if alone else None
    if found is not None:
        with _shared(*found) as require:
            yield WriterLock(require, target.description)
        return
    address = _address(target)
    if address is None:
        yield WriterLock(None, target.description)
        return
    import psycopg2

    name = f"bookeo {getpass.getuser()}@{socket.gethostname()} pid {os.getpid()}"[:_NAME_LENGTH]
    try:
        connection = psycopg2.connect(address, application_name=name)
    except psycopg2.Error as error:
        raise DestinationAway(
            f"The destination {target.description} cannot be reached or does not accept the credentials; check both, "
            "then run the same command again."
        ) from error
    try:
        connection.autocommit = True
        cursor = connection.cursor()
        dataset, account = _key(target.dataset), _key(account_id or "")
        locks = (
            [("pg_try_advisory_lock", dataset, 0)]
            if account_id is None
            else [
                ("pg_try_advisory_lock_shared", dataset, 0),
                ("pg_try_advisory_lock", dataset, account or 1),
            ]
        )
        end = time.monotonic() + wait_seconds
        for function, first, second in locks:
            while not _try(cursor, function, first, second):
                if time.monotonic() >= end:
                    raise LoadRunning(
                        f"Another load into {target.description} is running{_holder(cursor, first, second)}; wait for "
                        "it, or give --wait SECONDS."
                    )
                time.sleep(RETRY_SECONDS)
        yield WriterLock(lambda: cursor.execute("SELECT 1"), target.description)
    finally:
        with suppress(psycopg2.Error):
            connection.close()


Require = Callable[[], object] | None
"""See `WriterLock`."""
Found = tuple[str, Callable[[], AbstractContextManager[Require]]]
"""A lock's name, and what takes it."""

_guard = threading.Lock()
_taken: dict[str, list[Any]] = {}
"""Locks that accounts of this process share, by name: how many hold one, what frees it, and how it is checked."""


@contextmanager
def _shared(name: str, take: Callable[[], AbstractContextManager[Require]]) -> Iterator[Require]:
    with _guard:
        if name not in _taken:
            stack = ExitStack()
            _taken[name] = [0, stack, stack.enter_context(take())]
        held = _taken[name]
        held[0] += 1
    try:
        yield held[2]
    finally:
        with _guard:
            held[0] -= 1
            if not held[0]:
                del _taken[name]
                held[1].close()


def _of_delta(target: Target, wait_seconds: float) -> Found:
    from dlt.common.storages.fsspec_filesystem import fsspec_from_config

    files, root = fsspec_from_config(configuration_of(target.dlt_destination(), target.dataset))
    path = f"{root.rstrip('/')}/{target.dataset}.bookeo-lock"

    @contextmanager
    def take() -> Iterator[Require]:
        files.makedirs(root, exist_ok=True)
        lock = ObjectLock(files, path)
        holder = lock.acquire(wait_seconds)
        if holder is not None:
            raise LoadRunning(
                f"Another load into {target.description} is running ({holder}); wait for it, or give --wait SECONDS."
            )
        try:
            yield lock.is_ours
        finally:
            lock.release()

    return path, take


def _of_lake(target: Target, wait_seconds: float) -> Found | None:
    catalog = configuration_of(target.dlt_destination(), target.dataset).credentials.catalog
    if catalog.drivername not in ("duckdb", "sqlite") or not catalog.database:
        return None
    file = Path(catalog.database).absolute()
    path = file.with_name(f"{file.name}.{target.dataset}.lock")

    @contextmanager
    def take() -> Iterator[Require]:
        with one_at_a_time(path, target.description, wait_seconds):
            yield None

    return str(path), take


_LOCKS: Mapping[str, Callable[[Target, float], Found | None]] = {"delta": _of_delta, "ducklake": _of_lake}
"""Destinations whose accounts load in turns: their one lock."""


def _address(target: Target) -> str | None:
    if target.destination not in ("postgres", "ducklake"):
        return None
    credentials = configuration_of(target.dlt_destination(), target.dataset).credentials
    if target.destination == "ducklake":
        credentials = credentials.catalog
        if credentials.drivername not in ("postgres", "postgresql"):
            return None
    address = credentials.to_native_representation()
    return str(address).replace("postgres://", "postgresql://", 1)


def _key(text: str) -> int:
    """Return a number that fits one of the two 32-bit keys of an advisory lock."""
    return int.from_bytes(hashlib.sha256(f"bookeo {text}".encode()).digest()[:4], "big", signed=True)


def _try(cursor: Any, function: str, first: int, second: int) -> bool:
    cursor.execute(f"SELECT {function}(%s, %s)", (first, second))
    return bool(cursor.fetchone()[0])


def _holder(cursor: Any, first: int, second: int) -> str:
    cursor.execute(
        """
        SELECT a.application_name, a.backend_start FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
        WHERE l.locktype = 'advisory' AND l.granted AND l.classid = %s AND l.objid = %s AND l.objsubid = 2
            AND l.pid <> pg_backend_pid() ORDER BY a.backend_start LIMIT 1
        """,
        (first % 2**32, second % 2**32),
    )
    found = cursor.fetchone()
    return f" ({found[0]}, since {found[1]:%Y-%m-%d %H:%M:%S %Z})" if found else ""
