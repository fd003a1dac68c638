"""The tolerant reader: one record after the other, keeping whatever can be kept.

It repairs each record into what the declarations promise, so that the same vectorised code makes the same tables of it
as of what the fast reader gives:

- null is the same as absent; an empty text is absent for anything but a text.
- What can be converted exactly is: a number to a text as it is spelt, `"true"` to a flag, `"12"` or `12.0` to a whole
  number.
- A record without its id or without a readable time of change or creation, with money that is no number or does not
  fit, or with NaN or Infinity anywhere, goes to `rejected_rows`. An item of a list does so alone, and so does an
  embedded customer: the record around it stays.
- Anything else that does not fit leaves its column empty and is kept in `extra`, as undeclared fields are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from bookeo.schema.json_shape import is_strict, raw_type, record_node
from bookeo.schema.model import EXTRA_FIELD, ColumnType, Entity, Items, Node, Record, Scalar
from bookeo.schema.model import Field as DeclaredField
from bookeo.transform.json_values import (
    CONSTANTS,
    MisfitError,
    dump,
    has_constant,
    load,
    to_amount,
    to_bool,
    to_date,
    to_integer,
    to_text,
    to_time,
    type_name,
)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that could not be shaped.

    Args:
        table: The table it was meant for.
        raw_id: Its id, or that of the record around it; empty if it has none.
        reason: Path and kind of what does not fit, never the value.
        raw: The record as JSON text, customers' data included.
    """

    table: str
    raw_id: str
    reason: str
    raw: str


@dataclass(frozen=True)
class TolerantReading:
    """What became of a page.

    Args:
        values: The repaired records in their raw type, with a field for what is undeclared.
        rejected: The others, and items of lists that were left out of the records.
        unknown_fields: Paths of fields that are not declared.
        seen: Number of records in the page.
    """

    values: pa.StructArray
    rejected: list[Rejected]
    unknown_fields: frozenset[str]
    seen: int


def read_tolerant(entity: Entity, body: bytes, records: str | None) -> TolerantReading:
    """Reads a page.

    Args:
        entity: What the page holds.
        body: The answer's bytes.
        records: Name of the list in the page; None if it is one object.

    Returns:
        Its records and what was rejected; a page that is none of what it should be is rejected as one record.
    """
    node = record_node(entity)
    repair = _Repair(entity.table.name, constants=any(name.encode() in body for name in CONSTANTS))
    try:
        found = _records(load(body), records)
    except MisfitError as misfit:
        text = body.decode("utf-8", errors="replace").replace("\x00", "\ufffd")
        repair.rejected.append(Rejected(entity.table.name, "", f"{records or 'the answer'}: {misfit}", dump(text)))
        found = []
        seen = 1
    else:
        seen = len(found)
    repaired = [record for value in found if (record := repair.record(entity, node, value)) is not None]
    values = pa.array(repaired, raw_type(node, with_extra=True))
    return TolerantReading(values, repair.rejected, frozenset(repair.unknown), seen)


def _records(page: Any, records: str | None) -> list[Any]:
    if records is None:
        return [page]
    if not isinstance(page, dict):
        raise MisfitError(f"the answer is {type_name(page)}")
    found = page.get(records)
    if isinstance(found, list):
        return found
    info = page.get("info")
    # optional fields are left out, which an empty list may count as; a list that should have items may not
    if found is None and isinstance(info, dict) and getattr(info.get("totalItems"), "text", None) == "0":
        return []
    raise MisfitError(f"{type_name(found)} where a list belongs")


@dataclass
class _Level:
    """The object whose `extra` column takes what is undeclared, and where it is."""

    table: str
    raw_id: str
    path: str = ""
    extra: dict[str, Any] = field(default_factory=dict)


