"""Which versions of DuckDB can open the files that are made here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bookeo.errors import SettingsError
from bookeo_pipelines.runtime.atomic_file import placed
from bookeo_pipelines.runtime.quoting import literal

SETTING = "storage_version"
SECTION = "destination.duckdb"
OLDEST = "v1.0.0"
"""What new files are made for unless the setting says otherwise: every DuckDB from 1.0 on opens them."""


def new_file_version() -> str:
    """Return the version of DuckDB that new files are made for.

    Returns:
        The setting `storage_version` of `[destination.duckdb]`, such as `v2.0.0`; `v1.0.0` where there is none.

    Raises:
        SettingsError: The installed DuckDB does not know that version.
    """
    import dlt
    import duckdb

    version = str(dlt.config.get(f"{SECTION}.{SETTING}") or OLDEST)
    try:
        duckdb.connect(config={"storage_compatibility_version": version}).close()
    except duckdb.Error:
        raise SettingsError(
            f"The setting {SETTING} of [{SECTION}] is {version!r}, which DuckDB {duckdb.__version__} does not know; it "
            "takes the version of DuckDB that is to open new files, such as v1.0.0, or latest."
        ) from None
    return version


def version_of(connection: Any, database: str) -> str:
    """Return the version of DuckDB that an attached file was made for, so that a copy of it is made for the same.

    Args:
        connection: A DuckDB connection.
        database: The name that the file is attached as.

    Returns:
        The version, such as `v1.0.0`.
    """
    found = connection.execute(
        f"SELECT tags['storage_version'] FROM duckdb_databases() WHERE database_name = {literal(database)}"
    ).fetchone()
    # With a plus: that version and those after it.
    return str(found[0] or OLDEST).rstrip("+")


def connect_new(database: Path) -> Any:
    """Open a DuckDB file for writing; where it is not there yet, make it, for its owner and the right versions only.

    Args:
        database: The file.

    Returns:
        The connection.

    Raises:
        SettingsError: The installed DuckDB does not know the version that the setting names.
    """
    import duckdb

    if not database.exists():
        version = new_file_version()
        # DuckDB would make it for everybody to read, and does not take a file that is there and empty.
        with placed(database) as made:
            duckdb.connect(str(made), config={"storage_compatibility_version": version}).close()
    # Whoever else has it open in this process did not ask for a version, and DuckDB wants the same of all.
    return duckdb.connect(str(database))
