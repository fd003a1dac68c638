"""Sole access to a warehouse that is there already, for commands that look at it whole or change it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bookeo.errors import SettingsError
from bookeo_pipelines.destinations.dlt_compat import active_pipeline_kept
from bookeo_pipelines.destinations.target import Target, check_place, database_for_writing
from bookeo_pipelines.warehouse.load_packages import pipeline_name, working_folder
from bookeo_pipelines.warehouse.lock import one_at_a_time
from bookeo_pipelines.warehouse.writer_lock import writer_lock


@contextmanager
def sole_access(
    target: Target, account: str | None = None, *, wait_seconds: float = 0, whole_dataset: bool = False
) -> Iterator[None]:
    """Keep loads out for as long as the block runs, by the same lock as theirs.

    Args:
        target: Whose warehouse.
        account: Name of the account in the settings, if it has one.
        wait_seconds: How long to wait for a load that is running.
        whole_dataset: Whether loads of all accounts are kept out, also those of other machines.

    Yields:
        Nothing; nobody else loads.

    Raises:
        LoadRunning: A load is running.
        SettingsError: There is no such database, or it cannot be opened.
    """
    require_database(target)
    check_place(target)
    lock = one_at_a_time(lock_path(target, account), target.description, wait_seconds)
    with active_pipeline_kept(), lock, database_for_writing(target):
        if not whole_dataset:
            yield
            return
        with writer_lock(target, None, wait_seconds):
            yield


def lock_path(target: Target, account: str | None = None) -> Path:
    """Return the file that a load locks.

    Args:
        target: Where it loads to.
        account: Name of the account in the settings, if it has one.

    Returns:
        One for the target; for each account where accounts load side by side.
    """
    return target.lock or working_folder(target) / f"{pipeline_name(account) if target.side_by_side else 'target'}.lock"


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
