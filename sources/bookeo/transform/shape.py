"""API answers -> Arrow tables, by the declarations in `bookeo.schema`. No input, no output, no clock.

Pages are read by the fast reader, all at once. Where that fails, each page is tried alone, and those that fail again
are read record by record by the tolerant reader. Both give records of the same raw form, of which the same code makes
the tables. Nothing is lost without a trace: each record becomes a row, or a row of `rejected_rows`, or there is a newer
version of it in the same call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from bookeo.schema import REJECTED_ROWS, Entity, arrow_schema
from bookeo.schema.json_shape import raw_type, record_node
from bookeo.transform.arrow_reader import read_fast
from bookeo.transform.columns import UnfitError
from bookeo.transform.row_reader import Rejected, read_tolerant
from bookeo.transform.table_builder import Call, Reading, make_tables


@dataclass(frozen=True)
class RawPage:
    """One answer of the API.

    Args:
        body: Its bytes, uncompressed.
        records: Name of the list of records in it (`data`, `categories`); None if it is itself one record.
        constants: Values of columns that the records themselves lack, such as `booking_number` for a booking's
            payments, `customer_id` for a history, `linked_by`, `source`.
        asked: What was asked for, and when by the server's clock, as JSON values: for the archive, not for the tables.
    """

    body: bytes
    records: str | None
    constants: Mapping[str, str | None] = field(default_factory=dict)
    asked: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Shaped:
    """What became of some pages.

    Args:
        tables: Every table of the entity in its declared schema, possibly without rows.
        rejected: Rows for `rejected_rows`.
        unknown_fields: Dotted paths, with `[]` for lists, of fields that no column declares.
    """

    tables: dict[str, pa.Table]
    rejected: pa.Table
    unknown_fields: frozenset[str]


def shape(entity: Entity, pages: Sequence[RawPage], *, account_id: str, fetched_at: datetime) -> Shaped:
    """Makes the tables of an entity from pages of its records.

    Of several records with the same key only the newest is kept, with its lists: the one last changed where the API
    tells, else the one seen last. An owner's set that turns out to be empty gives a row with `_deleted` set (see
    `Table.owner`): a booking without options, a page without payments of the booking that it was asked for, an empty
    list of settings.

    Args:
        entity: What the pages hold.
        pages: The answers, in the order in which they came.
        account_id: The account that they belong to.
        fetched_at: When they were read; aware.

    Returns:
        The tables, what was rejected, and names of undeclared fields.

    Raises:
        ValueError: `fetched_at` is naive, or a page names a constant that no column takes, or lacks one of the key.
    """
    if fetched_at.tzinfo is None:
        raise ValueError("fetched_at must be aware")
    _check_constants(entity, pages)
    call = Call(account_id, fetched_at, tuple(page.constants for page in pages))
    reading, tables = _read_at_once(entity, pages, call) or _read_one_by_one(entity, pages, call)
    return Shaped(tables, _rejected_table(reading.rejected, call), reading.unknown_fields)


def _check_constants(entity: Entity, pages: Sequence[RawPage]) -> None:
    known = {column.name for column in entity.table.columns if column.origin == "constant"}
    unknown = {name for page in pages for name in page.constants} - known
    if unknown:
        raise ValueError(f"{entity.table.name} has no column for {', '.join(sorted(unknown))}")
    for name in known.intersection(entity.table.key):
        if not all(page.constants.get(name) for page in pages):
            raise ValueError(f"{entity.table.name} needs {name} for every page")


def _read_at_once(
    entity: Entity, pages: Sequence[RawPage], call: Call, first: int = 0
) -> tuple[Reading, dict[str, pa.Table]] | None:
    """Reads pages the fast way; None if that cannot be done."""
    if len({page.records for page in pages}) != 1:
        return None
    try:
        values, page = read_fast(entity, [page.body for page in pages], pages[0].records)
        page = pc.add(page, first)
        reading = Reading(values, page, pages_with_records=frozenset(page.unique().to_pylist()))
        return reading, make_tables(entity, reading, call)
    except UnfitError:
        return None


def _read_one_by_one(entity: Entity, pages: Sequence[RawPage], call: Call) -> tuple[Reading, dict[str, pa.Table]]:
    """Reads each page the fast way if that can be done, else the tolerant way."""
    kind = raw_type(record_node(entity), with_extra=True)
    readings = []
    for index, page in enumerate(pages):
        fast = _read_at_once(entity, [page], call, index) if len(pages) > 1 else None
        readings.append(fast[0] if fast else _read_tolerantly(entity, page, index))
    reading = Reading(
        pa.concat_arrays([pa.array([], kind), *(reading.values.cast(kind) for reading in readings)]),
        pa.concat_arrays([pa.array([], pa.int64()), *(reading.page for reading in readings)]),
        tuple(rejected for reading in readings for rejected in reading.rejected),
        frozenset[str]().union(*(reading.unknown_fields for reading in readings)),
        frozenset[int]().union(*(reading.pages_with_records for reading in readings)),
    )
    return reading, make_tables(entity, reading, call)


def _read_tolerantly(entity: Entity, page: RawPage, index: int) -> Reading:
    found = read_tolerant(entity, page.body, page.records)
    return Reading(
        found.values,
        pa.repeat(pa.scalar(index, pa.int64()), len(found.values)),
        tuple(found.rejected),
        found.unknown_fields,
        frozenset([index] if found.seen else []),
    )


def _rejected_table(rejected: Sequence[Rejected], call: Call) -> pa.Table:
    """Makes the rows of `rejected_rows`: the one place where a record's raw JSON leaves this package's hands."""
    rows = [
        {
            "account_id": call.account_id,
            "table_name": one.table,
            "raw_id": one.raw_id,
            "fetched_at": call.fetched_at,
            "position": position,
            "reason": one.reason,
            "raw": one.raw,
        }
        for position, one in enumerate(rejected)
    ]
    return pa.Table.from_pylist(rows, schema=arrow_schema(REJECTED_ROWS))
