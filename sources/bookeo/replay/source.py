"""Rows from the archive instead of from the API: the same answers, in the same order, many loads at once.

What a load concluded from its answers with the destination's help - which booking a payment belongs to, what was known
already - is taken from the archive as well; nothing is asked of anybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import dlt
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from dlt.extract import DltResource

from bookeo.replay.archived_batch import ArchivedBatch
from bookeo.resources import described, disposition
from bookeo.schema import Table


@dataclass
class TableRows:
    """Rows for a table, each key once.

    Args:
        table: The table.
        whole_sets: Whether the rows of each owner replace all that the destination has.
        rows: The rows.
    """

    table: Table
    whole_sets: bool
    rows: pa.Table

    @property
    def group(self) -> list[str]:
        """Columns whose values tell apart what is replaced at once, besides the account."""
        names = self.table.owner if self.whole_sets and self.table.owner else self.table.key
        return [name for name in names if name != "account_id"]


@dataclass
class _Parts:
    table: Table
    whole_sets: bool
    parts: list[pa.Table] = field(default_factory=list)


class Gathering:
    """Answers of many loads on their way into one package: of what came more than once, the last stays.

    That is what is left of packages loaded one by one, too, where each replaces what the one before has brought.
    """

    def __init__(self) -> None:
        self._tables: dict[str, _Parts] = {}
        self.size = 0
        """Bytes of the rows gathered."""

    def takes(self, batch: ArchivedBatch) -> bool:
        """Tells whether a batch may go into the same package: a table's rows are whole sets or not, all of them.

        Args:
            batch: The batch.

        Returns:
            Whether it may.
        """
        known = self._tables
        return all(table.name not in known or known[table.name].whole_sets == sets for table, sets in batch.fed())

    def add(self, batch: ArchivedBatch) -> None:
        """Adds a batch, newer than all before it.

        Args:
            batch: The batch; its answers are shaped now.
        """
        for table, whole_sets in batch.fed():
            rows = batch.table(table.name)
            if rows is not None and len(rows):
                self._tables.setdefault(table.name, _Parts(table, whole_sets)).parts.append(rows)
                self.size += rows.nbytes

    def change(self, table: str, ids: Iterable[str], values: Mapping[str, Any] | None) -> None:
        """Does to rows that wait what a load did to them in the destination.

        Args:
            table: The table.
            ids: The last column of the key of those rows.
            values: New values by column; None to remove the rows.
        """
        if table not in self._tables:
            return
        gathered = self._tables[table]
        chosen = pa.array(sorted(ids), pa.string())
        for number, part in enumerate(gathered.parts):
            which = pc.is_in(part[gathered.table.key[-1]], chosen)
            rows = part.filter(which)
            for name, value in (values or {}).items():
                column = part.schema.field(name)
                constant = pa.repeat(pa.scalar(value, column.type), len(rows))
                rows = rows.set_column(part.schema.get_field_index(name), column, constant)
            gathered.parts[number] = pa.concat_tables([part.filter(pc.invert(which)), *([rows] if values else [])])

    def take(self) -> list[TableRows]:
        """Hands out what was gathered, and forgets it.

        Returns:
            The rows of each table.
        """
        found = [_newest(TableRows(t.table, t.whole_sets, pa.concat_tables(t.parts)), t.parts) for t in self]
        self._tables.clear()
        self.size = 0
        return found

    def __iter__(self) -> Iterator[_Parts]:
        return iter(self._tables.values())


def _newest(rows: TableRows, parts: list[pa.Table]) -> TableRows:
    """Keeps, of each group, the rows of the last part that has any."""
    if len(parts) == 1:
        return rows
    numbers = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    codes = keys(rows).combine_chunks().dictionary_encode().indices.to_numpy()
    last = np.zeros(codes.max() + 1, dtype=np.int64)
    np.maximum.at(last, codes, numbers)
    rows.rows = rows.rows.filter(pa.array(last[codes] == numbers))
    return rows


def keys(rows: TableRows) -> pa.ChunkedArray:
    """Makes one text of the columns of a group.

    Args:
        rows: The rows.

    Returns:
        A text for each row; the same for all of them where everything is replaced at once.
    """
    columns = [pc.fill_null(rows.rows[name].cast(pa.string()), "") for name in rows.group]
    if not columns:
        return pa.chunked_array([pa.repeat("", len(rows.rows))])
    return pc.binary_join_element_wise(*columns, "\x1f") if len(columns) > 1 else columns[0]


@dlt.source(name="bookeo", section="bookeo", max_table_nesting=0)
def bookeo_replay(tables: Any) -> Iterator[DltResource]:
    """Rows out of the archive.

    Args:
        tables: The `TableRows`.

    Yields:
        One resource for each table, named like it, with the hints that a load gives it.
    """
    for one in tables:
        yield dlt.resource(
            [described(one.rows, one.table, replace_sets=one.whole_sets)],
            name=one.table.name,
            write_disposition=disposition(one.table),
        )
