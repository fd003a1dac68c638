"""Places that tables are loaded to. Each is read by a DuckDB that knows nothing of dlt or the package under test."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pytest

from postgres_server import PostgresDatabase
from stored import DATASET, Connection, ask
from truth_columns import KEYS, expected_types


@dataclass(frozen=True)
class Place:
    """Somewhere that tables are loaded to.

    Args:
        destination: dlt's name of it.
        environment: Its settings.
        extensions: Extensions of DuckDB that it is read with.
        attach: SQL by which DuckDB gets to see it as the catalog `place`; where it is empty, each table is a folder.
        tables: The folder of the tables, where each is one.
        kept_as: Types that it does not have, and what stands for them.
        database: The file, where it is one.
    """

    destination: str
    environment: Mapping[str, str] = field(default_factory=dict)
    extensions: tuple[str, ...] = ()
    attach: str = ""
    tables: Path | None = None
    kept_as: Mapping[str, str] = field(default_factory=dict)
    database: Path | None = None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Opens it for reading; times come as aware UTC, and what had to be kept as something else as what it is."""
        with duckdb.connect() as connection:
            connection.execute(f"SET TimeZone = 'UTC'; CREATE SCHEMA {DATASET}")
            for name in self.extensions:
                connection.execute(f"LOAD '{extension(name)}'")
            connection.execute(self.attach)
            for table, source in self._sources(connection).items():
                columns = ", ".join(self._columns(table, connection.execute(f"DESCRIBE FROM {source}").fetchall()))
                connection.execute(f"CREATE VIEW {DATASET}.{table} AS SELECT {columns} FROM {source}")
            yield connection

    def _sources(self, connection: Connection) -> dict[str, str]:
        if self.tables is not None:
            found = [log.parent for log in self.tables.glob("*/_delta_log")]
            return {folder.name: f"delta_scan('{folder}')" for folder in found}
        sql = "SELECT table_name FROM duckdb_tables() WHERE database_name = 'place' AND schema_name = ?"
        names = [str(name) for (name,) in ask(connection, sql, DATASET)]
        return {name: f"place.{DATASET}.{name}" for name in names if not name.startswith("_dlt")}

    def _columns(self, table: str, found: list[tuple[str, str]]) -> Iterator[str]:
        declared = expected_types(table) if table in KEYS else {}
        for name, kind, *_ in found:
            wanted = declared.get(name, kind)
            yield f'"{name}"::{wanted} AS "{name}"' if self.kept_as.get(wanted) == kind else f'"{name}"'


def extension(name: str) -> Path:
    """Finds the file of an extension of DuckDB, which DuckDB would otherwise fetch from a server."""
    found = importlib.util.find_spec(f"duckdb_extension_{name}")
    if found is None or found.origin is None:
        pytest.skip(f"there is no package of DuckDB's extension {name} for this version")
    [path] = Path(found.origin).parent.glob("extensions/*/*.duckdb_extension")
    return path


def home_with_extensions(folder: Path) -> dict[str, str]:
    """Makes a home folder in which DuckDB finds its extensions; gives the variables for it."""
    [platform] = duckdb.sql("PRAGMA platform").fetchall()[0]
    place = folder / ".duckdb" / "extensions" / f"v{duckdb.__version__}" / platform
    if not place.exists():
        place.mkdir(parents=True)
        for name in ("ducklake", "postgres_scanner", "delta"):
            (place / f"{name}.duckdb_extension").symlink_to(extension(name))
    return {"HOME": str(folder)}


def file_of_an_account(folder: Path, account: str) -> Place:
    """One DuckDB file for each account; this is one of them."""
    database = folder / f"{account}.duckdb"
    return Place(
        "duckdb",
        attach=f"ATTACH IF NOT EXISTS '{database}' AS place (READ_ONLY)",
        database=folder / "{account}.duckdb",
    )


def in_postgres(database: PostgresDatabase) -> Place:
    """A schema in Postgres."""
    return Place(
        "postgres",
        {"DESTINATION__POSTGRES__CREDENTIALS": database.url},
        ("postgres_scanner",),
        f"ATTACH '{database.url}' AS place (TYPE postgres, READ_ONLY)",
        kept_as={"JSON": "VARCHAR"},
    )


def in_ducklake(database: PostgresDatabase, folder: Path) -> Place:
    """A lake: its catalog in Postgres, its files in a folder."""
    return Place(
        "ducklake",
        {
            **home_with_extensions(folder),
            "DESTINATION__DUCKLAKE__CREDENTIALS__CATALOG": database.url,
            "DESTINATION__DUCKLAKE__CREDENTIALS__STORAGE": str(folder / "lake"),
        },
        ("ducklake", "postgres_scanner"),
        f"ATTACH 'ducklake:postgres:{database.url}' AS place (READ_ONLY, METADATA_SCHEMA 'ducklake')",
    )


def in_delta(folder: Path) -> Place:
    """Delta tables in a folder."""
    return Place(
        "delta",
        {**home_with_extensions(folder), "DESTINATION__FILESYSTEM__BUCKET_URL": str(folder / "delta")},
        ("delta",),
        tables=folder / "delta" / DATASET,
        kept_as={"JSON": "VARCHAR", "TIME": "VARCHAR"},
    )
