"""What a pipeline remembers from load to load: typed, with a version. No other module knows a key of it.

It is committed with the rows that it speaks of. A state without a version, as all loads before this module have left
it, is read as far as it can be trusted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from bookeo.cursor.coverage import Coverage, intersection, span
from bookeo.cursor.digests import changed_at
from bookeo.errors import SettingsError
from bookeo.http.clocks import Reading
from bookeo.windows import ONE_SECOND, Window, format_time, parse_time

KEY = "loads"
"""Where it is in what the source keeps in dlt's state."""
VERSION = 2
"""Version 1 had no number."""
MOST_RECENT_KEPT = 1000
"""Digests of recent records that are kept; a record without one is written once more when it is met again."""
PAYMENTS = "payments"

Listing = Literal["bookings", "payments"]
"""A list that is read by time: bookings by their last change, the feed of payments by their receipt."""
Job = Literal["settings", "slots", "customers"]
"""What is done once in a while."""


@dataclass
class Rereading:
    """A range that the user wants read again, whatever is covered; kept until it is done.

    Args:
        since: Its first moment, aware.
        until: Its last moment, aware; None: the end of all there is.
        tables: The tables to fill.
        done: What of it has been read.
    """

    since: datetime
    until: datetime | None
    tables: frozenset[str]
    done: Coverage = field(default_factory=Coverage)

    def is_call(self, since: datetime, until: datetime | None, tables: Collection[str]) -> bool:
        """Tell whether a load was called as this reading was."""
        return (self.since, self.until, self.tables) == (since, until, frozenset(tables))


