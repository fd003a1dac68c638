"""Where the tables go: a DuckDB file by default, or any destination that dlt is configured for."""

from __future__ import annotations

import glob
import hashlib
import os
import re
import shlex
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bookeo.errors import RetriableError, SettingsError
from bookeo.settings.model import check_account_name
from bookeo_pipelines.destinations.registry import check_destination, kind_of, make_destination, place_of
from bookeo_pipelines.destinations.storage_version import connect_new
from bookeo_pipelines.runtime.trusted_places import foreign_link

DEFAULT_DATASET = "bookeo_data"
"""Not `bookeo`: DuckDB calls the catalog of bookeo.duckdb so, and then finds every `bookeo.bookings` ambiguous."""
ACCOUNT = "{account}"
"""Stands for the account's name in the name of a DuckDB file."""


class DatabaseBusy(RetriableError):
    """Another program has the database open."""


class DatabaseUnusable(SettingsError):
    """The database cannot be opened for writing."""


@dataclass(frozen=True)
class Target:
    """A destination and the dataset in it.

    Args:
        destination: dlt's name of the destination, e.g. `duckdb` or `postgres`.
        dataset: The dataset (schema) that holds the tables.
        database: The DuckDB file; None for other destinations. `{account}` in it stands for an account's name: one
            file for each.
        place: Which server or folder it is, where it is no file; without passwords.
    """

    destination: str = "duckdb"
    dataset: str = DEFAULT_DATASET
    database: Path | None = None
    place: str = ""

    @property
    def description(self) -> str:
        """Where the data is, for people."""
        if self.database is not None:
            return f"{self.database}, schema {self.dataset}"
        return f"{self.destination}, dataset {self.dataset}"

    @property
    def example(self) -> str:
        """A command to look at the data with."""
        if self.database is None:
            options = "" if self.dataset == DEFAULT_DATASET else f" --dataset {self.dataset}"
            return f"bookeo status --destination {self.destination}{options}"
        query = f"SELECT start_date_local, count(*) FROM {self.dataset}.bookings GROUP BY 1 ORDER BY 1 DESC LIMIT 7"
        options = "" if self.is_default else f" --database {shlex.quote(str(self.database))}"
        return f'bookeo query "{query}"{options}'

    @property
    def side_by_side(self) -> bool:
        """Whether several accounts may load into it at the same moment; else they take turns."""
        return self.database is None and kind_of(self.destination).side_by_side

    @property
    def is_default(self) -> bool:
        """Whether it is the DuckDB file that is used where none is named."""
        return self.database is not None and self.database.resolve() == default_database().resolve()

    @property
    def lock(self) -> Path | None:
        """The file by which loads into a DuckDB file keep each other out; None for other destinations."""
        return self.database.with_name(f".{self.database.name}.lock") if self.database is not None else None

    @property
    def working_folder(self) -> str:
        """Name for the folder of packages that are under way; another target never finds them."""
        what = str(self.database.resolve()) if self.database is not None else self.place or self.destination
        return hashlib.sha256(f"{self.destination}\n{what}\n{self.dataset}".encode()).hexdigest()[:12]

    def of_account(self, account: str | None) -> Target:
        """Gives the target of one account.

        Args:
            account: Its name in the settings, if it has one.

        Returns:
            This target, or the account's own file where each has one.

        Raises:
            SettingsError: There is one file for each account, and this one has no name.
        """
        if self.database is None or ACCOUNT not in self.database.name:
            return self
        if account is None:
            raise SettingsError(
                f"The database {self.database} is one for each account, but no account is named; they have their names "
                "in [[sources.bookeo.accounts]]."
            )
        check_account_name(account)
        return target(
            self.destination, self.dataset, self.database.with_name(self.database.name.replace(ACCOUNT, account))
        )

    def files(self) -> list[Target]:
        """Lists the targets that are there, where each account has a file of its own.

        Returns:
            One for each file; else this target alone.
        """
        if self.database is None or ACCOUNT not in self.database.name:
            return [self]
        pattern = glob.escape(self.database.name).replace(ACCOUNT, "*")
        return [replace(self, database=found) for found in sorted(self.database.parent.glob(pattern))]

    def dlt_destination(self, pipeline_name: str = "") -> Any:
        """Makes dlt's destination.

        Args:
            pipeline_name: The pipeline that loads into it. Each has a staging dataset of its own: two that share one
                get into each other's way.

        Returns:
            Something for the `destination` argument of `dlt.pipeline`.
        """
        from bookeo_pipelines.destinations.dlt_compat import resolved_once

        if self.database is None:
            return resolved_once(make_destination(self.destination, _staging_dataset(pipeline_name)))
        from bookeo_pipelines.destinations.duckdb import duckdb

        return resolved_once(duckdb(self.database))


def _staging_dataset(pipeline_name: str) -> str:
    name = pipeline_name.removeprefix("bookeo")
    plain = re.sub("[^a-z0-9]+", "_", name.lower())
    # Names that differ in what dlt writes alike must not meet in one dataset.
    return f"%s_staging{plain}" + ("" if plain == name else "_" + hashlib.sha256(name.encode()).hexdigest()[:8])


def default_database() -> Path:
    """The DuckDB file that is used where none is named: `bookeo.duckdb` in the current folder."""
    return Path("bookeo.duckdb")


