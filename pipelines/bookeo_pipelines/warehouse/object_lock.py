"""One writer of a folder or bucket: an object that can be put only where none is says who writes.

The holder renews it while it lives. One whose process is gone from this machine, or that was not renewed for half an
hour, holds nothing any more; of several who find that out, one takes its place.
"""

from __future__ import annotations

import getpass
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

RENEWED_EVERY = 60.0
"""Seconds."""
STALE_AFTER = timedelta(minutes=30)
RETRY_SECONDS = 0.5


class ObjectLock:
    """A lock in a file system that knows no locks.

    Args:
        files: An fsspec file system.
        path: The object.
        now: Tells the time, aware.
    """

    def __init__(self, files: Any, path: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._files, self._path, self._now = files, path, now
        self._ended = threading.Event()
        self._info = {
            "token": uuid.uuid4().hex,
            "user": getpass.getuser(),
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "since": now().isoformat(timespec="seconds"),
        }

    def acquire(self, wait_seconds: float) -> str | None:
        """Take the lock.

        Args:
            wait_seconds: How long to wait for it.

        Returns:
            Who holds it, in words; None where it is ours now.
        """
        end = time.monotonic() + wait_seconds
        while not self._put(self._path, self._content()):
            holder = self._read()
            if holder is None:
                continue  # It has just been freed.
            if self._is_stale(holder) and self._replace(holder):
                break
            if time.monotonic() >= end:
                return f"bookeo {holder['user']}@{holder['host']} pid {holder['pid']}, since {holder['since']}"
            time.sleep(RETRY_SECONDS)
        threading.Thread(target=self._renew, name="bookeo-lock", daemon=True).start()
        return None

    def is_ours(self) -> bool:
        """Tell whether the lock is still held."""
        holder = self._read()
        return holder is not None and holder["token"] == self._info["token"]

    def release(self) -> None:
        """Free the lock, if it is still held."""
        self._ended.set()
        if self.is_ours():
            self._files.rm_file(self._path)

    def _renew(self) -> None:
        while not self._ended.wait(RENEWED_EVERY):
            with suppress(Exception):  # The next time, or the next package, tells.
                if self.is_ours():
                    self._files.pipe_file(self._path, self._content())

    def _content(self) -> bytes:
        return json.dumps({**self._info, "renewed": self._now().isoformat()}).encode()

    def _read(self) -> dict[str, Any] | None:
        self._files.invalidate_cache()
        try:
            found: dict[str, Any] = json.loads(self._files.cat_file(self._path))
        except FileNotFoundError:
            return None
        except ValueError:  # It is being written just now.
            unknown = {"token": "", "user": "somebody", "host": "", "pid": 0, "since": "just now"}
            return {**unknown, "renewed": self._now().isoformat()}
        return found

    def _is_stale(self, holder: dict[str, Any]) -> bool:
        if holder["host"] == self._info["host"] and not _is_alive(int(holder["pid"])):
            return True
        return self._now() - datetime.fromisoformat(holder["renewed"]) > STALE_AFTER

    def _replace(self, holder: dict[str, Any]) -> bool:
        """Take the place of a holder that is gone; of several who try, one does."""
        claim = f"{self._path}.{holder['token']}"
        if not self._put(claim, self._content()):
            return False
        try:
            current = self._read()
            if current is None or current["token"] != holder["token"]:
                return False  # Somebody else was faster.
            self._files.pipe_file(self._path, self._content())
        finally:
            self._files.rm_file(claim)
        return True

    def _put(self, path: str, content: bytes) -> bool:
        """Put an object where there is none; tell whether there was none."""
        try:
            if "file" in self._protocols():
                with self._files.open(path, "xb") as file:
                    file.write(content)
            else:
                self._files.pipe_file(path, content, mode="create")
        except FileExistsError:
            return False
        return True

    def _protocols(self) -> tuple[str, ...]:
        protocol = self._files.protocol
        return (protocol,) if isinstance(protocol, str) else tuple(protocol)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
