"""The destination's tables in memory, for tests of the SQL that looks for gaps: no pipeline, no file, no load."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa

from bookeo.schema import TABLES, arrow_schema
from bookeo_pipelines.warehouse.client import Warehouse, in_utc

ACCOUNT = "A"
EARLY = datetime(2026, 1, 1, 8, tzinfo=UTC)
LATE = datetime(2026, 1, 1, 12, tzinfo=UTC)


class MemoryWarehouse(Warehouse):
    """A warehouse of one account; a table exists once it was given rows, even none."""

    def __init__(self, *, keys_at_once: int | None = None) -> None:
        self.account_id = ACCOUNT
        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone = 'UTC'")
        self._keys_at_once = keys_at_once
        self._made: dict[str, Collection[str]] = {}

    def add(self, table: str, *rows: Mapping[str, Any], account: str = ACCOUNT) -> None:
        """Adds rows; columns that are not given are null."""
        given = pa.Table.from_pylist(
            [{"account_id": account, **row} for row in rows], schema=arrow_schema(TABLES[table])
        )
        assert given.num_rows == len(rows)
        verb = f"INSERT INTO {table} FROM given" if table in self._made else f"CREATE TABLE {table} AS FROM given"
        self.connection.execute(verb)
        self._made[table] = given.column_names

    def _find_columns(self) -> Mapping[str, Collection[str]]:
        return self._made

    def _known_columns(self) -> Mapping[str, Collection[str]]:
        return self._made

    def look_again(self) -> None:
        pass

    def rows(self, sql: str, *values: Any) -> list[Any]:
        found = self.connection.execute(self._filled(sql), list(values)).fetchall()
        return [tuple(map(in_utc, row)) for row in found]

    def among(self, keys: Sequence[str]) -> Iterator[tuple[str, Sequence[Any]]]:
        size = self._keys_at_once or max(len(keys), 1)
        for first in range(0, len(keys), size):
            group = keys[first : first + size]
            yield ", ".join(["?"] * len(group)), group

    def write(self, statements: Sequence[tuple[str, Sequence[Any]]]) -> None:
        self.connection.begin()
        for sql, values in statements:
            self.connection.execute(self._filled(sql), list(values))
        self.connection.commit()

    def _filled(self, sql: str) -> str:
        return sql.format(**{name: name for name in TABLES}).replace("%s", "?")


def booking(number: str, paid: str | None = "0", customer: str | None = "ann", **more: Any) -> dict[str, Any]:
    """A row of `bookings`."""
    amount = None if paid is None else Decimal(paid)
    currency = None if paid is None else "EUR"
    row = {"booking_number": number, "customer_id": customer, "fetched_at": EARLY, "updated_at": EARLY}
    return {**row, "total_paid_amount": amount, "total_paid_currency": currency, **more}


def payment(
    payment_id: str, amount: str = "10", number: str | None = None, customer: str | None = "ann", **more: Any
) -> dict[str, Any]:
    """A row of `payments`; linked by its text where it has a booking's number."""
    row = {"payment_id": payment_id, "booking_number": number, "customer_id": customer, "amount": Decimal(amount)}
    link = {"linked_by": "description" if number else None}
    times = {"received_time": EARLY, "creation_time": EARLY, "fetched_at": LATE}
    return {**row, "currency": "EUR", **link, **times, **more}


def holding(**tables: Iterable[Mapping[str, Any]]) -> MemoryWarehouse:
    """A warehouse with these rows."""
    warehouse = MemoryWarehouse()
    for name, rows in tables.items():
        warehouse.add(name, *rows)
    return warehouse
