"""Answers of the API, and the tables shaped from them when first looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from bookeo.cursor.window_read import WindowRead
from bookeo.extract.payments_feed import Link, find_links, with_links
from bookeo.extract.session import LoadSession
from bookeo.privacy.erasure import forget_in_page, is_pseudonym
from bookeo.privacy.tables import private
from bookeo.schema import BOOKING, CHILD_CHECKS, CUSTOMER_BOOKING, LOAD_WINDOWS, PAYMENT, Entity, arrow_schema
from bookeo.transform.dedup import LoadVersions
from bookeo.transform.shape import RawPage, Shaped, shape


@dataclass(frozen=True)
class Check:
    """A parent whose children were asked for.

    Args:
        parent_id: The booking's number or the customer's id.
        basis: The figures for which it was asked.
        outcome: `answered`, `not found`, `not readable` or `not permitted`.
    """

    parent_id: str
    basis: str
    outcome: str


class Batch:
    """Answers of the API about one kind of object, shaped into tables when first looked at.

    Args:
        session: The load that the answers belong to.
        entity: What the answers hold.
        pages: The answers.
        windows: The windows that the answers complete, for the ledger.
        checks: Parents that were asked for one by one, each with the outcome.
        doubles: Keys of records of a window before, which these may show again.
        fetched_at: When the answers were read, aware; now by default.
    """

    def __init__(
        self,
        session: LoadSession,
        entity: Entity,
        pages: Sequence[RawPage],
        windows: Sequence[WindowRead] = (),
        checks: Sequence[Check] = (),
        doubles: frozenset[str] = frozenset(),
        fetched_at: datetime | None = None,
    ) -> None:
        self._session = session
        self.checks = checks
        self._windows = windows
        self.entity = entity
        self.pages: Sequence[RawPage] = [forget_in_page(entity, page, session.forgotten) for page in pages]
        """The answers, until they are shaped."""
        self.of_feed = entity is PAYMENT and bool(windows)
        """Whether these are payments by the time they were received, which name no booking."""
        self.unchanged = frozenset(number for read in windows for number in read.unchanged)
        if self.of_feed and session.payment_links is not None:
            # Whoever knows the links can compare with the rows themselves.
            self.unchanged = frozenset()
        if self.of_feed:
            # A payment stays where it was received; a booking may be there again because it has changed.
            self.unchanged |= doubles
        """Keys of records that are left out, as they are known to be just so already."""
        self.links: Mapping[str, Link] = {}
        """For the id of each payment of the feed the booking it belongs to; found when they are shaped."""
        self.fetched_at = fetched_at or datetime.now(UTC)

    @cached_property
    def shaped(self) -> Shaped:
        """The tables of these answers; what could not be shaped is noted in the session."""
        shaped = shape(self.entity, self.pages, account_id=self._session.account_id, fetched_at=self.fetched_at)
        self.pages = ()
        if self.of_feed:
            self.links = self._find_links(shaped.tables["payments"])
            shaped.tables["payments"] = with_links(shaped.tables["payments"], self.links)
        # Links are read from texts that may now be dropped; what is held has been treated before.
        shaped = private(shaped, self._session.privacy)
        if self.of_feed:
            self.unchanged |= self._held(shaped.tables["payments"])
        if not self.of_feed and (self._windows or not self._session.chunked):
            # Several batches go into one package: the rows of an older version's lists must not stay beside a newer's.
            # The feed shows each payment once, and a booking's own here and there.
            shaped = self._session.versions.setdefault(self.entity, LoadVersions(self.entity)).add(shaped)
        if self.unchanged:
            shaped = _without(shaped, self.entity, self.unchanged)
        for table in shaped.rejected.column("table_name").to_pylist():
            self._session.notes.rejected[table] += 1
        self._session.notes.note_unknown_fields(shaped.unknown_fields)
        return shaped

    def _find_links(self, payments: pa.Table) -> Mapping[str, Link]:
        """Finds the bookings that payments of the feed belong to."""
        # A replay of an archive with holes may need those of the others, too.
        asked = payments if self._session.archive is not None else self._changed(payments)
        return find_links(asked, self._session.payment_links)

    def _changed(self, payments: pa.Table) -> pa.Table:
        """Those that are not known to be just so."""
        return _other_than(payments, "payment_id", self.unchanged)

    def _held(self, payments: pa.Table) -> frozenset[str]:
        """Finds payments of the feed that are known to be just so already."""
        links = self._session.payment_links
        if links is None or self._session.payments_met is None:
            return frozenset()
        self._session.payments_met.update(payments["payment_id"].to_pylist())
        return frozenset(links.held(self._changed(payments)))

    def table(self, name: str) -> pa.Table | None:
        """One table of these answers.

        Args:
            name: The table's name; `rejected_rows` and `load_windows` work for every batch.

        Returns:
            Its rows, in the declared schema; None where answers of this kind do not feed it.
        """
        if name == "rejected_rows":
            return self.shaped.rejected
        if name == "load_windows":
            return self._ledger
        if name == "child_checks":
            return self._checked
        if name == "customer_bookings" and self.entity is BOOKING:
            return self._histories
        return self.shaped.tables.get(name)

    def booking_numbers(self) -> list[str]:
        """The numbers of the bookings in this batch."""
        numbers: list[str] = self.shaped.tables["bookings"].column("booking_number").to_pylist()
        return numbers

    @property
    def changed_at(self) -> set[datetime]:
        """When the bookings in this batch were changed, aware."""
        times: set[datetime] = set(self.shaped.tables["bookings"].column("updated_at").to_pylist())
        return times

    def booking_of_each_customer(self) -> dict[str, str]:
        """For the id of each customer of these bookings, but for the forgotten, the number of one of theirs."""
        customers = self.shaped.tables["bookings"].column("customer_id").to_pylist()
        return {
            customer: number
            for customer, number in zip(customers, self.booking_numbers(), strict=True)
            if customer and not is_pseudonym(customer)
        }

    def customer_ids(self) -> dict[str, str]:
        """The ids of the customers of these bookings, without figures to ask for."""
        return dict.fromkeys(self.booking_of_each_customer(), "")

    @cached_property
    def _histories(self) -> pa.Table:
        """The bookings as rows of their customers' histories, which they are part of."""
        schema = arrow_schema(CUSTOMER_BOOKING.table)
        bookings = self.shaped.tables["bookings"]
        bookings = bookings.filter(bookings["customer_id"].is_valid())
        no = pa.array([False] * bookings.num_rows, pa.bool_())
        columns = [no if name == "_deleted" else bookings[name] for name in schema.names]
        return pa.Table.from_arrays(columns, schema=schema)

    @cached_property
    def _checked(self) -> pa.Table:
        rows = [
            {
                "account_id": self._session.account_id,
                "resource": self.entity.table.name,
                "parent_id": check.parent_id,
                "basis": check.basis,
                "outcome": check.outcome,
                "checked_at": self.fetched_at,
            }
            for check in self.checks
        ]
        return pa.Table.from_pylist(rows, schema=arrow_schema(CHILD_CHECKS))

    def customers_not_embedded(self) -> dict[str, str]:
        """As `booking_of_each_customer`, only those whose details did not come with their bookings."""
        embedded = set(self.shaped.tables["customers"].column("customer_id").to_pylist())
        return {c: number for c, number in self.booking_of_each_customer().items() if c not in embedded}

    @cached_property
    def _ledger(self) -> pa.Table:
        rows = [
            {
                "account_id": self._session.account_id,
                "resource": self.entity.table.name,
                "window_start": read.window.start,
                "window_end": max(read.window.start, min(read.window.end, self._session.now)),
                "items_announced": read.announced,
                "items_landed": len(read.keys),
                "pages": len(read.bodies),
                "requests": read.requests,
                "attempts": read.attempts,
                "seconds": Decimal(f"{read.seconds:.3f}"),
                "server_time": read.server_time,
                "loaded_at": self.fetched_at,
                "status": "complete" if read.proven else "unproven",
            }
            for read in self._windows
        ]
        return pa.Table.from_pylist(rows, schema=arrow_schema(LOAD_WINDOWS))


def _without(shaped: Shaped, entity: Entity, unchanged: frozenset[str]) -> Shaped:
    """Leaves out records that the last load saw exactly like this, and the customers that only they name."""
    key = entity.table.key[-1]
    own = {entity.table.name, *(item.table.name for item in entity.lists)}
    tables = {
        name: _other_than(table, key, unchanged) if name in own else table for name, table in shaped.tables.items()
    }
    for item in entity.embedded:
        kept = tables[entity.table.name][item.entity.table.key[-1]].combine_chunks()
        for table in item.entity.tables:
            rows = tables[table.name]
            tables[table.name] = rows.filter(pc.is_in(rows[item.entity.table.key[-1]], kept))
    return Shaped(tables, _other_than(shaped.rejected, "raw_id", unchanged), shaped.unknown_fields)


def _other_than(rows: pa.Table, column: str, keys: frozenset[str]) -> pa.Table:
    return rows.filter(pc.invert(pc.is_in(rows[column], pa.array(sorted(keys), pa.string())))) if keys else rows
