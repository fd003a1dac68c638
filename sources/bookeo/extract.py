"""In which order what is asked: chunks of booking windows, then the children of the bookings in them.

Everything here yields `Batch` objects: the API's answers, and the Arrow tables shaped from them when first looked at. A
batch is never changed, so that the resources of all tables can read the same one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from bookeo.api import ListPage
from bookeo.completeness import whole_list
from bookeo.errors import NotFound, NotReadable, PermissionMissing
from bookeo.reader import BookingReader, WindowRead
from bookeo.session import LoadSession
from bookeo.shape import RawPage, Shaped, shape
from bookeo.tables import BOOKING, CUSTOMER, CUSTOMER_BOOKING, LOAD_WINDOWS, PAYMENT, Entity, arrow_schema

PAGES_AT_ONCE = 40
"""Pages that are shaped together: Arrow is fastest on few, large tables."""
PARENTS_AT_ONCE = 500
"""Parents whose children are read before they are shaped together."""


class Batch:
    """Answers of the API about one kind of object, shaped into tables when first looked at.

    Args:
        session: The load that the answers belong to.
        entity: What the answers hold.
        pages: The answers.
        windows: The windows that the answers complete, for the ledger.
    """

    def __init__(
        self, session: LoadSession, entity: Entity, pages: Sequence[RawPage], windows: Sequence[WindowRead] = ()
    ) -> None:
        self._session = session
        self._entity = entity
        self._pages: Sequence[RawPage] = pages
        self._windows = windows
        self._unchanged = frozenset(number for read in windows for number in read.unchanged)
        self.fetched_at = datetime.now(UTC)

    @cached_property
    def shaped(self) -> Shaped:
        """The tables of these answers; what could not be shaped is noted in the session."""
        shaped = shape(
            self._entity, self._pages, account_id=self._session.account_id, fetched_at=self.fetched_at
        )
        self._pages = ()
        if self._unchanged:
            shaped = _without(shaped, self._unchanged)
        for table in shaped.rejected.column("table_name").to_pylist():
            self._session.notes.rejected[table] += 1
        self._session.notes.unknown_fields.update(shaped.unknown_fields)
        return shaped

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
        return self.shaped.tables.get(name)

    @property
    def recent(self) -> dict[str, str]:
        """Digests of the bookings of the range's last minutes, by number."""
        return {number: digest for read in self._windows for number, digest in read.recent.items()}

    def booking_numbers(self) -> list[str]:
        """The numbers of the bookings in this batch."""
        numbers: list[str] = self.shaped.tables["bookings"].column("booking_number").to_pylist()
        return numbers

    def booking_of_each_customer(self) -> dict[str, str]:
        """For the id of each customer of these bookings the number of one booking of theirs."""
        customers = self.shaped.tables["bookings"].column("customer_id").to_pylist()
        return {customer: number for customer, number in zip(customers, self.booking_numbers(), strict=True) if customer}

    def customer_ids(self) -> list[str]:
        """The ids of the customers of these bookings, each once."""
        return list(self.booking_of_each_customer())

    @cached_property
    def _ledger(self) -> pa.Table:
        rows = [
            {
                "account_id": self._session.account_id,
                "resource": "bookings",
                "window_start": read.window.start,
                "window_end": read.window.end,
                "items_announced": read.announced,
                "items_landed": len(read.booking_numbers),
                "pages": len(read.bodies),
                "requests": read.requests,
                "attempts": read.attempts,
                "seconds": Decimal(f"{read.seconds:.3f}"),
                "server_time": read.server_time,
                "loaded_at": self.fetched_at,
                "status": "complete",
            }
            for read in self._windows
        ]
        return pa.Table.from_pylist(rows, schema=arrow_schema(LOAD_WINDOWS))


def _without(shaped: Shaped, booking_numbers: frozenset[str]) -> Shaped:
    """Leaves out bookings that the last load saw exactly like this, and the customers that only they name."""
    numbers = pa.array(sorted(booking_numbers), pa.string())

    def other_than(table: pa.Table, column: str) -> pa.Table:
        return table.filter(pc.invert(pc.is_in(table[column], numbers)))

    tables = {
        name: other_than(table, "booking_number") if "booking_number" in table.column_names else table
        for name, table in shaped.tables.items()
    }
    customers = tables["bookings"]["customer_id"].combine_chunks()
    for item in BOOKING.embedded:
        for table in item.entity.tables:
            rows = tables[table.name]
            tables[table.name] = rows.filter(pc.is_in(rows["customer_id"], customers))
    return Shaped(tables, other_than(shaped.rejected, "raw_id"), shaped.unknown_fields)


def booking_batches(session: LoadSession, reader: BookingReader) -> Iterator[tuple[Batch, datetime]]:
    """Reads one chunk of the reader's range, or all of it where the session is not chunked.

    A chunk also ends before a window that holds a booking of the chunk's earlier batches: a package with two versions
    of one booking would mix the rows of their lists. Where the reading fails, what is complete is yielded first; a
    chunked session then keeps the error in `session.failure`.

    Args:
        session: The load.
        reader: The windows still to be read.

    Yields:
        A batch, and the last second of its last window: all up to there has been handed out.

    Raises:
        BookeoError: As `BookingReader.next_window`, where the session is not chunked.
    """
    started = time.monotonic()
    handed_out: set[str] = set()
    waiting: list[WindowRead] = []
    bookings = 0

    def flush() -> tuple[Batch, datetime]:
        pages = [RawPage(body, "data") for read in waiting for body in read.bodies]
        batch = Batch(session, BOOKING, pages, tuple(waiting))
        handed_out.update(*(read.booking_numbers for read in waiting))
        end = waiting[-1].window.end
        waiting.clear()
        return batch, end

    while not _chunk_is_full(session, bookings, started):
        try:
            read = reader.next_window()
        except Exception as error:
            if waiting:
                yield flush()
            if not session.chunked:
                raise
            session.failure = error
            return
        if read is None:
            break
        if not handed_out.isdisjoint(read.booking_numbers):
            reader.put_back(read)
            break
        waiting.append(read)
        bookings += len(read.booking_numbers)
        session.bookings_read += len(read.booking_numbers)
        session.report("bookings", reader.windows_done, reader.windows_done + reader.windows_left)
        if sum(len(read.bodies) for read in waiting) >= PAGES_AT_ONCE:
            yield flush()
    if waiting:
        yield flush()
    if not session.chunked and not reader.finished:
        session.notes.say("Bookings changed while they were read; run the load again for the newest changes.")


