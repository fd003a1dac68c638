"""Raw Arrow records -> the columns of a table, all at once.

Both readers hand over records of the same raw type: texts, numbers, flags, lists and structs as they are in the JSON.
What happens here to a column happens to all its values in one call, and either works for all or raises `UnfitError`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from bookeo.schema import Table, arrow_schema
from bookeo.schema.arrow_and_dlt import ARROW_TYPES
from bookeo.schema.model import EXTRA_FIELD, Column, ColumnType, Items, Node, Record
from bookeo.transform.source_text import BookingSource, parse_source

Columns = dict[str, pa.Array]
"""The values of a table or of a level of JSON objects, by column name or by path."""

_FIRST_INSTANT = -62_135_596_800_000_000
_END_OF_TIME = 253_402_300_800_000_000
"""The years 1 to 9999 in microseconds since 1970: what a date can be in Python and in every destination."""


_OFFSET = re.compile(r"([+-])(\d\d)(?::?(\d\d))?$")
_OFFSET_LENGTH = len("+01:00")


class UnfitError(ValueError):
    """Some value among these records is not what the declarations promise.

    Args:
        path: Where.
        reason: What is the matter, without the value.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")


@dataclass(frozen=True)
class Origins:
    """Where the values come from that are not in the records.

    Args:
        account_id: The account.
        fetched_at: When the records were read; aware.
        constants: For each `constant` column, one value for each record.
        parent: The columns of the rows that these are the lists of.
        position: Place of each record in its list.
    """

    account_id: str
    fetched_at: datetime
    constants: Mapping[str, pa.Array]
    parent: Columns | None = None
    position: pa.Array | None = None


def spread(node: Record, values: pa.StructArray) -> Columns:
    """Takes objects apart down to their values, checking that what is required is there.

    Args:
        node: What the objects look like.
        values: The objects.

    Returns:
        Their values by dotted path; lists stay lists.

    Raises:
        UnfitError: A required field or a key is missing.
    """
    found: Columns = {}
    _spread(node, values, "", found)
    return found


def _spread(node: Record, values: pa.StructArray, prefix: str, found: Columns) -> None:
    children = dict(
        zip((values.type.field(i).name for i in range(values.type.num_fields)), values.flatten(), strict=True)
    )
    for name, field in node.fields.items():
        if not field.read:
            continue
        child, path = children[name], prefix + name
        if field.required and child.null_count != values.null_count:
            raise UnfitError(path, "is missing")
        if field.key and pc.any(pc.equal(child, "")).as_py():
            raise UnfitError(path, "is empty")
        found[path] = child
        if isinstance(field.node, Record) and field.entity is None:
            _spread(field.node, child, f"{path}.", found)
    if EXTRA_FIELD in children:
        found[prefix + EXTRA_FIELD] = children[EXTRA_FIELD]


def items(lists: pa.ListArray) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Takes lists apart.

    Args:
        lists: One list, or null, for each parent.

    Returns:
        The items; the index of each item's parent; each item's place in its list.

    Raises:
        UnfitError: An item is null.
    """
    values = pc.list_flatten(lists)
    if values.null_count:
        raise UnfitError("a list", "an item is null")
    parents = pc.list_parent_indices(lists).cast(pa.int64())
    lengths = pc.fill_null(pc.list_value_length(lists), 0).cast(pa.int64())
    starts = pc.subtract(pc.cumulative_sum(lengths), lengths)
    ordinals = pc.cumulative_sum(pa.repeat(pa.scalar(1, pa.int64()), len(values)))
    positions = pc.subtract(pc.subtract(ordinals, 1), starts.take(parents))
    return values, parents, positions


def build(table: Table, fields: Columns, count: int, origins: Origins) -> Columns:
    """Makes a table's columns.

    Args:
        table: The declared table.
        fields: The records' values by path; an item that is itself the value has the empty path.
        count: Number of records.
        origins: Values that are not in the records.

    Returns:
        One array for each column, in its final type.

    Raises:
        UnfitError: A value is not what the declaration promises.
    """
    sources = {column.json_path for column in table.columns if column.origin == "source_part"}
    for path in sources:
        fields = {**fields, **{f"{path}, {part}": texts for part, texts in _source_parts(fields[path]).items()}}
    return {column.name: _column(column, fields, count, origins) for column in table.columns}


def _column(column: Column, fields: Columns, count: int, origins: Origins) -> pa.Array:
    kind = ARROW_TYPES[column.type]
    match column.origin:
        case "field":
            first, *others = (path.replace("*", "") for path in column.alternatives)
            values = fields[first]
            for other in others:
                values = pc.coalesce(values, fields[other])
            return convert(column, values)
        case "local_date" | "local_time":
            return convert(column, fields[column.json_path])
        case "utc_offset":
            return _utc_offsets(fields[column.json_path])
        case "source_part":
            return fields[f"{column.json_path}, {column.part}"]
        case "parent":
            assert origins.parent is not None
            return origins.parent[column.name]
        case "position":
            return origins.position
        case "account":
            return pa.repeat(pa.scalar(origins.account_id), count)
        case "fetched_at":
            return pa.repeat(pa.scalar(origins.fetched_at, kind), count)
        case "constant":
            values = origins.constants.get(column.name)
            return pa.repeat(pa.scalar(column.default, kind), count) if values is None else convert(column, values)
        case "extra":
            extra = fields.get(EXTRA_FIELD)
            return pa.nulls(count, kind) if extra is None else extra
        case "deleted":
            return pa.repeat(pa.scalar(False), count)
        case "none":
            return pa.nulls(count, kind)


def convert(column: Column, values: pa.Array) -> pa.Array:
    """Converts raw values to a column's type.

    Args:
        column: The column.
        values: The raw values.

    Returns:
        The same in the column's Arrow type.

    Raises:
        UnfitError: A value does not convert exactly.
    """
    if values.null_count == len(values):
        return pa.nulls(len(values), ARROW_TYPES[column.type])
    if column.type == "json" and column.node is not None:
        return _to_json(values, column.node)
    converter = _CONVERTERS.get(column.type)
    if converter is None:
        return values
    try:
        return converter(values)
    except pa.ArrowException:
        # its text has the value in it, which may be personal
        raise UnfitError(column.json_path, f"a value is no {column.type}") from None


def _timestamps(values: pa.Array) -> pa.Array:
    instants = values.cast(ARROW_TYPES["timestamp"])
    bounds = pc.min_max(instants.cast(pa.int64())).as_py()
    if bounds["min"] < _FIRST_INSTANT or bounds["max"] >= _END_OF_TIME:
        raise pa.ArrowInvalid("year")
    return instants


def _dates(values: pa.Array) -> pa.Array:
    texts = values
    # longer is a point in time (a local date and time of a booking), or nothing that can be taken for a date as it is;
    # one column may hold both
    longer = pc.greater(pc.binary_length(values), len("2026-01-31"))
    if pc.any(longer).as_py():
        texts = pc.utf8_slice_codeunits(values, 0, 10)
        values.filter(longer).cast(ARROW_TYPES["timestamp"])
    dates = texts.cast(pa.date32())
    if pc.min(dates.cast(pa.int32())).as_py() < _FIRST_INSTANT // 86_400_000_000:
        raise pa.ArrowInvalid("year")
    return dates


def _source_parts(texts: pa.Array) -> Columns:
    """The parts of each booking's source, each distinct text parsed once."""
    if texts.null_count == len(texts):
        return dict.fromkeys(BookingSource.__slots__, pa.nulls(len(texts), pa.string()))
    encoded = texts.dictionary_encode()
    parsed = [parse_source(text) for text in encoded.dictionary.to_pylist()]
    return {
        part: pa.array([getattr(source, part) for source in parsed], pa.string()).take(encoded.indices)
        for part in BookingSource.__slots__
    }


