"""The comparison itself: a whole sweep over start times against the rows of the warehouse."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bookeo import LoadSession
from bookeo.cursor.window_read import WindowRead
from bookeo.errors import RetriableError
from bookeo.extract.window_reader import WindowReader
from bookeo.sweep import COMPARED, Values, bookings_paid_since, still_there, swept
from bookeo.windows import ONE_SECOND, floor_second
from bookeo_pipelines.gaps.payment_links import WarehouseLinks
from bookeo_pipelines.reconcile.swept_range import later
from bookeo_pipelines.warehouse.client import Warehouse

UPDATED_AT = COMPARED.index("updated_at")
COMPARED_AT_ONCE = 5000
"""Bookings of consecutive windows that are compared together: one question to the warehouse for all of them."""
PAID = frozenset({"total_paid_amount", "total_paid_currency"})


class SweepIncomplete(RetriableError):
    """The sweep did not come to its end, so nothing is known of what has vanished."""


class Kind(StrEnum):
    """What may be wrong with a booking, a payment or a customer."""

    VANISHED = "vanished"
    """The warehouse holds it, and the API answers 404."""
    MISSING = "missing"
    """The API has it, it is older than the last load, and the warehouse does not hold it."""
    STALE = "stale"
    """Its state, times or totals are not those of the API, although it is older than the last load."""
    RETURNED = "returned"
    """It is marked as vanished, and the API has it."""
    UNREADABLE = "unreadable"
    """The API has it in a form that cannot be shaped; see `rejected_rows`."""
    UNPAID = "payments"
    """Its payments in the warehouse do not add up to its own total."""
    UNLINKED = "unlinked"
    """Payments of its customer that cancel out have no booking, and it was not asked whether they are its own."""
    PAYMENTS_MISSING = "payments missing"
    """The payments feed shows it, it is older than the last load, and the warehouse does not hold it."""
    PAYMENTS_STALE = "payments stale"
    """Its amount, times, method or customer are not those of the feed."""
    PAYMENTS_GONE = "payments gone"
    """The warehouse holds it, and the feed does not show it."""
    PAYMENTS_TWICE = "payments twice"
    """The warehouse holds several rows of it."""
    CUSTOMERS_GONE = "customers gone"
    """The warehouse holds the customer, and the API answers 404."""

    @classmethod
    def of_payments(cls) -> tuple[Kind, ...]:
        """The kinds whose findings are ids of payments."""
        return cls.PAYMENTS_MISSING, cls.PAYMENTS_STALE, cls.PAYMENTS_GONE, cls.PAYMENTS_TWICE


Found = dict[Kind, frozenset[str]]
"""Numbers of bookings, ids of payments and of customers, by what is wrong with them."""


@dataclass(frozen=True)
class Held:
    """A row of `bookings`.

    Args:
        deleted_at: When it was marked as vanished, if it was; aware.
        values: Its values of the columns that are compared.
    """

    deleted_at: datetime | None
    values: Values


@dataclass(frozen=True)
class NextLoad:
    """From when on the next load reads again: what is newer is no finding.

    Args:
        bookings: First time of change that it asks for, aware.
        payments: First time of receipt that it asks the feed for, aware; None where it does not read the feed.
        never_before: The first time of change ever asked for, aware: what is older was left out on purpose.
    """

    bookings: datetime
    payments: datetime | None
    never_before: datetime


@dataclass
class Comparison:
    """Compares window after window.

    A booking that changes start time while the sweep goes on may be met twice or not at all, so what was not met is
    asked for by itself in the end, and only a 404 counts.

    Args:
        session: The session.
        warehouse: What is held.
        next_load: What the next load will read anyhow.
        ask_unswept: Whether bookings whose start time is not swept, or that have none, are asked for one by one.
        accepted: Bookings that the user lets vanish, even where the API shows no others.
    """

    session: LoadSession
    warehouse: Warehouse
    next_load: NextLoad
    ask_unswept: bool
    accepted: int = 0
    bookings: int = 0
    """Bookings that the sweep has seen."""
    awaiting_load: set[str] = field(default_factory=set)
    """Bookings that the next load brings up to date."""
    _found: dict[Kind, set[str]] = field(default_factory=lambda: defaultdict(set))
    _absent: set[str] = field(default_factory=set)
    _met: set[str] = field(default_factory=set)
    _met_elsewhere: set[str] = field(default_factory=set)
    _paid_otherwise: set[str] = field(default_factory=set)

    def run(self, reader: WindowReader) -> Found:
        """Reads and compares the whole range.

        Args:
            reader: The sweep.

        Returns:
            What differs.

        Raises:
            BookeoError: The sweep could not be completed; nothing is known then.
        """
        waiting: list[WindowRead] = []
        while (read := reader.next_window()) is not None:
            self.session.bookings_read += len(read.keys)
            self.session.report("bookings", reader.windows_done, reader.windows_done + reader.windows_left)
            waiting.append(read)
            if sum(len(read.keys) for read in waiting) >= COMPARED_AT_ONCE:
                self._compare(waiting)
                waiting = []
        if waiting:
            self._compare(waiting)
        self.bookings = self.session.bookings_read
        self._ask_for_the_absent(reader.wanted.windows[0].start, reader.wanted.windows[-1].end)
        self._judge_what_was_paid()
        return {kind: frozenset(self._found[kind]) for kind in Kind}

    def _compare(self, reads: Sequence[WindowRead]) -> None:
        """Compares windows that follow one another."""
        there = swept(self.session, reads)
        here = self._held_between(reads[0].window.start, reads[-1].window.end)
        met = frozenset().union(*(read.keys for read in reads))
        self._met |= there.bookings.keys()
        self._absent.update(number for number, row in here.items() if not row.deleted_at and number not in met)
        elsewhere = self._held(met - here.keys())
        self._met_elsewhere.update(elsewhere)
        held = {**elsewhere, **here}
        self._found[Kind.UNREADABLE].update(there.unreadable)
        for number, values in there.bookings.items():
            self._judge(number, values, held.get(number))

    def _judge(self, number: str, values: Values, row: Held | None) -> None:
        differing = set(COMPARED)
        if row is not None:
            differing = {name for name, a, b in zip(COMPARED, values, row.values, strict=True) if a != b}
            if not differing and row.deleted_at is None:
                return
        if values[UPDATED_AT] >= self.next_load.bookings:
            self.awaiting_load.add(number)
        elif row is None:
            if values[UPDATED_AT] >= self.next_load.never_before:
                self._found[Kind.MISSING].add(number)
        elif row.deleted_at is not None:
            self._found[Kind.RETURNED].add(number)
        elif differing <= PAID:
            self._paid_otherwise.add(number)
        else:
            self._found[Kind.STALE].add(number)

    def _ask_for_the_absent(self, since: datetime, until: datetime) -> None:
        absent = self._absent - self._met_elsewhere
        if self.ask_unswept:
            outside = "(start_time IS NULL OR start_time < %s OR start_time >= %s) AND deleted_at IS NULL"
            absent |= set(self._rows(outside, floor_second(since), later(floor_second(until), ONE_SECOND)))
            absent -= self._met
        there = still_there(self.session, absent)
        self._make_sure_that_others_are_there(absent - there.bookings.keys() - there.unreadable, there.bookings)
        for number, row in self._held(there.bookings).items():
            self._judge(number, there.bookings[number], row)
        self._found[Kind.UNREADABLE] |= there.unreadable
        self._found[Kind.VANISHED] = absent - there.bookings.keys() - there.unreadable

    def _make_sure_that_others_are_there(self, vanished: Collection[str], there: Collection[str]) -> None:
        """Before a 404 is believed: a booking that was shown must be there for the asking.

        Raises:
            SweepIncomplete: It is not, or none was shown.
        """
        known = sorted({*self._met, *there})[:3]
        if len(vanished) <= self.accepted or not vanished:
            return
        if not known or not still_there(self.session, known).bookings:
            raise SweepIncomplete(
                f"The API shows none of the {len(vanished)} bookings asked for, nor any other, so nothing was marked: "
                "a permission may have been taken from the api key. If they were all deleted, run it with "
                f"--accept {len(vanished)}."
            )

    def _judge_what_was_paid(self) -> None:
        """A payment need not move its booking's time of change: where the feed shows it, the next load finds it."""
        if self._paid_otherwise and self.next_load.payments is not None:
            links = WarehouseLinks(self.warehouse)
            self.awaiting_load |= self._paid_otherwise & bookings_paid_since(
                self.session, self.next_load.payments, links
            )
        self._found[Kind.STALE] |= self._paid_otherwise - self.awaiting_load

    def _held_between(self, first: datetime, last: datetime) -> dict[str, Held]:
        return self._rows("start_time >= %s AND start_time < %s", first, later(last, ONE_SECOND))

    def _held(self, numbers: Collection[str]) -> dict[str, Held]:
        found: dict[str, Held] = {}
        for among, values in self.warehouse.among(sorted(numbers)):
            found |= self._rows(f"booking_number IN ({among})", *values)
        return found

    def _rows(self, condition: str, *values: object) -> dict[str, Held]:
        rows = self.warehouse.rows(
            f"SELECT booking_number, deleted_at, {', '.join(COMPARED)} FROM {{bookings}} "
            f"WHERE account_id = %s AND {condition}",
            self.warehouse.account_id,
            *values,
        )
        return {number: Held(deleted_at, tuple(others)) for number, deleted_at, *others in rows}
