"""The incremental load: chunk after chunk, each committed on its own, so that it can stop and go on at any point."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from dlt.common.destination.exceptions import DestinationException

from bookeo import BookeoError, BookeoSettings, LoadNotes, LoadSession, Progress, bookeo_source
from bookeo.client.client import BookeoClient
from bookeo.errors import FeedRefused, ListUnproven, PermissionMissing
from bookeo.http.usage import Usage
from bookeo.schema import TABLES
from bookeo_pipelines.destinations.dlt_compat import active_pipeline_kept
from bookeo_pipelines.destinations.errors import as_bookeo_error
from bookeo_pipelines.destinations.target import Target, check_place, database_for_writing, kept_open
from bookeo_pipelines.gaps.rejections import counts, open_rejections
from bookeo_pipelines.interrupts import Interrupted
from bookeo_pipelines.load.committer import Committing
from bookeo_pipelines.load.completeness_proof import proof, proven_until
from bookeo_pipelines.load.lost_tables import restore_lost_tables
from bookeo_pipelines.load.plan import known_empty
from bookeo_pipelines.load.run_log import feed_read_since, payments_checked_until, record_run
from bookeo_pipelines.load.stages import LEDGER_TABLES, Phases, selection
from bookeo_pipelines.observability.observer import LoadWatch, watched
from bookeo_pipelines.share.data_copies import note_archive
from bookeo_pipelines.warehouse.access import lock_path
from bookeo_pipelines.warehouse.load_packages import Pending, finish_pending, open_pipeline, pipeline_name
from bookeo_pipelines.warehouse.lock import one_at_a_time
from bookeo_pipelines.warehouse.writer_lock import writer_lock


@dataclass(frozen=True)
class LoadRequest:
    """What is to be loaded, and where to.

    Args:
        settings: The account's settings.
        target: Where the tables go.
        since: First moment, aware; None: where the last load ended.
        until: Last moment, aware; None: the server's now.
        tables: Names of the tables to load; None for all.
        wait_seconds: How long to wait for another load into the same place.
        refresh_customers: Whether all customers are read again, for what changed without a booking changing.
    """

    settings: BookeoSettings
    target: Target
    since: datetime | None = None
    until: datetime | None = None
    tables: tuple[str, ...] | None = None
    wait_seconds: float = 0
    refresh_customers: bool = False

    @property
    def pipeline_name(self) -> str:
        """Dlt's name of the pipeline: one for each account, as each has its own cursor."""
        return pipeline_name(self.settings.account)


@dataclass
class TableChange:
    """What a load did to a table.

    Args:
        loaded: Rows written, new and changed; newer versions that came in the same load, too.
        before: Rows it held before.
        after: Rows it holds now.
    """

    loaded: int
    before: int
    after: int

    @property
    def new(self) -> int:
        """Rows that were not there before, on balance."""
        return min(max(self.after - self.before, 0), self.loaded)

    @property
    def changed(self) -> int:
        """Rows written in the place of those from before; a customer may be met several times in one load."""
        return min(self.loaded - self.new, self.before)


@dataclass
class LoadResult:
    """What a load did.

    Args:
        account: Name of the account in the settings, if it has one.
        account_id: The account's id at Bookeo.
        target: Where the data is.
        tables: What happened to each table, by name.
        notes: What the load wants said.
        usage: What it used of the API.
        seconds: How long it took.
        chunks: Packages that were committed.
        pending: What an earlier run had left behind.
        covered: First and last moment up to which bookings were committed, if any were read.
        lag: How far behind Bookeo's clock that is at the end; None where a range was read again.
        failure: Why it ended early, if it did; what is counted here is loaded all the same.
        open_rejections: Records that this load or earlier ones could not shape, and that none has since, by table.
    """

    account: str | None
    account_id: str
    target: Target
    notes: LoadNotes
    usage: Usage
    seconds: float
    chunks: int
    pending: Pending
    covered: tuple[datetime, datetime] | None
    lag: timedelta | None = None
    tables: dict[str, TableChange] = field(default_factory=dict)
    failure: BookeoError | None = None
    open_rejections: dict[str, int] = field(default_factory=dict)

    @property
    def rejected(self) -> int:
        """Records that this load could not shape."""
        return sum(self.notes.rejected.values())

    @property
    def not_held(self) -> int:
        """Records that any load could not shape, and none has since."""
        return max(self.rejected, sum(self.open_rejections.values()))


@dataclass(frozen=True)
class AccountFailed:
    """An account of which nothing could be loaded.

    Args:
        account: Its name in the settings.
        failure: Why.
    """

    account: str
    failure: BookeoError


