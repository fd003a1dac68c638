"""Correct payments that the API has contradicted: linked to the wrong booking, held twice, or deleted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime

from bookeo import BookeoError, LoadSession
from bookeo.extract.archive_writer import Note, note
from bookeo.windows import ONE_SECOND, Window, floor_second, padded
from bookeo_pipelines.gaps.payments import doubled_payments
from bookeo_pipelines.gaps.removal_limit import exceeds_limit
from bookeo_pipelines.runtime.quoting import literal
from bookeo_pipelines.warehouse.client import KEYS_AT_ONCE, Warehouse
from bookeo_pipelines.warehouse.deletions import FAR_AHEAD

KNOWN_ASKED = 3
"""Payments known to exist that are asked for before the API's silence about others is believed."""
UNLINKED = {"booking_number": None, "linked_by": "endpoint"}
"""Values of a payment that belongs to no booking, as the API has shown."""

Held = tuple[str, datetime]
"""A payment's id and when it was received."""


class Settlement:
    """Corrects payments in the destination once it is known where they belong.

    It updates rows in place, as nobody has all of their values: a payment that is gone cannot be read again.

    Args:
        session: The load.
        warehouse: The account's tables.
        accepted: Payments that the user lets go, beyond what one run may remove.
    """

    def __init__(self, session: LoadSession, warehouse: Warehouse, accepted: int = 0) -> None:
        self._session = session
        self._warehouse = warehouse
        self._accepted = accepted

    def not_in_feed(self) -> dict[str, str]:
        """Find payments that the feed did not show again where it was read again.

        Those without a booking are removed; of the others only their booking's own list can tell.

        Returns:
            The numbers of the bookings to be asked, each with what is missing.
        """
        reading, met = self._session.payments, self._session.payments_met
        if reading is None or met is None or not self._warehouse.has("payments"):
            return {}
        held = [
            row
            for window in reading.proven.windows
            for row in self._warehouse.rows(
                "SELECT payment_id, booking_number, received_time FROM {payments} "
                "WHERE account_id = %s AND received_time >= %s AND received_time < %s",
                self._warehouse.account_id,
                window.start,
                window.end + ONE_SECOND,
            )
        ]
        gone = [row for row in held if row[0] not in met]
        if self.too_many(len(gone), len(held)):
            return {}
        self.remove_gone((payment, received) for payment, number, received in gone if number is None)
        return {number: f"payment {payment} not in the feed" for payment, number, _ in sorted(gone) if number}

    def settle_answers(self) -> bool:
        """Correct payments that are linked to a booking whose own list, read later, does not hold them.

        Those that the feed still shows are nobody's as far as is known, and the feed will not link them by their text
        again; the others are removed.

        Returns:
            Whether anything was corrected.
        """
        # The answers may have been the first ever.
        self._warehouse.look_again()
        if not (self._warehouse.has("payments") and self._warehouse.has("child_checks")):
            return False
        rows = self._warehouse.rows(
            """
            SELECT p.payment_id, p.received_time FROM {payments} p JOIN {child_checks} c
                ON c.account_id = p.account_id AND c.parent_id = p.booking_number
            WHERE p.account_id = %s AND c.resource = 'payments' AND c.outcome = 'answered'
              AND p.fetched_at < c.checked_at
            """,
            self._warehouse.account_id,
        )
        if not rows or self.too_many(len(rows), self._payments_held()):
            return False
        gone = self.remove_gone(rows)
        if gone is None:
            return False
        self._unlink({payment for payment, _ in rows} - gone)
        return True

    def keep_newest(self) -> bool:
        """Remove the older rows of payments that are there twice: for a booking, and as another mode linked them.

        Returns:
            Whether there were any.
        """
        older = "DELETE FROM {payments} WHERE account_id = %s AND payment_id = %s AND fetched_at < %s"
        twice = doubled_payments(self._warehouse)
        if twice:
            account = self._warehouse.account_id
            self._warehouse.write([(older, [account, payment, newest]) for payment, newest in twice.items()])
        return bool(twice)

    def not_shown(self, payments: Mapping[str, datetime], held: int) -> dict[str, datetime]:
        """Ask for payments, each at its second; where they are too many to be removed, none is asked for.

        Args:
            payments: By id, when each was received, aware.
            held: Payments held.

        Returns:
            Those that the feed does not show.

        Raises:
            BookeoError: The API cannot be asked.
        """
        if exceeds_limit(len(payments), held, self._accepted):
            return dict(payments)
        return {payment: moment for payment, moment in payments.items() if not self._is_shown(payment, moment)}

    def remove_gone(self, payments: Iterable[Held]) -> set[str] | None:
        """Remove those payments that the feed does not show at their second: one request each.

        Args:
            payments: What may be gone.

        Returns:
            The ids of those that are; None where the API cannot say.
        """
        asked = list(payments)
        gone: set[str] = set()
        try:
            if not self._session.no_payment_feed:
                gone = {payment for payment, received in asked if not self._is_shown(payment, received)}
                if gone and not self._shows_others(dict(asked)):
                    self._session.notes.say(
                        f"{len(gone)} payment(s) are not shown any more, nor is any other; they are kept, as a "
                        "permission may have been taken from the api key."
                    )
                    return None
            else:
                gone = {payment for payment, _ in asked}
        except BookeoError as error:
            self._session.failure = self._session.failure or error
            return None
        self._remove(gone)
        return gone

    def _is_shown(self, payment: str, received: datetime) -> bool:
        second = floor_second(received.astimezone(UTC))
        page = self._session.client.payments_page(padded(Window(second, second)), 1, None)
        return (page.info.total_pages or 1) > 1 or any(record.get("id") == payment for record in page.records)

    def _shows_others(self, doubted: Collection[str]) -> bool:
        """Ask for payments that nobody doubts: where none is shown, all may be hidden."""
        if self._session.payments_met and not self._session.payments_met <= set(doubted):
            return True
        newest = self._warehouse.rows(
            f"SELECT payment_id, received_time FROM {{payments}} WHERE account_id = %s AND received_time IS NOT NULL "
            f"ORDER BY received_time DESC LIMIT {len(doubted) + KNOWN_ASKED}",
            self._warehouse.account_id,
        )
        others = [row for row in newest if row[0] not in doubted][:KNOWN_ASKED]
        return any(self._is_shown(payment, received) for payment, received in others)

    def too_many(self, gone: int, held: int) -> bool:
        """Decide whether payments are too many to be removed, and say so."""
        if not exceeds_limit(gone, held, self._accepted):
            return False
        self._session.notes.say(
            f"{gone} of {held} payments are not shown any more; they are kept, as a permission may have been taken "
            f"from the api key. If they were deleted, run bookeo reconcile --fix --accept {gone}."
        )
        return True

    def _payments_held(self) -> int:
        return self._warehouse.row_counts(["payments"]).get("payments", 0)

    def _remove(self, payments: Collection[str]) -> None:
        if payments:
            note(self._session, Note.PAYMENTS_REMOVED, payments=sorted(payments))
            remove_payments(self._warehouse, payments)

    def _unlink(self, payments: Collection[str]) -> None:
        if payments:
            note(self._session, Note.PAYMENTS_UNLINKED, payments=sorted(payments))
            unlink_payments(self._warehouse, payments)


