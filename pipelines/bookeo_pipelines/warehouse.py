"""Questions to the destination: what it holds."""

from __future__ import annotations

from typing import Any

from bookeo.tables import TABLES


def row_counts(pipeline: Any, account_id: str) -> dict[str, int]:
    """Counts the rows of an account in each table.

    Args:
        pipeline: The pipeline, in step with its destination.
        account_id: The account.

    Returns:
        Rows by table, for the tables that exist.
    """
    counts: dict[str, int] = {}
    with pipeline.sql_client() as client:
        existing = _existing_tables(pipeline)
        for name in existing:
            table = client.make_qualified_table_name(name)
            column = client.escape_column_name("account_id")
            rows = client.execute_sql(f"SELECT count(*) FROM {table} WHERE {column} = %s", account_id)  # noqa: S608
            counts[name] = int(rows[0][0])
    return counts


def _existing_tables(pipeline: Any) -> list[str]:
    if pipeline.default_schema_name is None:
        return []
    with pipeline.destination_client() as client:
        if not client.is_storage_initialized():
            return []
        stored = dict(client.get_storage_tables(TABLES))
    return [name for name, columns in stored.items() if columns]
