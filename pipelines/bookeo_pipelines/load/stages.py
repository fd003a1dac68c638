"""In which order a load commits: bookings, then payments, then what still does not add up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from dlt.extract import DltSource

from bookeo import LoadSession, bookeo_source
from bookeo.cursor.state import LoadState
from bookeo.errors import RequestBudgetSpent, SettingsError
from bookeo.extract.availability import snapshot_is_due
from bookeo.extract.reference_data import lists_are_due
from bookeo.settings.model import moment
from bookeo_pipelines.gaps.customers import held_rows
from bookeo_pipelines.gaps.payment_links import WarehouseLinks
from bookeo_pipelines.gaps.payment_repair import Settlement
from bookeo_pipelines.load.child_requests import Asking
from bookeo_pipelines.load.committer import Committing, answers_of
from bookeo_pipelines.load.completeness_proof import PROVEN_TABLES
from bookeo_pipelines.warehouse.cursors import source_state

LEDGER_TABLES = frozenset({"load_windows", "child_checks", "rejected_rows"})
"""Tables about the loading itself; they are always loaded along."""
FEED = "payment_feed"
"""The hidden resource that is read after the bookings, which its payments are linked to."""


def selection(source: DltSource, tables: tuple[str, ...] | None) -> frozenset[str]:
    """The tables to load.

    Args:
        source: What there is.
        tables: The names that the user gave; None for all.

    Returns:
        Names of tables.

    Raises:
        SettingsError: There is no such table.
    """
    offered = {str(one.table_name) for one in source.resources.values() if one.selected} - LEDGER_TABLES
    wanted = offered if tables is None else set(tables)
    unknown = sorted(wanted - offered)
    if unknown or not wanted:
        raise SettingsError(
            f"There is no table {', '.join(unknown) or 'named'}; there are {', '.join(sorted(offered))}."
        )
    return frozenset(wanted)


class Phases:
    """Reads and commits all that a load is to bring; stops cleanly at the first failure.

    Args:
        committing: Commits each package.
        session: The load. Its `failure` says why it stopped early.
        source: What the first package is read from.
        tables: The tables to load.
        proven: The moment up to which nothing is missing, as `proven_until` finds it.
        refresh_customers: Whether all customers are read again, whenever that was done last.
        checked_until: The moment up to which an earlier load looked at all payments, as `payments_checked_until` finds
            it.
        rejected_before: Whether earlier loads have rejected records.
    """

    def __init__(
        self,
        committing: Committing,
        session: LoadSession,
        source: DltSource,
        tables: frozenset[str],
        proven: datetime | None,
        refresh_customers: bool = False,
        checked_until: datetime | None = None,
        *,
        rejected_before: bool = False,
    ) -> None:
        self._committing = committing
        self._warehouse = committing.warehouse
        self._refresh_customers = refresh_customers
        self._session = session
        self._sources = self._make_sources(source)
        self._tables = tables
        self._links = WarehouseLinks(self._warehouse)
        self._proven_until = proven
        self._checked_until = checked_until
        self._rejected_before = rejected_before
        session.held_rows = partial(held_rows, self._warehouse)
        self.reached: datetime | None = None
        """The last moment up to which the bookings are committed; None where no window of them is."""
        self.proves = True
        """Whether nothing can be missing at the end that was not looked at."""
        self.payments_checked_until: datetime | None = None
        """Up to when all payments that were read have been looked at; None where this load did not come to it."""

    def run(self) -> None:
        """Runs all phases.

        Raises:
            BookeoError: Not even the first package could be committed.
        """
        session = self._session
        if not self._read_bookings():
            return
        asking = Asking(self._committing, session, self._links, self._proven_until, self._tables, self._checked_until)
        if "bookings" in self._tables and self._rejected_before:
            asking.rejected()
            if session.failure:
                return
        if "payments" in self._tables and session.settings.payments == "as_needed":
            if not self._read_payments():
                return
            if self._is_proven():
                self.payments_checked_until = datetime.now(UTC)
                return
            self.payments_checked_until = asking.payments()
            self.proves = asking.proves
        elif self._is_proven():
            return
        if session.settings.payments == "always" and session.rows["payments"]:
            Settlement(session, self._warehouse).keep_newest()
        if session.failure or not session.may_read("customers"):
            if "customers" in self._tables and session.settings.customers == "as_needed":
                session.notes.say("Customers are left out: the api key lacks the permission customers_r_all.")
            return
        if "customers" in self._tables and not asking.customers(all_of_them=self._customers_are_due()):
            return
        if "customer_bookings" in self._tables and session.settings.histories == "as_needed":
            asking.histories()

    def read_until(self) -> dict[str, datetime | None]:
        """Tell up to when each list has been read without a gap, as committed, by its name."""
        start = moment(self._session.settings.start, "The setting start")
        return {name: listing.reached(start) for name, listing in self._state.lists.items()}

    def _make_sources(self, first: DltSource) -> Iterator[DltSource]:
        """A source for each package, as none can be read twice."""
        yield first
        while True:
            yield bookeo_source(session=self._session)

    def _is_proven(self) -> bool:
        """Tells whether nothing has come since a load after which nothing was missing."""
        session = self._session
        if any(session.rows[name] for name in PROVEN_TABLES) or session.failure or self._customers_are_due():
            return False
        return self._proven_until is not None and not Settlement(session, self._warehouse).not_in_feed()

    def _read_bookings(self) -> bool:
        """Commits chunk after chunk until the range is done or something ended the reading early."""
        session = self._session
        while True:
            source = next(self._sources)
            names = self._resources(source, feed=False)
            session.payments_along = bool(names) and self._payments_follow()
            if session.payments_along:
                names += self._resources(source, feed=True)
            began = session.reader.windows_done if session.reader else 0
            landed = not names or self._committing.commit(source.with_resources(*names))
            session.payments_along = False
            if landed and session.bookings:
                self.reached = session.bookings.reached
            if not landed or not names or session.failure or session.reader is None or session.finished:
                windows = session.reader.windows_done - began if session.reader and landed else 0
                if isinstance(session.failure, RequestBudgetSpent) and not windows and self._committing.packages <= 1:
                    session.notes.say("Not one window could be completed within the requests allowed; allow some more.")
                return not session.failure

    def _payments_follow(self) -> bool:
        """Tells whether payments may come with the bookings: a package of their own costs a second.

        Only the first bookings of a load can be all there is, and the feed must have been read before.
        """
        session = self._session
        if (
            session.reader is not None
            or session.since is not None
            or "payments" not in self._tables
            or session.settings.payments != "as_needed"
            or not session.may_read("payments")
            or not self._state.payments.covered
        ):
            return False
        session.payment_links = self._links
        return True

    def _read_payments(self) -> bool:
        """Commits the payments feed in chunks, linked to the bookings that are there by now."""
        session = self._session
        if not session.may_read("payments"):
            # An empty feed would only mean that there is nothing to be seen, and must not move its cursor.
            session.notes.say("Payments are left out: the api key lacks the permission payments_r_all.")
            return True
        session.payment_links = self._links
        reader = session.payment_reader  # Where no booking was new, some or all of them have been read by now.
        while not session.no_payment_feed and (reader is None or not reader.finished):
            source = next(self._sources)
            if not self._committing.commit(source.with_resources(*self._resources(source, feed=True))):
                return False
            reader = session.payment_reader
            if session.failure or reader is None:
                break
        return not session.failure

    def _customers_are_due(self) -> bool:
        """Whether all customers are to be read again, on request or because it is time."""
        days = self._session.settings.refresh_customers_days
        if self._refresh_customers or not days:
            return self._refresh_customers
        return self._state.due("customers", self._session.now, timedelta(days=days))

    @property
    def _state(self) -> LoadState:
        """What the loads remember, as of the last package committed."""
        return LoadState.from_source(source_state(self._committing.pipeline.state))

    def _resources(self, source: Any, *, feed: bool) -> list[str]:
        """The resources of one phase: those of the tables to load, and the ledgers of whatever is asked for them."""
        selected = {n: r for n, r in source.resources.items() if r.selected and (answers_of(r) == FEED) == feed}
        asked = {answers_of(r) for r in selected.values() if r.table_name in self._tables}
        # What is not due would yield nothing, and each resource costs dlt some work.
        if not lists_are_due(self._session, self._state):
            asked.discard("settings_answers")
        if not snapshot_is_due(self._session, self._state):
            asked.discard("slot_answers")
        loaded = self._tables | LEDGER_TABLES
        return [name for name, r in selected.items() if answers_of(r) in asked and r.table_name in loaded]
