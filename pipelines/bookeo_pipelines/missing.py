"""What the warehouse lacks: bookings whose payments do not add up, customers with more bookings than it holds."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bookeo_pipelines.warehouse import Warehouse

FAR_AHEAD = datetime(2200, 1, 1, tzinfo=UTC)
"""Later than anything is, and a time that every destination knows; ClickHouse's end in 2299."""
QUESTIONS_AT_MOST = 10
"""Times that a destination is asked for some hundred keys each, rather than for all rows."""
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
"""Before anything was read."""


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


def unpaid_sums(warehouse: Warehouse, numbers: Collection[str] | None = None) -> dict[str, str]:
    """Finds bookings whose payments do not add up to what the booking says is paid, currency by currency.

    Args:
        warehouse: The warehouse.
        numbers: The bookings to look at; None for all.

    Returns:
        By booking number, the figures: they say against what it was asked, so that it is asked once.
    """
    if not warehouse.has("payments"):
        return {}
    account, found = warehouse.account_id, {}
    for condition, keys in _conditions(warehouse, "booking_number", numbers):
        # Refunds are negative payments. A booking without a price has nothing to add up to; one payment in another
        # currency is enough for nothing to add up, whatever the sum is.
        rows = warehouse.rows(
            f"""
            SELECT b.booking_number, b.total_paid_amount, b.total_paid_currency,
                   p.amount, p.payments, p.lowest, p.highest
            FROM (SELECT * FROM {{bookings}} WHERE account_id = %s{condition}) b LEFT JOIN (
                SELECT booking_number, count(*) AS payments, sum(amount) AS amount,
                       min(coalesce(currency, '')) AS lowest, max(coalesce(currency, '')) AS highest
                FROM {{payments}} WHERE account_id = %s{condition} GROUP BY booking_number
            ) p ON p.booking_number = b.booking_number
            WHERE b.deleted_at IS NULL AND b.total_paid_amount IS NOT NULL
              AND (b.total_paid_amount <> coalesce(p.amount, 0)
                   OR p.lowest <> coalesce(b.total_paid_currency, ' ')
                   OR p.highest <> coalesce(b.total_paid_currency, ' '))
            """,
            *[account, *keys] * 2,
        )
        for number, paid, currency, amount, payments, low, high in rows:
            if numbers is not None and number not in numbers:
                continue
            found[number] = (
                f"paid {paid} {currency}, {payments or 0} payments of {amount or 0} {low or ''} to {high or ''}"
            )
    return found


def read_since(warehouse: Warehouse, numbers: Collection[str], moment: datetime) -> frozenset[str]:
    """Tells which of some bookings were read.

    Args:
        warehouse: The warehouse.
        numbers: Their numbers.
        moment: Since when, aware.

    Returns:
        The numbers of those that were.
    """
    found: set[str] = set()
    for condition, keys in _conditions(warehouse, "booking_number", numbers):
        sql = f"SELECT booking_number FROM {{bookings}} WHERE account_id = %s AND fetched_at >= %s{condition}"
        found.update(number for (number,) in warehouse.rows(sql, warehouse.account_id, moment, *keys))
    return frozenset(found.intersection(numbers))


def _conditions(warehouse: Warehouse, column: str, keys: Collection[str] | None) -> Iterator[tuple[str, Sequence[Any]]]:
    """Says in SQL that a column is among some keys, and the values of its marks; nothing where it may be any.

    Where a destination takes few keys at once, it looks at all rows once rather than many times at some.
    """
    groups = [] if keys is None else list(warehouse.among(sorted(keys)))
    if keys is None or len(groups) > QUESTIONS_AT_MOST:
        yield "", ()
        return
    for among, group in groups:
        yield f" AND {column} IN ({among})", group


def perhaps_paid(warehouse: Warehouse, moment: datetime) -> dict[str, str]:
    """Finds bookings that a new payment without a link may belong to: its customer's, where they were not read since.

    Args:
        warehouse: The warehouse.
        moment: New is what was read after this, aware.

    Returns:
        By booking number, the payment.
    """
    if not (warehouse.has("payments") and warehouse.has("bookings")):
        return {}
    rows = warehouse.rows(
        """
        SELECT b.booking_number, max(p.payment_id) FROM {payments} p JOIN {bookings} b
            ON b.account_id = p.account_id AND b.customer_id = p.customer_id
        WHERE p.account_id = %s AND p.booking_number IS NULL AND p.linked_by IS NULL AND p.fetched_at >= %s
          AND b.deleted_at IS NULL AND b.fetched_at < %s
        GROUP BY b.booking_number
        """,
        warehouse.account_id,
        moment,
        moment,
    )
    return {number: f"payment {payment} without a booking" for number, payment in rows}


def all_paid(warehouse: Warehouse) -> dict[str, str]:
    """Lists every booking with its version, for asking each for its payments after every change.

    Args:
        warehouse: The warehouse.

    Returns:
        By booking number, the time of its last change.
    """
    rows = warehouse.rows(
        "SELECT booking_number, updated_at FROM {bookings} WHERE account_id = %s AND deleted_at IS NULL",
        warehouse.account_id,
    )
    return {number: f"changed {updated_at}" for number, updated_at in rows}


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


def first_booking(warehouse: Warehouse) -> Any:
    """Finds a moment before the first payment: bookings are paid when they are made, or later.

    Args:
        warehouse: The warehouse.

    Returns:
        The moment, aware; None where there are no bookings.
    """
    if not warehouse.has("bookings"):
        return None
    [(first,)] = warehouse.rows("SELECT min(creation_time) FROM {bookings} WHERE account_id = %s", warehouse.account_id)
    return first - timedelta(days=1) if first else None


def short_histories(warehouse: Warehouse, moment: datetime | None = None) -> dict[str, str]:
    """Finds customers who have more bookings than the warehouse holds for them, or one that is somebody else's by now.

    Args:
        warehouse: The warehouse.
        moment: Only customers of whom something was read after this, aware; None for all.

    Returns:
        By customer id, the figures.
    """
    if not (warehouse.has("customers") and warehouse.has("customer_bookings")):
        return {}
    account, customers, bookings = warehouse.account_id, None, None
    if moment is not None:
        customers = keys_read_since(warehouse, "customer_id", ("customers", "bookings", "customer_bookings"), moment)
        bookings = keys_read_since(warehouse, "booking_number", ("bookings", "customer_bookings"), moment)
    found = {}
    for condition, keys in _conditions(warehouse, "customer_id", customers):
        short = f"""
            SELECT c.customer_id, c.num_bookings FROM (SELECT * FROM {{customers}} WHERE account_id = %s{condition}) c
            LEFT JOIN (
                SELECT customer_id, count(*) AS held FROM {{customer_bookings}} WHERE account_id = %s{condition}
                GROUP BY customer_id
            ) b ON b.customer_id = c.customer_id
            WHERE c.num_bookings > coalesce(b.held, 0)
        """
        for customer, held in warehouse.rows(short, *[account, *keys] * 2):
            found[customer] = f"{held} bookings"
    for condition, keys in _conditions(warehouse, "booking_number", bookings):
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
        "not permitted",
    )
    asked = dict(rows)
    return {parent: basis for parent, basis in found.items() if asked.get(parent) != basis}
