"""What one load of one account knows while it runs, across the packages that it is committed in."""

from __future__ import annotations

import functools
import re
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bookeo.archive.store import Archive
from bookeo.client.client import ApiKeyInfo, BookeoClient
from bookeo.client.permissions import includes_reading
from bookeo.cursor.ranges import ListReading, Range
from bookeo.extract.payments_feed import PaymentLinks
from bookeo.extract.window_reader import WindowReader
from bookeo.http.clocks import Clocks, Reading
from bookeo.privacy.erasure import Forgotten
from bookeo.privacy.records import private_answer
from bookeo.schema import Entity
from bookeo.settings.model import BookeoSettings
from bookeo.transform.dedup import LoadVersions
from bookeo.windows import Window

FIELD_PATH = re.compile(r"[A-Za-z0-9_.\[\]$-]{1,100}")
UNNAMED = "(no usual name)"
"""Stands for fields that are not called like fields."""


@dataclass
class LoadNotes:
    """What a load wants said at its end. Holds counts and field names only, nothing about a customer.

    Args:
        rejected: Records that could not be shaped, by table.
        skipped: Children that were not read, by table and reason, e.g. ("payments", "not found").
        unknown_fields: Fields in the API's answers that no column declares, as dotted paths.
        messages: Other sentences for the user.
    """

    rejected: Counter[str] = field(default_factory=Counter)
    skipped: Counter[tuple[str, str]] = field(default_factory=Counter)
    unknown_fields: set[str] = field(default_factory=set)
    messages: list[str] = field(default_factory=list)

    def note_unknown_fields(self, paths: Iterable[str]) -> None:
        """Note fields that no column declares.

        Args:
            paths: Their dotted paths, as the API writes them. What does not look like a name is not repeated: it may be
                a text, of which anything may come to stand in a log.
        """
        self.unknown_fields.update(path if FIELD_PATH.fullmatch(path) else UNNAMED for path in paths)

    def say(self, message: str) -> None:
        """Adds a sentence for the user, once.

        Args:
            message: The sentence.
        """
        if message not in self.messages:
            self.messages.append(message)


@dataclass(frozen=True)
class Progress:
    """How far a load is.

    Args:
        phase: The table being read: `bookings`, `customers`, `payments` or `customer_bookings`.
        bookings: Bookings read so far, items.
        done: Windows (or parents, for the other tables) done so far.
        total: Windows (or parents) that there are, as far as known.
        requests: Requests made so far.
    """

    phase: str
    bookings: int
    done: int
    total: int
    requests: int