def remove_payments(warehouse: Warehouse, payments: Collection[str], read_until: datetime = FAR_AHEAD) -> None:
    """Remove payments that were deleted at Bookeo.

    Args:
        warehouse: The account's tables.
        payments: Their ids.
        read_until: Only rows that were read at or before this, aware.
    """
    _write(warehouse, "DELETE FROM {payments}", payments, read_until)


def unlink_payments(warehouse: Warehouse, payments: Collection[str], read_until: datetime = FAR_AHEAD) -> None:
    """Unlink payments that belong to no booking, as the API has shown.

    Args:
        warehouse: The account's tables.
        payments: Their ids.
        read_until: Only rows that were read at or before this, aware.
    """
    _write(
        warehouse,
        f"UPDATE {{payments}} SET booking_number = NULL, linked_by = {literal(UNLINKED['linked_by'])}",
        payments,
        read_until,
    )


def _write(warehouse: Warehouse, statement: str, payments: Collection[str], read_until: datetime) -> None:
    ids = sorted(payments)
    statements = []
    for first in range(0, len(ids), KEYS_AT_ONCE):
        group = ids[first : first + KEYS_AT_ONCE]
        where = f"WHERE account_id = %s AND fetched_at <= %s AND payment_id IN ({', '.join(['%s'] * len(group))})"
        statements.append((f"{statement} {where}", [warehouse.account_id, read_until, *group]))
    if statements:
        warehouse.write(statements)
