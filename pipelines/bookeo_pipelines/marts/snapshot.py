"""The marts, copied into memory: the file is open for a moment only, and never while somebody loads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bookeo.errors import SettingsError
from bookeo_pipelines.destinations.target import DatabaseBusy, Target, database_errors, default_database
from bookeo_pipelines.marts.build import MARTS_SCHEMA
from bookeo_pipelines.runtime.quoting import identifier, literal
from bookeo_pipelines.warehouse.lock import LoadRunning, reading


class NoMarts(SettingsError):
    """The database holds no marts."""


def copy_marts(database: Path | str | None = None, schema: str = MARTS_SCHEMA, *, wait_seconds: float = 0) -> Any:
    """Copies the marts out of a DuckDB file into memory, where they can be asked for as long as one likes.

    Args:
        database: The file, or a published copy of it; None for `bookeo.duckdb` in the current folder.
        schema: Schema of the marts.
        wait_seconds: How long to wait for a load that is running, in seconds.

    Returns:
        A DuckDB connection to a database in memory that holds the tables of the marts, and nothing else. Its time zone
        is UTC.

    Raises:
        SettingsError: There is no such file, or no marts in it.
        DatabaseBusy: Somebody is loading into it, or building its marts.
    """
    import duckdb

    path = Path(database) if database is not None else default_database()
    if not path.is_file():
        raise SettingsError(f"There is no database {path}; load it first with bookeo load, or name it with --database.")
    where = Target(database=path)
    connection = duckdb.connect()
    try:
        connection.execute("SET TimeZone = 'UTC'")
        with _nobody_loads(where, wait_seconds), database_errors(where):
            connection.execute(f"ATTACH {literal(path)} AS held (READ_ONLY)")
            found = connection.execute(_TABLES, [schema]).fetchall()
            for (table,) in found:
                connection.execute(f"CREATE TABLE {identifier(table)} AS FROM {identifier('held', schema, table)}")
            connection.execute("DETACH held")
        if ("mart_tours_by_day",) not in found:
            raise NoMarts(f"There are no marts in {path}, schema {schema}; make them first with bookeo marts build.")
    except BaseException:
        connection.close()
        raise
    return connection


_TABLES = "SELECT table_name FROM duckdb_tables() WHERE database_name = 'held' AND schema_name = ? ORDER BY ALL"


@contextmanager
def _nobody_loads(where: Target, wait_seconds: float) -> Iterator[None]:
    lock = where.lock
    if lock is None or not lock.exists() or not os.access(lock, os.W_OK):
        yield  # Nobody ever loaded into it: a published copy, for instance.
        return
    try:
        with reading(lock, str(where.database), wait_seconds):
            yield
    except LoadRunning as running:
        raise DatabaseBusy(f"{running.message} A published copy can be read at any time.") from None
