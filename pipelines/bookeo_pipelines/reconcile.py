"""The truth against the warehouse: what has vanished, is missing, out of date, or does not add up; and its mending."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bookeo import LoadNotes, LoadSession, Progress, bookeo_children
from bookeo.archiving import Note, note
from bookeo.errors import FatalError, RequestBudgetSpent, RetriableError, SettingsError, WindowIncomplete
from bookeo.forgotten import Forgotten
from bookeo.sweep import bookeo_bookings, sweep_reader
from bookeo.usage import Usage
from bookeo.windows import start_with_overlap
from bookeo_pipelines.access import sole_access
from bookeo_pipelines.asking import PARENTS_IN_A_PACKAGE
from bookeo_pipelines.cursors import Cursors, read_cursors, source_state
from bookeo_pipelines.destination import Target
from bookeo_pipelines.failures import as_bookeo_error
from bookeo_pipelines.load import LoadRequest
from bookeo_pipelines.marking import mark_deleted
from bookeo_pipelines.packages import finish_pending, load_pending, open_pipeline
from bookeo_pipelines.payment_gaps import read_since, unpaid_sums
from bookeo_pipelines.proof import revoke_proofs
from bookeo_pipelines.reconcile_sweep import Comparison, Found, Kind, NextLoad
from bookeo_pipelines.settlement import Settlement
from bookeo_pipelines.warehouse import Warehouse

MARGIN = timedelta(days=31)
"""How far before the first and after the last start time held a sweep looks: one more window at either end."""
AHEAD = timedelta(days=366)
"""How far into the future a sweep looks at least."""


class SweepIncomplete(RetriableError):
    """The sweep did not come to its end, so nothing is known of what has vanished."""


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
    request: LoadRequest, *, fix: bool = False, on_progress: Callable[[Progress], None] | None = None
) -> Reconciliation:
    """Compares the warehouse with the API, and mends it if asked to.

    Interrupted, it leaves nothing half-done behind: the same call starts anew.

    Args:
        request: What and where; `since` and `until` are start times here. By default the sweep begins 31 days before
            the first start time that is held, and ends 31 days after the last one, or 366 days from now if that is
            later.
        fix: Whether to mark what has vanished and read again what is missing or out of date. Else nothing is written.
        on_progress: Called as the sweep goes on.

    Returns:
        What it found, and what is left of it.

    Raises:
        SweepIncomplete: The sweep could not be completed; nothing is marked.
        SettingsError: There is nothing to compare, or the range makes no sense.
        BookeoError: The API or the destination cannot be asked.
    """
    started = time.monotonic()
    with sole_access(request):
        session = LoadSession(request.settings, on_progress=on_progress)
        try:
            pipeline, cursors = _open(request, session, fix=fix)
            run = _Reconciling(request, session, pipeline, cursors)
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

    def __init__(self, request: LoadRequest, session: LoadSession, pipeline: Any, cursors: Cursors) -> None:
        self._request = request
        self._session = session
        self._pipeline = pipeline
        self._cursors = cursors
        self._warehouse = Warehouse(pipeline, session.account_id)
        self.found: Found = {}

    @property
    def _whole(self) -> bool:
        return self._request.since is None and self._request.until is None

    def range(self) -> tuple[datetime, datetime]:
        """Decides which start times are swept."""
        [(first, last)] = self._warehouse.rows(
            "SELECT min(start_time), max(start_time) FROM {bookings} WHERE account_id = %s", self._warehouse.account_id
        )
        now = self._session.now
        since = self._request.since or min(first or now, now) - MARGIN
        until = self._request.until or max(now + AHEAD, (last or now) + MARGIN)
        if since > until:
            raise SettingsError("The comparison would begin after its end; give an earlier --since or a later --until.")
        return since.astimezone(UTC), until.astimezone(UTC)

    def compare(self, since: datetime, until: datetime) -> tuple[Comparison, int]:
        """Sweeps, and fills `found`."""
        comparison = Comparison(self._session, self._warehouse, self._next_load(), ask_unswept=self._whole)
        reader = sweep_reader(self._session, since, until)
        try:
            self.found = comparison.run(reader)
        except RetriableError as error:
            raise _incomplete(error) from None
        self.found[Kind.UNPAID] = frozenset(self._unpaid())
        return comparison, reader.windows_done

    def fix(self) -> Found:
        """Mends what was found, and says what is left."""
        began = datetime.now(UTC)
        found = self.found
        revoke_proofs(self._warehouse)
        if vanished := found[Kind.VANISHED]:
            note(self._session, Note.BOOKINGS_VANISHED, bookings=sorted(vanished), deleted_at=self._session.now)
            mark_deleted(self._warehouse, vanished, self._session.now)
        again = found[Kind.MISSING] | found[Kind.STALE] | found[Kind.RETURNED]
        self._read_again(again)
        asked = self._unpaid()
        for group in _groups(sorted(asked)):
            source = bookeo_children(self._session, {"payments": {number: asked[number] for number in group}})
            self._commit(source.with_resources("payments", "payment_rejected_rows", "payment_checks"))
        Settlement(self._session, self._warehouse).settle_answers()
        # Where the payments are right, the booking's own total may be what is out of date.
        self._read_again(asked.keys() & self._unpaid().keys())
        not_written = again - read_since(self._warehouse, again, began)
        left = {kind: numbers & not_written for kind, numbers in found.items()}
        # What cannot be read cannot be mended here; what does not add up at Bookeo itself stays so.
        return left | {Kind.UNREADABLE: found[Kind.UNREADABLE], Kind.UNPAID: frozenset(self._unpaid())}

    def _next_load(self) -> NextLoad:
        overlap = self._session.settings.overlap_seconds
        cursors = self._cursors
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
            until + timedelta(seconds=1),
        )
        return {number: found[number] for (number,) in rows if number in found}

    def _read_again(self, numbers: Collection[str]) -> None:
        # Tables that were left out of the loads are left out here, too.
        tables = self._warehouse.tables & (self._cursors.fed | {"bookings"})
        for group in _groups(sorted(numbers)):
            self._commit(bookeo_bookings(self._session, group, tables))

    def _commit(self, source: Any) -> None:
        try:
            self._pipeline.extract(source)
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
