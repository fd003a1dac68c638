"""In which order a load commits: bookings, then payments, then what still does not add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from dlt.extract import DltResource

from bookeo import LoadSession, bookeo_children, bookeo_customers, bookeo_source
from bookeo.availability import snapshot_is_due
from bookeo.errors import RequestBudgetSpent, SettingsError
from bookeo.settings_lists import lists_are_due
from bookeo.windows import parse_time
from bookeo_pipelines.descriptions import describe_tables
from bookeo_pipelines.destination import Target, kept_open
from bookeo_pipelines.failures import as_bookeo_error
from bookeo_pipelines.missing import (
    WarehouseLinks,
    absent_customers,
    all_paid,
    customer_count,
    first_booking,
    keys_read_since,
    not_yet_asked,
    perhaps_paid,
    read_since,
    short_histories,
    unpaid_sums,
)
from bookeo_pipelines.packages import load_pending
from bookeo_pipelines.proof import PROVEN_TABLES, proven_until
from bookeo_pipelines.settlement import Settlement
from bookeo_pipelines.warehouse import Warehouse
from bookeo_pipelines.watching import LoadWatch

LEDGER_TABLES = frozenset({"load_windows", "child_checks", "rejected_rows"})
"""Tables about the loading itself; they are always loaded along."""
FEED = "payment_feed"
"""The hidden resource that is read after the bookings, which its payments are linked to."""
PARENTS_IN_A_PACKAGE = 1000
"""Parents asked one by one before their answers are committed."""


def selection(session: LoadSession, tables: tuple[str, ...] | None) -> frozenset[str]:
    """The tables to load.

    Args:
        session: The load.
        tables: The names that the user gave; None for all.

    Returns:
        Names of tables.

    Raises:
        SettingsError: There is no such table.
    """
    resources = bookeo_source(session=session).resources.values()
    offered = {str(resource.table_name) for resource in resources if resource.selected} - LEDGER_TABLES
    wanted = offered if tables is None else set(tables)
    unknown = sorted(wanted - offered)
    if unknown or not wanted:
        raise SettingsError(
            f"There is no table {', '.join(unknown) or 'named'}; there are {', '.join(sorted(offered))}."
        )
    return frozenset(wanted)


class Phases:
    """Commits package after package; stops cleanly at the first failure.

    Args:
        pipeline: The pipeline, in step with its destination and without pending packages.
        session: The load. Its `failure` says why it stopped early.
        tables: The tables to load.
        target: Where the tables go.
        loading: Held while the destination is asked or written to; several accounts of one process take turns.
        refresh_customers: Whether all customers are read again, whenever that was done last.
        watch: Told of each package.
    """

    def __init__(
        self,
        pipeline: Any,
        session: LoadSession,
        tables: frozenset[str],
        target: Target,
        loading: AbstractContextManager[Any] | None = None,
        refresh_customers: bool = False,
        watch: LoadWatch | None = None,
    ) -> None:
        self._watch = watch or LoadWatch(session.settings.account, target)
        self._refresh_customers = refresh_customers
        self._loading = loading or nullcontext()
        self._pipeline = pipeline
        self._session = session
        self._tables = tables
        self._target = target
        self.warehouse = Warehouse(pipeline, session.account_id, self._loading)
        """The account's tables."""
        self.packages = 0
        """Packages committed so far."""
        self.reached: datetime | None = None
        """The last moment up to which the bookings are committed; None where no window of them is."""
        self.proves = True
        """Whether nothing that was not looked at can be missing at the end."""
        self._links = WarehouseLinks(self.warehouse)
        self._proven_until: datetime | None = None

    def run(self, held: Mapping[str, int]) -> None:
        """Runs all phases.

        Args:
            held: Rows by table, before anything is read.

        Raises:
            BookeoError: Not even the first package could be committed.
        """
        session = self._session
        with self._loading, kept_open(self._target):
            self._proven_until = proven_until(self.warehouse, session, self._tables, held)
        if not self._read_bookings():
            return
        if "payments" in self._tables and session.settings.payments == "as_needed":
            if not self._read_payments() or self._is_proven():
                return
            self._ask_for_payments()
        elif self._is_proven():
            return
        if session.settings.payments == "always" and session.rows["payments"]:
            Settlement(session, self.warehouse).keep_newest()
        histories = "customer_bookings" in self._tables and session.settings.histories == "as_needed"
        if session.failure:
            return
        if "customers" in self._tables and session.may_read("customers") and not self._read_customers():
            return
        if histories and session.may_read("customers"):
            self._ask("customer_bookings", "histories", short_histories(self.warehouse, self._proven_until))

    def _is_proven(self) -> bool:
        """Tells whether nothing has come since a load after which nothing was missing."""
        session = self._session
        if any(session.rows[name] for name in PROVEN_TABLES) or session.failure or self._customers_are_due():
            return False
        return self._proven_until is not None and not Settlement(session, self.warehouse).not_in_feed()

    def _read_bookings(self) -> bool:
        """Commits chunk after chunk until the range is done or something ended the reading early."""
        session = self._session
        while True:
            source = bookeo_source(session=session)
            names = self._resources(source, feed=False)
            session.payments_along = bool(names) and self._payments_follow()
            if session.payments_along:
                names += self._resources(source, feed=True)
            began = session.reader.windows_done if session.reader else 0
            landed = not names or self._commit(source.with_resources(*names))
            session.payments_along = False
            if landed and session.reader and session.reader.windows_done:
                self.reached = session.reader.position - timedelta(seconds=1)
            if not landed or not names or session.failure or session.reader is None or session.finished:
                windows = session.reader.windows_done - began if session.reader and landed else 0
                if isinstance(session.failure, RequestBudgetSpent) and not windows and self.packages <= 1:
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
            or not self._state_of(FEED)
        ):
            return False
        session.payment_links = self._links
        return True

    def _read_payments(self) -> bool:
        """Commits the payments feed in chunks, linked to the bookings that are there by now."""
        session = self._session
        warehouse = self.warehouse
        if not session.may_read("payments"):
            # An empty feed would only mean that there is nothing to be seen, and must not move its cursor.
            session.notes.say("Payments are left out: the api key lacks the permission payments_r_all.")
            return True
        session.payment_links = self._links
        reader = session.payment_reader  # Where no booking was new, some or all of them have been read by now.
        if reader is None:
            session.payments_since = first_booking(warehouse)
            if warehouse.has("bookings") and session.payments_since is None:
                return True
        while not session.no_payment_feed and (reader is None or not reader.finished):
            source = bookeo_source(session=session)
            if not self._commit(source.with_resources(*self._resources(source, feed=True))):
                return False
            reader = session.payment_reader
            if session.failure or reader is None:
                break
        return not session.failure

    def _ask_for_payments(self) -> None:
        """Asks one by one for what does not add up, each in the order that costs least."""
        session, warehouse = self._session, self.warehouse
        if not warehouse.has("bookings") or not session.may_read("payments"):
            return
        if session.no_payment_feed:
            self._ask("payments", "payments", all_paid(warehouse))
            Settlement(session, self.warehouse).settle_answers()
            return
        # A payment need not change its booking: the total of one that was read before may be what is out of date.
        began = session.started_at
        with self._loading, kept_open(self._target):
            looked_at = self._come_since()
            unpaid = unpaid_sums(warehouse, looked_at)
            current = read_since(warehouse, unpaid, began)
            old = {number: figures for number, figures in unpaid.items() if number not in current}
            old |= perhaps_paid(warehouse, began)
        again = self._ask("bookings", "bookings", old)
        unpaid = {number: figures for number, figures in unpaid.items() if number not in again}
        unpaid |= unpaid_sums(warehouse, again)
        settlement = Settlement(session, warehouse)
        asked = self._ask("payments", "payments", unpaid | settlement.not_in_feed())
        # An answer may show payments that were another booking's; whose, is not known any more.
        self.proves = not asked
        if not session.failure and (asked or looked_at is None):
            settlement.settle_answers()
        self._ask("bookings", "bookings", unpaid_sums(warehouse, asked))
        wrong = unpaid_sums(warehouse, asked)
        if wrong:
            session.notes.say(
                f"{len(wrong)} booking(s) say another paid total than the API's own payments; see child_checks."
            )

    def _come_since(self) -> set[str] | None:
        """The bookings of which something has come since a load after which nothing was missing; None for all."""
        if self._proven_until is None:
            return None
        tables = ("bookings", "payments")
        return keys_read_since(self.warehouse, "booking_number", tables, self._proven_until) | self._links.linked_before

    def _ask(self, resource: str, argument: str, found: dict[str, str]) -> dict[str, str]:
        """Asks for what was found missing, in packages; returns what was asked for."""
        if self._session.failure:
            return {}
        wanted = not_yet_asked(self.warehouse, resource, found)
        waiting = iter(wanted.items())
        while group := dict(islice(waiting, self._parents_in_a_package())):
            source = bookeo_children(self._session, {argument: group})
            prefix = {"histories": "history"}.get(argument, argument.removesuffix("s"))
            names = [name for name, r in source.resources.items() if r.selected and _parent(r) == f"{prefix}_answers"]
            if not self._commit(source.with_resources(*names)):
                break
        return wanted

    def _read_customers(self) -> bool:
        """Reads all customers where that is due or cheaper, then asks for those whose details never came."""
        session = self._session
        if self._customers_are_due() and not self._commit(bookeo_customers(session)):
            return False
        if session.settings.customers != "as_needed":
            return True
        wanted = not_yet_asked(self.warehouse, "customers", self._absent_customers())
        pages = 1 + customer_count(self.warehouse) // session.settings.items_per_page if wanted else 0
        if len(wanted) > pages and (session.requests_left is None or session.requests_left > pages):
            if not self._commit(bookeo_customers(session)):
                return False
            wanted = self._absent_customers()
        self._ask("customers", "customers", wanted)
        return not session.failure

    def _absent_customers(self) -> dict[str, str]:
        # One that may not be read is asked for again once the api key may read something else.
        permissions = ", ".join(sorted(self._session.identity.permissions))
        found = absent_customers(self.warehouse, self._proven_until)
        return {number: f"{customer}, permissions {permissions}" for number, customer in found.items()}

    def _customers_are_due(self) -> bool:
        """Whether all customers are to be read again, on request or because it is time."""
        days = self._session.settings.refresh_customers_days
        if self._refresh_customers or not days:
            return self._refresh_customers
        read_at = self._state_of("customer_list").get("read_at")
        return not read_at or self._session.now - parse_time(read_at) >= timedelta(days=days)

    def _state_of(self, resource: str) -> Mapping[str, Any]:
        resources = self._pipeline.state.get("sources", {}).get("bookeo", {}).get("resources", {})
        found: Mapping[str, Any] = resources.get(resource, {})
        return found

    def _parents_in_a_package(self) -> int:
        """As many parents as a chunk's time and the requests that are left allow; at least one."""
        settings = self._session.settings
        most = float(PARENTS_IN_A_PACKAGE)
        if settings.effective_requests_per_second:
            most = min(most, settings.chunk_seconds * settings.effective_requests_per_second)
        if self._session.requests_left is not None:
            most = min(most, self._session.requests_left)
        return max(int(most), 1)

    def _resources(self, source: Any, *, feed: bool) -> list[str]:
        """The resources of one phase: those of the tables to load, and the ledgers of whatever is asked for them."""
        selected = {n: r for n, r in source.resources.items() if r.selected and (_parent(r) == FEED) == feed}
        asked = {_parent(r) for r in selected.values() if r.table_name in self._tables}
        # What is not due would yield nothing, and each resource costs dlt some work.
        if not lists_are_due(self._session, self._state_of("settings_answers")):
            asked.discard("settings_answers")
        if not snapshot_is_due(self._session, self._state_of("slot_answers")):
            asked.discard("slot_answers")
        return [n for n, r in selected.items() if _parent(r) in asked and r.table_name in self._tables | LEDGER_TABLES]

    def _commit(self, source: Any) -> bool:
        """Extracts and loads one package; returns whether it is in the destination."""
        counted = Counter(self._session.rows)
        try:
            with self._watch.step("extract"):
                self._pipeline.extract(source)
            # They are of this package alone, and take more memory than anything else.
            self._session.versions.clear()
            with self._watch.step("normalize"):
                self._pipeline.normalize()
            with self._loading, self._watch.step("load"):
                info = load_pending(self._pipeline)
        except Exception as error:
            # The package is not in the destination, so its rows do not count.
            self._session.rows = counted
            failure = as_bookeo_error(error, self._target)
            if isinstance(failure, RequestBudgetSpent):
                self._session.failure = failure
                return False
            if not self.packages:
                raise failure from None
            self._session.failure = failure
            return False
        self.packages += 1
        self._watch.committed(self.packages, self._session.rows - counted)
        changed = {name for package in info.load_packages for name in package.schema_update}
        # Another account's load may have made tables, too.
        if changed or not self._session.rows.keys() <= self.warehouse.tables:
            self.warehouse.look_again()
        if changed:
            self._describe(changed)
        return True

    def _describe(self, tables: set[str]) -> None:
        try:
            with self._loading:
                describe_tables(self._pipeline, tables)
        except Exception as error:
            # The rows are there; that nobody explains them is no reason to call the load failed.
            self._session.notes.say(f"The columns' descriptions could not be written ({type(error).__name__}).")


def _parent(resource: DltResource) -> str:
    return str(resource._pipe.parent.name)
