"""New files for their owner only: what is loaded is about people.

The command sets its process's umask; the library, which is a guest in somebody else's process, makes private folders.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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


def private_folder(folder: Path) -> None:
    """Make a folder that nobody but its owner may look into; one that is there already stays as it is.

    Args:
        folder: The folder; those around it are made, too, as the process makes folders.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
