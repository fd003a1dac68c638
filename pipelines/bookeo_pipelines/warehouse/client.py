"""Questions to the destination: what it holds. And the few changes that no load package can carry."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from dlt.common.destination.exceptions import DestinationException, SchemaUpdateError

from bookeo.schema import TABLES, Table, arrow_schema
from bookeo_pipelines.destinations.delta import DeltaClient, DeltaSqlClient
from bookeo_pipelines.destinations.dlt_compat import is_duckdb
from bookeo_pipelines.runtime.quoting import literal
from bookeo_pipelines.warehouse.comments import describe_tables
from bookeo_pipelines.warehouse.load_packages import declare, making_tables

KEYS_AT_ONCE = 500
"""Keys in one IN list."""


class Warehouse:
    """The destination's tables of one account.

    Args:
        pipeline: The pipeline, in step with its destination.
        account_id: The account.
        access: Held while the destination is asked; several accounts of one process take turns.
    """

    def __init__(self, pipeline: Any, account_id: str, access: AbstractContextManager[Any] | None = None) -> None:
        self._access = access or nullcontext()
        self._pipeline = pipeline
        self._columns: Mapping[str, Collection[str]] | None = None
        self._sql_client: Any = None
        self.account_id = account_id

    @property
    def tables(self) -> frozenset[str]:
        """Names of our tables that exist."""
        # No cached_property: in Python 3.11 its lock is one for all instances, and ours would be taken inside it.
        return frozenset(self._known_columns())

    def _known_columns(self) -> Mapping[str, Collection[str]]:
        if self._columns is None:
            self._columns = self._find_columns()
        return self._columns

    def _find_columns(self) -> Mapping[str, Collection[str]]:
        if self._pipeline.default_schema_name is None:
            return {}
        with self._access, self._pipeline.destination_client() as client:
            if not client.is_storage_initialized():
                return {}
            return {name: columns.keys() for name, columns in client.get_storage_tables(TABLES) if columns}

    def look_again(self) -> None:
        """Forgets which tables there are, after some were made."""
        self._columns = None

    def has(self, table: str) -> bool:
        """Tells whether a table exists.

        Args:
            table: Its name.

        Returns:
            Whether it does.
        """
        return table in self.tables

    def has_column(self, table: str, column: str) -> bool:
        """Tells whether a table has a column, which an older version need not have made.

        Args:
            table: Its name.
            column: The column's.

        Returns:
            Whether there are both.
        """
        return column in self._known_columns().get(table, ())

    def rows(self, sql: str, *values: Any) -> list[Any]:
        """Asks a question.

        Args:
            sql: The question; `{bookings}` stands for the table of that name, `%s` for a value.
            *values: The values.

        Returns:
            The rows, as tuples; times are in UTC, whatever the time zone of the destination.
        """
        with self._access, self._client() as client:
            return [tuple(map(in_utc, row)) for row in client.execute_sql(_filled(client, sql), *values) or ()]

    def _client(self) -> Any:
        # dlt reads its schema anew to make one.
        if self._sql_client is None:
            self._sql_client = self._pipeline.sql_client()
        return self._sql_client

    def among(self, keys: Sequence[str]) -> Iterator[tuple[str, Sequence[Any]]]:
        """Writes what stands behind IN where there are many keys.

        Args:
            keys: Ids or numbers.

        Yields:
            SQL for brackets, and the values of its marks: all keys at once for DuckDB, which looks through a whole
            table each time; some hundred for others.
        """
        with self._access:
            client = self._client()
        # Delta's reads the SQL before DuckDB does, and does not know marks with a type.
        at_once = is_duckdb(client) and not isinstance(client, DeltaSqlClient)
        if at_once and keys:
            # One text: for every single value DuckDB looks for pandas, in vain where it is kept out.
            yield """SELECT unnest(from_json(%s, '["VARCHAR"]'))""", [json.dumps(list(keys))]
            return
        for first in range(0, len(keys), KEYS_AT_ONCE):
            group = keys[first : first + KEYS_AT_ONCE]
            yield ", ".join(["%s"] * len(group)), group

    def write(self, statements: Sequence[tuple[str, Sequence[Any]]]) -> None:
        """Changes or deletes rows; all statements or none, where the destination has transactions.

        Args:
            statements: Each an UPDATE or DELETE of one table, written as in `rows`, and its values.
        """
        with self._access, self._pipeline.destination_client() as client:
            if isinstance(client, DeltaClient):
                for sql, values in statements:
                    client.write(_filled(client.sql_client, sql), values)
                return
            with client.sql_client.begin_transaction():
                for sql, values in statements:
                    client.sql_client.execute_sql(_filled(client.sql_client, sql), *values)

    def insert(self, table: Table, row: Mapping[str, Any]) -> None:
        """Adds one row, at once: a load package for a single row would cost a second.

        Args:
            table: The table; it is made where it is not there.
            row: Its values, by the names of its columns.
        """
        with self._access:
            # What dlt knows of it takes longer to find out.
            if not {column.name for column in table.columns}.issubset(self._known_columns().get(table.name, ())):
                self._make(table)
                self.look_again()
            if isinstance(self._client(), DeltaSqlClient):
                with self._pipeline.destination_client() as client:
                    client.insert(table.name, pa.Table.from_pylist([dict(row)], schema=arrow_schema(table)))
                return
            with self._client() as client:
                qualified = client.make_qualified_table_name(table.name)
                marks = ", ".join(["%s"] * len(row))
                client.execute_sql(f"INSERT INTO {qualified} ({', '.join(row)}) VALUES ({marks})", *row.values())

    def require_column(self, table: Table, column: str) -> None:
        """Make sure that a table has a column, which an older version need not have made.

        Args:
            table: The table.
            column: The column's name.
        """
        if self.has_column(table.name, column):
            return
        with self._access:
            self._make(table)
        self.look_again()

    def make(self, tables: Iterable[Table]) -> None:
        """Make the tables that are not there, empty and with their descriptions.

        Args:
            tables: The tables.
        """
        missing = [table for table in tables if table.name not in self.tables]
        if missing and self._pipeline.default_schema_name is not None:
            with self._access:
                self._make(*missing)
            self.look_again()

    def make_again(self, tables: Iterable[Table]) -> None:
        """Make tables that dlt believes to be there.

        Args:
            tables: The tables.
        """
        with self._access, self._pipeline.destination_client() as client:
            schema = self._pipeline.default_schema
            versions = client.sql_client.make_qualified_table_name(schema.version_table_name)
            # dlt makes nothing where it finds the version of the schema noted.
            client.sql_client.execute_sql(f"DELETE FROM {versions} WHERE version_hash = %s", schema.stored_version_hash)
        self.make(tables)

    def _make(self, *tables: Table) -> None:
        schema, names = self._pipeline.default_schema, [table.name for table in tables]
        for table in tables:
            declare(schema, table)
            # The mark of a table that holds something; dlt does not look into others.
            schema.tables[table.name].setdefault("x-normalizer", {})["seen-data"] = True
        self._pipeline.schemas.save_schema(schema)

        def update() -> None:
            with self._pipeline.destination_client() as client:
                try:
                    client.update_stored_schema(only_tables=names)
                except DestinationException as error:
                    raise SchemaUpdateError.from_cause(schema.name, names, error) from error

        making_tables(update)
        describe_tables(self._pipeline, names)

    def row_counts(self, tables: Iterable[str] | None = None) -> dict[str, int]:
        """Counts the account's rows.

        Args:
            tables: Names of tables; None for all.

        Returns:
            Rows by table, for the tables that exist.
        """
        names = sorted(self.tables if tables is None else self.tables.intersection(tables))
        if not names:
            return {}
        counts = " UNION ALL ".join(
            f"SELECT {literal(name)}, count(*) FROM {{{name}}} WHERE account_id = %s" for name in names
        )
        return {name: int(count) for name, count in self.rows(counts, *[self.account_id] * len(names))}


def in_utc(value: Any) -> Any:
    """Turns a time to UTC: each destination's client gives it in another time zone.

    Args:
        value: Any value.

    Returns:
        The same moment in UTC if it is an aware time, else the value.
    """
    return value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo is not None else value


def _filled(client: Any, sql: str) -> str:
    return sql.format(**{name: client.make_qualified_table_name(name) for name in TABLES})
