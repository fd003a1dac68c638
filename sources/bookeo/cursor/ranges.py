"""Which ranges a load asks for: what is wanted, less what has been read, plus what is read once more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bookeo.cursor.coverage import Coverage, begun_earlier, span
from bookeo.cursor.digests import changed_at
from bookeo.cursor.state import PAYMENTS, Listing, ListState, LoadState, Rereading
from bookeo.cursor.window_read import WindowRead
from bookeo.errors import SettingsError
from bookeo.http.clocks import Clocks
from bookeo.windows import AGAIN_AFTER, format_time

SETTLING = timedelta(hours=48)
"""How much is read again about once a day, for what a server shows late. Records changed in it are known by marks."""


@dataclass(frozen=True)
class Wanted:
    """What a load is asked for.

    Args:
        tables: The tables that it fills.
        start: From when on everything is wanted, aware.
        since: The first moment that the user wants read again, aware; None: whatever is missing.
        until: The last moment wanted, aware; None: the end of all there is.
        overlap_seconds: By how much to begin before the end of what was read.
        again: How much of the end of what was read to read once more about once a day.
    """

    tables: frozenset[str]
    start: datetime
    since: datetime | None = None
    until: datetime | None = None
    overlap_seconds: float = 0
    again: timedelta = SETTLING


@dataclass(frozen=True)
class Range:
    """What a load asks for.

    Args:
        asked: The intervals to ask for; open at the end, past every clock.
        tables: The tables that it fills.
        until: The last moment that it can cover as far as is known, aware.
        known_until: The end of what was covered before, aware; None where nothing was.
        settles: Whether the last days are among it.
        rereads: Whether the user wants this range read again, whatever is covered.
        covered: What counted as read before.
    """

    asked: Coverage
    tables: frozenset[str]
    until: datetime
    known_until: datetime | None = None
    settles: bool = False
    rereads: bool = False
    covered: Coverage = field(default_factory=Coverage)

    @property
    def since(self) -> datetime:
        """The first moment to ask for, aware."""
        return self.asked.windows[0].start if self.asked else self.until


def next_range(state: LoadState, listing: Listing, wanted: Wanted, clocks: Clocks) -> Range:
    """Decide what a load asks for, and note in the state what the user wants read again.

    A load without `since` reads all that is missing from `start` on for any of its tables, whatever loads came before
    it. With `since` it reads that range again; interrupted, it goes on where it stopped when it is called again in the
    same way.

    Args:
        state: The state of the account.
        listing: What is listed.
        wanted: What is wanted.
        clocks: The clocks.

    Returns:
        The range; it asks for nothing where nothing is missing.

    Raises:
        SettingsError: The range is the wrong way round.
    """
    now = clocks.now
    closed = wanted.until is not None and wanted.until < now
    end = wanted.until if closed and wanted.until is not None else clocks.open_end
    until = min(end, now)
    _check_order(wanted, until)
    known = state.lists[listing]
    if listing == "bookings":
        _take_over_payments(state, wanted.tables)
    if wanted.since is not None:
        return _again(known, wanted, wanted.since, end, until)
    known.tables, known.start, known.unfinished = wanted.tables, wanted.start, span(wanted.start, until)
    # What a wrong clock has let count as read in the future is to be read when it comes.
    have = known.common(wanted.tables).until(now)
    missing = span(wanted.start, end) - have
    overlap = max(wanted.overlap_seconds, known.overlap_seconds)
    asked = begun_earlier(missing, overlap, min(wanted.start, known.first or wanted.start))
    known_until = have.windows[-1].end if have else None
    settles = not closed and is_due(known, now)
    # A first load that was cut short gets on: what it read lately is old.
    if settles and known_until is not None and known.settled_at is not None:
        again = have & span(known_until - min(wanted.again, known_until - have.windows[0].start), known_until)
        asked |= again
    return Range(asked, wanted.tables, until, known_until, settles=settles, covered=have)


def is_due(known: ListState, now: datetime) -> bool:
    """Tell whether the last days of a list are to be read again.

    Args:
        known: How far it has been read.
        now: The server's time, aware.

    Returns:
        Whether it is most of a day since that was done.
    """
    return known.settled_at is None or not timedelta(0) <= now - known.settled_at < AGAIN_AFTER


def _check_order(wanted: Wanted, until: datetime) -> None:
    begin = wanted.since or wanted.start
    if begin > until:
        raise SettingsError(
            f"The load would begin at {format_time(begin)}, after its end at {format_time(until)}; "
            f"give an earlier {'--since' if wanted.since else 'start'} or a later --until."
        )


def _take_over_payments(state: LoadState, tables: Iterable[str]) -> None:
    """Let payments be asked for with each booking from now on, where their feed has been read so far."""
    fed = state.bookings.covered
    if PAYMENTS in tables and PAYMENTS not in fed and PAYMENTS in state.payments.covered:
        fed[PAYMENTS] = state.payments.covered[PAYMENTS] & state.bookings.common([t for t in tables if t != PAYMENTS])


def _again(known: ListState, wanted: Wanted, since: datetime, end: datetime, until: datetime) -> Range:
    if known.rereading is None or not known.rereading.is_call(since, wanted.until, wanted.tables):
        known.rereading = Rereading(since, wanted.until, wanted.tables)
        # What is written now may be newer than the versions that the marks stand for.
        known.forget_recent()
    asked = span(since, end) - known.rereading.done
    return Range(asked, wanted.tables, until, rereads=True)


class ListReading:
    """One load's reading of a list: what has landed so far, and what of it counts as read.

    Args:
        listing: What is listed.
        covers: What the load asks for.
        marks: Marks of the records that earlier loads have met, by key.
    """

    def __init__(self, listing: Listing, covers: Range, marks: Mapping[str, str]) -> None:
        self.listing = listing
        self.range = covers
        self.marks = marks
        self.reached: datetime | None = None
        """The last second of the newest window that was handed out, aware."""
        self.unproven = 0
        """Windows that could not be proven."""
        self.items = 0
        """Records that were read."""
        self._proven: list[WindowRead] = []
        # A record may have been changed since, and be in a later window; none of them can be in no window at all.
        self.expected = frozenset(key for key, mark in marks.items() if changed_at(mark) in covers.asked)
        """Keys of records that were in the range when they were met last."""

    def read(self, reads: Sequence[WindowRead]) -> None:
        """Take note of windows before their rows are committed.

        Args:
            reads: The windows.
        """
        self.reached = reads[-1].window.end
        self.items += sum(len(read.keys) for read in reads)
        self.unproven += sum(not read.proven for read in reads)
        self._proven += [read for read in reads if read.proven]

    @property
    def proven(self) -> Coverage:
        """The windows that add up, as far as they have been handed out."""
        return Coverage.of(read.window for read in self._proven)

    def distrust(self) -> None:
        """Let nothing that was read count."""
        self._proven.clear()

    def distrust_silence(self) -> None:
        """Let no window without records count."""
        self._proven = [read for read in self._proven if read.keys]

    def is_new_silence(self, reads: Sequence[WindowRead], now: datetime) -> bool:
        """Tell whether windows without records would count as read, and not be read again by the daily look back.

        Args:
            reads: The windows.
            now: The server's time, aware.

        Returns:
            Whether there is such a window.
        """
        silent = (span(read.window.start, min(read.window.end, now - SETTLING)) for read in reads if not read.keys)
        return any(part - self.range.covered for part in silent)

    @property
    def is_suspicious(self) -> bool:
        """Whether nothing at all has come where there were records."""
        return bool(self.expected) and not self.items

    def land(
        self,
        state: LoadState,
        clocks: Clocks,
        reads: Sequence[WindowRead],
        newest: datetime | None,
        *,
        ended: bool,
        hidden: frozenset[str] = frozenset(),
    ) -> None:
        """Count windows as read, as far as the clocks allow; committed with their rows.

        Args:
            state: The state of the account.
            clocks: The clocks.
            reads: The windows whose rows go with this state.
            newest: The newest change among the rows, aware; None where there is none.
            ended: Whether all of the range has been read.
            hidden: Tables of which nothing could be seen, for which nothing counts.
        """
        known, tables = state.lists[self.listing], self.range.tables - hidden
        state.clocks = clocks.reading
        known.newest = max(filter(None, (newest, known.newest)), default=None)
        limit = clocks.covered_until(known.newest)
        if limit is not None and not self.is_suspicious:
            known.landed(self.proven.until(limit), tables)
        self._count_late(known, reads)
        recent = {key: mark for read in reads if read.proven for key, mark in read.recent.items()}
        known.remember(recent, tables, clocks.now - 2 * SETTLING)
        if ended and not self.unproven:
            if not self.range.rereads:
                known.unfinished = Coverage()
            if self.range.settles:
                known.settled_at = clocks.now
            if self.range.rereads:
                known.rereading = None

    def _count_late(self, known: ListState, reads: Sequence[WindowRead]) -> None:
        """Find records from before the end of what was covered that nobody had met.

        Only where marks of all of them were kept: in the last days, for the tables of this load.
        """
        marks, until = known.known_digests(self.range.tables), self.range.known_until
        if until is None or not marks or self.range.rereads:
            return
        since = max(until - SETTLING, min(map(changed_at, marks.values())))
        late = [
            until - changed
            for read in reads
            for key, mark in read.recent.items()
            if since < (changed := changed_at(mark)) < until and (key not in marks or changed_at(marks[key]) != changed)
        ]
        if late:
            known.came_late(len(late), max(late).total_seconds())
