"""SQL that finds gaps among customers and their histories, and what was asked for already."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from bookeo.schema import TABLES
from bookeo_pipelines.warehouse.client import Warehouse

QUERIES_AT_MOST = 10
"""Queries for some hundred keys each, before one query reads all rows instead."""
NOT_PERMITTED = "not permitted"
"""Outcome of a check that the api key was not allowed to make."""
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
"""Before any row was read."""


def keys_read_since(warehouse: Warehouse, key: str, tables: Collection[str], moment: datetime) -> set[str]:
    """Finds bookings or customers of which something was read.

    Args:
        warehouse: The warehouse.
        key: `booking_number` or `customer_id`.
        tables: Where to look; one that is not there has no rows.
        moment: After when, aware.

    Returns:
        Their keys.
    """
    sql = f"SELECT {key} FROM {{table}} WHERE account_id = %s AND fetched_at > %s AND {key} IS NOT NULL"
    parts = [sql.replace("{table}", f"{{{table}}}") for table in tables if warehouse.has(table)]
    rows = warehouse.rows(" UNION ALL ".join(parts), *[warehouse.account_id, moment] * len(parts)) if parts else ()
    return {value for (value,) in rows}


def key_conditions(
    warehouse: Warehouse, column: str, keys: Collection[str] | None
) -> Iterator[tuple[str, Sequence[Any]]]:
    """Restrict a query to some keys, in as few queries as the destination allows.

    Args:
        warehouse: The account's tables.
        column: The column that holds the keys.
        keys: The keys; None for all rows.

    Yields:
        ` AND column IN (...)` and the values of its marks, for each group of keys; an empty condition for all rows,
        also where there are too many keys for a few queries: the caller then drops rows that it did not ask for.
    """
    groups = [] if keys is None else list(warehouse.among(sorted(keys)))
    if keys is None or len(groups) > QUERIES_AT_MOST:
        yield "", ()
        return
    for among, group in groups:
        yield f" AND {column} IN ({among})", group


def held_rows(warehouse: Warehouse, table: str, keys: Collection[str]) -> set[str]:
    """Find which of some rows are held, and not marked as deleted.

    Args:
        warehouse: The account's tables.
        table: `bookings` or `payments`.
        keys: The rows' keys.

    Returns:
        The keys of those that are.
    """
    if not warehouse.has(table):
        return set()
    key = TABLES[table].key[-1]
    marked = " AND deleted_at IS NULL" if warehouse.has_column(table, "deleted_at") else ""
    found: set[str] = set()
    for condition, values in key_conditions(warehouse, key, keys):
        sql = f"SELECT {key} FROM {{{table}}} WHERE account_id = %s{marked}{condition}"
        found.update(one for (one,) in warehouse.rows(sql, warehouse.account_id, *values))
    return found.intersection(keys)


def absent_customers(warehouse: Warehouse, moment: datetime | None = None) -> dict[str, str]:
    """Finds customers whose details never came, because the api key was not allowed to read them at the time.

    Args:
        warehouse: The warehouse.
        moment: Only customers of bookings that were read after this, aware; None for all.

    Returns:
        By the number of one booking of theirs, who it is.
    """
    if not warehouse.has("bookings"):
        return {}
    sql = """
        SELECT max(b.booking_number), b.customer_id FROM {bookings} b
        WHERE b.account_id = %s AND b.fetched_at > %s AND b.deleted_at IS NULL AND b.customer_id IS NOT NULL
    """
    if warehouse.has("customers"):
        sql += """ AND NOT EXISTS (
            SELECT 1 FROM {customers} c WHERE c.account_id = b.account_id AND c.customer_id = b.customer_id)"""
    rows = warehouse.rows(f"{sql} GROUP BY b.customer_id", warehouse.account_id, moment or LONG_AGO)
    return {number: f"customer {customer}" for number, customer in rows}


def customer_count(warehouse: Warehouse) -> int:
    """Counts the customers that bookings name.

    Args:
        warehouse: The warehouse.

    Returns:
        How many there are.
    """
    sql = "SELECT count(DISTINCT customer_id) FROM {bookings} WHERE account_id = %s"
    return int(warehouse.rows(sql, warehouse.account_id)[0][0])


def short_histories(warehouse: Warehouse, moment: datetime | None = None) -> dict[str, str]:
    """Finds customers who have more bookings than the warehouse holds for them, or one that is somebody else's by now.

    Args:
        warehouse: The warehouse.
        moment: Only customers of whom something was read after this, aware; None for all.

    Returns:
        By customer id, the figures.
    """
    if not warehouse.has("customers"):
        return {}
    account, customers, bookings = warehouse.account_id, None, None
    if moment is not None:
        customers = keys_read_since(warehouse, "customer_id", ("customers", "bookings", "customer_bookings"), moment)
        bookings = keys_read_since(warehouse, "booking_number", ("bookings", "customer_bookings"), moment)
    # Where no history was read yet, none of the customers' bookings are held as such.
    held = "{customer_bookings}" if warehouse.has("customer_bookings") else "{customers}"
    none_held = "" if warehouse.has("customer_bookings") else " AND 1 = 0"
    found = {}
    for condition, keys in key_conditions(warehouse, "customer_id", customers):
        short = f"""
            SELECT c.customer_id, c.num_bookings FROM (SELECT * FROM {{customers}} WHERE account_id = %s{condition}) c
            LEFT JOIN (
                SELECT customer_id, count(*) AS held FROM {held} WHERE account_id = %s{condition}{none_held}
                GROUP BY customer_id
            ) b ON b.customer_id = c.customer_id
            WHERE c.num_bookings > coalesce(b.held, 0)
        """
        for customer, count in warehouse.rows(short, *[account, *keys] * 2):
            found[customer] = f"{count} bookings"
    if none_held or not warehouse.has("bookings"):
        return found
    for condition, keys in key_conditions(warehouse, "booking_number", bookings):
        moved = f"""
            SELECT h.customer_id, h.booking_number, b.updated_at
            FROM (SELECT * FROM {{customer_bookings}} WHERE account_id = %s{condition}) h
            JOIN (SELECT * FROM {{bookings}} WHERE account_id = %s{condition}) b ON b.booking_number = h.booking_number
            WHERE b.customer_id <> h.customer_id
        """
        for customer, number, updated_at in warehouse.rows(moved, *[account, *keys] * 2):
            found[customer] = f"booking {number} changed {updated_at}"
    return found


def not_yet_asked(warehouse: Warehouse, resource: str, found: dict[str, str]) -> dict[str, str]:
    """Leaves out what was asked before for the very same figures.

    Args:
        warehouse: The warehouse.
        resource: What would be asked for, as in `child_checks`.
        found: Parents and their figures.

    Returns:
        The others. A parent that the api key was not allowed to read is asked again once that has changed.
    """
    if not found or not warehouse.has("child_checks"):
        return found
    rows = warehouse.rows(
        "SELECT parent_id, basis FROM {child_checks} WHERE account_id = %s AND resource = %s AND outcome <> %s",
        warehouse.account_id,
        resource,
        NOT_PERMITTED,
    )
    asked = dict(rows)
    return {parent: basis for parent, basis in found.items() if asked.get(parent) != basis}
