"""What dlt and the libraries that it uses are to find, before it is imported."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder

from bookeo_pipelines.runtime.closed_dlt import close_dlt


def quiet_dlt() -> None:
    """Keep dlt from calling home, from writing lines of its own, and from reading what is not meant for it."""
    close_dlt()
    # Whoever wants the telemetry sets it to true.
    os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
    # Its lines are for those who build pipelines, and may quote a row; what matters is in the error that it raises.
    os.environ["RUNTIME__LOG_LEVEL"] = "CRITICAL"
    # It would wait for its jobs, for as long as they take.
    os.environ["RUNTIME__INTERCEPT_SIGNALS"] = "false"


class _NotFound(MetaPathFinder):
    """Says of modules that they are not installed."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = names

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        if fullname in self._names:
            raise ModuleNotFoundError(f"{fullname} is of no use to this command", name=fullname)


@contextmanager
def quick_start(*needless: str) -> Iterator[None]:
    """Makes what is imported from here on take less time.

    No garbage is looked for until `started` says that all is imported: of that, nothing is.

    Args:
        *needless: Modules that libraries import wherever they find them, and that are of no use here. For as long as
            this lasts they seem not to be installed; nothing happens to those that have been imported already.

    Yields:
        Nothing.
    """
    finder = _NotFound([name for name in needless if name not in sys.modules])
    sys.meta_path.insert(0, finder)
    gc.disable()
    try:
        yield
    finally:
        started()
        gc.unfreeze()
        sys.meta_path.remove(finder)


def started() -> None:
    """Looks for garbage from now on, in what is made from now on."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
