"""One load at a time: whoever comes second waits, or is told who is there."""

from __future__ import annotations

import getpass
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from bookeo.errors import RetriableError


class LoadRunning(RetriableError):
    """Another load of the same pipeline into the same destination is under way."""


@contextmanager
def one_at_a_time(path: Path, what: str, wait_seconds: float = 0) -> Iterator[None]:
    """Holds a lock for as long as the block runs; the system frees it however the process ends.

    Args:
        path: The lock file; who holds it stands in a file beside it.
        what: What is locked, for the message, e.g. `bookeo.duckdb`.
        wait_seconds: How long to wait for it.

    Yields:
        Nothing; the lock is held.

    Raises:
        LoadRunning: Somebody else still holds it; the message says who, and since when.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    holder = path.with_suffix(".holder")
    lock = FileLock(path)
    try:
        lock.acquire(timeout=wait_seconds)
    except Timeout:
        raise LoadRunning(
            f"Another load into {what} is running{_who(holder)}; wait for it, or give --wait SECONDS."
        ) from None
    try:
        holder.write_text(
            json.dumps(
                {
                    "pid": os.getpid(),
                    "user": getpass.getuser(),
                    "host": socket.gethostname(),
                    "since": datetime.now(UTC).isoformat(timespec="seconds"),
                }
            )
        )
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _who(holder: Path) -> str:
    try:
        info = json.loads(holder.read_text())
        return f" (process {info['pid']} of {info['user']} on {info['host']}, since {info['since']})"
    except (OSError, ValueError, KeyError):
        return ""
