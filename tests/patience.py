"""How long tests wait for what should happen at once: limits end a test that hangs, and judge no machine."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 600
"""Seconds after which something will not happen any more, however busy the machine."""


def wait_until(happened: Callable[[], object], pause: float = 0.01) -> None:
    """Wait until something is true.

    Args:
        happened: Tells whether it is.
        pause: Seconds between two looks.
    """
    give_up = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < give_up, "it does not happen"
        time.sleep(pause)
