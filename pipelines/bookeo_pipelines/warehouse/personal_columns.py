"""Which columns of a database hold personal data: those of our tables by declaration, those of copies by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bookeo.schema import TABLES, Column
from bookeo.schema.model import Personal
from bookeo_pipelines.destinations.dlt_compat import is_duckdb
from bookeo_pipelines.runtime.quoting import identifier, unmarked

Execute = Callable[..., Sequence[Any]]
"""Runs a statement with its values and returns the rows; a percent sign in a name is doubled."""

DLT_TABLES = "_dlt"
STAGING = "_staging"
"""What dlt's own tables and columns begin with; what follows a dataset's name in those in which it prepares merges."""
SELF_EXPLAINING: dict[str, Personal] = {
    "first_name": "name",
    "middle_name": "name",
    "last_name": "name",
    "full_name": "name",
    "customer_name": "name",
    "email": "contact",
    "email_address": "contact",
    "phone": "contact",
    "phone_number": "contact",
    "phone_numbers": "contact",
    "facebook_id": "contact",
    "address1": "address",
    "address2": "address",
    "city": "address",
    "postcode": "address",
    "date_of_birth": "birth",
    "source_ip": "ip",
    "transaction_id": "online_id",
    "source_ids": "online_id",
    "coupon_code": "free_text",
    "voucher_code": "free_text",
    "comment": "free_text",
    "external_ref": "free_text",
}
"""Names of columns, or ends of them, that say in any table what they hold; `name`, `value` and the like do not."""

_COLUMNS = """
    SELECT c.table_schema, c.table_name, c.column_name, c.data_type, c.is_nullable
    FROM information_schema.columns c JOIN information_schema.tables t
        ON t.table_catalog = c.table_catalog AND t.table_schema = c.table_schema AND t.table_name = c.table_name
    WHERE t.table_type = 'BASE TABLE' AND c.table_catalog = current_database()
      AND c.table_schema NOT IN ('information_schema', 'pg_catalog')
    ORDER BY c.table_schema, c.table_name, c.ordinal_position
"""
_TEXTS = ("varchar", "character varying", "text", "json", "jsonb")


@dataclass(frozen=True)
class StoredColumn:
    """A column as the database knows it.

    Args:
        name: Its name.
        type: The database's name of its type.
        nullable: Whether it may be null.
        declared: What it is, where its table is one of ours.
    """

    name: str
    type: str
    nullable: bool
    declared: Column | None

    @property
    def is_text(self) -> bool:
        """Whether it holds texts or JSON."""
        return self.type.lower().startswith(_TEXTS)

    @property
    def personal(self) -> Personal | None:
        """The class of personal data in it; None if there is none."""
        if self.declared is not None:
            return self.declared.personal
        kinds = (kind for name, kind in SELF_EXPLAINING.items() if self.name == name or self.name.endswith(f"_{name}"))
        return next(kinds, None)

    @property
    def quoted(self) -> str:
        """Its name, for SQL that an `executor` runs."""
        return unmarked(identifier(self.name))


@dataclass(frozen=True)
class StoredTable:
    """A table as the database knows it.

    Args:
        schema: Its schema.
        name: Its name.
        columns: Its columns, dlt's own left out.
        ours: Whether it is one of the declared tables, in a dataset that dlt has loaded.
        is_staging: Whether it only prepares a merge: nobody misses what is in it after the load.
    """

    schema: str
    name: str
    columns: tuple[StoredColumn, ...]
    ours: bool
    is_staging: bool

    @property
    def quoted(self) -> str:
        """Its name, for SQL that an `executor` runs."""
        return unmarked(identifier(self.schema, self.name))

    def has(self, *names: str) -> bool:
        """Tells whether it has columns.

        Args:
            *names: Their names.

        Returns:
            Whether all are there.
        """
        return set(names) <= {column.name for column in self.columns}

    def column(self, name: str) -> StoredColumn:
        """Finds a column.

        Args:
            name: Its name.

        Returns:
            The column.
        """
        return next(column for column in self.columns if column.name == name)


def executor(client: Any) -> Execute:
    """Make a function that runs statements, whatever the names in them hold.

    Args:
        client: dlt's open SQL client of DuckDB or Postgres.

    Returns:
        The function.
    """

    def execute(sql: str, *values: Any) -> Sequence[Any]:
        if not values:
            return client.execute_sql(sql.replace("%%", "%")) or ()
        if is_duckdb(client):
            # dlt takes every `%s` for the mark of a parameter, those in names, too.
            marked = re.sub("%[%s]", lambda found: "?" if found[0] == "%s" else "%", sql)
            return client.native_connection.execute(marked, values).fetchall()
        return client.execute_sql(sql, *values) or ()

    return execute


def stored_tables(execute: Execute) -> list[StoredTable]:
    """Reads which tables a database holds, views left out.

    Args:
        execute: Asks the database; it knows `information_schema`, as DuckDB and PostgreSQL do.

    Returns:
        The tables of all schemas, dlt's own left out.
    """
    rows: dict[tuple[str, str], list[tuple[str, str, bool]]] = {}
    for schema, table, column, kind, nullable in execute(_COLUMNS):
        rows.setdefault((schema, table), []).append((column, kind, nullable == "YES"))
    loaded = {schema for schema, table in rows if table.startswith(DLT_TABLES)}
    staging = {schema for schema in loaded if any(schema.startswith(f"{other}{STAGING}") for other in loaded)}
    return [
        _stored_table(schema, table, columns, ours=schema in loaded and table in TABLES, is_staging=schema in staging)
        for (schema, table), columns in rows.items()
        if not table.startswith(DLT_TABLES)
    ]


def _stored_table(
    schema: str, table: str, columns: Iterable[tuple[str, str, bool]], *, ours: bool, is_staging: bool
) -> StoredTable:
    declared = {column.name: column for column in TABLES[table].columns} if ours else {}

    def stored() -> Iterator[StoredColumn]:
        for name, kind, nullable in columns:
            if not name.startswith(DLT_TABLES):
                yield StoredColumn(name, kind, nullable, declared.get(name))

    return StoredTable(schema, table, tuple(stored()), ours, is_staging)