def _chunk_is_full(session: LoadSession, bookings: int, started: float) -> bool:
    if not session.chunked:
        return False
    settings = session.settings
    return bookings >= settings.chunk_bookings or time.monotonic() - started >= settings.chunk_seconds


def max_window_bookings(session: LoadSession, calls_per_booking: int) -> int:
    """Says how many bookings a window may hold, so that it and its children fit into one chunk.

    Args:
        session: The load.
        calls_per_booking: Requests that each booking's children cost.

    Returns:
        Items; at least 1.
    """
    settings = session.settings
    limit = settings.chunk_bookings
    pace = settings.effective_requests_per_second
    if calls_per_booking and pace:
        limit = min(limit, int(settings.chunk_seconds * pace / calls_per_booking))
    if settings.max_requests is not None:
        left = settings.max_requests - session.client.transport.usage.total_requests
        limit = min(limit, max(left - 1, 1) * settings.items_per_page)
    return max(limit, 1)


def payments_of(session: LoadSession, booking_numbers: Sequence[str]) -> Iterator[Batch]:
    """Asks for the payments of each booking: one call or more a booking.

    Args:
        session: The load.
        booking_numbers: The bookings.

    Yields:
        Batches of payments that are all of their booking's; a booking without any leaves a tombstone.
    """

    def ask(number: str) -> list[RawPage]:
        pages = whole_list(lambda page, token: session.client.booking_payments_page(number, page, token), key="id")
        return _raw_pages(pages, {"booking_number": number, "linked_by": "endpoint"})

    yield from _ask_each(session, "payments", PAYMENT, booking_numbers, ask)


def customers_of(session: LoadSession, bookings_by_customer: Mapping[str, str]) -> Iterator[Batch]:
    """Asks for customers through one of their bookings: one call a customer, each once in a load.

    Args:
        session: The load.
        bookings_by_customer: For each customer's id the number of one of their bookings.

    Yields:
        Batches of customers.
    """
    asked = session.asked_customers["customers"]
    new = {customer: number for customer, number in bookings_by_customer.items() if customer not in asked}
    asked.update(new)

    def ask(number: str) -> list[RawPage]:
        return [RawPage(session.client.booking_customer(number).body, None, {"source": "endpoint"})]

    yield from _ask_each(session, "customers", CUSTOMER, list(new.values()), ask)


def histories_of(session: LoadSession, customer_ids: Iterable[str]) -> Iterator[Batch]:
    """Asks for the booking history of each customer: one call or more a customer, each once in a load.

    Args:
        session: The load.
        customer_ids: The customers.

    Yields:
        Batches of histories that are all of their customer's; an empty one leaves a tombstone.
    """
    asked = session.asked_customers["customer_bookings"]
    new = [customer for customer in dict.fromkeys(customer_ids) if customer not in asked]
    asked.update(new)

    def ask(customer: str) -> list[RawPage]:
        pages = whole_list(
            lambda page, token: session.client.customer_bookings_page(customer, number=page, token=token),
            key="bookingNumber",
        )
        return _raw_pages(pages, {"customer_id": customer})

    yield from _ask_each(session, "customer_bookings", CUSTOMER_BOOKING, new, ask)


def _raw_pages(pages: Iterable[ListPage], constants: Mapping[str, str]) -> list[RawPage]:
    return [RawPage(page.answer.body, "data", constants) for page in pages]


def _ask_each(
    session: LoadSession,
    resource: str,
    entity: Entity,
    parents: Sequence[str],
    ask: Callable[[str], list[RawPage]],
) -> Iterator[Batch]:
    """Makes one call for each parent, several side by side, and yields the answers in the parents' order.

    A parent that is gone, or whose child the api key may not read, is noted and left out: its rows stay as they are.
    """

    def ask_or_skip(parent: str) -> list[RawPage]:
        if resource in session.forbidden:
            session.notes.skipped[resource, "not permitted"] += 1
            return []
        try:
            return ask(parent)
        except NotFound:
            session.notes.skipped[resource, "not found"] += 1
        except NotReadable:
            session.notes.skipped[resource, "not readable"] += 1
        except PermissionMissing as error:
            session.forbidden.add(resource)
            session.notes.skipped[resource, "not permitted"] += 1
            session.notes.say(error.message)
        return []

    done = 0
    with ThreadPoolExecutor(session.settings.concurrency, thread_name_prefix=f"bookeo-{resource}") as threads:
        for first in range(0, len(parents), PARENTS_AT_ONCE):
            group = parents[first : first + PARENTS_AT_ONCE]
            pages = [page for answers in threads.map(ask_or_skip, group) for page in answers]
            done += len(group)
            session.report(resource, done, len(parents))
            if pages:
                yield Batch(session, entity, pages)