@dataclass
class ListState:
    """How far a list has been read.

    Args:
        covered: What has been read and proven, by table.
        recent: Digests of the records of the last two days, by key, see `bookeo.extract.kept_pages`.
        recent_tables: The tables that hold those records.
        tables: The tables that the last load filled that read whatever was missing.
        start: From when on all is wanted, as of the last load that read whatever was missing, aware.
        unfinished: What the last such load set out to read and did not come to the end of; empty if it did.
        newest: The newest change or receipt ever seen, aware.
        settled_at: When the last days were read again, by the server's clock, aware.
        overlap_seconds: By how much readings overlap because records have come late; 0 if none have.
        late: Records that came later than the overlap of a load.
        rereading: A range that is being read again.
    """

    covered: dict[str, Coverage] = field(default_factory=dict)
    recent: dict[str, str] = field(default_factory=dict)
    recent_tables: frozenset[str] = frozenset()
    tables: frozenset[str] = frozenset()
    start: datetime | None = None
    unfinished: Coverage = field(default_factory=Coverage)
    newest: datetime | None = None
    settled_at: datetime | None = None
    overlap_seconds: int = 0
    late: int = 0
    rereading: Rereading | None = None

    def common(self, tables: Collection[str]) -> Coverage:
        """Find what has been read for each of some tables."""
        return intersection(self.covered.get(table, Coverage()) for table in tables)

    @property
    def first(self) -> datetime | None:
        """The first moment ever read, aware."""
        return min((part.windows[0].start for part in self.covered.values() if part), default=None)

    def reached(self, start: datetime | None = None) -> datetime | None:
        """Tell up to when the list has been read without a gap, for all tables that are kept up to date.

        Args:
            start: From when on, aware; where that is not covered, from the first moment ever read.

        Returns:
            The moment, aware; None where nothing has been read.
        """
        common, first = self.common(self.kept_up), self.first
        found = common.reached(start) if start is not None else None
        return found or (common.reached(first) if first is not None else None)

    @property
    def kept_up(self) -> frozenset[str]:
        """The tables that are kept up to date."""
        return self.tables or frozenset(self.covered)

    @property
    def missing(self) -> Coverage:
        """What should have been read by now, and has not been for all tables that are kept up to date."""
        begin, ends = self.start or self.first, [part.windows[-1].end for part in self.covered.values() if part]
        reached = span(begin, max(ends)) if begin and ends else Coverage()
        return (reached | self.unfinished) - self.common(self.kept_up)

    def known_digests(self, tables: Collection[str]) -> Mapping[str, str]:
        """Return the digests of records that all of some tables hold."""
        return self.recent if self.recent_tables >= set(tables) else {}

    def landed(self, windows: Coverage, tables: Collection[str]) -> None:
        """Count windows as read, for the tables that hold their rows."""
        for table in tables:
            self.covered[table] = self.covered.get(table, Coverage()) | windows
        if self.rereading is not None and self.rereading.tables == set(tables):
            self.rereading.done |= windows

    def remember(self, recent: Mapping[str, str], tables: Collection[str], since: datetime) -> None:
        """Keep digests of records that were met, beside those of the loads before.

        Args:
            recent: Digests by key, the oldest first.
            tables: The tables that hold the records.
            since: Records that were changed before this are not met again, aware.
        """
        known = self.known_digests(tables)
        kept = {k: mark for k, mark in known.items() if k not in recent and changed_at(mark) >= since} | dict(recent)
        self.recent = dict(list(kept.items())[-MOST_RECENT_KEPT:])
        self.recent_tables = frozenset(tables)

    def forget_recent(self) -> None:
        """Have every record written again when it is met."""
        self.recent, self.recent_tables = {}, frozenset()

    def came_late(self, records: int, seconds: float) -> None:
        """Let the next readings overlap by more, after records came late.

        Args:
            records: How many.
            seconds: By how much the latest was late.
        """
        self.late += records
        self.overlap_seconds = max(self.overlap_seconds, 2 * int(seconds))

    def rewind(self, since: datetime, tables: Collection[str] | None = None) -> None:
        """Have everything from a moment on read again.

        Args:
            since: The moment, aware.
            tables: Of these tables only; None for all.
        """
        for table in self.covered if tables is None else self.covered.keys() & set(tables):
            self.covered[table] = self.covered[table].until(since - timedelta(seconds=1))
        self.rereading = None
        self.forget_recent()

    def unsee(self, changes: Iterable[datetime], tables: Collection[str]) -> None:
        """Have the days of some changes read again, for tables that records were written into without all they say.

        Args:
            changes: When the records were changed, aware; whole days keep the intervals few.
            tables: The tables of which something could not be seen.
        """
        days = {change.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) for change in changes}
        hole = Coverage.of(Window(day, day + timedelta(days=1) - ONE_SECOND) for day in days)
        for table in self.covered.keys() & set(tables):
            self.covered[table] -= hole

    def as_state(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        alike: dict[Coverage, list[str]] = {}
        for table, part in sorted(self.covered.items()):
            alike.setdefault(part, []).append(table)
        again = self.rereading
        return {
            "covered": [{"tables": tables, "windows": part.as_state()} for part, tables in alike.items()],
            "recent": dict(self.recent),
            "recent_tables": sorted(self.recent_tables),
            "tables": sorted(self.tables),
            "start": _written(self.start),
            "unfinished": self.unfinished.as_state(),
            "newest": _written(self.newest),
            "settled_at": _written(self.settled_at),
            "overlap_seconds": self.overlap_seconds,
            "late": self.late,
            "rereading": again
            and {
                "since": _written(again.since),
                "until": _written(again.until),
                "tables": sorted(again.tables),
                "done": again.done.as_state(),
            },
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> ListState:
        """Read what `as_state` has written."""
        again = state.get("rereading")
        return cls(
            covered={
                table: Coverage.from_state(part["windows"])
                for part in state.get("covered", ())
                for table in part["tables"]
            },
            recent=dict(state.get("recent", {})),
            recent_tables=frozenset(state.get("recent_tables", ())),
            tables=frozenset(state.get("tables", ())),
            start=_read(state.get("start")),
            unfinished=Coverage.from_state(state.get("unfinished", ())),
            newest=_read(state.get("newest")),
            settled_at=_read(state.get("settled_at")),
            overlap_seconds=state.get("overlap_seconds", 0),
            late=state.get("late", 0),
            rereading=Rereading(
                since=parse_time(again["since"]),
                until=_read(again["until"]),
                tables=frozenset(again["tables"]),
                done=Coverage.from_state(again["done"]),
            )
            if again
            else None,
        )


@dataclass
class LoadState:
    """What the loads of an account remember.

    Args:
        account_id: The account; None before the first load.
        bookings: How far the bookings have been read.
        payments: How far the payments feed has been read.
        done_at: When what is done once in a while was done last, by the server's clock, aware.
        clocks: What the clocks showed at the last load; None before the first.
        tables_held: Tables that the destination held when the last load began.
    """

    account_id: str | None = None
    bookings: ListState = field(default_factory=ListState)
    payments: ListState = field(default_factory=ListState)
    done_at: dict[str, datetime] = field(default_factory=dict)
    clocks: Reading | None = None
    tables_held: frozenset[str] = frozenset()

    @property
    def lists(self) -> Mapping[Listing, ListState]:
        """The lists that are read by time, by name."""
        return {"bookings": self.bookings, "payments": self.payments}

    @property
    def clocks_apart(self) -> timedelta | None:
        """How far the clocks were apart at the last load; None where they agreed or one of them is not known."""
        if self.clocks is None or self.clocks.apart is None or self.clocks.server is None:
            return None
        return self.clocks.apart

    def belongs_to(self, account_id: str) -> None:
        """Make sure that the state is of an account, or of nobody yet.

        Args:
            account_id: The account that the keys open.

        Raises:
            SettingsError: It is another's.
        """
        if self.account_id not in (None, account_id):
            raise SettingsError(
                f"These keys open the account {account_id}, but this pipeline has loaded the account "
                f"{self.account_id}; name the accounts in [[sources.bookeo.accounts]] and load with --account, or use "
                "another pipeline name."
            )
        self.account_id = account_id

    def due(self, job: Job, now: datetime, after: timedelta) -> bool:
        """Tell whether something is to be done again.

        Args:
            job: What.
            now: The server's time, aware.
            after: How long once lasts.

        Returns:
            Whether it never was done, or that long ago. A time in the future, of a clock that was wrong, counts as
            never.
        """
        done_at = self.done_at.get(job)
        return done_at is None or not timedelta(0) <= now - done_at < after

    def forget_coverage(self, tables: Collection[str]) -> None:
        """Have tables read again from the start, because the destination does not hold what was read.

        Args:
            tables: Names of tables.
        """
        gone = set(tables)
        for listing in self.lists.values():
            if gone & listing.covered.keys():
                listing.covered = {table: part for table, part in listing.covered.items() if table not in gone}
                listing.rereading = None
                listing.forget_recent()

    def as_state(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {
            "version": VERSION,
            "account_id": self.account_id,
            **{name: listing.as_state() for name, listing in self.lists.items()},
            "done_at": {job: format_time(moment) for job, moment in self.done_at.items()},
            "clocks": self.clocks and self.clocks.as_state(),
            "tables_held": sorted(self.tables_held),
        }

    def holds(self, tables: Collection[str]) -> frozenset[str]:
        """Note which tables the destination holds, and have those read again that it has lost.

        Args:
            tables: Names of the tables that are there.

        Returns:
            Names of those that were there when the last load began, and are not now.
        """
        lost = self.tables_held - set(tables)
        if lost - {table for listing in self.lists.values() for table in listing.covered}:
            # It does not come with a list that is read by time, so it comes with what is done once in a while.
            self.done_at = {}
        self.forget_coverage(lost)
        self.tables_held = frozenset(tables)
        return lost

    @classmethod
    def from_source(cls, source: Mapping[str, Any]) -> LoadState:
        """Read the state, of whichever version.

        Args:
            source: What the source keeps in dlt's state.

        Returns:
            The state.

        Raises:
            SettingsError: A later version of this program has written it.
        """
        state = source.get(KEY)
        if state is None:
            return _from_unversioned(source.get("resources", {}))
        if state["version"] > VERSION:
            raise SettingsError(
                f"The destination was loaded by a later version of this program (its state has version "
                f"{state['version']}, this one knows {VERSION}); update the package."
            )
        return cls(
            account_id=state["account_id"],
            bookings=ListState.from_state(state["bookings"]),
            payments=ListState.from_state(state["payments"]),
            done_at={job: parse_time(moment) for job, moment in state["done_at"].items()},
            clocks=Reading.from_state(state["clocks"]),
            tables_held=frozenset(state.get("tables_held", ())),
        )

    def write_to(self, source: MutableMapping[str, Any]) -> None:
        """Write the state.

        Args:
            source: What the source keeps in dlt's state.
        """
        source[KEY] = self.as_state()
        # What the resources themselves kept before there was a version.
        source.pop("resources", None)


@contextmanager
def changing(source: MutableMapping[str, Any]) -> Iterator[LoadState]:
    """Change the state; it is written at the end, unless something is raised.

    Args:
        source: What the source keeps in dlt's state.

    Yields:
        The state.
    """
    state = LoadState.from_source(source)
    yield state
    state.write_to(source)


def _from_unversioned(resources: Mapping[str, Any]) -> LoadState:
    """Read a state of before there was a version.

    It does not say from when on the payments feed had been read, so that is read once more; a range that was being read
    again is begun anew.
    """
    bookings, state = resources.get("booking_pages", {}), LoadState()
    cursor = bookings.get("incremental", {}).get("updated_at", {}).get("last_value")
    if cursor is not None and "account_id" in bookings:
        state.account_id = bookings["account_id"]
        read = span(parse_time(bookings["loaded_from"]), cursor)
        state.bookings.covered = dict.fromkeys(bookings["fed"], read)
        state.bookings.settled_at = parse_time(bookings["loaded_from"])
    jobs: dict[Job, tuple[str, str]] = {
        "settings": ("settings_answers", "read_at"),
        "slots": ("slot_answers", "taken_at"),
        "customers": ("customer_list", "read_at"),
    }
    for job, (resource, key) in jobs.items():
        moment = resources.get(resource, {}).get(key)
        if moment:
            state.done_at[job] = parse_time(moment)
    return state


def _written(moment: datetime | None) -> str | None:
    return format_time(moment) if moment else None


def _read(text: str | None) -> datetime | None:
    return parse_time(text) if text else None