@active_pipeline_kept()
def run_load(
    request: LoadRequest,
    on_progress: Callable[[Progress], None] | None = None,
    on_loaded: Callable[[], None] | None = None,
) -> LoadResult:
    """Loads what has changed since the last load.

    Args:
        request: What and where to.
        on_progress: Called as the load goes on.
        on_loaded: Called at the end, before anybody else may load.

    Returns:
        What it did. Where `failure` is set, everything up to there is committed, and the next run goes on from it.

    Raises:
        BookeoError: Nothing could be loaded; the destination is as it was.
    """
    with watched(request.settings.account, request.target) as watch:
        check_place(request.target)
        with (
            one_at_a_time(
                lock_path(request.target, request.settings.account), request.target.description, request.wait_seconds
            ),
            database_for_writing(request.target),
        ):
            result = _load(request, watch, on_progress, nullcontext())
            if on_loaded:
                on_loaded()
            return result


@active_pipeline_kept()
def run_loads(
    requests: Sequence[LoadRequest],
    on_progress: Callable[[str, Progress], None] | None = None,
    on_result: Callable[[LoadResult | AccountFailed], None] | None = None,
    at_once: int = 4,
    on_loaded: Callable[[], None] | None = None,
) -> list[LoadResult | AccountFailed]:
    """Loads several accounts into one target, several side by side; one that fails does not stop the others.

    They ask the API at the same time, each at its own pace, and take turns at the destination where that must be.

    Args:
        requests: One for each account; their targets are one, or a file of its own for each.
        on_progress: Called with the account's name as each load goes on.
        on_result: Called as each load ends, from one thread at a time.
        at_once: Accounts that are loaded at the same time.
        on_loaded: Called when all are done, before anybody else may load.

    Returns:
        What each load did, or why it could do nothing, in the order of the requests.

    Raises:
        BookeoError: The target cannot be used by anybody.
    """
    # dlt uses whatever there is of pandas, even what another thread has only begun to import.
    with suppress(ImportError):
        import pandas  # noqa: F401

    first = requests[0].target
    taking_turns, saying = threading.RLock(), threading.Lock()
    # Each has a file of its own, or a server that takes several at once.
    apart = first.side_by_side or any(request.target != first for request in requests)

    def load(request: LoadRequest) -> LoadResult | AccountFailed:
        name = request.settings.account or ""
        tell = functools.partial(on_progress, name) if on_progress else None
        result: LoadResult | AccountFailed
        try:
            if apart:
                result = run_load(request, tell)
            else:
                with watched(name, request.target) as watch:
                    result = _load(request, watch, tell, taking_turns)
        except Exception as error:
            result = AccountFailed(name, as_bookeo_error(error, request.target))
        if on_result:
            with saying:
                on_result(result)
        return result

    with ExitStack() as stack:
        if not apart:
            check_place(first)
            stack.enter_context(
                one_at_a_time(
                    lock_path(first, requests[0].settings.account), first.description, requests[0].wait_seconds
                )
            )
            stack.enter_context(database_for_writing(first))
        threads = stack.enter_context(ThreadPoolExecutor(at_once, thread_name_prefix="account"))
        results = list(threads.map(load, requests))
        if on_loaded and any(isinstance(result, LoadResult) for result in results):
            on_loaded()
        return results


