"""What there is at Bookeo by the time at which it starts, without details: to be compared with what somebody holds.

Loads go by the time of change, which never shows that a booking has vanished (a deleted customer takes the bookings
along). A sweep over start times does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import dlt
from dlt.extract import DltResource

from bookeo.client.client import BookeoClient
from bookeo.client.query import BookingsQuery
from bookeo.cursor.coverage import span
from bookeo.cursor.window_read import WindowRead
from bookeo.errors import BookeoError, NotFound
from bookeo.extract.batch import Batch
from bookeo.extract.chunks import bookings_again, window_batches
from bookeo.extract.payments_feed import PaymentLinks, feed_is_refused, link_payments
from bookeo.extract.session import LoadSession
from bookeo.extract.window_reader import WindowFetch, WindowReader, payment_fetch
from bookeo.privacy.erasure import forget_in_page
from bookeo.resources import given_parents, table_resource
from bookeo.schema import BOOKING, CUSTOMER_BOOKING, PAYMENT, REJECTED_ROWS, Entity
from bookeo.transform.shape import RawPage, Shaped, shape
from bookeo.windows import Window, padded

COMPARED: tuple[str, ...] = (
    "updated_at",
    "start_time",
    "canceled",
    *(f"total_{total}_{part}" for total in ("gross", "net", "taxes", "paid") for part in ("amount", "currency")),
)
"""Columns of `bookings` that a sweep compares. None of them is personal, none needs anything expanded."""

PAYMENT_COMPARED: tuple[str, ...] = (
    "received_time",
    "creation_time",
    "amount",
    "currency",
    "payment_method",
    "customer_id",
)
"""Columns of `payments` that a comparison with the feed looks at. None of them is personal."""

Values = tuple[Any, ...]
"""A row's values of the columns in `COMPARED` or `PAYMENT_COMPARED`."""


@dataclass(frozen=True)
class Swept:
    """Bookings as a sweep sees them, read by the same rules as a load's.

    Args:
        bookings: By number, the values of the columns in `COMPARED`.
        unreadable: Numbers of the bookings that cannot be shaped; a load rejects them.
    """

    bookings: Mapping[str, Values] = field(repr=False)
    unreadable: frozenset[str]


def sweep_reader(session: LoadSession, since: datetime, until: datetime) -> WindowReader:
    """Makes the reader of a sweep; each of its windows is proven complete.

    Args:
        session: The session; closes the reader with itself.
        since: First second of the start times, aware.
        until: Last second of the start times, aware.

    Returns:
        The reader.
    """
    session.reader = WindowReader(
        start_time_fetch(session.client),
        session.settings,
        span(since, until),
        key="bookingNumber",
        max_items=session.settings.window_items,
        lookahead=0 if session.settings.max_requests is not None else None,
        must_add_up=True,
    )
    return session.reader


def start_time_fetch(client: BookeoClient) -> WindowFetch:
    """Reads bookings by the time at which they start, canceled ones included, nothing expanded.

    Args:
        client: The API.

    Returns:
        What a `WindowReader` needs.
    """
    return lambda window, number, token: client.bookings_page(
        BookingsQuery(start_time=padded(window), expand_customer=False, expand_participants=False), number, token
    )


def swept(session: LoadSession, reads: Iterable[WindowRead]) -> Swept:
    """Reads the bookings of windows.

    Args:
        session: The session.
        reads: The windows.

    Returns:
        Their bookings; of one that changed its start time while it was swept, the newer version.
    """
    return _swept(session, [RawPage(body, "data") for read in reads for body in read.bodies])


def still_there(session: LoadSession, numbers: Collection[str]) -> Swept:
    """Asks for single bookings: one call each, several side by side.

    Args:
        session: The session.
        numbers: The bookings' numbers.

    Returns:
        Those that are there; the API answered of all others that there is no such booking (404).

    Raises:
        BookeoError: Anything else went wrong: nothing is known then.
    """

    def ask(number: str) -> RawPage | None:
        try:
            return RawPage(session.client.booking(number, expand_customer=False, expand_participants=False).body, None)
        except NotFound:
            return None

    with ThreadPoolExecutor(session.settings.concurrency, thread_name_prefix="bookeo-sweep") as threads:
        return _swept(session, [page for page in threads.map(ask, sorted(numbers)) if page])


