"""Rebuilds the tables from the archive: no request, the same rows."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from bookeo import BookeoSettings, Progress
from bookeo.archive.store import Archive
from bookeo.errors import ArchiveFileDamaged, SettingsError
from bookeo_pipelines.destinations.target import check_place, database_for_writing
from bookeo_pipelines.load.runner import LoadRequest
from bookeo_pipelines.replay.account import AccountReplay, ReplayRequest, ReplayResult
from bookeo_pipelines.warehouse.access import lock_path
from bookeo_pipelines.warehouse.lock import one_at_a_time
from bookeo_pipelines.warehouse.writer_lock import writer_lock


def run_replay(
    request: ReplayRequest, on_progress: Callable[[str, Progress], None] | None = None
) -> Iterator[ReplayResult]:
    """Rebuilds the tables of accounts from their archived answers, one account after the other.

    Args:
        request: What and where to.
        on_progress: Called with the account's name as the replay goes on.

    Yields:
        What became of each account.

    Raises:
        SettingsError: The archive does not hold such an account.
        BookeoError: The archive cannot be read, or the destination not be written; what was loaded stays loaded.
    """
    archive = request.archive
    names = {account_id: _account_name(archive, account_id) for account_id in archive.accounts()}
    wanted = {i: name for i, name in names.items() if request.account in (None, i, name)}
    if not wanted:
        known = ", ".join(name or i for i, name in names.items()) or "none"
        raise SettingsError(
            f"The archive {archive.place} holds no answers"
            + (f" of an account {request.account}; it knows {known}." if request.account else ".")
        )
    for account_id, name in wanted.items():
        settings = replace_account(request.settings, name)
        load = LoadRequest(settings, request.target.of_account(name), wait_seconds=request.wait_seconds)
        with _sole_writer(load):
            watch = functools.partial(on_progress, name or "") if on_progress else None
            yield AccountReplay(request, load, account_id, watch).run()


def replace_account(settings: BookeoSettings, name: str | None) -> BookeoSettings:
    """Gives settings for another account, which archive nothing.

    Args:
        settings: The settings.
        name: The account's name.

    Returns:
        A copy.
    """
    copied: BookeoSettings = settings.copy()
    copied.account, copied.archive = name, None
    return copied


@contextmanager
def _sole_writer(load: LoadRequest) -> Iterator[None]:
    check_place(load.target)
    lock = one_at_a_time(lock_path(load.target, load.settings.account), load.target.description, load.wait_seconds)
    with lock, database_for_writing(load.target), writer_lock(load.target, None, load.wait_seconds):
        yield


def _account_name(archive: Archive, account_id: str) -> str | None:
    """The name under which an account was loaded last: its pipeline is called like it."""
    for file in reversed(archive.files(account_id)):
        with suppress(ArchiveFileDamaged):
            facts = archive.read(file).facts
            if "account" in facts:
                name: str | None = facts["account"]
                return name
    return None
