"""In which order what is asked: chunks of windows, then the children of what is in them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from bookeo.client.completeness import whole_list
from bookeo.client.pagination import ListPage
from bookeo.cursor.window_read import WindowRead
from bookeo.errors import NotFound, NotReadable, PermissionMissing
from bookeo.extract.archive_writer import archived
from bookeo.extract.batch import Batch, Check
from bookeo.extract.session import LoadSession
from bookeo.extract.window_reader import WindowReader
from bookeo.http.response import Answer
from bookeo.schema import BOOKING, CUSTOMER, CUSTOMER_BOOKING, PAYMENT, Entity
from bookeo.transform.shape import RawPage
from bookeo.windows import format_time

PAGES_AT_ONCE = 200
"""Pages that are shaped together: Arrow is fastest on few, large tables, but memory must not grow with the chunk."""
PAGES_MEANWHILE = 50
"""So many where pages come slowly, while the next ones are read: or nearly all would be shaped at the end."""
SLOW = 0.03
"""Seconds a page; what comes faster than this keeps a processor busy anyway."""
_LISTS = {BOOKING: "GET /bookings", PAYMENT: "GET /payments"}
"""The operation that reads windows of an entity."""
_MODES = {"customers": "customers", "payments": "payments", "customer_bookings": "histories", "bookings": "payments"}
"""The setting that says how the rows of a table are asked for."""
PARENTS_AT_ONCE = 500
"""Parents whose children are read before they are shaped together."""


def window_batches(
    session: LoadSession, reader: WindowReader, entity: Entity = BOOKING
) -> Iterator[tuple[Batch, tuple[WindowRead, ...], bool]]:
    """Reads one chunk of the reader's range, or all of it where the session is not chunked.

    In a chunk, or in the whole of a load without chunks, the newest version of each booking and customer wins. Where
    the reading fails, what is complete is yielded first; a chunked session then keeps the error in `session.failure`.

    Args:
        session: The load.
        reader: The windows still to be read.
        entity: What they hold.

    Yields:
        A batch, its windows, and whether they are the last of the range.

    Raises:
        BookeoError: As `WindowReader.next_window`, where the session is not chunked.
    """
    started = began = time.monotonic()
    waiting: list[WindowRead] = []
    items = 0
    if session.chunked:
        session.versions.pop(entity, None)

    doubles: frozenset[str] = frozenset()
    """Keys of the last window handed out: the next one reaches a little into it."""

    def flush(*, ended: bool) -> tuple[Batch, tuple[WindowRead, ...], bool]:
        nonlocal doubles
        reads = tuple(waiting)
        waiting.clear()
        pages = [page for read in reads for page in _window_pages(read)]
        batch = archived(session, Batch(session, entity, pages, reads, doubles=doubles), _LISTS[entity])
        doubles = reads[-1].keys
        return batch, reads, ended

    while not _chunk_is_full(session, items, started):
        try:
            read = reader.next_window()
        except Exception as error:
            if waiting:
                yield flush(ended=False)
            if not session.chunked:
                raise
            session.failure = error
            return
        if read is None:
            break
        if waiting and _page_count([*waiting, read]) > PAGES_AT_ONCE:
            yield flush(ended=False)
            began = time.monotonic()
        new = read.keys - (waiting[-1].keys if waiting else doubles)
        waiting.append(read)
        items += len(new)
        if not read.proven:
            session.unproven[_LISTS[entity]] += 1
        if entity is BOOKING:
            session.bookings_read += len(new)
            session.bookings_changed += len(new - read.unchanged)
        session.report(entity.table.name, reader.windows_done, reader.windows_done + reader.windows_left)
        pages = _page_count(waiting)
        if pages >= PAGES_MEANWHILE and time.monotonic() - began > SLOW * pages:
            yield flush(ended=reader.finished)
            began = time.monotonic()
    if waiting:
        yield flush(ended=reader.finished)


def _page_count(windows: Iterable[WindowRead]) -> int:
    return sum(len(read.bodies) for read in windows)


def _window_pages(read: WindowRead) -> Iterator[RawPage]:
    window = [format_time(read.window.start), format_time(read.window.end)]
    for number, body in enumerate(read.bodies, 1):
        time = read.server_times[number - 1]
        yield RawPage(body, "data", asked={"window": window, "page": number, "server_time": time})


def _chunk_is_full(session: LoadSession, items: int, started: float) -> bool:
    if not session.chunked:
        return False
    settings, left = session.settings, session.requests_left
    # The children of what was read must still be asked for, and those of one more window, or all of it is in vain.
    children = session.calls_per_booking * (items + settings.items_per_page)
    if items and left is not None and session.calls_per_booking and children >= left:
        return True
    return items >= settings.chunk_bookings or time.monotonic() - started >= settings.chunk_seconds


def max_window_bookings(session: LoadSession, calls_per_booking: int) -> int:
    """Says how many bookings a window may hold, so that it and its children fit into one chunk.

    Args:
        session: The load.
        calls_per_booking: Requests that each booking's children cost.

    Returns:
        Items; at least 1.
    """
    settings = session.settings
    limit = settings.window_items
    pace = settings.effective_requests_per_second
    if calls_per_booking and pace:
        limit = min(limit, int(settings.chunk_seconds * pace / calls_per_booking))
    left = session.requests_left
    if left is not None:
        limit = min(
            limit, (left - 1) // calls_per_booking if calls_per_booking else (left - 1) * settings.items_per_page
        )
    return max(limit, 1)


def payments_of(session: LoadSession, booking_numbers: Mapping[str, str]) -> Iterator[Batch]:
    """Asks for the payments of each booking: one call or more a booking.

    Args:
        session: The load.
        booking_numbers: The bookings, each with the figures for which it is asked.

    Yields:
        Batches of payments that are all of their booking's; a booking without any leaves a tombstone.
    """
    if booking_numbers and not session.may_read("payments"):
        # An empty answer would only mean that there is nothing to be seen, and must not take away what is there.
        session.notes.skipped["payments", "not permitted"] += len(booking_numbers)
        session.notes.say("Payments are left out: the api key lacks the permission payments_r_all.")
        return

    def ask(number: str) -> list[RawPage]:
        pages, proven = whole_list(
            lambda page, token: session.client.booking_payments_page(number, page, token), key="id"
        )
        session.unproven["GET /bookings/{bookingNumber}/payments"] += not proven
        return _raw_pages(pages, {"booking_number": number, "linked_by": "endpoint"})

    yield from _ask_each(session, "payments", PAYMENT, booking_numbers, ask, "GET /bookings/{bookingNumber}/payments")


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
    if new and not session.may_read("customers"):
        session.notes.skipped["customers", "not permitted"] += len(new)
        session.notes.say("Customers are left out: the api key lacks the permission customers_r_all.")
        return

    yield from _ask_for_customers(session, dict.fromkeys(new.values(), ""))


def customers_again(session: LoadSession, booking_numbers: Mapping[str, str]) -> Iterator[Batch]:
    """Asks for the customer of each booking: one call a booking.

    Args:
        session: The load.
        booking_numbers: The bookings, each with the figures for which it is asked.

    Yields:
        Batches of customers.
    """
    yield from _ask_for_customers(session, booking_numbers)


def _ask_for_customers(session: LoadSession, booking_numbers: Mapping[str, str]) -> Iterator[Batch]:
    def ask(number: str) -> list[RawPage]:
        return [_raw_page(session.client.booking_customer(number).answer, None, {"source": "endpoint"})]

    yield from _ask_each(session, "customers", CUSTOMER, booking_numbers, ask, "GET /bookings/{bookingNumber}/customer")


def all_customers(session: LoadSession) -> Iterator[Batch]:
    """Reads the list of all customers.

    Args:
        session: The load.

    Yields:
        Batches of customers.

    """
    pages, proven = whole_list(lambda page, token: session.client.customers_page(number=page, token=token), key="id")
    session.unproven["GET /customers"] += not proven
    raw = _raw_pages(pages, {"source": "list"})
    for first in range(0, len(raw), PAGES_AT_ONCE):
        yield archived(session, Batch(session, CUSTOMER, raw[first : first + PAGES_AT_ONCE]), "GET /customers")


def bookings_again(session: LoadSession, booking_numbers: Mapping[str, str]) -> Iterator[Batch]:
    """Asks for single bookings: one call each.

    Args:
        session: The load.
        booking_numbers: The bookings, each with the figures for which it is asked.

    Yields:
        Batches of bookings.
    """

    def ask(number: str) -> list[RawPage]:
        return [_raw_page(session.client.booking(number).answer, None, {})]

    yield from _ask_each(session, "bookings", BOOKING, booking_numbers, ask, "GET /bookings/{bookingNumber}")


def histories_of(session: LoadSession, customer_ids: Mapping[str, str]) -> Iterator[Batch]:
    """Asks for the booking history of each customer: one call or more a customer, each once in a load.

    Args:
        session: The load.
        customer_ids: The customers, each with the figures for which they are asked.

    Yields:
        Batches of histories that are all of their customer's; an empty one leaves a tombstone.
    """
    asked = session.asked_customers["customer_bookings"]
    new = {customer: basis for customer, basis in customer_ids.items() if customer not in asked}
    asked.update(new)

    def ask(customer: str) -> list[RawPage]:
        pages, proven = whole_list(
            lambda page, token: session.client.customer_bookings_page(customer, number=page, token=token),
            key="bookingNumber",
        )
        session.unproven["GET /customers/{id}/bookings"] += not proven
        return _raw_pages(pages, {"customer_id": customer})

    yield from _ask_each(session, "customer_bookings", CUSTOMER_BOOKING, new, ask, "GET /customers/{id}/bookings")


def _raw_pages(pages: Iterable[ListPage], constants: Mapping[str, str]) -> list[RawPage]:
    return [_raw_page(page.answer, "data", constants, page.info.current_page) for page in pages]


def _raw_page(answer: Answer, records: str | None, constants: Mapping[str, str], number: int = 1) -> RawPage:
    return RawPage(answer.body, records, constants, {"page": number, "server_time": answer.server_time})


def _ask_each(
    session: LoadSession,
    resource: str,
    entity: Entity,
    parents: Mapping[str, str],
    ask: Callable[[str], list[RawPage]],
    operation: str,
) -> Iterator[Batch]:
    """Makes one call for each parent, several side by side, and yields the answers in the parents' order.

    A parent that is gone, or whose child the api key may not read, is noted and left out: its rows stay as they are.
    """

    def outcome(parent: str) -> tuple[list[RawPage], str]:
        if resource in session.forbidden:
            return [], "not permitted"
        try:
            return [replace(page, asked={"id": parent, **page.asked}) for page in ask(parent)], "answered"
        except NotFound:
            return [], "not found"
        except NotReadable:
            session.notes.say(
                f"Not all {resource} could be read; once the api key may, the setting {_MODES[resource]} = as_needed "
                "fills in what is missing."
            )
            return [], "not readable"
        except PermissionMissing as error:
            session.forbidden.add(resource)
            session.notes.say(error.message)
            return [], "not permitted"

    numbers = list(parents)
    with ThreadPoolExecutor(session.settings.concurrency, thread_name_prefix=f"bookeo-{resource}") as threads:
        for first in range(0, len(numbers), PARENTS_AT_ONCE):
            group = numbers[first : first + PARENTS_AT_ONCE]
            outcomes = list(threads.map(outcome, group))
            for _, word in outcomes:
                if word != "answered":
                    session.notes.skipped[resource, word] += 1
            session.report(resource, first + len(group), len(numbers))
            checks = [Check(p, parents[p], word) for p, (_, word) in zip(group, outcomes, strict=True) if parents[p]]
            pages = [page for answers, _ in outcomes for page in answers]
            if pages or checks:
                yield archived(session, Batch(session, entity, pages, checks=checks), operation)