def bookings_paid_since(session: LoadSession, since: datetime, links: PaymentLinks | None) -> frozenset[str]:
    """Finds the bookings that payments of the feed belong to, as the next load will find them.

    Args:
        session: The session.
        since: First second of the receipts, aware.
        links: What is known of bookings and payments.

    Returns:
        Booking numbers; none where the api key may not read payments.

    Raises:
        WindowIncomplete: The feed never held as many payments as announced.
    """
    reader = receipt_reader(session, since, session.clocks.open_end)
    found: set[str] = set()
    try:
        while (read := reader.next_window()) is not None:
            payments = _shaped(session, PAYMENT, [RawPage(body, "data") for body in read.bodies]).tables["payments"]
            found.update(n for n in link_payments(payments, links)["booking_number"].to_pylist() if n)
    except BookeoError as error:
        if not feed_is_refused(error):
            raise
        return frozenset()
    finally:
        reader.close()
    return frozenset(found)


def receipt_reader(session: LoadSession, since: datetime, until: datetime) -> WindowReader:
    """Make a reader of the payments feed.

    Args:
        session: The session.
        since: First second of the receipts, aware.
        until: Last second of the receipts, aware.

    Returns:
        The reader; whoever uses it closes it.
    """
    return WindowReader(
        payment_fetch(session.client),
        session.settings,
        span(since, until),
        key="id",
        max_items=session.settings.window_items,
        lookahead=0,
        must_add_up=True,
    )


def payments_in(session: LoadSession, read: WindowRead) -> Mapping[str, Values]:
    """Shape the payments of a window.

    Args:
        session: The session.
        read: The window.

    Returns:
        By payment id, the values of the columns in `PAYMENT_COMPARED`; without those that cannot be shaped.
    """
    rows = _shaped(session, PAYMENT, [RawPage(body, "data") for body in read.bodies]).tables["payments"]
    values = zip(*(rows[name].to_pylist() for name in ("payment_id", *PAYMENT_COMPARED)), strict=True)
    return {payment: tuple(others) for payment, *others in values}


@dlt.source(name="bookeo", section="bookeo", max_table_nesting=0)
def bookeo_payments(session: Any, windows: Sequence[Window]) -> Iterator[DltResource]:
    """Payments of some windows of the feed, read anew.

    Args:
        session: The `LoadSession`.
        windows: The windows, by the time of receipt.

    Yields:
        The resources of `payments` and of the records that do not fit.
    """
    load: LoadSession = session

    def read_again() -> Iterator[Batch]:
        for window in windows:
            reader = receipt_reader(load, window.start, window.end)
            try:
                for batch, _, _ in window_batches(load, reader, PAYMENT):
                    yield batch
            finally:
                reader.close()

    answers = given_parents(load, "swept_payment_answers", read_again)
    yield answers
    yield table_resource(load, answers, PAYMENT.table, replace_sets=False)
    yield table_resource(load, answers, REJECTED_ROWS, name="swept_payment_rejected_rows")


@dlt.source(name="bookeo", section="bookeo", max_table_nesting=0)
def bookeo_bookings(session: Any, numbers: Collection[str], tables: Collection[str]) -> Iterator[DltResource]:
    """Single bookings with all that comes with them, read anew.

    Args:
        session: The `LoadSession`.
        numbers: The bookings' numbers.
        tables: Names of the tables to write, of those that a booking feeds.

    Yields:
        One resource for each of these tables.
    """
    load: LoadSession = session
    answers = given_parents(load, "swept_booking_answers", lambda: bookings_again(load, dict.fromkeys(numbers, "")))
    yield answers
    for table in (*BOOKING.tables, CUSTOMER_BOOKING.table):
        if table.name in tables:
            # A booking is a part of its customer's history, never the whole of it.
            yield table_resource(load, answers, table, replace_sets=table is not CUSTOMER_BOOKING.table)
    yield table_resource(load, answers, REJECTED_ROWS, name="swept_rejected_rows")


def _swept(session: LoadSession, pages: Sequence[RawPage]) -> Swept:
    shaped = _shaped(session, BOOKING, pages)
    rows = shaped.tables["bookings"].select(["booking_number", *COMPARED])
    values = zip(*(column.to_pylist() for column in rows.columns), strict=True)
    rejected = shaped.rejected.select(["table_name", "raw_id"]).to_pylist()
    return Swept(
        {number: tuple(others) for number, *others in values},
        frozenset(row["raw_id"] for row in rejected if row["table_name"] == "bookings" and row["raw_id"]),
    )


def _shaped(session: LoadSession, entity: Entity, pages: Sequence[RawPage]) -> Shaped:
    pages = [forget_in_page(entity, page, session.forgotten) for page in pages]
    return shape(entity, pages, account_id=session.account_id, fetched_at=datetime.now(UTC))
