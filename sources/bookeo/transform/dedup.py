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

from bookeo.schema import Entity, Table, arrow_schema
from bookeo.transform.shape import Shaped

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
        # By the column that names them: a booking's lists have all the same owners.
        self._owners: dict[str, set[str]] = {table.owner[-1]: set() for table in self._tables}
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
        again = {name: self._met_again(name, shaped) for name in self._owners}
        for table in self._tables:
            rows = tables[table.name]
            self._parts[table.name].append(rows.select([*_names(table), str(table.version), "_deleted"]))
            if again[table.owner[-1]]:
                account_id = rows.column("account_id").unique().to_pylist()
                tombstones = self._tombstones(table, again[table.owner[-1]], account_id[0] if account_id else None)
                tables[table.name] = pa.concat_tables([rows, tombstones])
        return replace(shaped, tables=tables)

    def _met_again(self, name: str, shaped: Shaped) -> set[str]:
        """Takes note of the owners of this call; returns those that an earlier one had."""
        columns = [shaped.tables[table.name].column(name) for table in self._tables if table.owner[-1] == name]
        met = pa.chunked_array([column.unique() for column in columns], pa.string())
        owners = set(met.unique().drop_null().to_pylist())
        again = owners & self._owners[name]
        self._owners[name] |= owners
        return again

    def _tombstones(self, table: Table, owners: set[str], account_id: str | None) -> pa.Table:
        chosen = pa.array(sorted(owners), pa.string())
        parts = [_of_owners(table, part, chosen, order) for order, part in enumerate(self._parts[table.name])]
        differing = _differing(table, pa.concat_tables(parts))
        rows: list[dict[str, Any]] = []
        if differing:
            chosen = pa.array(sorted(differing), pa.string())
            for owner, known in _versions(table, [_of_owners(table, part, chosen) for part in parts]).items():
                newest = max(known, key=lambda version: (version.at, version.order))
                gone = frozenset[tuple[Any, ...]]().union(*(version.keys for version in known)) - newest.keys
                # newer than what it takes away, also where both versions bear the same time
                fixed = {
                    "account_id": account_id,
                    table.owner[-1]: owner,
                    str(table.version): newest.at + timedelta(microseconds=1),
                    "_deleted": True,
                }
                rows += [fixed | dict(zip(_key(table), key, strict=True)) for key in sorted(gone)]
        return pa.Table.from_pylist(rows, schema=arrow_schema(table))


def _of_owners(table: Table, rows: pa.Table, owners: pa.Array, order: int | None = None) -> pa.Table:
    chosen = rows.filter(pc.is_in(rows.column(table.owner[-1]), owners))
    return chosen if order is None else chosen.append_column(_ORDER, pa.repeat(pa.scalar(order), len(chosen)))


def _differing(table: Table, rows: pa.Table) -> set[str]:
    """Finds the owners whose versions do not all have the same keys; for most have."""
    owner = table.owner[-1]
    versions = rows.group_by([owner, _ORDER]).aggregate([]).group_by(owner).aggregate([(_ORDER, "count")])
    live = rows.filter(pc.invert(rows.column("_deleted")))
    keys = live.group_by(_names(table)).aggregate([(_ORDER, "count")])
    rarest = keys.group_by(owner).aggregate([(f"{_ORDER}_count", "min")])
    counts = dict(zip(versions.column(owner).to_pylist(), versions.column(f"{_ORDER}_count").to_pylist(), strict=True))
    found = zip(rarest.column(owner).to_pylist(), rarest.column(f"{_ORDER}_count_min").to_pylist(), strict=True)
    return {name for name, rarest_count in found if rarest_count < counts[name]}


def _versions(table: Table, parts: list[pa.Table]) -> dict[str, list[_Version]]:
    versions: dict[str, list[_Version]] = defaultdict(list)
    for order, part in enumerate(parts):
        keys: dict[str, set[tuple[Any, ...]]] = defaultdict(set)
        at: dict[str, datetime] = {}
        for row in part.to_pylist():
            owner = row[table.owner[-1]]
            at[owner] = row[table.version]
            keys[owner] |= set() if row["_deleted"] else {tuple(row[name] for name in _key(table))}
        for owner, found in keys.items():
            versions[owner].append(_Version(at[owner], order, frozenset(found)))
    return versions


def _key(table: Table) -> list[str]:
    """The key's columns but for the account: all that one load brings belongs to the same."""
    return [name for name in table.key if name != "account_id"]


def _names(table: Table) -> list[str]:
    return list(dict.fromkeys([*_key(table), *table.owner[1:]]))
