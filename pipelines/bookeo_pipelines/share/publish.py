"""A copy of the DuckDB file for readers: put in place atomically, so that reading never waits and never sees a half."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bookeo.errors import BookeoError, FatalError, SettingsError
from bookeo.settings.model import keyless_settings
from bookeo_pipelines.destinations.storage_version import version_of
from bookeo_pipelines.destinations.target import ACCOUNT, Target, database_errors
from bookeo_pipelines.runtime.atomic_file import placed, refuse_foreign_link
from bookeo_pipelines.runtime.quoting import identifier, literal
from bookeo_pipelines.share.data_copies import note_copy_of_file
from bookeo_pipelines.warehouse.access import require_database
from bookeo_pipelines.warehouse.lock import one_at_a_time

STAGING = "_staging"
"""How dlt names the schema in which it prepares merges; what is in it is of no use to readers."""
MARK = "published"
"""Table of the schema `main` by which a published copy is known: nothing else is ever overwritten."""


class PublishFailed(FatalError):
    """The copy could not be put in place; the database itself is untouched."""


@dataclass
class Publication:
    """The copy that a load is to make when it is done.

    Args:
        target: What to copy.
        place: Where the copy goes; None for no copy.
    """

    target: Target
    place: Path | None

    def __post_init__(self) -> None:
        self.failure: BookeoError | None = None
        if self.place is not None:
            check_publishable(self.target, self.place)

    def make(self) -> None:
        """Makes the copy. What goes wrong is kept in `failure`: the load is done all the same."""
        if self.place is None:
            return
        try:
            publish(self.target, self.place)
        except BookeoError as error:
            self.failure = error


def configured_place(target: Target) -> Path | None:
    """Says where the settings want the copy of a database: they speak of the default one only.

    Args:
        target: What is loaded.

    Returns:
        The copy's place, or None.
    """
    place = keyless_settings().publish if target.is_default else None
    return Path(place) if place else None


def publish_now(target: Target, place: Path, wait_seconds: float = 0) -> bool:
    """Publishes while nobody loads.

    Args:
        target: What to copy.
        place: The copy's place.
        wait_seconds: How long to wait for a load that is running.

    Returns:
        Whether the place could be noted for `bookeo forget`.

    Raises:
        LoadRunning: A load is still running.
        BookeoError: As `publish`; also where there is no such database.
    """
    check_publishable(target, place)
    require_database(target)
    assert target.lock is not None
    with one_at_a_time(target.lock, target.description, wait_seconds):
        return publish(target, place)


def check_publishable(target: Target, place: Path) -> None:
    """Makes sure that a copy makes sense, before anything is loaded.

    Args:
        target: What is to be copied.
        place: Where the copy is to go.

    Raises:
        SettingsError: The destination is no DuckDB file or is several, or the place is the database itself.
    """
    if target.database is None:
        raise SettingsError(f"A copy is published of a DuckDB file only, not of {target.destination}; leave it out.")
    if ACCOUNT in target.database.name:
        raise SettingsError(
            f"A copy is published of one DuckDB file, and {target.database} is one for each account: publish them one "
            "by one with `bookeo publish`."
        )
    if place.resolve() == target.database.resolve():
        raise SettingsError(
            f"The copy cannot be published at {place}, which is the database itself; name another file."
        )
    refuse_foreign_link(place)


def publish(target: Target, place: Path) -> bool:
    """Puts a compact, consistent copy of a DuckDB file in place, with its views and descriptions.

    Whoever calls it makes sure that nobody writes to the file meanwhile.

    Args:
        target: What to copy.
        place: The copy's place.

    Returns:
        Whether the place could be noted for `bookeo forget`; not while others have the file open.

    Raises:
        DatabaseBusy: Another program has the database open for writing.
        PublishFailed: The copy cannot be made or put there; what was there before stays.
    """
    import duckdb

    check_publishable(target, place)
    if not place.resolve().parent.is_dir():
        raise PublishFailed(
            f"The copy {place} cannot be put in place: its folder is not there. Make it, then run bookeo publish."
        )
    _check_replaceable(place)
    is_noted = note_copy_of_file(target, "publish", place)
    try:
        with placed(place) as made:
            _copy(target, made)
    except (duckdb.Error, OSError) as error:
        raise PublishFailed(
            f"The copy {place} cannot be put in place: {_reason(error)}. What was there before stays; mend it, then "
            "run bookeo publish."
        ) from None
    return is_noted


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return "no room on the disk" if "No space" in str(error) else f"DuckDB says {str(error).splitlines()[0]}"


def _check_replaceable(place: Path) -> None:
    """Makes sure that what is there is an earlier copy, and not something that somebody else needs."""
    import duckdb

    if not place.exists():
        return
    known = False
    if place.is_file():
        with suppress(duckdb.Error), duckdb.connect() as connection:
            connection.execute(f"ATTACH {literal(place)} AS there (READ_ONLY)")
            known = (MARK,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    if not known:
        raise PublishFailed(
            f"{place} is there already and is no published copy; name another file, or remove this one, then run "
            "bookeo publish."
        )


def _copy(target: Target, made: Path) -> None:
    import duckdb

    with duckdb.connect() as connection:
        with database_errors(target):
            connection.execute(f"ATTACH {literal(target.database)} AS loaded (READ_ONLY)")
        version = version_of(connection, "loaded")
        connection.execute(f"ATTACH {literal(made)} AS copied (STORAGE_VERSION {literal(version)})")
        connection.execute("COPY FROM DATABASE loaded TO copied (SCHEMA)")
        connection.execute("USE copied")
        for (schema,) in connection.execute(_MERGE_SCHEMAS, [f"%{STAGING}"]).fetchall():
            connection.execute(f"DROP SCHEMA {identifier(schema)} CASCADE")
        for place in connection.execute(_COPIED_TABLES).fetchall():
            table = identifier(*place)
            connection.execute(f"INSERT INTO {table} SELECT * FROM loaded.{table}")
        _free_views(connection, target)
        connection.execute(f"CREATE OR REPLACE TABLE main.{MARK} AS SELECT now() AS {MARK}_at")
        connection.execute(f"COMMENT ON TABLE main.{MARK} IS 'When this copy was made.'")
        # Closing would write, too, but say nothing of what goes wrong.
        connection.execute("USE memory")
        connection.execute("CHECKPOINT copied")


_COPIED_TABLES = "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'copied'"
_MERGE_SCHEMAS = """
    SELECT schema_name FROM duckdb_tables()
    WHERE database_name = 'copied' AND schema_name LIKE ? AND table_name = '_dlt_version'"""
_COPIED_VIEWS = """
    SELECT schema_name, view_name, sql, comment FROM duckdb_views() WHERE database_name = 'copied' AND NOT internal"""
_COMMENTS = """
    SELECT column_name, comment FROM duckdb_columns()
    WHERE database_name = 'copied' AND schema_name = ? AND table_name = ? AND comment IS NOT NULL"""


def _free_views(connection: Any, target: Target) -> None:
    """Takes the database's name out of the views, which dbt writes into them: the copy's name is another one."""
    import duckdb

    assert target.database is not None
    schemas = {schema for schema, *_ in connection.execute("SELECT schema_name FROM duckdb_schemas()").fetchall()}
    named = re.compile(
        rf'(?<![\w".])("?){re.escape(target.database.stem)}\1\.(?="?(?:{"|".join(map(re.escape, schemas))})"?\.)'
    )
    waiting = [view for view in connection.execute(_COPIED_VIEWS).fetchall() if named.search(view[2])]
    while waiting:
        left = []
        for schema, view, sql, comment in waiting:
            name = identifier(schema, view)
            comments = connection.execute(_COMMENTS, [schema, view]).fetchall()
            try:
                connection.execute(named.sub("", sql).replace("CREATE VIEW", "CREATE OR REPLACE VIEW", 1))
            except duckdb.Error:
                left.append((schema, view, sql, comment))  # It looks at another view whose turn comes later.
                continue
            if comment is not None:
                connection.execute(f"COMMENT ON VIEW {name} IS {literal(comment)}")
            for column, text in comments:
                connection.execute(f"COMMENT ON COLUMN {name}.{identifier(column)} IS {literal(text)}")
        if len(left) == len(waiting):
            return  # They look at something outside of this file, which no copy can hold.
        waiting = left
