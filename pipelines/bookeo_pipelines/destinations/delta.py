"""Delta tables in a folder or bucket: dlt's filesystem destination, which can only upsert, taught to replace sets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, cast

import duckdb
import pyarrow as pa
import sqlglot
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.destination.exceptions import DestinationUndefinedEntity
from dlt.common.destination.typing import PreparedTableSchema
from dlt.common.schema import Schema
from dlt.common.schema.utils import get_columns_names_with_prop, get_first_column_name_with_prop
from dlt.destinations import filesystem
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials
from dlt.destinations.impl.filesystem.filesystem import DeltaLoadFilesystemJob, FilesystemClient, ReferenceFollowupJob
from dlt.destinations.impl.filesystem.sql_client import FilesystemSqlClient
from sqlglot import exp

from bookeo_pipelines.destinations.duckdb import ArrowCursor


class MergeJob(DeltaLoadFilesystemJob):
    """Merges one table's rows of a load package, in one commit of its Delta table.

    As dlt's delete-insert does elsewhere: the newest version of a row wins, rows of an owner that is met are replaced
    as a set, and rows marked as deleted only delete.
    """

    def run(self) -> None:
        """Merges the rows; done again, it changes nothing more."""
        from dlt.common.libs.deltalake import ensure_delta_compatible_arrow_data, evolve_delta_table_schema

        columns: Any = self._load_table
        keys = get_columns_names_with_prop(columns, "primary_key")
        owner = get_columns_names_with_prop(columns, "merge_key")
        version = get_first_column_name_with_prop(columns, "dedup_sort")
        deleted = get_first_column_name_with_prop(columns, "hard_delete")
        rows = ensure_delta_compatible_arrow_data(self.arrow_dataset.to_table())
        if version is not None:
            rows = _newest(rows, keys, version)
        client: Any = self._job_client
        table = client.open_or_make(self.load_table_name, rows.schema)
        evolve_delta_table_schema(table, rows.schema)
        same = " AND ".join(f"target.{name} = source.{name}" for name in keys)
        merge = table.merge(rows, same, source_alias="source", target_alias="target")
        if deleted is not None:
            merge = merge.when_matched_delete(f"source.{deleted} = true")
        merge = merge.when_matched_update_all().when_not_matched_insert_all(
            f"source.{deleted} IS NULL OR source.{deleted} = false" if deleted is not None else None
        )
        if owner:
            merge = merge.when_not_matched_by_source_delete(_any_of(rows, owner))
        merge.execute()


class DeltaSqlClient(FilesystemSqlClient):
    """Questions to the tables, all through one DuckDB: to start one and load what reads Delta takes half a second."""

    cursor_impl = ArrowCursor

    def should_replace_view(self, view_name: str, table_schema: PreparedTableSchema) -> bool:
        """Says that a table is looked up anew for each question: it may have a new column or, being dlt's, a new file.

        Args:
            view_name: The table.
            table_schema: Its columns.

        Returns:
            Always true.
        """
        return True


class DeltaClient(FilesystemClient):
    """The client; it can also change and add rows outside of load packages."""

    @staticmethod
    def get_reference_followup_job_class(table: PreparedTableSchema) -> type[ReferenceFollowupJob] | None:
        """Names the job that takes a table's files into its Delta table."""
        return MergeJob if table.get("table_format") == "delta" else None

    def open_or_make(self, table: str, schema: pa.Schema) -> Any:
        """Opens a Delta table.

        Args:
            table: Its name.
            schema: Its columns, for when it is not there.

        Returns:
            A `deltalake.DeltaTable`.
        """
        from deltalake import DeltaTable
        from dlt.common.libs.deltalake import deltalake_storage_options

        try:
            return self.load_open_table("delta", table)
        except DestinationUndefinedEntity:
            options = deltalake_storage_options(self.config.credentials, self.config.deltalake_storage_options)
            location = self.get_open_table_location("delta", table)
            return DeltaTable.create(location, schema, mode="ignore", storage_options=options)

    def write(self, sql: str, values: Sequence[Any]) -> None:
        """Changes or deletes rows of one table, in one commit.

        Args:
            sql: An UPDATE or DELETE of one table, with `%s` for each value.
            values: The values.
        """
        statement: Any = sqlglot.parse_one(sql.replace("%s", "?"), dialect="duckdb")
        given = iter(values)
        statement = statement.transform(
            lambda node: _literal(next(given)) if isinstance(node, exp.Placeholder) else node
        )
        table = self.load_open_table("delta", statement.find(exp.Table).name)
        where = statement.args["where"].this.sql()
        if isinstance(statement, exp.Delete):
            table.delete(where)
        else:
            table.update({change.this.name: change.expression.sql() for change in statement.expressions}, None, where)

    def insert(self, table: str, rows: pa.Table) -> None:
        """Adds rows.

        Args:
            table: The table's name.
            rows: The rows, in the table's schema.
        """
        from deltalake import write_deltalake

        write_deltalake(self.open_or_make(table, rows.schema), rows, mode="append", schema_mode="merge")