def _load(
    request: LoadRequest,
    watch: LoadWatch,
    on_progress: Callable[[Progress], None] | None,
    loading: AbstractContextManager[Any],
) -> LoadResult:
    started, began = time.monotonic(), datetime.now(UTC)

    def tell(progress: Progress) -> None:
        watch.progress(progress)
        if on_progress is not None:
            on_progress(progress)

    client = BookeoClient.from_settings(request.settings, watch.requests)
    session = LoadSession(
        request.settings, client=client, since=request.since, until=request.until, chunked=True, on_progress=tell
    )
    ending = ExitStack()
    ending.callback(session.close)
    try:
        if session.archive is not None:
            session.archive.check()
        source = bookeo_source(session=session)
        names = selection(source, request.tables)
        # The answer comes while the pipeline is opened.
        asking = ending.enter_context(ThreadPoolExecutor(1, thread_name_prefix="bookeo-key"))
        identity = asking.submit(lambda: session.identity)
        with loading, kept_open(request.target):
            # What is in the destination is looked at once nobody else can write to it any more.
            account = None if request.target.database else identity.result().account_id
            writing = ending.enter_context(writer_lock(request.target, account, request.wait_seconds))
            pipeline = open_pipeline(request.pipeline_name, request.target)
            account_id = identity.result().account_id
            watch.begins(account_id)
            pending = finish_pending(pipeline, request.target)
            committing = Committing(pipeline, session, request.target, loading, watch, writing)
            ending.callback(committing.close)
            before = committing.warehouse.row_counts()
            lost = restore_lost_tables(pipeline, committing.warehouse)
            if lost:
                session.notes.say(f"Not in the destination any more, and read again: {', '.join(sorted(lost))}.")
            session.tables_there = committing.warehouse.tables
            proven = proven_until(committing.warehouse, session, names, before)
            checked = None
            if "payments" in names and request.settings.payments == "as_needed":
                checked = payments_checked_until(committing.warehouse)
                # What an interrupted load did not see in the feed any more is not noted anywhere: it is read again.
                session.payments_unsettled = feed_read_since(committing.warehouse, checked)
        session.known_empty = known_empty(request.pipeline_name, request.target, account_id)
        phases = Phases(
            committing,
            session,
            source,
            names,
            proven,
            request.refresh_customers,
            checked,
            rejected_before=before.get("rejected_rows", 0) > 0,
        )
        try:
            phases.run()
        except (Interrupted, KeyboardInterrupt):
            with committing.questions():
                record_run(committing.warehouse, session, began, committing.packages, None, interrupted=True)
            raise
        session.failure = session.failure or _left_open(session)
        with committing.questions():
            # Queries and marts find each table, whether or not the account has anything to put into it.
            if committing.packages:
                committing.warehouse.make([TABLES[name] for name in sorted(names | LEDGER_TABLES)])
            # Payments can go without any coming.
            after = before | committing.warehouse.row_counts([*session.rows, "payments"])
            mark = proof(session, names, after) if phases.proves else None
            rejections: dict[str, int] = {}
            if before.get("rejected_rows") or session.rows["rejected_rows"]:
                rejections = counts(open_rejections(committing.warehouse, committing.warehouse.tables, account_id))
            record_run(
                committing.warehouse,
                session,
                began,
                committing.packages,
                mark,
                phases.payments_checked_until,
                phases.read_until(),
            )
            if session.archive is not None and committing.packages:
                note_archive(committing.warehouse, session.archive.place)
    except BookeoError:
        raise
    except DestinationException as error:
        raise as_bookeo_error(error, request.target) from None
    finally:
        ending.close()
    seconds = time.monotonic() - started
    covered = _covered(session, phases.reached)
    moves = session.range is not None and not session.range.rereads
    result = LoadResult(
        account=request.settings.account,
        account_id=account_id,
        target=request.target,
        notes=session.notes,
        usage=session.client.transport.usage,
        seconds=seconds,
        chunks=committing.packages,
        pending=pending,
        covered=covered,
        lag=session.now + timedelta(seconds=seconds) - covered[1] if covered and moves else None,
        tables={
            name: TableChange(session.rows[name], before.get(name, 0), after.get(name, 0))
            for name in sorted({*after, *session.rows})
        },
        failure=as_bookeo_error(session.failure, request.target) if session.failure else None,
        open_rejections=rejections,
    )
    watch.ended(
        failure=result.failure,
        rejected=result.not_held if request.settings.fail_on_rejected else 0,
        lag=result.lag,
        since=covered[0].isoformat() if covered else None,
        until=covered[1].isoformat() if covered else None,
        requests=result.usage.total_requests,
        throttled=result.usage.throttled,
        seconds_waited=round(result.usage.seconds_waited, 3),
        seconds=round(seconds, 3),
        packages=result.chunks,
    )
    return result


def _left_open(session: LoadSession) -> BookeoError | None:
    """Find why a load that came to its end is not complete all the same."""
    refused = session.no_payment_feed
    if isinstance(refused, PermissionMissing):
        return refused
    if refused is not None:
        return FeedRefused(
            f"The payments feed cannot be read ({refused}), so payments that belong to no booking are not loaded; run "
            "the same command again later.",
            operation="GET /payments",
        )
    lists = {operation: count for operation, count in session.unproven.items() if count}
    if not lists:
        return None
    what = ", ".join(f"{count} of {operation}" for operation, count in sorted(lists.items()))
    return ListUnproven(
        f"Everything listed is loaded, but lists do not add up to the totals announced ({what}); the next load reads "
        "them again, and bookeo status shows them."
    )


def _covered(session: LoadSession, reached: datetime | None) -> tuple[datetime, datetime] | None:
    """The range whose bookings are in the destination."""
    if session.range is None or reached is None:
        return None
    until = session.range.until if session.finished else min(reached, session.range.until)
    return min(session.range.since, until), until


def _lock(request: LoadRequest) -> AbstractContextManager[None]:
    target = request.target
    return one_at_a_time(lock_path(target, request.settings.account), target.description, request.wait_seconds)
