"""Keeps, hashes or drops what is personal in shaped tables, column by column, each distinct value once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pyarrow as pa

from bookeo.privacy.records import private_extra, private_text, table_nodes
from bookeo.schema import ENTITIES, TABLES, Column, Entity
from bookeo.schema.model import Node
from bookeo.settings.privacy import Privacy
from bookeo.transform.shape import Shaped


def private(shaped: Shaped, privacy: Privacy) -> Shaped:
    """Treats everything that pages became.

    Args:
        shaped: The tables, and what was rejected.
        privacy: The rules.

    Returns:
        The same, as the rules say; the very same object where everything is kept.
    """
    if privacy.keeps_all:
        return shaped
    tables = {name: _private_table(name, rows, privacy) for name, rows in shaped.tables.items()}
    return replace(shaped, tables=tables, rejected=_private_rejected(shaped.rejected, privacy))


def _private_table(name: str, rows: pa.Table, privacy: Privacy) -> pa.Table:
    for index, column in enumerate(TABLES[name].columns):
        values = rows.column(index)
        if column.personal and values.null_count < len(values):
            treated = _private_column(name, column, values, privacy)
            if treated is not values:
                rows = rows.set_column(index, rows.schema.field(index), treated)
    return rows


def _private_column(table: str, column: Column, values: pa.ChunkedArray, privacy: Privacy) -> pa.ChunkedArray:
    assert column.personal
    if column.origin == "extra":
        entity = _entities()[table]
        return _each(values, lambda text: private_extra(entity, text, privacy))
    action = privacy.action([column.personal])
    # nothing but a text can hold a hash: a date of birth is dropped
    if action == "drop" or (action == "hash" and column.type not in ("text", "json")):
        return pa.nulls(len(values), values.type)
    if column.node is not None:
        node = column.node
        return _each(values, lambda text: private_text(node, text, privacy))
    return _each(values, privacy.hashed) if action == "hash" else values


def _private_rejected(rejected: pa.Table, privacy: Privacy) -> pa.Table:
    if not len(rejected):
        return rejected
    raw = [
        None if text is None else private_text(_nodes()[table], text, privacy)
        for table, text in zip(rejected["table_name"].to_pylist(), rejected["raw"].to_pylist(), strict=True)
    ]
    index = rejected.schema.get_field_index("raw")
    return rejected.set_column(index, rejected.schema.field(index), pa.array(raw, pa.string()))


def _each(values: pa.ChunkedArray, treat: Callable[[str], str | None]) -> pa.Array:
    """Treats each distinct text once."""
    encoded = values.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    treated = pa.array([treat(text) for text in encoded.dictionary.to_pylist()], pa.string())
    return treated.take(encoded.indices)


@cache
def _entities() -> dict[str, Entity]:
    return {entity.table.name: entity for entity in ENTITIES.values()}


@cache
def _nodes() -> dict[str, Node]:
    return table_nodes()
