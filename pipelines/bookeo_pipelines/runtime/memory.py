"""Memory that was used and is not any more."""

from __future__ import annotations

import ctypes
import sys

import pyarrow as pa


def give_back_memory() -> None:
    """Gives what Arrow and the C library keep for themselves back to the system.

    What reading a chunk needed, some 100 MB, would else stay with them while the database needs as much for loading it.
    """
    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # Of the GNU C library alone.
        if trim is not None:
            trim(0)