def target(destination: str, dataset: str, database: Path | None) -> Target:
    """Checks and makes a target.

    Args:
        destination: dlt's name of the destination.
        dataset: The dataset's name.
        database: The DuckDB file, where one was named.

    Returns:
        The target.

    Raises:
        SettingsError: A name is unknown or unusable, or a file was named for a destination that has none.
    """
    from dlt.common.normalizers.naming.snake_case import NamingConvention

    if not dataset or NamingConvention().normalize_identifier(dataset) != dataset:
        raise SettingsError(f"The dataset name {dataset!r} must be made of lower-case letters, digits and underscores.")
    if destination == "duckdb":
        if (database or default_database()).stem == dataset:
            raise SettingsError(
                f"A dataset called like its DuckDB file ({dataset}) makes every query ambiguous to DuckDB; "
                f"give another --dataset, such as {DEFAULT_DATASET}."
            )
        return Target(destination, dataset, database or default_database())
    if database is not None:
        raise SettingsError(f"--database names a DuckDB file; it does not go with --destination {destination}.")
    check_destination(destination)
    return Target(destination, dataset, place=place_of(destination, dataset))


def check_place(where: Target) -> None:
    """Looks whether a DuckDB file can be where it is named, touching nothing.

    Args:
        where: The target; nothing is checked for other destinations.

    Raises:
        DatabaseUnusable: The file's folder is not there, the file is a folder, or it may not be written.
    """
    path = where.database
    if path is None:
        return
    if "?" in str(path.absolute()):
        raise DatabaseUnusable(
            f"The database {path.absolute()} has a ? in its path, which DuckDB cannot open; rename it."
        )
    if not path.parent.is_dir():
        raise DatabaseUnusable(
            f"The folder {path.parent} for the database {path.name} does not exist; make it or name another."
        )
    if path.is_dir():
        raise DatabaseUnusable(f"The database {path} is a folder; name a file.")
    link = foreign_link(path)
    if link is not None:
        raise DatabaseUnusable(f"The database {path} is reached by {link}, a symbolic link that another user has made.")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise DatabaseUnusable(
            f"The database {path} cannot be written; check its owner and permissions or name another."
        )


def check_writable(where: Target) -> None:
    """Opens a DuckDB file for writing and closes it.

    Args:
        where: The target; nothing is checked for other destinations.

    Raises:
        DatabaseBusy: Another program has the file open.
        DatabaseUnusable: The file cannot be made, written or read as a DuckDB database.
    """
    with database_for_writing(where):
        pass


@contextmanager
def database_for_writing(where: Target) -> Iterator[None]:
    """Opens a DuckDB file for writing and closes it, so that what is wrong with it is said before anything is asked.

    Args:
        where: The target; nothing happens for other destinations.

    Yields:
        Nothing. If the block leaves a new file without a single table, the file is removed.

    Raises:
        DatabaseBusy: Another program has the file open.
        DatabaseUnusable: The file cannot be made, written or read as a DuckDB database.
    """
    path = where.database
    if path is None:
        yield
        return
    check_place(where)
    new = not path.exists()
    try:
        _has_tables(where)
        yield
    finally:
        if new and path.exists() and not _has_tables(where):
            path.unlink()


def kept_open(where: Target) -> AbstractContextManager[None]:
    """Keeps a DuckDB file open while several questions are asked of it.

    Args:
        where: The target; nothing happens for other destinations.

    Returns:
        For a `with` block in which one package is loaded at the most.
    """
    if where.database is None:
        return nullcontext()
    from bookeo_pipelines.destinations.duckdb import kept_open

    return kept_open(where.database)


def _has_tables(where: Target) -> bool:
    assert where.database is not None
    with database_errors(where), connect_new(where.database) as connection:
        return bool(connection.execute("SELECT count(*) FROM duckdb_tables()").fetchone() != (0,))


@contextmanager
def database_errors(where: Target) -> Iterator[None]:
    """Turns DuckDB's own errors about the file into sentences.

    Args:
        where: The target.

    Raises:
        DatabaseBusy: Another program has the file open.
        DatabaseUnusable: The file cannot be opened.
    """
    import duckdb

    try:
        yield
    except (duckdb.Error, OSError) as error:
        raise translate(error, where) from None


def translate(error: BaseException, where: Target) -> DatabaseBusy | DatabaseUnusable:
    """Says in a sentence what DuckDB says of its file.

    Args:
        error: DuckDB's error.
        where: The target.

    Returns:
        The error to raise instead.
    """
    text = str(error)
    if "Could not set lock" in text or "Conflicting lock" in text or "different configuration" in text:
        return DatabaseBusy(
            f"Another program has {where.database} open (DuckDB lets nobody else in while one writes); close it or "
            "wait, then run the same command again."
        )
    if "newer version of DuckDB" in text:
        return DatabaseUnusable(
            f"{where.database} was made by a newer version of DuckDB than the one that is installed; pip install "
            "--upgrade duckdb, or name another file with --database."
        )
    if "not a valid DuckDB" in text or "not a database" in text or "serialized" in text or "storage version" in text:
        return DatabaseUnusable(
            f"{where.database} is not a DuckDB file that this version can open; name another with --database."
        )
    if isinstance(error, OSError) or "No space" in text or "Permission" in text or "Cannot open" in text:
        return DatabaseUnusable(f"The database {where.database} cannot be opened or written: {text.splitlines()[0]}")
    return DatabaseUnusable(
        f"DuckDB cannot open {where.database} ({type(error).__name__}); try another file with --database."
    )
