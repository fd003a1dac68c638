"""DuckDB as dlt's destination, with deletions that DuckDB is fast at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dlt.destinations import duckdb as dlt_duckdb
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


class FileClient(DuckDbClient):
    """The client of the tables."""

    def _create_merge_followup_jobs(self, table_chain: Sequence[Any]) -> list[Any]:
        return [SetMergeJob.from_table_chain(table_chain, self.sql_client)]


class duckdb(dlt_duckdb):  # noqa: N801 - dlt finds destinations by such names
    """dlt's DuckDB destination, with the same settings."""

    @property
    def client_class(self) -> type[DuckDbClient]:
        """The client."""
        return FileClient
