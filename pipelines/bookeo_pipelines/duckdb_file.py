"""DuckDB as dlt's destination, with deletions that DuckDB is fast at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dlt.common.configuration import configspec
from dlt.destinations import duckdb as dlt_duckdb
from dlt.destinations.impl.duckdb.configuration import DuckDbClientConfiguration, DuckDbCredentials
from dlt.destinations.impl.duckdb.duck import DuckDbClient
from dlt.destinations.sql_jobs import SqlMergeFollowupJob


class SetMergeJob(SqlMergeFollowupJob):
    """The statements that put staged rows in the place of older ones."""

    @classmethod
    def _gen_key_table_clauses(cls, primary_keys: Sequence[str], merge_keys: Sequence[str]) -> list[str]:
        # What has the same primary key has the same merge key, where that is a part of it. dlt asks for either, and an
        # OR takes DuckDB ten times as long, for the size of the table at that, not of what has changed.
        of_sets = bool(merge_keys) and set(merge_keys) <= set(primary_keys)
        return super()._gen_key_table_clauses(() if of_sets else primary_keys, merge_keys)


@configspec(init=False)
class FileConfiguration(DuckDbClientConfiguration):
    """The settings; for people they are the file's path, without importing SQLAlchemy to make an address of it."""

    def __str__(self) -> str:
        return str(self.credentials.database)


class FileClient(DuckDbClient):
    """The client of the tables."""

    def _create_merge_followup_jobs(self, table_chain: Sequence[Any]) -> list[Any]:
        return [SetMergeJob.from_table_chain(table_chain, self.sql_client)]


class duckdb(dlt_duckdb):  # noqa: N801 - dlt finds destinations by such names
    """dlt's DuckDB destination, with the same settings, for one file.

    Args:
        database: The file.
    """

    spec = FileConfiguration

    def __init__(self, database: Path) -> None:
        credentials = DuckDbCredentials()
        # Given as text, dlt would first try to read it as an address, and import SQLAlchemy for that, too.
        credentials.database = str(database)
        super().__init__(credentials)

    @property
    def client_class(self) -> type[DuckDbClient]:
        """The client."""
        return FileClient
