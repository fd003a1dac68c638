"""A DuckDB file written anew, so that nothing is left in it of rows that were changed or deleted."""

from __future__ import annotations

from bookeo_pipelines.destinations.storage_version import version_of
from bookeo_pipelines.destinations.target import Target, database_errors
from bookeo_pipelines.runtime.atomic_file import placed
from bookeo_pipelines.runtime.quoting import literal


def compact(target: Target) -> None:
    """Writes a DuckDB file anew and puts it into the place of the old one, with its permissions.

    DuckDB keeps deleted values in blocks of the file that are free until it needs them; a new file has no such blocks.
    Views, descriptions, indexes and constraints come along. Whoever calls it makes sure that nobody has the file open.

    Args:
        target: The DuckDB file; for other destinations nothing is done.

    Raises:
        DatabaseBusy: Another program has it open.
        DatabaseUnusable: There is no room for a second file, or it cannot be written; the old one stays.
    """
    import duckdb

    if target.database is None:
        return
    with database_errors(target):
        with duckdb.connect(str(target.database)) as connection:
            # What is still in the write-ahead log goes into the file, and the log away.
            connection.execute("CHECKPOINT")
        with placed(target.database) as made, duckdb.connect() as connection:
            connection.execute(f"ATTACH {literal(target.database)} AS old (READ_ONLY)")
            version = version_of(connection, "old")
            connection.execute(f"ATTACH {literal(made)} AS new (STORAGE_VERSION {literal(version)})")
            connection.execute("COPY FROM DATABASE old TO new")
            connection.execute("CHECKPOINT new")