class _Repair:
    """Repairs the records of a page and collects what was rejected on the way."""

    def __init__(self, table: str, *, constants: bool = False) -> None:
        self._constants = constants
        self.rejected: list[Rejected] = []
        self.unknown: set[str] = set()
        self._table = table

    def record(self, entity: Entity, node: Record, value: Any, around: _Level | None = None, path: str = "") -> Any:
        """Repairs a record that feeds a table; None if it is rejected."""
        before = len(self.rejected)
        level = _Level(entity.table.name, _raw_id(node, value) or (around.raw_id if around else ""), path)
        try:
            if self._constants and has_constant(value):
                raise MisfitError("NaN or Infinity where a number belongs")
            repaired = self._object(node, value, "", level)
            if entity.versions and all(repaired.get(name) is None for name in entity.versions):
                raise MisfitError(f"{' and '.join(entity.versions)}: are missing")
        except MisfitError as misfit:
            # the whole record is kept, so what was noted of its parts would be there twice
            del self.rejected[before:]
            self.rejected.append(Rejected(level.table, level.raw_id, f"{path}{misfit}", dump(value)))
            return None
        if level.extra and node.has_extra:
            repaired[EXTRA_FIELD] = dump(level.extra)
        return repaired

    def _object(self, node: Record, value: Any, path: str, level: _Level) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise MisfitError(f"{path.rstrip('.') or 'the record'}: {type_name(value)} where an object belongs")
        for name in value.keys() - node.fields.keys():
            if value[name] is not None:
                level.extra[path + name] = value[name]
                self.unknown.add(_without_indices(level.path + path + name))
        repaired: dict[str, Any] = {}
        for name, declared in node.fields.items():
            if not declared.read:
                continue
            found = value.get(name)
            if found is not None:
                found = self._field(declared, found, path + name, level)
            if found is None and declared.required:
                raise MisfitError(f"{path}{name}: is missing")
            if found == "" and declared.key:
                raise MisfitError(f"{path}{name}: is empty")
            repaired[name] = found
        return repaired

    def _field(self, declared: DeclaredField, value: Any, path: str, level: _Level) -> Any:
        if declared.entity is not None:
            assert isinstance(declared.node, Record)
            return self.record(declared.entity, declared.node, value, level, f"{level.path}{path}.")
        if declared.table is not None and isinstance(declared.node, Items) and isinstance(value, list):
            return self._items(declared.node, declared.table, value, path, level)
        try:
            return self._value(declared.node, value, path, level)
        except MisfitError:
            if declared.required or is_strict(declared.node):
                raise
            level.extra[path] = value
            return None

    def _items(self, node: Items, table: str, values: list[Any], path: str, level: _Level) -> list[Any]:
        """Repairs the items of a list that is a table; those that cannot be are rejected alone."""
        repaired = []
        for index, value in enumerate(values):
            try:
                item = self._value(node.node, value, f"{path}[{index}]", level)
                if item is None:
                    raise MisfitError(f"{path}[{index}]: null where an item belongs")
                repaired.append(item)
            except MisfitError as misfit:
                self.rejected.append(Rejected(table, level.raw_id, f"{level.path}{misfit}", dump(value)))
        return repaired

    def _value(self, node: Node, value: Any, path: str, level: _Level) -> Any:
        if value is None:
            return None
        if isinstance(node, Record):
            return self._object(node, value, f"{path}.", level)
        if isinstance(node, Items):
            if not isinstance(value, list):
                raise MisfitError(f"{path}: {type_name(value)} where a list belongs")
            return [self._value(node.node, item, f"{path}[{index}]", level) for index, item in enumerate(value)]
        try:
            return _SCALARS[node.type](value)
        except MisfitError as misfit:
            raise MisfitError(f"{path}: {misfit}") from None


_SCALARS: dict[ColumnType, Callable[[Any], Any]] = {
    "text": to_text,
    "bool": to_bool,
    "bigint": to_integer,
    "timestamp": to_time,
    "date": to_date,
    "decimal": to_amount,
    "json": dump,
}


def _raw_id(node: Record, value: Any) -> str:
    for name, declared in node.fields.items():
        if declared.key and isinstance(declared.node, Scalar) and isinstance(value, dict):
            try:
                return to_text(value.get(name))
            except MisfitError:
                return ""
    return ""


def _without_indices(path: str) -> str:
    parts = path.split("[")
    return parts[0] + "".join("[]" + part.partition("]")[2] for part in parts[1:])
