"""Whether a file that a load writes to is still the one at its path."""

from __future__ import annotations

from pathlib import Path

from bookeo.errors import RetriableError


class DatabaseReplaced(RetriableError):
    """The database was deleted or replaced while a load wrote to it; what was written went with it."""


class SameFile:
    """A file that must stay the same from the first look at it on.

    Args:
        path: The file; None: there is nothing to look at.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._seen = self._identity()

    def check(self) -> None:
        """Make sure that the file that was written to is the file at its path.

        Raises:
            DatabaseReplaced: It is not there any more, or it is another one.
        """
        if self._path is None:
            return
        now = self._identity()
        if now is None or self._seen not in (None, now):
            raise DatabaseReplaced(
                f"The database {self._path} was deleted or replaced while the load wrote to it, so that what was "
                "loaded is not in it; run the same command again."
            )
        self._seen = now

    def _identity(self) -> tuple[int, int] | None:
        if self._path is None:
            return None
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino
