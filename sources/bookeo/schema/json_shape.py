"""What the JSON of an entity looks like, put together from the paths of its columns."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pyarrow as pa

from bookeo.schema.model import EXTRA_FIELD, Column, Entity, Field, Items, Node, Record, Scalar, Table


@cache
def record_node(entity: Entity) -> Record:
    """Puts together what the JSON of an entity's objects looks like.

    Args:
        entity: The declared entity.

    Returns:
        All fields that its tables read, and those that are known though unread.
    """
    node = _columns_node(entity.table)
    for item in entity.lists:
        node = _merge(node, _at(item.path, Field(Items(_item_node(item.table)), table=item.table.name)))
    for embedded in entity.embedded:
        node = _merge(node, _at(embedded.path, Field(record_node(embedded.entity), entity=embedded.entity)))
    if entity.unread is not None:
        node = _merge(node, _unread(record_node(entity.unread)))
    return replace(node, has_extra=any(column.origin == "extra" for column in entity.table.columns))


def raw_type(node: Node, *, with_extra: bool = False) -> pa.DataType:
    """Gives the Arrow type as which a JSON value is read, before anything is converted.

    Args:
        node: What the value looks like.
        with_extra: Whether records have a field for their undeclared fields, as the tolerant reader's have.

    Returns:
        Text for times, dates and money; they are converted afterwards, all at once.
    """
    if isinstance(node, Scalar):
        return {"bool": pa.bool_(), "bigint": pa.int64()}.get(node.type, pa.string())
    if isinstance(node, Items):
        return pa.list_(raw_type(node.node, with_extra=with_extra))
    fields = [(name, raw_type(field.node, with_extra=with_extra)) for name, field in node.fields.items()]
    if with_extra and node.has_extra:
        fields.append((EXTRA_FIELD, pa.string()))
    return pa.struct(fields)


def has_opaque(node: Node) -> bool:
    """Tells whether a value may hold JSON of any form, which only the tolerant reader can read.

    Args:
        node: What the value looks like.

    Returns:
        True if there is a place for any JSON.
    """
    if isinstance(node, Scalar):
        return node.type == "json"
    if isinstance(node, Items):
        return has_opaque(node.node)
    return any(has_opaque(field.node) for field in node.fields.values())


def is_strict(node: Node) -> bool:
    """Tells whether a value of another form may not be passed over.

    Args:
        node: What the value looks like.

    Returns:
        True for money and whatever contains it: an amount that is passed over would be a wrong figure.
    """
    if isinstance(node, Scalar):
        return node.type == "decimal"
    if isinstance(node, Items):
        return is_strict(node.node)
    return any(is_strict(field.node) for field in node.fields.values())


def _columns_node(table: Table) -> Record:
    node = Record({})
    for column in table.columns:
        if column.origin == "field" and column.path:
            for path in column.alternatives:
                node = _merge(node, _at(path, Field(_leaf(column), key=column.name in table.key)))
        elif column.origin in ("local_date", "local_time", "utc_offset"):
            node = _merge(node, _at(column.path, Field(Scalar("timestamp"))))
        elif column.origin == "source_part":
            node = _merge(node, _at(column.path, Field(Scalar("text", "online_id", is_source=True))))
    return node


def _item_node(table: Table) -> Node:
    whole = [column for column in table.columns if column.origin == "field" and not column.path]
    return _leaf(whole[0]) if whole else _columns_node(table)


def _leaf(column: Column) -> Node:
    return column.node if column.node is not None else Scalar(column.type, column.personal)


def _at(path: str, field: Field) -> Record:
    head, _, rest = path.partition(".")
    name, required = head.rstrip("*"), head.endswith("*")
    inner = Field(_at(rest, field)) if rest else field
    return Record({name: replace(inner, required=required or inner.required)})


def _merge(a: Record, b: Record) -> Record:
    fields: dict[str, Field] = dict(a.fields)
    for name, field in b.fields.items():
        fields[name] = _merge_fields(fields[name], field) if name in fields else field
    return Record(fields, a.has_extra or b.has_extra)


def _merge_fields(a: Field, b: Field) -> Field:
    if isinstance(a.node, Record) and isinstance(b.node, Record):
        node: Node = _merge(a.node, b.node)
    elif b.read and a.read and a.node != b.node:
        raise ValueError(f"one path is declared as {a.node} and as {b.node}")
    else:
        node = a.node
    return Field(
        node, a.required or b.required, a.key or b.key, a.read or b.read, a.table or b.table, a.entity or b.entity
    )


def _unread(node: Record) -> Record:
    return Record({name: Field(_unread_node(field.node), read=False) for name, field in node.fields.items()})


def _unread_node(node: Node) -> Node:
    if isinstance(node, Items):
        return Items(_unread_node(node.node))
    return _unread(node) if isinstance(node, Record) else node
