"""Descriptions of tables and columns in the destination, where people see them: dlt keeps them to itself."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from dlt.common.destination.exceptions import DestinationException, SchemaUpdateError

from bookeo.schema import TABLES
from bookeo_pipelines.runtime.quoting import literal
from bookeo_pipelines.warehouse.load_packages import making_tables

COMMENTING = frozenset({"duckdb", "motherduck", "postgres"})
"""Destinations on which `COMMENT ON` was tried; the descriptions stay there through every merge."""


def describe_tables(pipeline: Any, tables: Collection[str]) -> None:
    """Writes the declared descriptions to tables that are new or have new columns.

    Args:
        pipeline: The pipeline, in step with its destination.
        tables: Names of tables; those that are not declared here are left alone.
    """
    if pipeline.destination.destination_name not in COMMENTING:
        return
    schema = pipeline.default_schema

    def write() -> None:
        # Postgres refuses one of two that describe the same table at the same moment.
        try:
            _write(pipeline, schema, sorted(set(tables) & set(TABLES)))
        except DestinationException as error:
            raise SchemaUpdateError.from_cause(schema.name, list(tables), error) from error

    making_tables(write)


def _write(pipeline: Any, schema: Any, tables: list[str]) -> None:
    statements = []
    with pipeline.sql_client() as client:
        for name in tables:
            existing = schema.get_table_columns(name)
            qualified = client.make_qualified_table_name(name)
            statements.append(f"COMMENT ON TABLE {qualified} IS {literal(TABLES[name].description)}")
            for column in TABLES[name].columns:
                if column.name in existing:
                    place = f"{qualified}.{client.escape_column_name(column.name)}"
                    statements.append(f"COMMENT ON COLUMN {place} IS {literal(column.description)}")
        if statements:
            # Each by itself, DuckDB would write its log to the disk hundreds of times.
            with client.begin_transaction():
                client.execute_sql(";\n".join(statements))