def _utc_offsets(times: pa.Array) -> pa.Array:
    """The minutes by which each time's clock is ahead of UTC; whether it is a time is checked with its own column."""
    if times.null_count == len(times):
        return pa.nulls(len(times), pa.int64())
    ends = pc.utf8_slice_codeunits(times, -_OFFSET_LENGTH, None).dictionary_encode()
    return pa.array(map(_offset_minutes, ends.dictionary.to_pylist()), pa.int64()).take(ends.indices)


@lru_cache(maxsize=10_000)
def _offset_minutes(end: str) -> int:
    offset = _OFFSET.search(end)
    if offset is None:
        return 0  # Z
    minutes = 60 * int(offset[2]) + int(offset[3] or 0)
    return -minutes if offset[1] == "-" else minutes


def _local_times(values: pa.Array) -> pa.Array:
    return pc.utf8_slice_codeunits(values, 0, 19).cast(pa.timestamp("us")).cast(ARROW_TYPES["time"])


_CONVERTERS: Mapping[ColumnType, Callable[[pa.Array], pa.Array]] = {
    "timestamp": _timestamps,
    "date": _dates,
    "time": _local_times,
    "decimal": lambda values: values.cast(ARROW_TYPES["decimal"]),
}


def _to_json(values: pa.Array, node: Node) -> pa.Array:
    texts = (None if value is None else orjson.dumps(_present(value, node)).decode() for value in values.to_pylist())
    return pa.array(texts, pa.string())


def _present(value: Any, node: Node) -> Any:
    """Leaves out the fields that Arrow filled up with nulls."""
    if isinstance(node, Record) and value is not None:
        return {
            name: _present(value[name], field.node) for name, field in node.fields.items() if value[name] is not None
        }
    if isinstance(node, Items) and value is not None:
        return [_present(item, node.node) for item in value]
    return value


def tombstones(table: Table, owners: Columns, fetched_at: datetime) -> pa.Table:
    """Makes the rows that say "this owner's set is empty".

    Args:
        table: The table whose rows are owned in sets.
        owners: Columns of the owners of the empty sets; further columns of the table may be among them.
        fetched_at: When that was seen.

    Returns:
        One row for each owner with `_deleted` set; the rest of the key is filled with empty texts and zeros.
    """
    count = len(owners["account_id"])
    arrays = []
    for column in table.columns:
        kind = ARROW_TYPES[column.type]
        if column.name in owners and column.origin != "fetched_at":
            values = owners[column.name]
        elif column.origin == "deleted":
            values = pa.repeat(pa.scalar(True), count)
        elif column.origin == "fetched_at":
            values = pa.repeat(pa.scalar(fetched_at, kind), count)
        elif column.name in table.key:
            values = pa.repeat(pa.scalar(0 if column.type == "bigint" else "", kind), count)
        else:
            values = pa.nulls(count, kind)
        arrays.append(values)
    return pa.Table.from_arrays(arrays, schema=arrow_schema(table))
