"""Keeps, hashes or drops what is personal in the API's JSON, by the same declarations as in the tables.

What stands where it is declared is treated as its class says. What does not - an undeclared field, an object where a
text belongs, a page that is no JSON - may be anything that belongs there or was typed by anybody: it is treated by the
strictest action among the classes of its place and `free_text`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from bookeo.schema import ENTITIES, Entity
from bookeo.schema.json_shape import is_strict, record_node
from bookeo.schema.model import Field, Items, Node, Personal, Record, Scalar
from bookeo.settings.privacy import Privacy
from bookeo.transform.json_values import (
    MisfitError,
    dump,
    load,
    to_amount,
    to_bool,
    to_date,
    to_integer,
    to_text,
    to_time,
)
from bookeo.transform.source_text import parse_source, with_ids

_TEXT, _NUMBER = Field(Scalar("text")), Field(Scalar("bigint"))
_ENVELOPE: Mapping[str, Field] = {
    "info": Field(
        Record(
            {"totalItems": _NUMBER, "totalPages": _NUMBER, "currentPage": _NUMBER, "pageNavigationToken": _TEXT},
        )
    )
}
_CONVERTERS = {
    "text": to_text,
    "bool": to_bool,
    "bigint": to_integer,
    "timestamp": to_time,
    "date": to_date,
    "decimal": to_amount,
}


class _Dropped:
    """Stands for what is to be left out."""


DROPPED: Final = _Dropped()
PLACEHOLDER: Final = "(dropped)"
"""In place of a value that is dropped but may not be missing, such as an amount that is none."""


def private_answer(entity: str, records: str | None, body: bytes, privacy: Privacy) -> bytes:
    """Treats a whole answer of the API, for whoever keeps it.

    A required field or an item of a list of texts that is dropped stays as an empty text, so that the answer gives the
    same rows; any other dropped item of a list stays as null. All else that is dropped is left out.

    Args:
        entity: Name of the kind of object that it holds; nothing is declared of one that is not known.
        records: Name of the list of records in it (`data`, `categories`); None if it is itself one record.
        body: The answer's bytes, uncompressed.
        privacy: The rules.

    Returns:
        The answer as JSON, numbers as they were spelt; the very same bytes where everything is kept.
    """
    if privacy.keeps_all:
        return body
    node = answer_node(entity, records)
    try:
        value = load(body)
    except MisfitError:
        value = body.decode("utf-8", "replace")
    treated = private_value(node, value, privacy)
    return dump(None if treated is DROPPED else treated).encode()


@cache
def answer_node(entity: str, records: str | None) -> Node | None:
    """Says what an answer of the API looks like.

    Args:
        entity: Name of the kind of object that it holds.
        records: Name of the list of records in it; None if it is itself one record.

    Returns:
        What is declared; None where nothing is.
    """
    if entity not in ENTITIES:
        return None
    node = record_node(ENTITIES[entity])
    return node if records is None else Record({**_ENVELOPE, records: Field(Items(node))})


def private_text(node: Node, text: str, privacy: Privacy) -> str | None:
    """Treats JSON text.

    Args:
        node: What it should look like.
        text: The JSON.
        privacy: The rules.

    Returns:
        The same without what is dropped; None if that is all of it.
    """
    treated = private_value(node, load(text.encode()), privacy)
    return None if treated is DROPPED else dump(treated)


def private_extra(entity: Entity, text: str, privacy: Privacy) -> str | None:
    """Treats what an `extra` column holds.

    Args:
        entity: The kind of object that it is about.
        text: A JSON object: values by their dotted paths.
        privacy: The rules.

    Returns:
        The same without what is dropped; None if that is all of it.
    """
    kept = {}
    for path, value in load(text.encode()).items():
        treated = _misfit(_node_at(record_node(entity), path), value, privacy)
        if treated is not DROPPED:
            kept[path] = treated
    return dump(kept) if kept else None


def table_nodes() -> dict[str, Node]:
    """Says what the JSON of a table's records looks like.

    Returns:
        By the table's name: an object for an entity's own table, an item for that of a list.
    """
    nodes: dict[str, Node] = {}
    for entity in ENTITIES.values():
        nodes[entity.table.name] = record_node(entity)
        for item in entity.lists:
            lists = _node_at(record_node(entity), item.path.replace("*", ""))
            assert isinstance(lists, Items)
            nodes[item.table.name] = lists.node
    return nodes


def private_value(node: Node | None, value: Any, privacy: Privacy) -> Any:
    """Treats a JSON value.

    Args:
        node: What it should look like; None for what is not declared.
        value: What `json_values.load` gave.
        privacy: The rules.

    Returns:
        What is left of it, or `DROPPED`.
    """
    if value is None:
        return None
    if isinstance(node, Record) and isinstance(value, dict):
        return _private_object(node, value, privacy)
    if isinstance(node, Items) and isinstance(value, list):
        items = (private_value(node.node, item, privacy) for item in value)
        # A list of texts has a row for each of them, but none for null.
        left = "" if isinstance(node.node, Scalar) else None
        return [left if item is DROPPED else item for item in items]
    if not isinstance(node, Scalar) or not _fits(node, value):
        return _misfit(node, value, privacy)
    if node.is_source:
        return _private_source(to_text(value), privacy)
    action = privacy.action([node.personal] if node.personal else [])
    if action == "keep":
        return value
    # nothing but a text can hold a hash
    return privacy.hashed(to_text(value)) if action == "hash" and node.type == "text" else DROPPED


def _private_source(text: str, privacy: Privacy) -> str:
    action = privacy.action(["online_id"])
    if action == "keep":
        return text
    return with_ids(parse_source(text), lambda ids: privacy.hashed(ids) if action == "hash" else None)


def _private_object(node: Record, value: Mapping[str, Any], privacy: Privacy) -> dict[str, Any]:
    kept = {}
    for name, item in value.items():
        field = node.fields.get(name)
        treated = private_value(field.node if field else None, item, privacy)
        if treated is not DROPPED:
            kept[name] = treated
        elif field is not None and field.required:
            kept[name] = ""
    return kept


def _misfit(node: Node | None, value: Any, privacy: Privacy) -> Any:
    classes = {"free_text": None} | dict.fromkeys(_classes(node) if node is not None else ())
    action = privacy.action(classes)
    if action == "keep":
        return value
    if action == "hash":
        return privacy.hashed(value if isinstance(value, str) else dump(value))
    # what makes a record unfit still does, so that it is not taken for a good one later
    return PLACEHOLDER if node is not None and is_strict(node) else DROPPED


def _fits(node: Scalar, value: Any) -> bool:
    if node.type not in _CONVERTERS:
        return True
    try:
        _CONVERTERS[node.type](value)
    except MisfitError:
        return False
    return True


def _classes(node: Node) -> frozenset[Personal]:
    """All classes at and below a place."""
    if isinstance(node, Scalar):
        return frozenset([node.personal] if node.personal else [])
    if isinstance(node, Items):
        return _classes(node.node)
    return frozenset[Personal]().union(*(_classes(field.node) for field in node.fields.values()))


def _node_at(node: Node, path: str) -> Node | None:
    """Follows a dotted path, in which `[3]` is an item of a list; None where it leaves what is declared."""
    found: Node | None = node
    for step in path.split("."):
        name, *indices = step.split("[")
        if not isinstance(found, Record) or name not in found.fields:
            return None
        found = found.fields[name].node
        for _ in indices:
            found = found.node if isinstance(found, Items) else None
    return found
