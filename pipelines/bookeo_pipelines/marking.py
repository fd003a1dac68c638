"""Marks bookings that have vanished from Bookeo; no row is ever removed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from bookeo_pipelines.missing import KEYS_AT_ONCE
from bookeo_pipelines.warehouse import Warehouse


def mark_deleted(pipeline: Any, warehouse: Warehouse, numbers: Collection[str], at: datetime) -> None:
    """Sets `deleted_at` of bookings, all of them or none.

    dlt has no partial update: merging would need the whole row, which nobody has any more. A later load of the same
    booking writes the row anew, and with it a null into this column.

    Args:
        pipeline: The pipeline, in step with its destination.
        warehouse: The account's tables.
        numbers: The bookings' numbers.
        at: When they were found to have vanished, aware.
    """
    names = sorted(numbers)
    with pipeline.sql_client() as client, client.begin_transaction():
        table = client.make_qualified_table_name("bookings")
        for first in range(0, len(names), KEYS_AT_ONCE):
            group = names[first : first + KEYS_AT_ONCE]
            marks = ", ".join(["%s"] * len(group))
            client.execute_sql(
                f"UPDATE {table} SET deleted_at = %s "
                f"WHERE account_id = %s AND deleted_at IS NULL AND booking_number IN ({marks})",
                at,
                warehouse.account_id,
                *group,
            )
