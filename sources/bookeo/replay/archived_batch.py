"""Answers out of the archive as a load's batches: shaped by the same code, with what the load concluded from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from bookeo.archive.file_format import Kept
from bookeo.client.client import ApiKeyInfo, BookeoClient
from bookeo.extract.batch import Batch
from bookeo.extract.payments_feed import Link
from bookeo.extract.session import LoadSession
from bookeo.http.clocks import ClockWatch
from bookeo.http.response import Answer
from bookeo.schema import (
    BOOKING,
    CHILD_CHECKS,
    CUSTOMER_BOOKING,
    ENTITIES,
    LOAD_WINDOWS,
    REJECTED_ROWS,
    TABLES,
    Table,
    arrow_schema,
)
from bookeo.settings.model import BookeoSettings
from bookeo.transform.shape import RawPage

LEDGERS = (LOAD_WINDOWS.name, CHILD_CHECKS.name, REJECTED_ROWS.name)
"""Tables about the loading, which every answer feeds."""


class ArchiveSession(LoadSession):
    """Stands for the loads whose answers are replayed.

    Args:
        settings: The settings; no keys are needed.
        account_id: The account.
    """

    def __init__(self, settings: BookeoSettings, account_id: str) -> None:
        super().__init__(settings, client=_NoClient(account_id), chunked=True)


class _NoClient(BookeoClient):
    """Knows whose account it is, and asks nothing."""

    def __init__(self, account_id: str) -> None:
        self._account_id = account_id
        self._clock = ClockWatch()

    @property
    def clock(self) -> ClockWatch:
        """This machine's clock alone."""
        return self._clock

    def api_key_info(self) -> ApiKeyInfo:
        return ApiKeyInfo(Answer(b"", None, attempts=0, seconds=0.0), self._account_id, ())

    def close(self) -> None:
        pass


class ArchivedBatch(Batch):
    """Answers out of the archive.

    Args:
        session: The session that stands for the loads.
        kept: What a file of the archive holds.
        complete: Whether all answers of this kind before these are there. If not, records are written that were known
            to be just so already, for what was known may be missing.
    """

    def __init__(self, session: LoadSession, kept: Kept, *, complete: bool) -> None:
        facts = kept.facts
        pages = [RawPage(one.body, one.facts["records"], one.facts["constants"]) for one in kept.answers]
        fetched_at = datetime.fromisoformat(facts["fetched_at"])
        super().__init__(session, ENTITIES[facts["entity"]], pages, fetched_at=fetched_at)
        self._facts = facts
        self.of_feed = "links" in facts
        self.unchanged = frozenset(facts["unchanged"]) if complete else frozenset()

    @property
    def whole_sets(self) -> bool:
        """Whether the rows of each owner are all there are."""
        return bool(self._facts["whole_sets"])

    def fed(self) -> Iterator[tuple[Table, bool]]:
        """Says which tables get rows.

        Yields:
            Each table, and whether the rows of each owner are all there are.
        """
        left_out = set(self._facts["left_out"])
        for table in self.entity.tables:
            if table.name not in left_out:
                yield table, self.whole_sets
        if self.entity is BOOKING and CUSTOMER_BOOKING.table.name not in left_out:
            # A booking is a part of its customer's history, never the whole of it.
            yield CUSTOMER_BOOKING.table, False
        for name in LEDGERS:
            yield TABLES[name], True

    def table(self, name: str) -> pa.Table | None:
        """One table of these answers, as of any batch."""
        if name in (LOAD_WINDOWS.name, CHILD_CHECKS.name):
            return as_rows(TABLES[name], self._facts[name])
        return super().table(name)

    def _find_links(self, payments: pa.Table) -> Mapping[str, Link]:
        return {payment: (number, linked_by) for payment, (number, linked_by) in self._facts["links"].items()}

    def _held(self, payments: pa.Table) -> frozenset[str]:
        return frozenset()


def as_rows(table: Table, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Makes rows of what the archive keeps of them.

    Args:
        table: The table.
        rows: The rows as JSON values.

    Returns:
        The rows; a column that was not there then is null.
    """
    readers: dict[str, Callable[[str], Any]] = {"timestamp": datetime.fromisoformat, "decimal": Decimal}
    kinds = {column.name: readers[column.type] for column in table.columns if column.type in readers}
    read = [{n: kinds[n](v) if n in kinds and v is not None else v for n, v in row.items()} for row in rows]
    return pa.Table.from_pylist(read, schema=arrow_schema(table))
