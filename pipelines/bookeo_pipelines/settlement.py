"""Payments held that the API has contradicted: in the wrong place, or there no more."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime

from bookeo import BookeoError, LoadSession
from bookeo.archiving import Note, note
from bookeo.windows import Window, floor_second
from bookeo_pipelines.missing import FAR_AHEAD
from bookeo_pipelines.warehouse import KEYS_AT_ONCE, Warehouse

GONE_AT_MOST = 0.5
"""The share of the payments of the last weeks that may be gone at once; more of them have rather been hidden."""
FEW = 10
"""So many may always be gone."""
UNLINKED = {"booking_number": None, "linked_by": "endpoint"}
"""What is said of a payment that belongs to no booking, as the API has shown."""


class Settlement:
    """Corrects payments in the destination once it is known where they belong.

    It updates rows in place, as nobody has all of their values: a payment that is gone cannot be read again.

    Args:
        session: The load.
        warehouse: The account's tables.
    """

    def __init__(self, session: LoadSession, warehouse: Warehouse) -> None:
        self._session = session
        self._warehouse = warehouse

    def not_in_feed(self) -> dict[str, str]:
        """Finds payments that the feed did not show again where it was read again.

        Those without a booking are removed; of the others only their booking's own list can tell.

        Returns:
            The numbers of the bookings to be asked, each with what is missing.
        """
        reader, met = self._session.payment_reader, self._session.payments_met
        if reader is None or met is None or not self._warehouse.has("payments"):
            return {}
        held = self._warehouse.rows(
            "SELECT payment_id, booking_number, received_time FROM {payments} "
            "WHERE account_id = %s AND received_time >= %s AND received_time < %s",
            self._warehouse.account_id,
            floor_second(reader.since),
            reader.position,
        )
        gone = [row for row in held if row[0] not in met]
        if len(gone) > max(FEW, GONE_AT_MOST * len(held)):
            self._session.notes.say(
                f"{len(gone)} of the last {len(held)} payments are not shown any more; they are kept, as a permission "
                "may have been taken from the api key."
            )
            return {}
        self._remove(self._gone((payment, received) for payment, number, received in gone if number is None) or ())
        return {number: f"payment {payment} not in the feed" for payment, number, _ in sorted(gone) if number}

    def settle_answers(self) -> None:
        """Corrects payments that are linked to a booking whose own list, read later, does not hold them.

        Those that the feed still shows are nobody's as far as is known, and the feed will not link them by their text
        again; the others are removed.
        """
        # The answers may have been the first ever.
        self._warehouse.look_again()
        if not (self._warehouse.has("payments") and self._warehouse.has("child_checks")):
            return
        rows = self._warehouse.rows(
            """
            SELECT p.payment_id, p.received_time FROM {payments} p JOIN {child_checks} c
                ON c.account_id = p.account_id AND c.parent_id = p.booking_number
            WHERE p.account_id = %s AND c.resource = 'payments' AND c.outcome = 'answered'
              AND p.fetched_at < c.checked_at
            """,
            self._warehouse.account_id,
        )
        gone = self._gone(rows)
        if gone is None:
            return
        self._remove(gone)
        self._unlink({payment for payment, _ in rows} - gone)

    def keep_newest(self) -> None:
        """Removes the older rows of payments that are there twice: for a booking, and as another mode linked them."""
        if not self._warehouse.has("payments"):
            return
        twice = self._warehouse.rows(
            "SELECT payment_id, max(fetched_at) FROM {payments} WHERE account_id = %s "
            "GROUP BY payment_id HAVING count(*) > 1",
            self._warehouse.account_id,
        )
        older = "DELETE FROM {payments} WHERE account_id = %s AND payment_id = %s AND fetched_at < %s"
        if twice:
            self._warehouse.write([(older, [self._warehouse.account_id, payment, newest]) for payment, newest in twice])

    def _gone(self, payments: Iterable[tuple[str, datetime]]) -> set[str] | None:
        """Asks for each payment whether the feed shows it at its second, one request each; None where it cannot say."""
        client, gone = self._session.client, set()
        for payment, received in payments:
            try:
                if not self._session.no_payment_feed:
                    second = floor_second(received.astimezone(UTC))
                    page = client.payments_page(Window(second, second), 1, None)
                    if page.info.total_pages > 1 or any(record.get("id") == payment for record in page.records):
                        continue
            except BookeoError as error:
                self._session.failure = self._session.failure or error
                return None
            gone.add(payment)
        return gone

    def _remove(self, payments: Collection[str]) -> None:
        if payments:
            note(self._session, Note.PAYMENTS_REMOVED, payments=sorted(payments))
            remove_payments(self._warehouse, payments)

    def _unlink(self, payments: Collection[str]) -> None:
        if payments:
            note(self._session, Note.PAYMENTS_UNLINKED, payments=sorted(payments))
            unlink_payments(self._warehouse, payments)


def remove_payments(warehouse: Warehouse, payments: Collection[str], read_until: datetime = FAR_AHEAD) -> None:
    """Removes payments that are no more.

    Args:
        warehouse: The account's tables.
        payments: Their ids.
        read_until: Only rows that were read at or before this, aware.
    """
    _write(warehouse, "DELETE FROM {payments}", payments, read_until)


def unlink_payments(warehouse: Warehouse, payments: Collection[str], read_until: datetime = FAR_AHEAD) -> None:
    """Says that payments belong to no booking, as the API has shown.

    Args:
        warehouse: The account's tables.
        payments: Their ids.
        read_until: Only rows that were read at or before this, aware.
    """
    _write(
        warehouse,
        f"UPDATE {{payments}} SET booking_number = NULL, linked_by = '{UNLINKED['linked_by']}'",
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
