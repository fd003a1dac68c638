"""Questions to the destination: what it holds."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from bookeo.tables import TABLES


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
        self._tables: frozenset[str] | None = None
        self.account_id = account_id

    @property
    def tables(self) -> frozenset[str]:
        """Names of our tables that exist."""
        # No cached_property: in Python 3.11 its lock is one for all instances, and ours would be taken inside it.
        if self._tables is None:
            self._tables = self._find_tables()
        return self._tables

    def _find_tables(self) -> frozenset[str]:
        if self._pipeline.default_schema_name is None:
            return frozenset()
        with self._access, self._pipeline.destination_client() as client:
            if not client.is_storage_initialized():
                return frozenset()
            stored = dict(client.get_storage_tables(TABLES))
        return frozenset(name for name, columns in stored.items() if columns)

    def look_again(self) -> None:
        """Forgets which tables there are, after some were made."""
        self._tables = None

    def has(self, table: str) -> bool:
        """Tells whether a table exists.

        Args:
            table: Its name.

        Returns:
            Whether it does.
        """
        return table in self.tables

    def rows(self, sql: str, *values: Any) -> list[Any]:
        """Asks a question.

        Args:
            sql: The question; `{bookings}` stands for the table of that name, `%s` for a value.
            *values: The values.

        Returns:
            The rows, as tuples.
        """
        with self._access, self._pipeline.sql_client() as client:
            names = {name: client.make_qualified_table_name(name) for name in TABLES}
            found: list[Any] = client.execute_sql(sql.format(**names), *values)
            return found or []

    def row_counts(self) -> dict[str, int]:
        """Counts the account's rows.

        Returns:
            Rows by table, for the tables that exist.
        """
        names = sorted(self.tables)
        if not names:
            return {}
        counts = " UNION ALL ".join(
            f"SELECT '{name}', count(*) FROM {{{name}}} WHERE account_id = %s" for name in names
        )
        return {name: int(count) for name, count in self.rows(counts, *[self.account_id] * len(names))}
