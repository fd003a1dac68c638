"""New files for their owner only: what is loaded is about people."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_depth = 0
_before = 0


@contextmanager
def owner_only() -> Iterator[None]:
    """Lets nobody but their owner read the files and folders that are made while the block runs.

    This is so for all threads of the process. Files that are there already keep their permissions.

    Yields:
        Nothing.
    """
    global _depth, _before
    with _lock:
        if _depth == 0:
            _before = os.umask(0o077)
        _depth += 1
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if _depth == 0:
                os.umask(_before)
