"""Raw records of an entity -> all the tables it feeds, newest versions only, with tombstones for empty sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from bookeo.schema import Embedded, Entity, ListTable, Table, arrow_schema
from bookeo.schema.json_shape import record_node
from bookeo.schema.model import Items, Node, Record
from bookeo.transform.columns import Columns, Origins, UnfitError, build, items, spread, tombstones
from bookeo.transform.row_reader import Rejected


@dataclass(frozen=True)
class Call:
    """What is the same for all records of a call.

    Args:
        account_id: The account that they belong to.
        fetched_at: When they were read; aware.
        constants: Each page's constants.
    """

    account_id: str
    fetched_at: datetime
    constants: Sequence[Mapping[str, str | None]]


@dataclass(frozen=True)
class Reading:
    """Records of some pages, and what is known of the rest.

    Args:
        values: The records in their raw type.
        page: Index of each record's page.
        rejected: What could not be read.
        unknown_fields: Paths of undeclared fields.
        pages_with_records: Pages that are not empty, even if all of their records were rejected.
    """

    values: pa.StructArray
    page: pa.Array
    rejected: tuple[Rejected, ...] = ()
    unknown_fields: frozenset[str] = frozenset()
    pages_with_records: frozenset[int] = frozenset()


def make_tables(entity: Entity, reading: Reading, call: Call) -> dict[str, pa.Table]:
    """Makes every table of an entity.

    Args:
        entity: What the records are.
        reading: The records.
        call: What is the same for all of them.

    Returns:
        The tables by name.

    Raises:
        UnfitError: A value is not what the declarations promise.
    """
    constants = {
        column.name: pa.array([page.get(column.name, column.default) for page in call.constants], pa.string()).take(
            reading.page
        )
        for column in entity.table.columns
        if column.origin == "constant"
    }
    tables = _entity_tables(entity, reading.values, constants, call)
    owners = _empty_owners(entity.table, reading, call)
    if owners:
        _append(tables, entity.table, owners, call)
    for item in entity.lists:
        # with something rejected, nobody knows whether the set is empty
        if (
            item.table.owner == ("account_id",)
            and call.constants
            and not reading.rejected
            and not tables[item.table.name]
        ):
            _append(tables, item.table, {"account_id": pa.array([call.account_id])}, call)
    return tables


def _entity_tables(
    entity: Entity, values: pa.StructArray, constants: Columns, call: Call, versions: pa.Array | None = None
) -> dict[str, pa.Table]:
    node = record_node(entity)
    fields = spread(node, values)
    rows = build(entity.table, fields, len(values), Origins(call.account_id, call.fetched_at, constants))
    if versions is None and entity.table.version and entity.versions:
        versions = rows[entity.table.version]
        if versions.null_count:
            raise UnfitError(entity.table.version, "is missing")
    newest = _newest(entity.table, rows, versions)
    if newest is not None:
        fields = {path: array.take(newest) for path, array in fields.items()}
        rows = {name: array.take(newest) for name, array in rows.items()}
    tables = {entity.table.name: _arrow(entity.table, rows)}
    for item in entity.lists:
        tables[item.table.name] = _list_table(entity, item, node, fields, rows, call)
    for embedded in entity.embedded:
        tables.update(_embedded_tables(embedded, fields, rows.get(entity.table.version or ""), call))
    return tables


def _list_table(
    entity: Entity, item: ListTable, node: Record, fields: Columns, parent: Columns, call: Call
) -> pa.Table:
    path = item.path.replace("*", "")
    lists = fields[path]
    values, parents, positions = items(lists)
    item_node = _node_at(node, path)
    assert isinstance(item_node, Items)
    found = spread(item_node.node, values) if isinstance(item_node.node, Record) else {"": values}
    inherited = {
        column.name: parent[column.name] for column in item.table.columns if column.origin in ("parent", "account")
    }
    origins = Origins(
        call.account_id,
        call.fetched_at,
        {},
        {name: array.take(parents) for name, array in inherited.items()},
        positions,
    )
    rows = build(item.table, found, len(values), origins)
    newest = _newest(item.table, rows, None) if "position" not in item.table.key else None
    if newest is not None:
        rows = {name: array.take(newest) for name, array in rows.items()}
    table = _arrow(item.table, rows)
    if item.table.owner == entity.table.key:
        empty = pc.equal(pc.fill_null(pc.list_value_length(lists), 0), 0)
        if pc.any(empty).as_py():
            owners = {name: array.filter(empty) for name, array in inherited.items()}
            table = pa.concat_tables([table, tombstones(item.table, owners, call.fetched_at)])
    return table


def _embedded_tables(embedded: Embedded, fields: Columns, versions: pa.Array | None, call: Call) -> dict[str, pa.Table]:
    values = fields[embedded.path]
    there = values.is_valid()
    values = values.filter(there)
    constants = {name: pa.repeat(pa.scalar(value), len(values)) for name, value in embedded.constants.items()}
    return _entity_tables(
        embedded.entity, values, constants, call, None if versions is None else versions.filter(there)
    )


def _node_at(node: Node, path: str) -> Node:
    for name in path.split("."):
        assert isinstance(node, Record)
        node = node.fields[name].node
    return node


def _newest(table: Table, rows: Columns, versions: pa.Array | None) -> pa.Array | None:
    """Finds the newest row of each key; None if each key is there only once."""
    keys = pa.table(
        {name: rows[name] for name in table.key if name != "account_id"} or {"account_id": rows["account_id"]}
    )
    if len(keys) < 2:
        return None
    if keys.num_columns == 1:
        distinct = pc.count_distinct(keys.column(0)).as_py()
    else:
        distinct = len(keys.group_by(keys.column_names).aggregate([]))
    if distinct == len(keys):
        return None
    ages = [0] * len(keys) if versions is None else versions.cast(pa.int64()).to_pylist()
    best: dict[tuple[str, ...], int] = {}
    for index, key in enumerate(zip(*(column.to_pylist() for column in keys.columns), strict=True)):
        if key not in best or ages[index] >= ages[best[key]]:
            best[key] = index
    return pa.array(sorted(best.values()), pa.int64())


def _empty_owners(table: Table, reading: Reading, call: Call) -> Columns | None:
    """Finds the owners whose pages hold nothing at all."""
    names = [name for name in table.owner if name != "account_id"]
    if not table.owner or any(table.column(name).origin != "constant" for name in names):
        return None
    filled: dict[tuple[str, ...], bool] = {}
    for index, constants in enumerate(call.constants):
        owner = tuple(value for name in names if (value := constants.get(name)) is not None)
        if len(owner) == len(names):
            filled[owner] = filled.get(owner, False) or index in reading.pages_with_records
    empty = [owner for owner, is_filled in filled.items() if not is_filled]
    if not empty:
        return None
    columns = dict(zip(names, (pa.array(values, pa.string()) for values in zip(*empty, strict=True)), strict=True))
    return {"account_id": pa.repeat(pa.scalar(call.account_id), len(empty)), **columns}


def _append(tables: dict[str, pa.Table], table: Table, owners: Columns, call: Call) -> None:
    tables[table.name] = pa.concat_tables([tables[table.name], tombstones(table, owners, call.fetched_at)])


def _arrow(table: Table, rows: Columns) -> pa.Table:
    return pa.Table.from_arrays([rows[column.name] for column in table.columns], schema=arrow_schema(table))
