"""The two lists that are read by time, as hidden dlt resources: bookings by their last change, payments by receipt.

Which ranges are asked for, and what counts as read, is decided and remembered in `bookeo.cursor`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import dlt
import pyarrow.compute as pc
from dlt.extract import DltResource

from bookeo.client.permissions import OF_CUSTOMERS, hidden_tables
from bookeo.cursor.digests import digest_key
from bookeo.cursor.ranges import SETTLING, ListReading, Wanted, next_range
from bookeo.cursor.state import PAYMENTS, Listing, changing
from bookeo.cursor.window_read import WindowRead
from bookeo.errors import BookeoError, ListSuspicious, NotFound, PermissionMissing
from bookeo.extract.batch import Batch
from bookeo.extract.chunks import max_window_bookings, window_batches
from bookeo.extract.kept_pages import KnownRecords
from bookeo.extract.payments_feed import feed_is_refused
from bookeo.extract.session import LoadSession
from bookeo.extract.window_reader import WindowFetch, WindowReader, booking_fetch, payment_fetch
from bookeo.privacy.erasure import Forgotten
from bookeo.schema import BOOKING, PAYMENT, Entity
from bookeo.settings.model import moment

ASKED_WHEN_SILENT = 20
"""Records that are asked for one by one before a list without any is believed."""
VERSION_COLUMNS: Mapping[Listing, str] = {"bookings": "updated_at", "payments": "received_time"}
"""The column of the time by which a list is read."""


def booking_pages(session: LoadSession, fed_tables: frozenset[str], calls_per_booking: int) -> DltResource:
    """Read bookings, as the hidden parent of all tables that come with them.

    Args:
        session: The load.
        fed_tables: The tables whose rows come from what this resource reads.
        calls_per_booking: Requests that each booking's children cost.

    Returns:
        A resource of `Batch` objects; dlt evaluates it for the selected tables that read from it.
    """

    @dlt.resource(name="booking_pages", selected=False)
    def read() -> Iterator[Batch]:
        learn_forgotten(session)
        if session.bookings is None:
            _require_bookings(session)
            session.calls_per_booking = calls_per_booking
            wanted = frozenset(fed_tables & set(dlt.current.source().selected_resources))
            tables = wanted - hidden_tables(session.may_read, session.settings)
            if not tables:
                session.notes.say(
                    f"Nothing is read for {', '.join(sorted(wanted))}: the api key lacks the permission to see them."
                )
                return
            session.bookings = _begin(session, "bookings", _wanted(session, tables))
            session.reader = _reader(
                session,
                session.bookings,
                booking_fetch(session.client),
                max_window_bookings(session, calls_per_booking),
            )
        assert session.reader is not None
        yield from _batches(session, session.bookings, session.reader, BOOKING)

    return read()


def payment_feed(session: LoadSession) -> DltResource:
    """Read payments as they are received, as the hidden parent of their table.

    Args:
        session: The load. Where the feed is refused, it says so there and yields nothing.

    Returns:
        A resource of `Batch` objects.
    """

    @dlt.resource(name="payment_feed", selected=False)
    def read() -> Iterator[Batch]:
        if session.payments_along and (session.bookings_changed or session.failure or not session.finished):
            return  # The bookings that these payments are linked to must be in the destination first.
        learn_forgotten(session)
        if not session.may_read("payments"):
            # An empty feed would only mean that there is nothing to be seen, and must not count as read.
            session.notes.say("Payments are left out: the api key lacks the permission payments_r_all.")
            return
        if session.payments is None:
            again = max(timedelta(days=session.settings.payments_again_days), SETTLING)
            session.payments = _begin(session, "payments", _wanted(session, frozenset({PAYMENTS}), again))
            session.payment_reader = _reader(
                session, session.payments, payment_fetch(session.client), session.settings.window_items
            )
        assert session.payment_reader is not None
        try:
            yield from _batches(session, session.payments, session.payment_reader, PAYMENT)
        except BookeoError as error:
            if not feed_is_refused(error):
                raise
            session.failure = error
        if session.failure is not None and feed_is_refused(session.failure):
            session.notes.say(f"{session.failure} Payments are asked for booking by booking instead.")
            session.no_payment_feed = session.failure
            session.failure = None

    return read()


LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""When a list counts as last settled that must be settled again."""


def learn_forgotten(session: LoadSession) -> None:
    """Learn who is forgotten before any answer is handed out.

    Args:
        session: The load.
    """
    if not session.forgotten.people:
        session.forgotten = Forgotten.from_state(dlt.current.source_state(), session.settings.privacy_key)


def _wanted(session: LoadSession, tables: frozenset[str], again: timedelta = SETTLING) -> Wanted:
    settings = session.settings
    return Wanted(
        tables=tables,
        start=moment(settings.start, "The setting start"),
        since=session.since,
        until=session.until,
        overlap_seconds=settings.overlap_seconds,
        again=again,
    )


def _begin(session: LoadSession, listing: Listing, wanted: Wanted) -> ListReading:
    """Decide what to read; the state remembers whose it is even if nothing comes."""
    _ = session.identity
    with changing(dlt.current.source_state()) as state:
        state.belongs_to(session.account_id)
        if session.tables_there is not None:
            state.holds(session.tables_there)
        session.clocks_before = state.clocks
        if listing == "payments":
            session.payments_met = set() if state.payments.covered else None
            if session.payments_unsettled and state.payments.settled_at is not None:
                state.payments.settled_at = LONG_AGO
        decided = next_range(state, listing, wanted, session.clocks)
        known = state.lists[listing].known_digests(wanted.tables)
        marks = {} if decided.rereads else session.known_digests(listing, known)
        return ListReading(listing, decided, marks)


