"""Mark bookings and customers that were deleted at Bookeo; their rows stay."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from bookeo.schema import BOOKING, Table
from bookeo_pipelines.warehouse.client import KEYS_AT_ONCE, Warehouse

FAR_AHEAD = datetime(2200, 1, 1, tzinfo=UTC)
"""Later than any row was read, and a time that every destination knows; ClickHouse's end in 2299."""


def mark_deleted(
    warehouse: Warehouse,
    keys: Collection[str],
    at: datetime,
    read_until: datetime = FAR_AHEAD,
    *,
    table: Table = BOOKING.table,
) -> None:
    """Set `deleted_at` of bookings or customers, all of them or none.

    dlt has no partial update: merging would need the whole row, which nobody has any more. A later load that meets the
    same booking or customer writes the row anew, and with it a null into this column.

    Args:
        warehouse: The account's tables.
        keys: The bookings' numbers or the customers' ids.
        at: When they were found to have vanished, aware.
        read_until: Only rows that were read at or before this, aware.
        table: The table, `bookings` or `customers`.
    """
    names = sorted(keys)
    statements = []
    for first in range(0, len(names), KEYS_AT_ONCE):
        group = names[first : first + KEYS_AT_ONCE]
        sql = (
            f"UPDATE {{{table.name}}} SET deleted_at = %s "
            "WHERE account_id = %s AND deleted_at IS NULL AND fetched_at <= %s "
            f"AND {table.key[-1]} IN ({', '.join(['%s'] * len(group))})"
        )
        statements.append((sql, [at, warehouse.account_id, read_until, *group]))
    if statements:
        warehouse.write(statements)
