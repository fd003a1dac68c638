"""The truth against the warehouse: what has vanished, is missing, out of date, or does not add up; and its mending."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bookeo import LoadNotes, LoadSession, Progress, bookeo_children
from bookeo.errors import (
    FatalError,
    PermissionMissing,
    RequestBudgetSpent,
    RetriableError,
    SettingsError,
    WindowIncomplete,
)
from bookeo.extract.archive_writer import Note, note
from bookeo.http.usage import Usage
from bookeo.privacy.erasure import Forgotten
from bookeo.schema import BOOKING, CUSTOMER
from bookeo.sweep import bookeo_bookings, sweep_reader
from bookeo.windows import start_with_overlap
from bookeo_pipelines.destinations.errors import as_bookeo_error
from bookeo_pipelines.destinations.target import Target
from bookeo_pipelines.gaps.payment_repair import Settlement
from bookeo_pipelines.gaps.payments import cancelling_out, combined, payments_of_vanished, read_since, unpaid_sums
from bookeo_pipelines.gaps.removal_limit import exceeds_limit
from bookeo_pipelines.load.child_requests import PARENTS_IN_A_PACKAGE
from bookeo_pipelines.load.completeness_proof import revoke_proofs
from bookeo_pipelines.load.runner import LoadRequest
from bookeo_pipelines.reconcile.comparison import Comparison, Found, Kind, NextLoad, SweepIncomplete
from bookeo_pipelines.reconcile.customers import deleted_customers
from bookeo_pipelines.reconcile.payments import PaymentComparison
from bookeo_pipelines.reconcile.swept_range import later, swept_range
from bookeo_pipelines.warehouse.access import sole_access
from bookeo_pipelines.warehouse.client import Warehouse
from bookeo_pipelines.warehouse.cursors import Cursors, read_cursors, source_state
from bookeo_pipelines.warehouse.deletions import mark_deleted
from bookeo_pipelines.warehouse.load_packages import extract, finish_pending, load_pending, open_pipeline
from bookeo_pipelines.warehouse.writer_lock import writer_lock

SHOWN = 5
"""Customers who are named in a note."""
AHEAD = timedelta(days=366)
"""How far into the future a sweep looks at least."""


class PackagesPending(FatalError):
    """An earlier load has left packages behind, which only somebody who may write can finish."""


@dataclass(frozen=True)
class Reconciliation:
    """What a comparison found.

    Args:
        account: Name of the account in the settings, if it has one.
        account_id: The account's id at Bookeo.
        target: Where the warehouse is.
        since: First start time of the sweep, aware.
        until: Last start time of the sweep, aware.
        bookings: Bookings that the sweep saw.
        payments: Payments that the feed has shown.
        windows: Windows that it took.
        found: What differed, before anything was mended.
        left: What still differs.
        awaiting_load: Bookings that the next load brings up to date anyhow.
        fixed: Whether differences were mended.
        notes: What there is to say besides.
        usage: What was used of the API.
        seconds: How long it took.
    """

    account: str | None
    account_id: str
    target: Target
    since: datetime
    until: datetime
    bookings: int
    payments: int
    windows: int
    found: Found
    left: Found
    awaiting_load: frozenset[str]
    fixed: bool
    notes: LoadNotes
    usage: Usage
    seconds: float

    @property
    def clean(self) -> bool:
        """Whether nothing is left that differs."""
        return not any(self.left.values())


def run_reconcile(
    request: LoadRequest,
    *,
    fix: bool = False,
    accept: int = 0,
    on_progress: Callable[[Progress], None] | None = None,
) -> Reconciliation:
    """Compare the warehouse with the API, and mend it if asked to.

    Interrupted, it leaves nothing half-done behind: the same call starts anew.

    Args:
        request: What and where; `since` and `until` are start times here. By default the sweep begins 31 days before
            the first start time that is held, and ends 31 days after the last one, or 366 days from now if that is
            later; bookings that start far from all others are asked for one by one instead. Only then is the payments
            feed compared, too, and customers of whom no booking is left.
        fix: Whether to mark what has vanished and read again what is missing or out of date. Else nothing is written.
        accept: Bookings, and payments, that may be gone although they are more than 20 and more than 5 % of those held.
        on_progress: Called as the sweep goes on.

    Returns:
        What it found, and what is left of it.

    Raises:
        SweepIncomplete: The sweep could not be completed; nothing is marked.
        SettingsError: There is nothing to compare, or the range makes no sense.
        BookeoError: The API or the destination cannot be asked.
    """
    started = time.monotonic()
    access = sole_access(request.target, request.settings.account, wait_seconds=request.wait_seconds)
    with access, ExitStack() as locks:
        session = LoadSession(request.settings, on_progress=on_progress)
        try:
            if fix:
                locks.enter_context(writer_lock(request.target, session.account_id, request.wait_seconds))
            pipeline, cursors = _open(request, session, fix=fix)
            run = _Reconciling(request, session, pipeline, cursors, accept)
            since, until = run.range()
            comparison, windows = run.compare(since, until)
            found = run.found
            left = run.fix() if fix else found
        finally:
            session.close()
    return Reconciliation(
        account=request.settings.account,
        account_id=session.account_id,
        target=request.target,
        since=since,
        until=until,
        bookings=comparison.bookings,
        payments=run.payments_compared,
        windows=windows,
        found=found,
        left=left,
        awaiting_load=frozenset(comparison.awaiting_load),
        fixed=fix,
        notes=session.notes,
        usage=session.client.transport.usage,
        seconds=time.monotonic() - started,
    )


def _open(request: LoadRequest, session: LoadSession, *, fix: bool) -> tuple[Any, Cursors]:
    account_id = session.account_id
    if not session.may_read("bookings"):
        raise PermissionMissing(
            "The api key lacks the permission bookings_r_all, so nothing can be compared: the account's owner must "
            "grant it to the application.",
            permission="bookings_r_all",
        )
    pipeline = open_pipeline(request.pipeline_name, request.target)
    session.forgotten = Forgotten.from_state(source_state(pipeline.state), session.settings.privacy_key)
    if pipeline.has_pending_data:
        if not fix:
            raise PackagesPending(
                "An earlier load was interrupted and left packages behind; bookeo load finishes them, then run "
                "the same command again."
            )
        finish_pending(pipeline, request.target)
        pipeline = open_pipeline(request.pipeline_name, request.target)
    cursors = read_cursors(pipeline.state)
    if cursors is None or not Warehouse(pipeline, account_id).has("bookings"):
        raise SettingsError(f"No bookings have been loaded into {request.target.description}; run bookeo load first.")
    if cursors.account_id != account_id:
        raise SettingsError(
            f"These keys open the account {account_id}, but the bookings in {request.target.description} were loaded "
            f"for the account {cursors.account_id}; name the account with --account."
        )
    return pipeline, cursors


class _Reconciling:
    """One reconciliation under way."""

    def __init__(
        self, request: LoadRequest, session: LoadSession, pipeline: Any, cursors: Cursors, accept: int
    ) -> None:
        self._accept = accept
        self._request = request
        self._session = session
        self._pipeline = pipeline
        self._cursors = cursors
        self._warehouse = Warehouse(pipeline, session.account_id)
        self._settlement = Settlement(session, self._warehouse, accept)
        self._payments: PaymentComparison | None = None
        self.found: Found = {}
        self.payments_compared = 0

    @property
    def _whole(self) -> bool:
        return self._request.since is None and self._request.until is None

    def range(self) -> tuple[datetime, datetime]:
        """Decide which start times are swept."""
        now = self._session.now
        starts = [
            start
            for (start,) in self._warehouse.rows(
                "SELECT start_time FROM {bookings} WHERE account_id = %s AND start_time IS NOT NULL",
                self._warehouse.account_id,
            )
        ]
        first, last = swept_range(starts, now, now + AHEAD)
        since, until = self._request.since or first, self._request.until or last
        if since > until:
            raise SettingsError("The comparison would begin after its end; give an earlier --since or a later --until.")
        return since.astimezone(UTC), until.astimezone(UTC)

    def compare(self, since: datetime, until: datetime) -> tuple[Comparison, int]:
        """Sweep bookings, payments and customers, and fill `found`."""
        comparison = Comparison(self._session, self._warehouse, self._next_load(), self._whole, self._accept)
        reader = sweep_reader(self._session, since, until)
        try:
            self.found = dict.fromkeys(Kind, frozenset[str]()) | comparison.run(reader)
            if self._whole:
                self.found |= self._compare_payments() | self._compare_customers()
        except SweepIncomplete:
            raise
        except RetriableError as error:
            raise _incomplete(error) from None
        self.found[Kind.UNPAID] = frozenset(self._unpaid())
        return comparison, reader.windows_done

    def fix(self) -> Found:
        """Mend what was found, and find what is left."""
        began = datetime.now(UTC)
        found = self.found
        revoke_proofs(self._warehouse)
        unmarked = self._mark_deleted()
        again = found[Kind.MISSING] | found[Kind.STALE] | found[Kind.RETURNED]
        self._read_again(again)
        self._mend_payments()
        asked = combined(self._unpaid(), self._unlinked())
        for group in _groups(sorted(asked)):
            source = bookeo_children(self._session, {"payments": {number: asked[number] for number in group}})
            self._commit(source.with_resources("payments", "payment_rejected_rows", "payment_checks"))
        self._settlement.settle_answers()
        # Where the payments are right, the booking's own total may be what is out of date.
        self._read_again(asked.keys() & self._unpaid().keys())
        if self._session.failure:
            self._session.notes.say(str(self._session.failure))
        not_written = again - read_since(self._warehouse, again, began)
        left = {kind: numbers & not_written for kind, numbers in found.items()}
        if self._payments:
            left |= self._payments.left(found, began)
        # What cannot be read cannot be mended here; what does not add up at Bookeo itself stays so.
        return left | unmarked | {Kind.UNREADABLE: found[Kind.UNREADABLE], Kind.UNPAID: frozenset(self._unpaid())}

    def _compare_payments(self) -> Found:
        """Compare the payments feed, where it is what payments are loaded from."""
        settings = self._session.settings
        if settings.payments != "as_needed" or "payments" not in self._warehouse.tables | self._loaded_tables():
            return {}
        if not self._session.may_read("payments"):
            return {}
        payments = PaymentComparison(self._session, self._warehouse, self._next_load(), self._settlement, self._accept)
        found = payments.run()
        self._payments, self.payments_compared = payments, payments.shown
        return found

    def _loaded_tables(self) -> frozenset[str]:
        return frozenset({"payments"} if self._cursors.payments else ())

    def _compare_customers(self) -> Found:
        found = deleted_customers(self._session, self._warehouse, self.found[Kind.VANISHED])
        if found:
            self._session.notes.say(
                f"{len(found)} customer(s) were deleted at Bookeo: {', '.join(sorted(found)[:SHOWN])}. What is held "
                "about them stays until bookeo forget --customer ID removes it."
            )
        return {Kind.CUSTOMERS_GONE: found}

    def _mark_deleted(self) -> Found:
        """Mark what has vanished, unless it is too much to be believed; return what was not marked."""
        now, unmarked = self._session.now, dict[Kind, frozenset[str]]()
        for kind, table, fact in (
            (Kind.VANISHED, BOOKING.table, Note.BOOKINGS_VANISHED),
            (Kind.CUSTOMERS_GONE, CUSTOMER.table, Note.CUSTOMERS_VANISHED),
        ):
            vanished = self.found[kind]
            held = self._warehouse.row_counts([table.name]).get(table.name, 0)
            if exceeds_limit(len(vanished), held, self._accept):
                self._session.notes.say(
                    f"{len(vanished)} of {held} {table.name} are not there any more. None is marked, as a permission "
                    f"may have been taken from the api key; if they were deleted, run it with --accept {len(vanished)}."
                )
                unmarked[kind] = vanished
            elif vanished:
                note(self._session, fact, **{table.name: sorted(vanished)}, deleted_at=now)
                self._warehouse.require_column(table, "deleted_at")
                mark_deleted(self._warehouse, vanished, now, table=table)
        return {kind: unmarked.get(kind, frozenset()) for kind in (Kind.VANISHED, Kind.CUSTOMERS_GONE)}

    def _mend_payments(self) -> None:
        """Read again what is missing or differs, and remove what is gone: also payments of vanished bookings."""
        if not self._warehouse.has("payments") and self._payments is None:
            return
        self._settlement.keep_newest()
        gone: dict[str, datetime] = {}
        if self._payments is not None:
            source = self._payments.read_again()
            if source is not None:
                self._commit(source)
                self._warehouse.look_again()
            gone = self._payments.gone
        elif self._session.may_read("payments"):
            gone = payments_of_vanished(self._warehouse)
        held = self._warehouse.row_counts(["payments"]).get("payments", 0)
        if gone and not self._settlement.too_many(len(gone), held):
            self._settlement.remove_gone(gone.items())

    def _unlinked(self) -> Mapping[str, str]:
        """Bookings that payments without a booking may belong to, with the figures for which they are asked."""
        return {n: basis for n, basis in cancelling_out(self._warehouse).items() if n in self.found[Kind.UNLINKED]}

    def _next_load(self) -> NextLoad:
        cursors = self._cursors
        known = cursors.state.bookings.overlap_seconds
        overlap = max(self._session.settings.overlap_seconds, known)
        feed = cursors.payments if self._session.settings.payments == "as_needed" else None
        return NextLoad(
            bookings=start_with_overlap(cursors.bookings, overlap, cursors.loaded_from),
            payments=start_with_overlap(feed, overlap, cursors.loaded_from) if feed else None,
            never_before=cursors.loaded_from,
        )

    def _unpaid(self) -> Mapping[str, str]:
        """Bookings of the range whose payments do not add up, where payments are loaded at all."""
        if self._session.settings.payments == "never" or not self._session.may_read("payments"):
            return {}
        found = unpaid_sums(self._warehouse)
        if self._whole or not found:
            return found
        since, until = self.range()
        rows = self._warehouse.rows(
            "SELECT booking_number FROM {bookings} WHERE account_id = %s AND start_time >= %s AND start_time < %s",
            self._warehouse.account_id,
            since,
            later(until, timedelta(seconds=1)),
        )
        return {number: found[number] for (number,) in rows if number in found}

    def _read_again(self, numbers: Collection[str]) -> None:
        # Tables that were left out of the loads are left out here, too.
        tables = self._warehouse.tables & (self._cursors.fed | {"bookings"})
        for group in _groups(sorted(numbers)):
            self._commit(bookeo_bookings(self._session, group, tables))

    def _commit(self, source: Any) -> None:
        try:
            extract(self._pipeline, source)
            load_pending(self._pipeline)
        except Exception as error:
            raise as_bookeo_error(error, self._request.target) from None


def _groups(numbers: list[str]) -> Iterator[list[str]]:
    for first in range(0, len(numbers), PARENTS_IN_A_PACKAGE):
        yield numbers[first : first + PARENTS_IN_A_PACKAGE]


def _incomplete(error: RetriableError) -> SweepIncomplete:
    if isinstance(error, WindowIncomplete):
        why = "bookings kept changing while they were read; run the same command again later."
    elif isinstance(error, RequestBudgetSpent):
        why = "the requests allowed for this run (setting max_requests) are used up; allow more, or compare a shorter "
        why += "time with --since and --until."
    else:
        why = error.message
    return SweepIncomplete(
        f"The sweep could not be completed, so nothing was marked: {why}",
        operation=error.operation,
        status=error.status,
    )
