"""Compare the payments held with the payments feed: row by row, whatever the sums of the bookings say."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bookeo import BookeoError, LoadSession
from bookeo.extract.payments_feed import feed_is_refused
from bookeo.sweep import PAYMENT_COMPARED, Values, bookeo_payments, payments_in, receipt_reader
from bookeo.windows import Window
from bookeo_pipelines.gaps.customers import key_conditions, not_yet_asked
from bookeo_pipelines.gaps.payment_links import WarehouseLinks
from bookeo_pipelines.gaps.payment_repair import Settlement
from bookeo_pipelines.gaps.payments import cancelling_out, doubled_payments
from bookeo_pipelines.reconcile.comparison import Found, Kind, NextLoad, SweepIncomplete
from bookeo_pipelines.reconcile.swept_range import later, swept_range
from bookeo_pipelines.warehouse.client import Warehouse

AHEAD = timedelta(days=2)
"""How far into the future receipts are looked for; a payment received later is looked for when it is near."""
RECEIVED = PAYMENT_COMPARED.index("received_time")


@dataclass
class PaymentComparison:
    """Compares the feed, window after window, with the rows held.

    Args:
        session: The session.
        warehouse: What is held.
        next_load: What the next load will read anyhow.
        settlement: Asks for payments that the feed does not show.
        accepted: Payments that the user lets go, beyond what one run may remove.
    """

    session: LoadSession
    warehouse: Warehouse
    next_load: NextLoad
    settlement: Settlement
    accepted: int = 0
    shown: int = 0
    """Payments that the feed has shown."""
    gone: dict[str, datetime] = field(default_factory=dict)
    """Payments held that the feed does not show, with the time of their receipt."""
    _windows: set[Window] = field(default_factory=set)

    def run(self) -> Found:
        """Compare the whole feed.

        Returns:
            What differs, by payment id, and bookings that payments without a booking may belong to.

        Raises:
            SweepIncomplete: The feed shows none of the payments held.
            BookeoError: The feed could not be read to its end; nothing is known then.
        """
        try:
            # Where the feed was never read, the next load reads all of it.
            found = self._sweep(self.next_load.payments) if self.next_load.payments else {}
        except BookeoError as error:
            if not feed_is_refused(error):
                raise
            self.session.notes.say(f"{error.message} Payments are compared by the sums of each booking only.")
            found = {}
        return found | self._in_the_rows()

    def read_again(self) -> Any:
        """Make the source that writes what is missing here or differs.

        Returns:
            A source; None where nothing is to be written.
        """
        if not self._windows:
            return None
        self.session.payment_links = WarehouseLinks(self.warehouse)
        self.session.payments_met = set()
        return bookeo_payments(self.session, sorted(self._windows))

    def left(self, found: Found, began: datetime) -> Found:
        """Find what is left after mending.

        Args:
            found: What differed.
            began: When the mending began, aware.

        Returns:
            What still differs.
        """
        held = self._held({n for kind in Kind.of_payments() for n in found.get(kind, ())})
        left = {
            kind: frozenset(one for one in found.get(kind, ()) if one not in held or held[one] < began)
            for kind in (Kind.PAYMENTS_MISSING, Kind.PAYMENTS_STALE)
        }
        return (
            left | {Kind.PAYMENTS_GONE: found.get(Kind.PAYMENTS_GONE, frozenset()) & held.keys()} | self._in_the_rows()
        )

    def _in_the_rows(self) -> Found:
        perhaps = not_yet_asked(self.warehouse, "payments", cancelling_out(self.warehouse))
        return {Kind.PAYMENTS_TWICE: frozenset(doubled_payments(self.warehouse)), Kind.UNLINKED: frozenset(perhaps)}

    def _sweep(self, next_received: datetime) -> Found:
        held = self._rows()
        since, until = self._range([values[RECEIVED] for values in held.values() if values[RECEIVED]])
        reader = receipt_reader(self.session, since, until)
        missing, stale = set[str](), set[str]()
        met = set[str]()
        try:
            while (read := reader.next_window()) is not None:
                met |= read.keys
                for payment, values in payments_in(self.session, read).items():
                    if payment in held:
                        if held[payment] != values:
                            stale.add(payment)
                            self._windows.add(read.window)
                    elif self.next_load.never_before <= values[RECEIVED] < next_received:
                        missing.add(payment)
                        self._windows.add(read.window)
        finally:
            reader.close()
        unseen = {
            payment: values[RECEIVED] for payment, values in held.items() if payment not in met and values[RECEIVED]
        }
        hidden = [moment for moment in unseen.values() if since <= moment <= until]
        if hidden and not met and len(hidden) > self.accepted:
            raise SweepIncomplete(
                f"The payments feed shows none of the {len(hidden)} payments held, so nothing was marked: a permission "
                f"may have been taken from the api key. If they were all deleted, run it with --accept {len(hidden)}."
            )
        self.shown = len(met)
        self.gone = self.settlement.not_shown(unseen, len(held))
        return {
            Kind.PAYMENTS_MISSING: frozenset(missing),
            Kind.PAYMENTS_STALE: frozenset(stale),
            Kind.PAYMENTS_GONE: frozenset(self.gone),
        }

    def _range(self, received: list[datetime]) -> tuple[datetime, datetime]:
        """Decide which times of receipt are swept: from where loads began, unless they found nothing there at first."""
        start, now = self.next_load.never_before, self.session.now
        since = start
        if self.warehouse.has("load_windows"):
            sql = "SELECT min(window_start) FROM {load_windows} WHERE account_id = %s AND resource = %s"
            [(first,)] = self.warehouse.rows(sql, self.warehouse.account_id, "payments")
            if first is not None and first <= later(start, timedelta(seconds=1)):
                since = min((moment for moment in received if moment >= start), default=now)
        return swept_range(received, min(since, now), now + AHEAD)

    def _rows(self) -> dict[str, Values]:
        if not self.warehouse.has("payments"):
            return {}
        sql = f"SELECT payment_id, {', '.join(PAYMENT_COMPARED)} FROM {{payments}} WHERE account_id = %s"
        return {payment: tuple(values) for payment, *values in self.warehouse.rows(sql, self.warehouse.account_id)}

    def _held(self, payments: Collection[str]) -> dict[str, datetime]:
        """When each of some payments was read; none for those that are not held."""
        found: dict[str, datetime] = {}
        if not self.warehouse.has("payments"):
            return found
        for condition, keys in key_conditions(self.warehouse, "payment_id", payments):
            sql = f"SELECT payment_id, fetched_at FROM {{payments}} WHERE account_id = %s{condition}"
            found.update(self.warehouse.rows(sql, self.warehouse.account_id, *keys))
        return found
