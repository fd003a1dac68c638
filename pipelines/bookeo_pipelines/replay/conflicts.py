"""Which rows of the destination are newer than those about to be written, so that they can be left alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from bookeo.replay.source import TableRows, keys
from bookeo.schema import BOOKING, CUSTOMER, ENTITIES, TABLES, Table
from bookeo_pipelines.warehouse.client import Warehouse
from bookeo_pipelines.warehouse.deletions import mark_deleted

_AGES = ("fetched_at", "loaded_at", "checked_at", "updated_at")
"""Columns that say how old a row is; the first that a table has."""
_LISTS = {item.table.name: entity.table.name for entity in ENTITIES.values() for item in entity.lists}
"""The table of the objects whose lists a table holds: their rows go with it."""


class NewerRows:
    """What the destination held when a replay began.

    Args:
        warehouse: The account's tables.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._newest = dict(self._newest_rows())
        self._marked = self._marks()

    def anything_after(self, moment: datetime) -> bool:
        """Tells whether the destination knew more when the replay began.

        Args:
            moment: A moment, aware.

        Returns:
            Whether a row was read after it.
        """
        return any(newest > moment for newest in self._newest.values())

    def only_newer(self, tables: Sequence[TableRows]) -> list[TableRows]:
        """Leaves out what is older than the row that the destination has in its place.

        Args:
            tables: Rows about to be written; they are changed.

        Returns:
            Those tables that have rows left.
        """
        older: dict[str, pa.Array] = {}
        names = {one.table.name for one in tables}
        for one in tables:
            name = one.table.name
            if name in self._newest and _LISTS.get(name) not in names:
                older[name] = self._older(one)
                one.rows = one.rows.filter(pc.invert(pc.is_in(keys(one), older[name])))
        for one in tables:
            of = older.get(_LISTS.get(one.table.name, ""))
            if of is not None:
                one.rows = one.rows.filter(pc.invert(pc.is_in(_owners(one), of)))
        return [one for one in tables if len(one.rows)]

    def mark_again(self) -> None:
        """Mark bookings and customers as vanished that were so marked, and are still as they were then."""
        for (table, deleted_at, fetched_at), keys_of_rows in self._marked.items():
            mark_deleted(self._warehouse, keys_of_rows, deleted_at, fetched_at, table=table)

    def _older(self, one: TableRows) -> pa.Array:
        """Finds the keys of rows that are older than what is there."""
        age = _age(one.table)
        assert age is not None
        doubtful = one.rows.filter(pc.less(one.rows[age], pa.scalar(self._newest[one.table.name])))
        if not len(doubtful):
            return pa.array([], pa.string())
        rows = TableRows(one.table, one.whole_sets, doubtful)
        mine = dict(zip(keys(rows).to_pylist(), doubtful[age].to_pylist(), strict=True))
        theirs = self._held(rows, age)
        return pa.array([key for key, read_at in theirs.items() if key in mine and mine[key] < read_at], pa.string())

    def _held(self, rows: TableRows, age: str) -> dict[str, datetime]:
        """When the rows were read that the destination has for the same groups; the newest of each."""
        found: dict[str, datetime] = {}
        name, group = rows.table.name, rows.group
        columns = "".join(f", {column}" for column in group)
        first = sorted(set(rows.rows[group[0]].to_pylist())) if group else []
        for among, values in self._warehouse.among(first) if group else [("", ())]:
            where = f" AND {group[0]} IN ({among})" if group else ""
            held = self._warehouse.rows(
                f"SELECT max({age}){columns} FROM {{{name}}} WHERE account_id = %s{where} "
                + (f"GROUP BY {columns[2:]}" if group else ""),
                self._warehouse.account_id,
                *values,
            )
            if held:
                ages = pa.array([row[0] for row in held], rows.rows.schema.field(age).type)
                arrays = [
                    pa.array([row[n] for row in held], rows.rows.schema.field(c).type) for n, c in enumerate(group, 1)
                ]
                table = pa.table([ages, *arrays], names=[age, *group])
                there = TableRows(rows.table, rows.whole_sets, table)
                found.update(zip(keys(there).to_pylist(), ages.to_pylist(), strict=True))
        return found

    def _newest_rows(self) -> Iterator[tuple[str, datetime]]:
        for name in sorted(self._warehouse.tables & TABLES.keys()):
            age = _age(TABLES[name])
            if age is not None:
                sql = f"SELECT max({age}) FROM {{{name}}} WHERE account_id = %s"
                [(newest,)] = self._warehouse.rows(sql, self._warehouse.account_id)
                if newest is not None:
                    yield name, newest

    def _marks(self) -> dict[tuple[Table, datetime, datetime], list[str]]:
        marked: dict[tuple[Table, datetime, datetime], list[str]] = {}
        for table in (BOOKING.table, CUSTOMER.table):
            if not self._warehouse.has_column(table.name, "deleted_at"):
                continue
            sql = f"SELECT deleted_at, fetched_at, {table.key[-1]} FROM {{{table.name}}} "
            where = "WHERE account_id = %s AND deleted_at IS NOT NULL"
            for deleted_at, fetched_at, key in self._warehouse.rows(sql + where, self._warehouse.account_id):
                marked.setdefault((table, deleted_at, fetched_at), []).append(key)
        return marked


def _age(table: Table) -> str | None:
    """The column that says how old a row is; None where a row is never replaced by another one."""
    names = {column.name for column in table.columns}
    return next((name for name in _AGES if name in names and name not in table.key), None)


def _owners(one: TableRows) -> pa.ChunkedArray:
    """The owner of each row of a list, as `keys` writes it for the objects' own table."""
    group = [name for name in one.table.owner if name != "account_id"]
    return one.rows[group[0]] if group else pa.chunked_array([pa.repeat("", len(one.rows))])
