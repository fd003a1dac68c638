"""Marks bookings that have vanished from Bookeo; no row is ever removed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from bookeo_pipelines.missing import FAR_AHEAD
from bookeo_pipelines.warehouse import KEYS_AT_ONCE, Warehouse


def mark_deleted(
    warehouse: Warehouse, numbers: Collection[str], at: datetime, read_until: datetime = FAR_AHEAD
) -> None:
    """Sets `deleted_at` of bookings, all of them or none.

    dlt has no partial update: merging would need the whole row, which nobody has any more. A later load of the same
    booking writes the row anew, and with it a null into this column.

    Args:
        warehouse: The account's tables.
        numbers: The bookings' numbers.
        at: When they were found to have vanished, aware.
        read_until: Only rows that were read at or before this, aware.
    """
    names = sorted(numbers)
    statements = []
    for first in range(0, len(names), KEYS_AT_ONCE):
        group = names[first : first + KEYS_AT_ONCE]
        sql = (
            "UPDATE {bookings} SET deleted_at = %s WHERE account_id = %s AND deleted_at IS NULL AND fetched_at <= %s "
            f"AND booking_number IN ({', '.join(['%s'] * len(group))})"
        )
        statements.append((sql, [at, warehouse.account_id, read_until, *group]))
    if statements:
        warehouse.write(statements)
