"""dlt resources: hidden ones that ask the API, and one for each table that reads what they got."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import dlt
import pyarrow as pa
import pyarrow.compute as pc
from dlt.common.storages.exceptions import CurrentLoadPackageStateNotAvailable
from dlt.extract import DltResource

from bookeo.availability import slot_batches
from bookeo.batches import Batch
from bookeo.cursor import backfill_ended, next_range, window_landed
from bookeo.errors import BookeoError
from bookeo.extract import all_customers, max_window_bookings, window_batches
from bookeo.feed import feed_is_closed
from bookeo.forgotten import Forgotten
from bookeo.reader import WindowReader, booking_fetch, payment_fetch
from bookeo.session import LoadSession
from bookeo.settings import moment
from bookeo.settings_lists import settings_batches
from bookeo.tables import PAYMENT, Table, dlt_columns
from bookeo.windows import AGAIN_AFTER, format_time, parse_time, start_with_overlap

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""The cursor before the first load."""
MOST_RECENT_KEPT = 1000
"""Digests of recent bookings that the state may hold; with more, the next load writes those bookings once more."""


def booking_pages(session: LoadSession, fed_tables: frozenset[str], calls_per_booking: int) -> DltResource:
    """The hidden parent of all tables that come with the bookings: reads the windows and owns the cursor.

    Args:
        session: The load.
        fed_tables: The tables whose rows come from what this resource reads.
        calls_per_booking: Requests that each booking's children cost.

    Returns:
        A resource of `Batch` objects; dlt evaluates it for the selected tables that read from it.
    """

    @dlt.resource(name="booking_pages", selected=False)
    def read(
        updated_at: dlt.sources.incremental[datetime] = dlt.sources.incremental(  # noqa: B008 - dlt's way
            "updated_at", initial_value=NEVER, allow_external_schedulers=False
        ),
    ) -> Iterator[Batch]:
        state = _state(session, "booking_pages")
        # dlt's own filter would drop late rows: let all rows pass, and move the cursor with the windows instead.
        cursor = updated_at.advance(None).last_value  # type: ignore[arg-type]
        assert cursor is not None
        if session.reader is None:
            session.calls_per_booking = calls_per_booking
            selected = set(dlt.current.source().selected_resources)
            session.range = next_range(
                state,
                account_id=session.account_id,
                tables=fed_tables & selected,
                kept_up={"payments"} if dlt.current.resource_state("payment_feed") else set(),
                cursor=None if cursor == NEVER else cursor,
                start=moment(session.settings.start, "The setting start"),
                now=session.now,
                since=session.since,
                until=session.until,
                overlap_seconds=session.settings.overlap_seconds,
            )
            session.reader = WindowReader(
                booking_fetch(session.client),
                session.settings,
                session.range.since,
                session.range.until,
                key="bookingNumber",
                max_items=max_window_bookings(session, calls_per_booking),
                lookahead=0 if session.settings.max_requests is not None else None,
                known_empty=session.known_empty,
                known_digests=session.known_digests("bookings", state.get("recent", {}))
                if session.range.moves_cursor
                else None,
            )
        covered = session.range
        assert covered is not None
        recent: dict[str, str] = {}
        for batch, window_end in window_batches(session, session.reader):
            yield batch
            window_landed(state, covered, window_end)
            if covered.moves_cursor and window_end >= cursor:
                updated_at.advance(window_end)
                recent.update(batch.recent)
                state["recent"] = recent if len(recent) <= MOST_RECENT_KEPT else {}
            del batch  # and with it its answers and tables, while the next ones are read
        if covered.backfill and session.reader.finished:
            jump = backfill_ended(state, cursor, covered.until)
            if jump is not None:
                updated_at.advance(jump)
        if not session.chunked:
            session.reader.close()

    return read()


