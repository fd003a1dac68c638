"""After the lists: fetch single parents whose children do not add up. What to fetch is read from the destination."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from itertools import islice

from bookeo import LoadSession, bookeo_checks, bookeo_children, bookeo_customers
from bookeo.extract.batch import Check
from bookeo.schema import CUSTOMER
from bookeo_pipelines.gaps.customers import (
    absent_customers,
    customer_count,
    keys_read_since,
    not_yet_asked,
    short_histories,
)
from bookeo_pipelines.gaps.payment_links import WarehouseLinks
from bookeo_pipelines.gaps.payment_repair import Settlement
from bookeo_pipelines.gaps.payments import (
    all_paid,
    cancelling_out,
    combined,
    named_bookings,
    paid_since,
    read_since,
    unpaid_sums,
)
from bookeo_pipelines.gaps.rejections import ASKED_IN_A_LOAD, bookings_to_ask, open_rejections
from bookeo_pipelines.load.committer import Committing, answers_of

PARENTS_IN_A_PACKAGE = 1000
"""Parents asked one by one before their answers are committed."""
ROUNDS = 4
"""How often answers may lead to further questions; a question is asked once for the same figures anyway."""
LEDGERS = frozenset({"child_checks", "rejected_rows"})
"""Tables that are written along with any answers."""


class Asking:
    """Asks for what is missing, and commits the answers.

    Args:
        committing: Commits them; its warehouse tells what is missing.
        session: The load.
        links: What payments were linked to before they were read now.
        since: What is missing has to do with what was read after this, aware; None where anything may be missing.
        tables: The tables to load; answers are written to these only.
        checked_until: Up to when all payments read were looked at by an earlier load, aware; None where by none.
    """

    def __init__(
        self,
        committing: Committing,
        session: LoadSession,
        links: WarehouseLinks,
        since: datetime | None,
        tables: Collection[str],
        checked_until: datetime | None,
    ) -> None:
        self._committing = committing
        self._session = session
        self._links = links
        self._since = since
        self._tables = frozenset(tables) | LEDGERS
        self._checked_until = checked_until
        self._warehouse = committing.warehouse
        self.proves = True
        """Whether nothing can be missing that was not looked at."""

    def payments(self) -> datetime | None:
        """Ask for payments that do not add up to what their booking says, each in the order that costs least.

        Returns:
            The moment up to which all payments that were read have been looked at; None where it ended early.
        """
        session, warehouse = self._session, self._warehouse
        if not session.may_read("payments"):
            return None
        checked_until = datetime.now(UTC)
        settlement = Settlement(session, warehouse)
        if session.no_payment_feed:
            self.proves = not self._ask("payments", not_yet_asked(warehouse, "payments", all_paid(warehouse)))
            settlement.settle_answers()
            return None
        ever_asked: set[str] = set()
        not_in_feed = settlement.not_in_feed()
        with self._committing.questions():
            looked_at = self._come_since()
            self.proves = looked_at is not None or not settlement.keep_newest()
            bookings = self._bookings_to_ask(looked_at)
            payments = {} if bookings else self._payments_to_ask(looked_at, not_in_feed)
        for _ in range(ROUNDS):
            again = self._ask("bookings", bookings)
            if again:
                looked_at = None if looked_at is None else looked_at | again.keys()
                payments = self._payments_to_ask(looked_at, not_in_feed)
            asked = self._ask("payments", payments)
            settled = not session.failure and (bool(asked) or looked_at is None) and settlement.settle_answers()
            # An answer may show payments that were another booking's; whose, is not known any more.
            self.proves = self.proves and not asked and not settled
            ever_asked |= asked.keys()
            if session.failure or not (again or asked or settled):
                break
            looked_at = None if looked_at is None else looked_at | asked.keys()
            with self._committing.questions():
                bookings = self._bookings_to_ask(looked_at, {*again, *asked})
                payments = {} if bookings else self._payments_to_ask(looked_at, not_in_feed)
        wrong = unpaid_sums(warehouse, ever_asked) if ever_asked else {}
        if wrong:
            session.notes.say(
                f"{len(wrong)} booking(s) say another paid total than the API's own payments; see child_checks."
            )
        return None if session.failure else checked_until

    def rejected(self) -> None:
        """Ask once a day for bookings that could not be shaped, or not all of them: they may fit now, or be gone."""
        warehouse = self._warehouse
        rejections = open_rejections(warehouse, warehouse.tables, warehouse.account_id)
        found = bookings_to_ask(rejections, self._session.now)
        wanted = not_yet_asked(self._warehouse, "bookings", found)
        self._ask("bookings", dict(islice(wanted.items(), ASKED_IN_A_LOAD)))

    def _bookings_to_ask(self, looked_at: set[str] | None, asked: Collection[str] = ()) -> dict[str, str]:
        """Find bookings whose totals may be older than their payments, and those that payments name.

        A payment need not change its booking: the total of one that was read before may be what is out of date. One
        that this load has read is asked for again only after its payments were asked for.
        """
        session, warehouse = self._session, self._warehouse
        unpaid = unpaid_sums(warehouse, looked_at)
        current = read_since(warehouse, unpaid, session.started_at) - set(asked)
        found = combined(
            {number: figures for number, figures in unpaid.items() if number not in current},
            paid_since(warehouse, self._checked_until, session.started_at, session.now),
            named_bookings(warehouse, session.now),
        )
        return not_yet_asked(warehouse, "bookings", found)

    def _payments_to_ask(self, looked_at: set[str] | None, not_in_feed: dict[str, str]) -> dict[str, str]:
        """Find bookings whose payments do not add up, or may lack some."""
        with self._committing.questions():
            perhaps = cancelling_out(self._warehouse)
            numbers = None if looked_at is None else {*looked_at, *perhaps, *not_in_feed}
            found = combined(unpaid_sums(self._warehouse, numbers), perhaps, not_in_feed)
            return not_yet_asked(self._warehouse, "payments", found)

    def customers(self, all_of_them: bool) -> bool:
        """Ask for customers whose details never came.

        Args:
            all_of_them: Whether the list of all is read first, even if none is missing.

        Returns:
            Whether nothing has failed.
        """
        session, commit = self._session, self._committing.commit
        if all_of_them and not commit(bookeo_customers(session)):
            return False
        if session.settings.customers != "as_needed":
            return True
        wanted = not_yet_asked(self._warehouse, "customers", self._absent_customers())
        pages = 1 + customer_count(self._warehouse) // session.settings.items_per_page if wanted else 0
        if len(wanted) > pages and (session.requests_left is None or session.requests_left > pages):
            before = session.rows["customers"]
            if not commit(bookeo_customers(session)):
                return False
            wanted = not_yet_asked(self._warehouse, "customers", self._absent_customers())
            if session.rows["customers"] > before:
                # Whom the list of all does not show cannot be read one by one either.
                self._remember_unreadable(wanted)
                return not session.failure
        self._ask("customers", wanted)
        return not session.failure

    def _remember_unreadable(self, customers: dict[str, str]) -> None:
        """Write down that customers cannot be read, so that no load asks for them again."""
        if customers:
            checks = [Check(number, basis, "not readable") for number, basis in customers.items()]
            self._session.notes.skipped["customers", "not readable"] += len(checks)
            self._committing.commit(bookeo_checks(self._session, CUSTOMER, checks))

    def histories(self) -> None:
        """Ask for the histories of customers of whom bookings are missing."""
        found = short_histories(self._warehouse, self._since)
        self._ask("histories", not_yet_asked(self._warehouse, "customer_bookings", found))

    def _come_since(self) -> set[str] | None:
        """Find the bookings of which something has come since nothing was missing; None for all."""
        if self._since is None:
            return None
        tables = ("bookings", "payments")
        return keys_read_since(self._warehouse, "booking_number", tables, self._since) | self._links.linked_before

    def _absent_customers(self) -> dict[str, str]:
        # One that may not be read is asked for again once the api key may read something else.
        permissions = ", ".join(sorted(self._session.identity.permissions))
        found = absent_customers(self._warehouse, self._since)
        return {number: f"{customer}, permissions {permissions}" for number, customer in found.items()}

    def _ask(self, argument: str, wanted: dict[str, str]) -> dict[str, str]:
        """Ask for what was found missing, in packages; return what was asked for."""
        if self._session.failure:
            return {}
        waiting = iter(wanted.items())
        while group := dict(islice(waiting, self._parents_in_a_package())):
            source = bookeo_children(self._session, {argument: group})
            prefix = {"histories": "history"}.get(argument, argument.removesuffix("s"))
            answers = f"{prefix}_answers"
            names = [
                name
                for name, r in source.resources.items()
                if r.selected and answers_of(r) == answers and r.table_name in self._tables
            ]
            if not self._committing.commit(source.with_resources(*names)):
                break
        return wanted

    def _parents_in_a_package(self) -> int:
        """As many parents as a chunk's time and the requests that are left allow; at least one."""
        settings = self._session.settings
        most = float(PARENTS_IN_A_PACKAGE)
        if settings.effective_requests_per_second:
            most = min(most, settings.chunk_seconds * settings.effective_requests_per_second)
        if self._session.requests_left is not None:
            most = min(most, self._session.requests_left)
        return max(int(most), 1)
