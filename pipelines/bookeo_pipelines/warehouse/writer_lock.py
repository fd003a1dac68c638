"""One writer at a time, held in the destination: a lock in a working folder is not seen by another machine.

In Postgres, and for a DuckLake whose catalog is in Postgres, advisory locks of one session say who writes: a load holds
its account, whoever changes all accounts holds the dataset. They end with the session, however the process ends. They
need a session of their own, so not a pooler that gives each transaction another one.
"""

from __future__ import annotations

import getpass
import hashlib
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from bookeo_pipelines.destinations.dlt_compat import configuration_of
from bookeo_pipelines.destinations.errors import DestinationAway
from bookeo_pipelines.destinations.target import Target
from bookeo_pipelines.warehouse.lock import LoadRunning

RETRY_SECONDS = 0.5
_NAME_LENGTH = 63
"""Characters of a session's name that Postgres keeps."""


class WriterLock:
    """A lock that is held in the destination.

    Args:
        connection: The session that holds it; None where the destination has no such lock.
        what: The destination in words.
    """

    def __init__(self, connection: Any, what: str) -> None:
        self._connection = connection
        self._what = what

    @property
    def is_held(self) -> bool:
        """Whether there is a lock at all."""
        return self._connection is not None

    def check(self) -> None:
        """Make sure that the lock is still held, before anything is written.

        Raises:
            DestinationAway: The session has ended, and somebody else may write by now.
        """
        if self._connection is None:
            return
        try:
            self._connection.cursor().execute("SELECT 1")
        except Exception as error:
            raise DestinationAway(
                f"The connection to {self._what} that kept other loads out was lost, so nothing more was written; run "
                "the same command again."
            ) from error


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
        yield WriterLock(connection, target.description)
    finally:
        with suppress(psycopg2.Error):
            connection.close()


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
