"""The archive: what the API answered, as it came, in files of a folder or a bucket. It knows no dlt and no tables.

A file is written once and whole, or not at all. On this machine only its owner may read it.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from bookeo.archive.file_format import ArchiveFile, Kept, account_folder, pack, read_path, unpack
from bookeo.errors import ArchiveFileDamaged, ArchiveUnusable

Scrub = Callable[[str, str | None, bytes], bytes]
"""Makes an answer fit to be kept, given the entity's name, the name of the list of records in it, and its bytes."""

READ_AHEAD = 8
"""Files that are fetched, still packed, while others are worked on."""
_UNFINISHED = ".part"


@dataclass(frozen=True)
class Rewritten:
    """What a rewriting did.

    Args:
        changed: Files that are other than they were, deleted ones included.
        damaged: Paths of files that could not be read; they are as they were.
    """

    changed: int
    damaged: tuple[str, ...]


class Archive:
    """A folder or bucket of answers; safe to use from many threads.

    Args:
        place: A path, or a URL that fsspec knows, such as `s3://bucket/folder`.
        scrub: What every answer goes through before it is written.

    Raises:
        ArchiveUnusable: There is no such kind of place, or a package is missing for it.
    """

    def __init__(self, place: str, *, scrub: Scrub | None = None) -> None:
        from fsspec.core import url_to_fs
        from fsspec.implementations.local import LocalFileSystem

        self.place = place
        self._scrub = scrub
        try:
            self._files, root = url_to_fs(place)
        except ImportError as error:
            raise ArchiveUnusable(f"The archive {place} needs one more package: {error}.") from None
        except ValueError as error:
            raise ArchiveUnusable(f"The archive {place} cannot be used: {error}") from None
        self._root = root.rstrip("/")
        self._is_local = isinstance(self._files, LocalFileSystem)

    def __repr__(self) -> str:
        return f"Archive({self.place})"

    def check(self) -> None:
        """Makes sure that it can be written, before anything is asked for.

        Raises:
            ArchiveUnusable: It cannot.
        """
        try:
            if self._is_local:
                _refuse_foreign_link(Path(self._root))
                _make_private(Path(self._root))
                if not os.access(self._root, os.W_OK | os.X_OK):
                    raise PermissionError(13, "Permission denied")
            else:
                self._files.exists(self._root)
        except Exception as error:
            raise self._unusable("written", error) from None

    def write(self, file: ArchiveFile, kept: Kept) -> None:
        """Writes a file. Once this returns it is there, whatever happens to this process.

        Args:
            file: Where to.
            kept: What it is to hold; its answers go through the scrubber.

        Raises:
            ArchiveUnusable: It cannot be written.
        """
        if self._scrub:
            scrub, entity = self._scrub, kept.facts.get("entity", "")
            answers = [replace(one, body=scrub(entity, one.facts["records"], one.body)) for one in kept.answers]
            kept = replace(kept, answers=answers)
        self._put(file.path, pack(kept))

    def accounts(self) -> list[str]:
        """Lists the accounts.

        Returns:
            Ids of the accounts that it holds answers of.

        Raises:
            ArchiveUnusable: It is not there, or cannot be read.
        """
        return sorted({file.account_id for file in self._listed("")})

    def files(self, account_id: str) -> list[ArchiveFile]:
        """Lists an account's files.

        Args:
            account_id: The account.

        Returns:
            The files, in the order in which their rows came into the destination.

        Raises:
            ArchiveUnusable: It is not there, or cannot be read.
        """
        return sorted(self._listed(account_folder(account_id)), key=lambda file: file.order)

    def read(self, file: ArchiveFile) -> Kept:
        """Reads a file, and makes sure that it is as it was written.

        Args:
            file: The file.

        Returns:
            What it holds.

        Raises:
            ArchiveFileDamaged: It is not what was written.
            ArchiveUnusable: It cannot be read.
        """
        return unpack(self._packed(file), self._full(file.path))

    def read_all(self, files: Iterable[ArchiveFile]) -> Iterator[tuple[ArchiveFile, Kept | ArchiveFileDamaged]]:
        """Reads files one by one, fetching a few ahead, for buckets are far away.

        Args:
            files: The files.

        Yields:
            Each file in turn, and what it holds, or that it is damaged.

        Raises:
            ArchiveUnusable: One cannot be read.
        """
        waiting = iter(files)
        with ThreadPoolExecutor(READ_AHEAD, thread_name_prefix="bookeo-archive") as threads:
            under_way = deque((file, threads.submit(self._packed, file)) for file in islice(waiting, READ_AHEAD))
            while under_way:
                file, packed = under_way.popleft()
                under_way.extend((next_one, threads.submit(self._packed, next_one)) for next_one in islice(waiting, 1))
                try:
                    yield file, unpack(packed.result(), self._full(file.path))
                except ArchiveFileDamaged as damaged:
                    yield file, damaged

    def _packed(self, file: ArchiveFile) -> bytes:
        try:
            packed: bytes = self._files.cat_file(self._full(file.path))
        except Exception as error:
            raise self._unusable("read", error) from None
        return packed

    def rewrite(self, account_id: str, change: Callable[[Kept], Kept | None]) -> Rewritten:
        """Puts every file of an account through a change: for forgetting somebody, or for a stricter privacy.

        Each file is replaced as a whole, under its name. Interrupted, it can be called again. The scrubber is
        not asked.

        Args:
            account_id: The account.
            change: Given what a file holds, says what it is to hold: the very same object to leave the file alone, None
                to delete it.

        Returns:
            What was done.

        Raises:
            ArchiveUnusable: It cannot be read or written.
        """
        changed, damaged = 0, []
        self._remove_unfinished(account_id)
        for file, kept in self.read_all(self.files(account_id)):
            if isinstance(kept, ArchiveFileDamaged):
                damaged.append(self._full(file.path))
                continue
            wanted = change(kept)
            if wanted is kept:
                continue
            changed += 1
            if wanted is None:
                self._remove(file.path)
            else:
                self._put(file.path, pack(wanted))
        return Rewritten(changed, tuple(damaged))

    def _full(self, path: str) -> str:
        return f"{self._root}/{path}" if path else self._root

    def _listed(self, folder: str) -> Iterator[ArchiveFile]:
        try:
            self._files.invalidate_cache()
            if not self._files.exists(self._root):
                raise FileNotFoundError(2, "there is no such place")
            paths: list[str] = self._files.find(self._full(folder))
        except Exception as error:
            raise self._unusable("read", error) from None
        for path in paths:
            file = read_path(path.removeprefix(self._root).lstrip("/"))
            if file is not None:
                yield file

    def _put(self, path: str, packed: bytes) -> None:
        full = self._full(path)
        try:
            if self._is_local:
                _write_private(Path(full), packed)
            else:
                # Buckets show an object when it is whole.
                self._files.pipe_file(full, packed)
        except Exception as error:
            raise self._unusable("written", error) from None

    def _remove(self, path: str) -> None:
        try:
            if self._is_local:
                _refuse_foreign_link(Path(self._full(path)).parent)
            self._files.rm_file(self._full(path))
        except Exception as error:
            raise self._unusable("written", error) from None

    def _remove_unfinished(self, account_id: str) -> None:
        """Removes what a killed process had begun to write: nobody reads it, but personal data may be in it."""
        if self._is_local:
            for path in Path(self._full(account_folder(account_id))).rglob(f".*{_UNFINISHED}"):
                path.unlink(missing_ok=True)

    def _unusable(self, what: str, error: Exception) -> ArchiveUnusable:
        why = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        return ArchiveUnusable(f"The archive {self.place} cannot be {what}: {why}; see the setting archive.")


def _refuse_foreign_link(path: Path, hops: int = 40) -> None:
    """Keep from writing where another user wants it: through a symbolic link that neither this user nor root made."""
    for part in (path, *path.parents) if os.name == "posix" else ():
        if part.is_symlink():
            if not hops or part.lstat().st_uid not in (0, os.geteuid()):
                raise PermissionError(1, f"{part} is a symbolic link that another user has made")
            _refuse_foreign_link(part.parent / part.readlink(), hops - 1)


def _make_private(folder: Path) -> None:
    """Makes a folder and those above it that are missing, for the owner only."""
    for missing in reversed([folder, *folder.parents]):
        if not missing.is_dir():
            missing.mkdir(mode=0o700, exist_ok=True)


def _write_private(path: Path, content: bytes) -> None:
    """Writes a file for the owner only: whole, and kept by the disk, or not at all."""
    _refuse_foreign_link(path.parent)
    _make_private(path.parent)
    unfinished = path.with_name(f".{path.name}{_UNFINISHED}")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    unfinished.replace(path)
