"""What dlt and the libraries that it uses are to find, before it is imported."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder


def quiet_dlt() -> None:
    """Keeps dlt from calling home and from writing lines of its own."""
    # Whoever wants the telemetry sets it to true.
    os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
    # Its lines are for those who build pipelines, and may quote a row; what matters is in the error that it raises.
    os.environ["RUNTIME__LOG_LEVEL"] = "CRITICAL"


class _NotFound(MetaPathFinder):
    """Says of a module that it is not installed."""

    def __init__(self, name: str) -> None:
        self._name = name

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        if fullname == self._name:
            raise ModuleNotFoundError(f"{fullname} is of no use to this command", name=fullname)


@contextmanager
def leave_out(module: str) -> Iterator[None]:
    """Keeps a module from being imported by libraries that do so wherever they find it.

    Args:
        module: The module's name; nothing happens where it has been imported already.

    Yields:
        Nothing; for as long as this lasts, the module seems not to be installed.
    """
    finder = _NotFound(module)
    if module not in sys.modules:
        sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        if finder in sys.meta_path:
            sys.meta_path.remove(finder)
