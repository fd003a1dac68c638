"""Files that appear whole or not at all: written beside their place, then moved into it."""

from __future__ import annotations

import glob
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bookeo.errors import SettingsError
from bookeo_pipelines.runtime.trusted_places import foreign_link

STALE_SECONDS = 86_400
"""What a killed process left beside a place is removed once it is so old that nobody can be writing it any more."""


@contextmanager
def placed(place: Path) -> Iterator[Path]:
    """Puts a file in place atomically once the block has written it; whoever has the old one open keeps reading that.

    The new file has the permissions of the old one; where there is none, only the owner may read it.

    Args:
        place: Where the file is to be, in a folder that exists.

    Yields:
        Where to write it, in a folder of its own that nobody else may look into.

    Raises:
        SettingsError: A symbolic link that another user has made is on the way.
        OSError: It cannot be put there; what was there before stays.
    """
    refuse_foreign_link(place)
    place = place.resolve()
    sweep(place)
    folder = Path(tempfile.mkdtemp(prefix=f".{place.name}.", suffix=".new", dir=place.parent))
    try:
        made = folder / place.name
        yield made
        _take_permissions(made, place)
        _sync(made)
        made.replace(place)
        _sync(place.parent)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def refuse_foreign_link(place: Path) -> None:
    """Keep from writing where another user wants it.

    Args:
        place: A file or folder that is about to be written.

    Raises:
        SettingsError: A symbolic link that another user has made is on the way to it.
    """
    link = foreign_link(place)
    if link is not None:
        raise SettingsError(
            f"{place} cannot be written: {link} is a symbolic link that another user has made. Remove it, or name "
            "another place."
        )


def sweep(place: Path, older_than: float = STALE_SECONDS) -> list[Path]:
    """Remove what killed processes left beside a place.

    Args:
        place: A file that `placed` writes.
        older_than: Age in seconds at which nobody is taken to be writing it any more.

    Returns:
        Folders that were removed.
    """
    removed = []
    for left in place.parent.glob(f".{glob.escape(place.name)}.*.new"):
        if time.time() - left.stat().st_mtime >= older_than:
            shutil.rmtree(left, ignore_errors=True)
            removed.append(left)
    return removed


def _take_permissions(made: Path, place: Path) -> None:
    if not place.exists():
        made.chmod(0o600)
        return
    old, new = place.stat(), made.stat()
    if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
        os.chown(made, old.st_uid, old.st_gid)
    made.chmod(stat.S_IMODE(old.st_mode))


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
