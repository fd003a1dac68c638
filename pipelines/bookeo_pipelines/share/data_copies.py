"""The table `data_copies`: where commands have put copies of the data, which an erasure must reach, too."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

from bookeo.schema import DATA_COPIES
from bookeo_pipelines.destinations.target import Target
from bookeo_pipelines.runtime.quoting import identifier
from bookeo_pipelines.warehouse.client import Warehouse
from bookeo_pipelines.warehouse.lock import LoadRunning, reading

CopyKind = Literal["archive", "publish", "export"]
"""Answers as they came; a DuckDB file for readers; files of tables."""


@dataclass(frozen=True, order=True)
class DataCopy:
    """A copy of the data outside of the database.

    Args:
        kind: What it is.
        place: Absolute path or URL.
    """

    kind: str
    place: str

    @property
    def exists(self) -> bool:
        """Whether it is there; what lies on another machine is taken to be."""
        return "://" in self.place or Path(self.place).exists()


def data_copy(kind: CopyKind, place: str | Path) -> DataCopy:
    """Name a copy as it is noted.

    Args:
        kind: What it is.
        place: Path or URL as it was given.

    Returns:
        The copy, its path absolute, its URL without user and password.
    """
    text = str(place)
    if "://" not in text:
        return DataCopy(kind, str(Path(text).expanduser().resolve()))
    parts = urlsplit(text)
    return DataCopy(kind, urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="")))


def note_archive(warehouse: Warehouse, place: str) -> None:
    """Note the archive of a load or a replay, once.

    Args:
        warehouse: The account's tables.
        place: The setting or option `archive`.
    """
    copy = data_copy("archive", place)
    if warehouse.has(DATA_COPIES.name):
        sql = "SELECT count(*) FROM {data_copies} WHERE account_id = %s AND kind = %s AND place = %s"
        if warehouse.rows(sql, warehouse.account_id, copy.kind, copy.place) != [(0,)]:
            return
    warehouse.insert(DATA_COPIES, {"account_id": warehouse.account_id, **_row(copy)})


def note_copy_of_file(target: Target, kind: CopyKind, place: str | Path) -> bool:
    """Note a copy of a whole DuckDB file.

    Args:
        target: The DuckDB file that was copied, and the dataset in it. Nobody loads into it meanwhile.
        kind: What was made.
        place: Where.

    Returns:
        Whether it could be noted; not while another program has the file open.
    """
    import duckdb

    copy = data_copy(kind, place)
    table = identifier(target.dataset, DATA_COPIES.name)
    with suppress(duckdb.IOException), duckdb.connect(str(target.database)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        schemas = "SELECT count(*) FROM duckdb_schemas() WHERE schema_name = ? AND NOT internal"
        if connection.execute(schemas, [target.dataset]).fetchall() == [(0,)]:
            return True  # Nothing of ours is in it.
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS {table} "
            "(account_id VARCHAR, kind VARCHAR, place VARCHAR, written_at TIMESTAMP WITH TIME ZONE)"
        )
        row = {"account_id": "", **_row(copy)}
        connection.execute(
            f"DELETE FROM {table} WHERE account_id = '' AND kind = $kind AND place = $place",
            {name: row[name] for name in ("kind", "place")},
        )
        marks = ", ".join(f"${name}" for name in row)
        connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", row)
        return True
    return False


def note_export(target: Target, folder: Path) -> bool:
    """Note a folder of exported files, unless a load or another program has the DuckDB file open.

    Args:
        target: The DuckDB file.
        folder: Where the files are.

    Returns:
        Whether it could be noted.
    """
    assert target.lock is not None
    try:
        with reading(target.lock, target.description):
            return note_copy_of_file(target, "export", folder)
    except LoadRunning:
        return False


def noted_copies(rows: Callable[..., Sequence[Any]], account_id: str) -> list[DataCopy]:
    """Read which copies there are of an account's data.

    Args:
        rows: Runs a SELECT, as `Reading.rows`.
        account_id: The account.

    Returns:
        Copies of the account or of all accounts, those that are gone left out, in order.
    """
    found = rows("SELECT kind, place FROM {data_copies} WHERE account_id IN (%s, '')", account_id)
    return sorted({copy for row in found if (copy := DataCopy(*row)).exists})


def _row(copy: DataCopy) -> dict[str, Any]:
    return {"kind": copy.kind, "place": copy.place, "written_at": datetime.fromtimestamp(int(time.time()), UTC)}