class LoadSession:
    """One load of one account: its client, what the account is, how far it has read, and what there is to say.

    A plain `pipeline.run(bookeo_source())` makes its own session and reads the whole range in one package. The runner
    passes one session to several sources in turn, each of which reads one chunk of the range; windows that are already
    being read ahead when a chunk ends are kept for the next one.

    Args:
        settings: The account's settings.
        client: The API; made from the settings by default.
        since: First moment to load, aware; None: where the last load ended, or `settings.start`.
        until: Last moment to load, aware; None: the server's now.
        chunked: Whether a source ends after `chunk_bookings` or `chunk_seconds`.
        on_progress: Called after every window and every few children, from one thread at a time.
    """

    def __init__(
        self,
        settings: BookeoSettings,
        *,
        client: BookeoClient | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        chunked: bool = False,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self.settings = settings
        self.started_at = datetime.now(UTC)
        """When the load began, by the clock that also says when a row was fetched."""
        self.privacy = settings.privacy_rules
        self.forgotten = Forgotten()
        """Who is forgotten; whoever hands out answers reads it from the state first."""
        self.archive = self._open_archive()
        """Where answers are kept as they came; None where they are not."""
        self.client = client or BookeoClient.from_settings(settings)
        self.since = since
        self.until = until
        self.chunked = chunked
        self.notes = LoadNotes()
        self.known_empty: frozenset[Window] = frozenset()
        """Windows that hold nothing, as a plan of this very range has found."""
        self.bookings: ListReading | None = None
        """How far the bookings have been read; begun when they are first read."""
        self.tables_there: frozenset[str] | None = None
        """Tables that the destination held when the load began; None where nobody looked."""
        self.payments: ListReading | None = None
        """How far the payments feed has been read, likewise."""
        self.clocks_before: Reading | None = None
        """What the clocks showed at the last load."""
        self.unproven: Counter[str] = Counter()
        """Lists and windows that were read and do not add up to what was announced, by operation."""
        self.reader: WindowReader | None = None
        self.payment_reader: WindowReader | None = None
        self.payments_met: set[str] | None = None
        """Ids of the payments that the feed has shown, where some of it is read again; None where all of it is new."""
        self.payment_links: PaymentLinks | None = None
        """Who can tell which bookings and payments there are already."""
        self.held_rows: Callable[[str, Collection[str]], Collection[str]] | None = None
        """Tells which of some rows of a table are in the destination and not marked as deleted; None: nobody can."""
        self.payments_unsettled = False
        """Whether an interrupted load read the feed and what it did not show was not looked at."""
        self.payments_along = False
        """Whether the payments feed may be read into the bookings' own package where no booking is new."""
        self.no_payment_feed: Exception | None = None
        """Why the payments feed cannot be read, if it was refused."""
        self.versions: dict[Entity, LoadVersions] = {}
        """What has been handed out for the package under way, or by a load without chunks, by entity."""
        self.failure: Exception | None = None
        """What ended the reading early; what was read before it is committed first."""
        self.asked_customers: dict[str, set[str]] = {"customers": set(), "customer_bookings": set()}
        """Customers already asked for in this load, by table."""
        self.forbidden: set[str] = set()
        """Tables whose rows the api key turned out not to be allowed to read."""
        self.calls_per_booking = 0
        """Requests that each booking's children cost."""
        self.bookings_read = 0
        self.bookings_changed = 0
        """Those among them that are not exactly as the last load met them."""
        self.rows: Counter[str] = Counter()
        """Rows handed to dlt so far, by table."""
        self._on_progress = on_progress
        self._lock = threading.Lock()
        self._identity: ApiKeyInfo | None = None
        self.identity_unsure = False
        """Whether the api key may have lost permissions, as it could not be asked about again."""

    def _open_archive(self) -> Archive | None:
        if not self.settings.archive:
            return None
        # What is dropped from the tables is not to be found in the archive either.
        return Archive(self.settings.archive, scrub=functools.partial(private_answer, privacy=self.privacy))

    @property
    def identity(self) -> ApiKeyInfo:
        """The account that the api key opens, asked for once: one request.

        Raises:
            BookeoError: As `BookeoClient.api_key_info`.
        """
        # No cached_property: in Python 3.11 the accounts of one process would wait for each other.
        with self._lock:
            if self._identity is None:
                self._identity = self.client.api_key_info()
            return self._identity

    @property
    def account_id(self) -> str:
        """The account's id; it survives a change of its api key."""
        return self.identity.account_id

    def ask_identity_again(self) -> None:
        """Ask once more which account the api key opens and what it may do: one request.

        Raises:
            BookeoError: As `BookeoClient.api_key_info`.
        """
        with self._lock:
            self.identity_unsure = True
            self._identity = self.client.api_key_info()
            self.identity_unsure = False

    @property
    def clocks(self) -> Clocks:
        """What the clocks have shown so far in this load."""
        return self.client.clock.read(self.clocks_before)

    @property
    def now(self) -> datetime:
        """The server's time when the load began, aware, UTC, by its earliest answer: this machine's may be wrong."""
        _ = self.identity
        return self.clocks.now.replace(microsecond=0)

    @property
    def range(self) -> Range | None:
        """What of the bookings this load asks for; None before they are read."""
        return self.bookings.range if self.bookings else None

    def may_read(self, what: str) -> bool:
        """Tells whether the api key has any permission to read something.

        Args:
            what: What its names begin with, e.g. `customers` (source: names seen, not documented).

        Returns:
            True also where the API names no permissions at all.
        """
        permissions = self.identity.permissions
        return not permissions or any(includes_reading(name, what) for name in permissions)

    @property
    def requests_left(self) -> int | None:
        """How many requests this run may still make; None where nobody has set a limit."""
        most = self.settings.max_requests
        return None if most is None else max(most - self.client.transport.usage.total_requests, 0)

    @property
    def finished(self) -> bool:
        """Whether all bookings of the range have been read."""
        return self.reader is not None and self.reader.finished

    def known_digests(self, table: str, digests: Mapping[str, str]) -> dict[str, str]:
        """Choose the digests by which a record can be left out: those of rows that are really there.

        Args:
            table: The table.
            digests: What the last load met, by key.

        Returns:
            Those of rows that were neither removed nor marked as deleted since.
        """
        if self.held_rows is None or not digests:
            return dict(digests)
        return {key: digests[key] for key in self.held_rows(table, list(digests))}

    def report(self, phase: str, done: int, total: int) -> None:
        """Tells whoever watches how far the load is.

        Args:
            phase: See `Progress`.
            done: See `Progress`.
            total: See `Progress`.
        """
        if self._on_progress is not None:
            with self._lock:
                requests = self.client.transport.usage.total_requests
                self._on_progress(Progress(phase, self.bookings_read, done, total, requests))

    def close(self) -> None:
        """Stops reading ahead and closes the connections."""
        for reader in (self.reader, self.payment_reader):
            if reader is not None:
                reader.close()
        self.client.close()
