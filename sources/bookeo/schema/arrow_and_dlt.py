"""A declared table as an Arrow schema and as dlt's column hints."""

from __future__ import annotations

from functools import cache

import pyarrow as pa
from dlt.common.data_types import TDataType
from dlt.common.schema.typing import TColumnSchema, TTableSchemaColumns

from bookeo.schema.model import DECIMAL_PRECISION, DECIMAL_SCALE, ColumnType, Table

ARROW_TYPES: dict[ColumnType, pa.DataType] = {
    "text": pa.string(),
    "bool": pa.bool_(),
    "bigint": pa.int64(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "date": pa.date32(),
    "time": pa.time64("us"),
    "decimal": pa.decimal128(DECIMAL_PRECISION, DECIMAL_SCALE),
    "json": pa.string(),
}

_DLT_TYPES: dict[ColumnType, TDataType] = {
    "text": "text",
    "bool": "bool",
    "bigint": "bigint",
    "timestamp": "timestamp",
    "date": "date",
    "time": "time",
    "decimal": "decimal",
    "json": "json",
}


@cache
def arrow_schema(table: Table) -> pa.Schema:
    """Gives the exact schema of a table's rows in Arrow.

    Args:
        table: The declared table.

    Returns:
        Its columns in order; only those of the key are not nullable.
    """
    return pa.schema(
        [
            pa.field(column.name, ARROW_TYPES[column.type], nullable=column.name not in table.key)
            for column in table.columns
        ]
    )


def dlt_columns(table: Table, *, replace_sets: bool = True) -> TTableSchemaColumns:
    """Gives dlt's hints for a table's columns.

    The primary key makes rows unique and, with `dedup_sort`, keeps the newest of several in one load. Where a table's
    rows are owned in sets, the owner's columns are the merge key: all rows of each owner met in a load are replaced by
    those in it. The owner's columns then belong to the primary key too: dlt joins both keys with OR, and a destination
    can only hash-join that if one contains the other.

    Args:
        table: The declared table.
        replace_sets: False to merge single rows, for rows that do not come as whole sets (payments from the feed).

    Returns:
        Hints by column name, in the order of the Arrow schema.
    """
    owner = table.owner if replace_sets else ()
    merged = table.disposition == "merge"
    columns: TTableSchemaColumns = {}
    for column in table.columns:
        hints: TColumnSchema = {
            "name": column.name,
            "data_type": _DLT_TYPES[column.type],
            "nullable": column.name not in table.key,
            "description": column.description,
        }
        if column.type == "decimal":
            hints["precision"] = DECIMAL_PRECISION
            hints["scale"] = DECIMAL_SCALE
        elif column.type == "timestamp":
            hints["precision"] = 6
            hints["timezone"] = True
        if merged:
            # said even if false: dlt adds hints to those it remembers from earlier runs
            hints["primary_key"] = column.name in table.key or column.name in owner
            hints["merge_key"] = column.name in owner
            if column.name == table.version:
                hints["dedup_sort"] = "desc"
            if column.origin == "deleted":
                hints["hard_delete"] = True
        columns[column.name] = hints
    return columns
