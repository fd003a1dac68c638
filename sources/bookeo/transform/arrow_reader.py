"""The fast reader: the bytes of many pages straight into Arrow, or not at all.

`pyarrow.json` reads all pages at once by the declared schema. It is all or nothing: one number where a text is
declared, or one field that is not, fails the whole read. Whoever calls it then turns to the tolerant reader.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from bookeo.schema.json_shape import has_opaque, raw_type, record_node
from bookeo.schema.model import EXTRA_FIELD, Entity
from bookeo.transform.columns import UnfitError

_ENVELOPE = pa.struct(
    [
        ("totalItems", pa.int64()),
        ("totalPages", pa.int64()),
        ("currentPage", pa.int64()),
        ("pageNavigationToken", pa.string()),
    ]
)
"""The `info` of a page. Source: the vendor's pages, "lists"."""

_FOR_THE_TOLERANT = (b"\\u0000", EXTRA_FIELD.encode())
"""What `pyarrow.json` reads without complaint but the tolerant reader treats: NUL, which PostgreSQL cannot store, and a
field called like the one where that reader keeps undeclared fields."""

_AN_OBJECT = re.compile(rb"\s*\{")
"""pyarrow 26 kills the whole process when the first value that it reads is `null`."""

_MOST_BYTES = 1 << 30
"""pyarrow's block size is a 32-bit number."""


def read_fast(entity: Entity, bodies: Sequence[bytes], records: str | None) -> tuple[pa.StructArray, pa.Array]:
    """Reads pages of one kind.

    Args:
        entity: What the pages hold.
        bodies: The answers' bytes.
        records: Name of the list in each page; None if each is one object.

    Returns:
        The records in their raw type, and the index of each record's page.

    Raises:
        UnfitError: Something is not as declared, somewhere.
    """
    schema = _schema(entity, records)
    if not all(_AN_OBJECT.match(body) for body in bodies):
        raise UnfitError("the pages", "not one JSON object each")
    joined = b"\n".join(bodies)
    if schema is None or len(joined) > _MOST_BYTES or any(sign in joined for sign in _FOR_THE_TOLERANT):
        raise UnfitError("the pages", "need the tolerant reader")
    try:
        # pyarrow does not look whether texts are UTF-8, and passes on what is not
        for body in bodies:
            body.decode()
        table = pj.read_json(
            pa.BufferReader(joined),
            read_options=pj.ReadOptions(use_threads=False, block_size=len(joined) + 1),
            parse_options=pj.ParseOptions(
                explicit_schema=schema, newlines_in_values=True, unexpected_field_behavior="error"
            ),
        )
    except (pa.ArrowException, UnicodeDecodeError):
        # pyarrow's messages may quote values
        raise UnfitError("the pages", "pyarrow.json cannot read them") from None
    if len(table) != len(bodies):
        raise UnfitError("the pages", "not one JSON object each")
    if records is None:
        values = pa.StructArray.from_arrays(
            [_single(table.column(i)) for i in range(table.num_columns)], fields=list(schema)
        )
        return values, pa.array(range(len(values)), pa.int64())
    lists = _single(table.column(records))
    values = lists.flatten()
    if lists.null_count or values.null_count:
        raise UnfitError(records, "is missing, or has an item that is null")
    return values, pc.list_parent_indices(lists).cast(pa.int64())


@cache
def _schema(entity: Entity, records: str | None) -> pa.Schema | None:
    node = record_node(entity)
    if has_opaque(node):
        return None
    kind = raw_type(node)
    if records is None:
        return pa.schema(list(kind))
    return pa.schema([("info", _ENVELOPE), (records, pa.list_(kind))])


def _single(column: pa.ChunkedArray) -> pa.Array:
    # one block was read, so there is one chunk; combining would copy it
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)