def _reader(session: LoadSession, reading: ListReading, fetch: WindowFetch, max_items: int) -> WindowReader:
    settings, now = session.settings, session.now
    known = KnownRecords(now - SETTLING, reading.marks, digest_key(settings.secret_key))
    return WindowReader(
        fetch,
        settings,
        reading.range.asked,
        key="bookingNumber" if reading.listing == "bookings" else "id",
        max_items=max_items,
        lookahead=0 if settings.max_requests is not None else None,
        known_empty=session.known_empty if reading.listing == "bookings" else frozenset(),
        known=known,
        moving_since=now - timedelta(seconds=settings.overlap_seconds),
    )


def _batches(session: LoadSession, reading: ListReading, reader: WindowReader, entity: Entity) -> Iterator[Batch]:
    for batch, reads, ended in window_batches(session, reader, entity):
        reading.read(reads)
        if ended and reading.is_suspicious:
            try:
                _believe_silence(session, reading)
            except BookeoError as error:
                if not session.chunked:
                    raise
                session.failure = error
                return
        if _may_hide(session, reading, batch, reads):
            _ask_again(session, reading)
        hidden = _hidden(session, reading.listing)
        yield batch
        newest = _newest(batch, VERSION_COLUMNS[reading.listing], session.now)
        with changing(dlt.current.source_state()) as state:
            reading.land(state, session.clocks, reads, newest, ended=ended and session.failure is None, hidden=hidden)
            if hidden:
                state.bookings.unsee(batch.changed_at, hidden)
        del batch  # and with it its answers and tables, while the next ones are read
    if not session.chunked:
        reader.close()


def _newest(batch: Batch, column: str, now: datetime) -> datetime | None:
    """Find the newest change among a batch's rows that is not in the future."""
    rows = batch.shaped.tables[batch.entity.table.name]
    times = rows[column]
    newest: datetime | None = pc.max(times.filter(pc.less_equal(times, now))).as_py()
    return newest


def _require_bookings(session: LoadSession) -> None:
    """Refuse to read a list that would be empty for lack of a permission.

    Raises:
        PermissionMissing: The api key may not read bookings.
    """
    if not session.may_read("bookings"):
        raise PermissionMissing(
            "The api key lacks the permission bookings_r_all, so that no booking would be listed; grant it, then run "
            "the same command again.",
            permission="bookings_r_all",
            operation="GET /bookings",
        )


def _may_hide(session: LoadSession, reading: ListReading, batch: Batch, reads: Sequence[WindowRead]) -> bool:
    """Tell whether an answer shows so little that the api key may have lost a permission since the load began.

    An empty window is worth the question only where the daily look back would not read it again.
    """
    if reading.is_new_silence(reads, session.now):
        return True
    return (
        reading.listing == "bookings"
        and session.settings.customers == "as_needed"
        and session.may_read("customers")
        and bool(batch.customers_not_embedded())
    )


def _ask_again(session: LoadSession, reading: ListReading) -> None:
    """Ask once more what the api key may do, and let empty windows not count where it may not read the list any more.

    Where a chunked load cannot go on, `session.failure` says why.

    Raises:
        BookeoError: The api key has lost the permission to read the list, or cannot be asked about.
    """
    try:
        _require_permission_still(session, reading)
    except BookeoError as error:
        if not session.chunked:
            raise
        session.failure = session.failure or error
        reading.distrust_silence()


def _hidden(session: LoadSession, listing: Listing) -> frozenset[str]:
    """Find the tables for which what is read now does not count."""
    if listing == "payments":
        return frozenset()
    # Where nobody could tell what the api key may read by now, it may read no customers.
    return hidden_tables(session.may_read, session.settings) | (
        OF_CUSTOMERS if session.identity_unsure else frozenset()
    )


def _require_permission_still(session: LoadSession, reading: ListReading) -> None:
    """Ask once more what the api key may do.

    Raises:
        PermissionMissing: It has lost the permission to read the list.
        BookeoError: It cannot be asked.
    """
    session.ask_identity_again()
    if not session.may_read(reading.listing):
        raise PermissionMissing(
            f"The api key lost the permission {reading.listing}_r_all while the load was running; grant it, then run "
            "the same command again.",
            permission=f"{reading.listing}_r_all",
        )


def _believe_silence(session: LoadSession, reading: ListReading) -> None:
    """Look for a reason why nothing is listed where there were records.

    Raises:
        PermissionMissing: The api key has lost the permission.
        ListSuspicious: A record is still there, or too many are gone at once to be believed.
    """
    _require_permission_still(session, reading)
    gone = 0
    if reading.listing == "bookings":
        for number in sorted(reading.expected)[:ASKED_WHEN_SILENT]:
            try:
                session.client.booking(number)
            except NotFound:
                gone += 1
                continue
            break
    if gone < min(len(reading.expected), ASKED_WHEN_SILENT):
        reading.distrust()
        raise ListSuspicious(
            f"No {reading.listing} were listed where {len(reading.expected)} had been, though nothing says why; "
            "nothing counts as read there, run the same command again later."
        )
