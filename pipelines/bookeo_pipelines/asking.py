"""What a load asks for one by one, once all that comes in lists is there: what still does not add up."""

from __future__ import annotations

from datetime import datetime
from itertools import islice

from bookeo import LoadSession, bookeo_children, bookeo_customers
from bookeo_pipelines.committing import Committing, answers_of
from bookeo_pipelines.missing import (
    absent_customers,
    all_paid,
    customer_count,
    keys_read_since,
    not_yet_asked,
    perhaps_paid,
    read_since,
    short_histories,
    unpaid_sums,
)
from bookeo_pipelines.payment_links import WarehouseLinks
from bookeo_pipelines.settlement import Settlement

PARENTS_IN_A_PACKAGE = 1000
"""Parents asked one by one before their answers are committed."""


class Asking:
    """Asks for what is missing, and commits the answers.

    Args:
        committing: Commits them; its warehouse tells what is missing.
        session: The load.
        links: What payments were linked to before they were read now.
        since: What is missing has to do with what was read after this, aware; None where anything may be missing.
    """

    def __init__(
        self, committing: Committing, session: LoadSession, links: WarehouseLinks, since: datetime | None
    ) -> None:
        self._committing = committing
        self._session = session
        self._links = links
        self._since = since
        self._warehouse = committing.warehouse
        self.proves = True
        """Whether nothing can be missing that was not looked at."""

    def payments(self) -> None:
        """Asks for payments that do not add up to what their booking says, each in the order that costs least."""
        session, warehouse = self._session, self._warehouse
        if not warehouse.has("bookings") or not session.may_read("payments"):
            return
        settlement = Settlement(session, warehouse)
        if session.no_payment_feed:
            self.proves = not self._ask("payments", "payments", all_paid(warehouse))
            settlement.settle_answers()
            return
        # A payment need not change its booking: the total of one that was read before may be what is out of date.
        began = session.started_at
        with self._committing.questions():
            looked_at = self._come_since()
            unpaid = unpaid_sums(warehouse, looked_at)
            current = read_since(warehouse, unpaid, began)
            old = {number: figures for number, figures in unpaid.items() if number not in current}
            old |= perhaps_paid(warehouse, began)
        again = self._ask("bookings", "bookings", old)
        unpaid = {number: figures for number, figures in unpaid.items() if number not in again}
        unpaid |= unpaid_sums(warehouse, again)
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

    def customers(self, all_of_them: bool) -> bool:
        """Asks for customers whose details never came.

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
            if not commit(bookeo_customers(session)):
                return False
            wanted = self._absent_customers()
        self._ask("customers", "customers", wanted)
        return not session.failure

    def histories(self) -> None:
        """Asks for the histories of customers of whom bookings are missing."""
        self._ask("customer_bookings", "histories", short_histories(self._warehouse, self._since))

    def _come_since(self) -> set[str] | None:
        """The bookings of which something has come since a load after which nothing was missing; None for all."""
        if self._since is None:
            return None
        tables = ("bookings", "payments")
        return keys_read_since(self._warehouse, "booking_number", tables, self._since) | self._links.linked_before

    def _absent_customers(self) -> dict[str, str]:
        # One that may not be read is asked for again once the api key may read something else.
        permissions = ", ".join(sorted(self._session.identity.permissions))
        found = absent_customers(self._warehouse, self._since)
        return {number: f"{customer}, permissions {permissions}" for number, customer in found.items()}

    def _ask(self, resource: str, argument: str, found: dict[str, str]) -> dict[str, str]:
        """Asks for what was found missing, in packages; returns what was asked for."""
        if self._session.failure:
            return {}
        wanted = not_yet_asked(self._warehouse, resource, found)
        waiting = iter(wanted.items())
        while group := dict(islice(waiting, self._parents_in_a_package())):
            source = bookeo_children(self._session, {argument: group})
            prefix = {"histories": "history"}.get(argument, argument.removesuffix("s"))
            answers = f"{prefix}_answers"
            names = [name for name, r in source.resources.items() if r.selected and answers_of(r) == answers]
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