class delta(filesystem):  # noqa: N801 - dlt finds destinations by such names
    """dlt's filesystem destination with Delta tables only; its settings are those of `destination.filesystem`."""

    @property
    def client_class(self) -> type[FilesystemClient]:
        """The client."""
        return DeltaClient

    @cached_property
    def _reader(self) -> duckdb.DuckDBPyConnection:
        return duckdb.connect()

    def client(self, schema: Schema, initial_config: Any = None) -> Any:
        """Makes a client.

        Args:
            schema: The tables.
            initial_config: What is known of the configuration.

        Returns:
            The client.
        """
        made: Any = super().client(schema, initial_config)
        made.sql_client = DeltaSqlClient(made, made.dataset_name, DuckDbCredentials(self._reader))
        return made

    def _raw_capabilities(self) -> DestinationCapabilitiesContext:
        capabilities: Any = super()._raw_capabilities()
        capabilities.preferred_table_format = "delta"
        capabilities.preferred_loader_file_format = "parquet"
        capabilities.loader_file_format_selector = None
        capabilities.supported_merge_strategies = ["delete-insert"]
        capabilities.merge_strategies_selector = None
        return cast("DestinationCapabilitiesContext", capabilities)


def _newest(rows: pa.Table, keys: Sequence[str], version: str) -> pa.Table:
    """Keeps one row of each key: the newest, of several the last."""
    numbered = rows.append_column("#", pa.array(range(rows.num_rows), pa.int64()))
    ordered = numbered.sort_by([(version, "ascending"), ("#", "ascending")])
    last = ordered.append_column("##", pa.array(range(rows.num_rows), pa.int64()))
    kept = last.group_by(list(keys)).aggregate([("##", "max")])["##_max"]
    return ordered.take(kept).drop_columns(["#"])


def _any_of(rows: pa.Table, owner: Sequence[str]) -> str:
    """Says in SQL: a row of the target belongs to one of the owners met in these rows."""
    *outer, inner = owner
    met: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
    for *values, last in zip(*(rows[name].to_pylist() for name in owner), strict=True):
        met[tuple(values)].append(last)
    said = []
    for leading, members in met.items():
        conditions = [f"target.{name} = {_literal(value).sql()}" for name, value in zip(outer, leading, strict=True)]
        listed = ", ".join(_literal(member).sql() for member in dict.fromkeys(members))
        said.append(" AND ".join([*conditions, f"target.{inner} IN ({listed})"]))
    return " OR ".join(f"({each})" for each in said)


def _literal(value: Any) -> Any:
    """Writes a value as DataFusion, the engine of Delta tables, reads it."""
    if isinstance(value, datetime):
        moment = value.astimezone(UTC).isoformat()
        return exp.func(
            "arrow_cast", exp.Literal.string(moment), exp.Literal.string('Timestamp(Microsecond, Some("UTC"))')
        )
    return exp.convert(value)
