"""Sole access to a warehouse that is there already, for commands that look at it whole or change it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bookeo.errors import SettingsError
from bookeo_pipelines.destination import Target, check_place, database_for_writing
from bookeo_pipelines.load import LoadRequest, lock_path
from bookeo_pipelines.owner_only import owner_only
from bookeo_pipelines.run_lock import one_at_a_time
from bookeo_pipelines.writer_lock import writer_lock


@contextmanager
def sole_access(request: LoadRequest, *, whole_dataset: bool = False) -> Iterator[None]:
    """Keeps loads out for as long as the block runs, by the same lock as theirs.

    Args:
        request: Whose warehouse, and how long to wait for a load that is running.
        whole_dataset: Whether loads of all accounts are kept out, also those of other machines.

    Yields:
        Nothing; nobody else loads.

    Raises:
        LoadRunning: A load is running.
        SettingsError: There is no such database, or it cannot be opened.
    """
    require_database(request.target)
    check_place(request.target)
    lock = one_at_a_time(lock_path(request), request.target.description, request.wait_seconds)
    with owner_only(), lock, database_for_writing(request.target):
        if not whole_dataset:
            yield
            return
        with writer_lock(request.target, None, request.wait_seconds):
            yield


def require_database(target: Target) -> None:
    """Makes sure that there is something to look at, so that looking never makes an empty file.

    Args:
        target: The target.

    Raises:
        SettingsError: The DuckDB file is not there.
    """
    if target.database is not None and not target.database.exists():
        raise SettingsError(
            f"There is no database {target.database}; load it first with bookeo load, or name it with --database."
        )