def payment_feed(session: LoadSession) -> DltResource:
    """The hidden parent of payments as they are received, with a cursor of its own.

    Args:
        session: The load. Where the api key may not read the feed, it says so there and yields nothing.

    Returns:
        A resource of `Batch` objects.
    """

    @dlt.resource(name="payment_feed", selected=False)
    def read(
        received_time: dlt.sources.incremental[datetime] = dlt.sources.incremental(  # noqa: B008 - dlt's way
            "received_time", initial_value=NEVER, allow_external_schedulers=False
        ),
    ) -> Iterator[Batch]:
        if session.payments_along and (session.bookings_changed or session.failure or not session.finished):
            return  # The bookings that these payments are linked to must be in the destination first.
        state = _state(session, "payment_feed")
        cursor = received_time.advance(None).last_value  # type: ignore[arg-type]
        assert cursor is not None
        settings = session.settings
        if session.payment_reader is None:
            start = session.payments_since or moment(settings.start, "The setting start")
            overlap: float = settings.overlap_seconds
            if cursor != NEVER:
                session.payments_met = set()
                if payments_due_again(state, session):
                    overlap = max(overlap, settings.payments_again_days * 86_400)
            since = start_with_overlap(None if cursor == NEVER else cursor, overlap, start)
            if session.since is not None:
                since = max(session.since, session.payments_since or session.since)
            end = min(session.until or session.now, session.now)
            session.payment_reader = WindowReader(
                payment_fetch(session.client),
                settings,
                min(since, end),
                end,
                key="id",
                max_items=settings.window_items,
                lookahead=0 if settings.max_requests is not None else None,
                known_digests=session.known_digests("payments", state.get("recent", {})),
            )
        reader = session.payment_reader
        joins = cursor == NEVER or reader.since <= cursor
        recent: dict[str, str] = {}
        try:
            for batch, window_end in window_batches(session, reader, PAYMENT):
                yield batch
                if joins and window_end >= cursor:
                    received_time.advance(window_end)
                    recent.update(batch.recent)
                    state["recent"] = recent if len(recent) <= MOST_RECENT_KEPT else {}
        except BookeoError as error:
            if not feed_is_closed(error):
                raise
            session.failure = error
        if feed_is_closed(session.failure):
            session.notes.say(f"{session.failure} Payments are asked for booking by booking instead.")
            session.no_payment_feed = True
            session.failure = None
        if (
            reader.finished
            and not session.no_payment_feed
            and not session.failure
            and payments_due_again(state, session)
        ):
            state["read_again_at"] = format_time(session.now)
        if not session.chunked:
            reader.close()

    return read()


def payments_due_again(state: Mapping[str, Any], session: LoadSession) -> bool:
    """Tells whether the feed's last weeks are to be read again.

    The feed goes by the time of receipt, and a bank transfer may be entered days after it; nor does anything else show
    that a payment was corrected or deleted.

    Args:
        state: The state of the feed's resource.
        session: The load.

    Returns:
        Whether it is most of a day since that was done, or was done in vain.
    """
    read_at = state.get("read_again_at")
    return session.payments_unsettled or not read_at or session.now - parse_time(read_at) >= AGAIN_AFTER


def customer_list(session: LoadSession) -> DltResource:
    """The hidden parent of all customers, read from their own list.

    Args:
        session: The load.

    Returns:
        A resource of `Batch` objects; its state keeps in `read_at` when the list was read whole.
    """

    @dlt.resource(name="customer_list", selected=False)
    def read() -> Iterator[Batch]:
        state = _state(session, "customer_list")
        yield from all_customers(session)
        state["read_at"] = format_time(session.now)

    return read()


def _state(session: LoadSession, resource: str) -> dict[str, Any]:
    """A resource's state. The session learns from the source's who is forgotten, before any answer is handed out."""
    if not session.forgotten.people:
        session.forgotten = Forgotten.from_state(dlt.current.source_state(), session.settings.privacy_key)
    return dlt.current.resource_state(resource)


