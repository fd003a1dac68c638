"""Sets of rows that arrive more than once in one load, in different versions.

One call of `shape` keeps the newest version of each record; several calls may still bring an older and a newer one into
the same load. dlt then keeps the newest row of each key, but a row that only the older version had would stay beside
them: the third option of a booking that has two by now. A tombstone for that very key, newer than it, takes it away.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from bookeo.shape import Shaped
from bookeo.tables import Entity, Table, arrow_schema

_ORDER = "_order"


@dataclass(frozen=True, slots=True)
class _Version:
    """An owner's set of rows as one call brought it."""

    at: datetime
    order: int
    keys: frozenset[tuple[Any, ...]]


class LoadVersions:
    """Watches the sets of one entity during one load.

    Args:
        entity: The entity whose answers are loaded.
    """

    def __init__(self, entity: Entity) -> None:
        self._tables = [table for table in entity.tables if len(table.owner) > 1 and table.version]
        self._owners: dict[str, set[str]] = {table.name: set() for table in self._tables}
        self._parts: dict[str, list[pa.Table]] = {table.name: [] for table in self._tables}

    def add(self, shaped: Shaped) -> Shaped:
        """Takes note of what is about to be loaded, and completes it.

        Args:
            shaped: What a call of `shape` gave.

        Returns:
            The same with tombstones for rows, of this call or an earlier one, that the newest version of their set has
            not.
        """
        tables = dict(shaped.tables)
        for table in self._tables:
            rows = tables[table.name]
            owners = {owner for owner in rows.column(table.owner[-1]).unique().to_pylist() if owner is not None}
            again = owners & self._owners[table.name]
            self._owners[table.name] |= owners
            self._parts[table.name].append(rows.select([*table.key, *_further(table), table.version, "_deleted"]))
            if again:
                tables[table.name] = pa.concat_tables([rows, self._tombstones(table, again)])
        return replace(shaped, tables=tables)

    def _tombstones(self, table: Table, owners: set[str]) -> pa.Table:
        chosen = pa.array(sorted(owners), pa.string())
        parts = [_of_owners(table, part, chosen, order) for order, part in enumerate(self._parts[table.name])]
        differing = _differing(table, pa.concat_tables(parts))
        rows: list[dict[str, Any]] = []
        if differing:
            chosen = pa.array(sorted(differing), pa.string())
            for owner, known in _versions(table, [_of_owners(table, part, chosen) for part in parts]).items():
                newest = max(known, key=lambda version: (version.at, version.order))
                gone = frozenset[tuple[Any, ...]]().union(*(version.keys for version in known)) - newest.keys
                fixed: dict[str, Any] = dict(zip(table.owner, owner, strict=True))
                # newer than what it takes away, also where both versions bear the same time
                fixed |= {str(table.version): newest.at + timedelta(microseconds=1), "_deleted": True}
                rows += [fixed | dict(zip(table.key, key, strict=True)) for key in sorted(gone)]
        return pa.Table.from_pylist(rows, schema=arrow_schema(table))


def _of_owners(table: Table, rows: pa.Table, owners: pa.Array, order: int | None = None) -> pa.Table:
    chosen = rows.filter(pc.is_in(rows.column(table.owner[-1]), owners))
    return chosen if order is None else chosen.append_column(_ORDER, pa.repeat(pa.scalar(order), len(chosen)))


def _differing(table: Table, rows: pa.Table) -> set[str]:
    """Finds the owners whose versions do not all have the same keys; for most have."""
    owner = table.owner[-1]
    versions = rows.group_by([owner, _ORDER]).aggregate([]).group_by(owner).aggregate([(_ORDER, "count")])
    live = rows.filter(pc.invert(rows.column("_deleted")))
    keys = live.group_by([*table.key, *_further(table)]).aggregate([(_ORDER, "count")])
    rarest = keys.group_by(owner).aggregate([(f"{_ORDER}_count", "min")])
    counts = dict(zip(versions.column(owner).to_pylist(), versions.column(f"{_ORDER}_count").to_pylist(), strict=True))
    found = zip(rarest.column(owner).to_pylist(), rarest.column(f"{_ORDER}_count_min").to_pylist(), strict=True)
    return {name for name, rarest_count in found if rarest_count < counts[name]}


def _versions(table: Table, parts: list[pa.Table]) -> dict[tuple[Any, ...], list[_Version]]:
    versions: dict[tuple[Any, ...], list[_Version]] = defaultdict(list)
    for order, part in enumerate(parts):
        keys: dict[tuple[Any, ...], set[tuple[Any, ...]]] = defaultdict(set)
        at: dict[tuple[Any, ...], datetime] = {}
        for row in part.to_pylist():
            owner = tuple(row[name] for name in table.owner)
            at[owner] = row[table.version]
            keys[owner] |= set() if row["_deleted"] else {tuple(row[name] for name in table.key)}
        for owner, found in keys.items():
            versions[owner].append(_Version(at[owner], order, frozenset(found)))
    return versions


def _further(table: Table) -> list[str]:
    return [name for name in table.owner if name not in table.key]
