"""The operations that change bookings and payments.

They are never repeated when it is not certain that the API did nothing (see `Transport`). Names of permissions for
writing are not documented, so a 403 says only that one is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from bookeo.client.base import ApiCalls
from bookeo.client.pagination import Record
from bookeo.client.query import Params, flag
from bookeo.errors import ServerUnavailable
from bookeo.http.response import Answer

Mode = Literal["backend"]


class WritingCalls(ApiCalls):
    """Creating, changing and canceling bookings, and adding payments to them."""

    def create_booking(
        self,
        booking: Mapping[str, Any],
        *,
        mode: Mode | None = None,
        notify_customer: bool | None = None,
        notify_users: bool | None = None,
        previous_hold_id: str | None = None,
        send_customer_reminders: bool | None = None,
        send_customer_thankyou: bool | None = None,
    ) -> Record:
        """Creates a booking (`POST /bookings`).

        Args:
            booking: The booking, in the API's names. Products of type `fixed` or `fixedCourse` need an `eventId`; those
                of type `flexibleTime` an `eventId` or a `startTime`.
            mode: `backend` treats the operation as if a manager did it.
            notify_customer: Whether the customer gets a confirmation.
            notify_users: Whether the business's users get a notification.
            previous_hold_id: A hold to delete.
            send_customer_reminders: Whether the customer gets reminders.
            send_customer_thankyou: Whether the customer gets thanks afterwards.

        Returns:
            The booking as created, with its `bookingNumber`.
        """
        params: Params = {
            "mode": mode,
            "notifyCustomer": flag(notify_customer),
            "notifyUsers": flag(notify_users),
            "previousHoldId": previous_hold_id,
            "sendCustomerReminders": flag(send_customer_reminders),
            "sendCustomerThankyou": flag(send_customer_thankyou),
        }
        answer = self._send("POST /bookings", (), params, body=dict(booking))
        created = _object(answer)
        if "bookingNumber" not in created and answer.location:
            # The number is all that is needed to find the booking again, so it is taken from wherever it is.
            created["bookingNumber"] = answer.location.rstrip("/").rsplit("/", 1)[-1]
        if "bookingNumber" not in created:
            raise _unclear("POST /bookings")
        return created

    def update_booking(
        self,
        booking_number: str,
        booking: Mapping[str, Any],
        *,
        mode: Mode | None = None,
        notify_customer: bool | None = None,
        notify_users: bool | None = None,
    ) -> Record:
        """Changes a booking (`PUT /bookings/{bookingNumber}`).

        Args:
            booking_number: The booking's number.
            booking: The booking as it shall be, in the API's names.
            mode: `backend` treats the operation as if a manager did it.
            notify_customer: Whether the customer is told.
            notify_users: Whether the business's users are told.

        Returns:
            The booking as the API answers it; empty if it answers nothing.
        """
        params: Params = {
            "mode": mode,
            "notifyCustomer": flag(notify_customer),
            "notifyUsers": flag(notify_users),
        }
        operation = "PUT /bookings/{bookingNumber}"
        return _object(self._send(operation, (booking_number,), params, body=dict(booking)))

    def cancel_booking(
        self,
        booking_number: str,
        *,
        reason: str | None = None,
        apply_cancellation_policy: bool | None = None,
        cancel_remaining_series: bool | None = None,
        track_in_customer_history: bool | None = None,
        notify_customer: bool | None = None,
        notify_users: bool | None = None,
    ) -> Record:
        """Cancels a booking (`DELETE /bookings/{bookingNumber}`); it stays, with `canceled` set.

        Args:
            booking_number: The booking's number.
            reason: Why, in free text.
            apply_cancellation_policy: Whether the default cancelation policy applies.
            cancel_remaining_series: Whether all following bookings of its series are canceled too.
            track_in_customer_history: Whether it counts in the customer's cancelations.
            notify_customer: Whether the customer is told.
            notify_users: Whether the business's users are told.

        Returns:
            The booking as the API answers it; empty if it answers nothing.
        """
        params: Params = {
            "reason": reason,
            "applyCancellationPolicy": flag(apply_cancellation_policy),
            "cancelRemainingSeries": flag(cancel_remaining_series),
            "trackInCustomerHistory": flag(track_in_customer_history),
            "notifyCustomer": flag(notify_customer),
            "notifyUsers": flag(notify_users),
        }
        return _object(self._send("DELETE /bookings/{bookingNumber}", (booking_number,), params))

    def add_payment(self, booking_number: str, payment: Mapping[str, Any]) -> Record:
        """Adds a payment to a booking (`POST /bookings/{bookingNumber}/payments`).

        Args:
            booking_number: The booking's number.
            payment: The payment, in the API's names; its amount is text or `Decimal`.

        Returns:
            The payment as the API answers it; empty if it answers nothing.
        """
        operation = "POST /bookings/{bookingNumber}/payments"
        return _object(self._send(operation, (booking_number,), body=dict(payment)))


def _object(answer: Answer) -> Record:
    if answer.payload is None:
        return {}
    if not isinstance(answer.payload, dict):
        raise _unclear(answer.operation)
    return answer.payload


def _unclear(operation: str) -> ServerUnavailable:
    return ServerUnavailable(
        f"Bookeo accepted {operation} but its answer cannot be read, so look before you repeat it.", operation=operation
    )