def given_parents(session: LoadSession, name: str, batches: Callable[[], Iterator[Batch]]) -> DltResource:
    """A hidden resource that asks for the children of parents that somebody else has named.

    Args:
        session: The load.
        name: The resource's name.
        batches: Makes the calls.

    Returns:
        A resource of `Batch` objects.
    """

    def read() -> Iterator[Batch]:
        _state(session, name)
        yield from batches()

    return dlt.resource(read, name=name, selected=False)


def settings_answers(session: LoadSession) -> DltResource:
    """The hidden parent of the account's small lists.

    Args:
        session: The load.

    Returns:
        A resource of `Batch` objects.
    """

    @dlt.resource(name="settings_answers", selected=False)
    def read() -> Iterator[Batch]:
        yield from settings_batches(session, dlt.current.resource_state("settings_answers"))

    return read()


def slot_answers(session: LoadSession) -> DltResource:
    """The hidden parent of the snapshots of the availability.

    Args:
        session: The load.

    Returns:
        A resource of `Batch` objects.
    """

    @dlt.resource(name="slot_answers", selected=False)
    def read() -> Iterator[Batch]:
        yield from slot_batches(session, dlt.current.resource_state("slot_answers"))

    return read()


def child_answers(name: str, parent: DltResource, ask: Callable[[Batch], Iterator[Batch]]) -> DltResource:
    """A hidden resource that asks for the children of each batch of bookings.

    Args:
        name: The resource's name.
        parent: The bookings.
        ask: Makes the calls for one batch.

    Returns:
        A resource of `Batch` objects.
    """

    @dlt.transformer(data_from=parent, name=name, selected=False)
    def read(batch: Batch) -> Iterator[Batch]:
        yield from ask(batch)

    return read


def table_resource(
    session: LoadSession,
    parent: DltResource,
    table: Table,
    name: str | None = None,
    *,
    replace_sets: bool = True,
) -> DltResource:
    """A table's resource: its rows out of each batch of the parent.

    Args:
        session: The load; counts the rows.
        parent: A resource of `Batch` objects.
        table: The table.
        name: The resource's name, where it is not the table's.
        replace_sets: Whether the rows of each owner are all there are and replace those in the destination.

    Returns:
        A resource of Arrow tables, merged on the table's declared keys.
    """
    described_in: set[str] = set()

    def rows(batch: Batch) -> Any:
        found = batch.table(table.name)
        if found is None or not found.num_rows:
            return None
        tombstones = pc.sum(found["_deleted"]).as_py() if "_deleted" in found.column_names else 0
        session.rows[table.name] += found.num_rows - (tombstones or 0)
        if _package() in described_in:
            return dlt.mark.with_table_name(found, table.name)
        described_in.add(_package())
        return described(found, table, replace_sets=replace_sets)

    made: DltResource = dlt.transformer(
        rows,
        data_from=parent,
        name=name or table.name,
        table_name=table.name,
        write_disposition=disposition(table),
    )
    return made


def described(rows: pa.Table, table: Table, *, replace_sets: bool) -> Any:
    """Says along with rows what the columns of their table are.

    As of a variant of the table, of which there is one: the columns that a resource itself has dlt writes into its
    trace, as YAML, which takes longer than to describe the table.

    Args:
        rows: The rows.
        table: Their table.
        replace_sets: Whether the rows of each owner are all there are.

    Returns:
        Something for a resource to yield.
    """
    hints = dlt.mark.make_hints(table.name, columns=dlt_columns(table, replace_sets=replace_sets))
    return dlt.mark.with_hints(rows, hints, create_table_variant=True)


def _package() -> str:
    """The id of the load package that is made; empty where somebody only looks at the rows."""
    try:
        return str(dlt.current.load_package_state()["load_id"])
    except CurrentLoadPackageStateNotAvailable:
        return ""


def disposition(table: Table) -> Any:
    """Says how dlt writes a table's rows.

    Args:
        table: The table.

    Returns:
        Something for `write_disposition`.
    """
    return {"disposition": "merge", "strategy": "delete-insert"} if table.disposition == "merge" else "append"
