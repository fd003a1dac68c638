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

from bookeo.errors import RetriableError, SettingsError
from bookeo_pipelines.runtime.umask import private_folder

READING_SECONDS = 30
"""How long somebody who copies the marts into memory may keep a load waiting, at most."""


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
    private_folder(path.parent)
    holder = _holder(path)
    lock = FileLock(path, mode=0o600)
    try:
        # A reader gives no name, and is gone in a moment.
        with _lock_errors(path):
            lock.acquire(timeout=wait_seconds if holder.exists() else max(wait_seconds, READING_SECONDS))
    except Timeout:
        raise LoadRunning(
            f"Another load into {what} is running{_who(holder)}; wait for it, or give --wait SECONDS."
        ) from None
    try:
        _write_holder(
            holder,
            {
                "pid": os.getpid(),
                "user": getpass.getuser(),
                "host": socket.gethostname(),
                "since": datetime.now(UTC).isoformat(timespec="seconds"),
            },
        )
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


@contextmanager
def reading(path: Path, what: str, wait_seconds: float = 0) -> Iterator[None]:
    """Holds the same lock to read for a moment. A load that begins meanwhile waits, rather than fails.

    Args:
        path: The lock file.
        what: What is locked, for the message.
        wait_seconds: How long to wait for a load that is running.

    Yields:
        Nothing; the lock is held.

    Raises:
        LoadRunning: A load is still running.
    """
    lock = FileLock(path, mode=0o600)
    try:
        with _lock_errors(path):
            lock.acquire(timeout=wait_seconds)
    except Timeout:
        raise LoadRunning(f"A load into {what} is running{_who(_holder(path))}; try again when it has ended.") from None
    try:
        # Of a load that was killed; a load that begins now would take it for a living one's.
        _holder(path).unlink(missing_ok=True)
        yield
    finally:
        lock.release()


@contextmanager
def _lock_errors(path: Path) -> Iterator[None]:
    """Turn what the system says of the lock file, such as that it is a symbolic link, into a sentence."""
    try:
        yield
    except Timeout:
        raise
    except OSError as error:
        why = "it is a symbolic link" if path.is_symlink() else (error.strerror or type(error).__name__)
        raise SettingsError(f"The lock {path} cannot be taken: {why}. Remove the file if no load is running.") from None


def _write_holder(holder: Path, info: dict[str, object]) -> None:
    """Write a new file in place of whatever was there: a link that lay there is not followed."""
    try:
        holder.unlink(missing_ok=True)
        with os.fdopen(os.open(holder, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(info, file)
    except OSError as error:
        raise SettingsError(f"The file {holder} cannot be written: {error.strerror}. Remove it.") from None


def _holder(path: Path) -> Path:
    return path.with_suffix(".holder")


def _who(holder: Path) -> str:
    try:
        with os.fdopen(os.open(holder, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))) as file:
            info = json.load(file)
        return f" (process {info['pid']} of {info['user']} on {info['host']}, since {info['since']})"
    except (OSError, ValueError, KeyError):
        return ""
