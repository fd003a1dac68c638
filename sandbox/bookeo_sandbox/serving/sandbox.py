"""A running sandbox as tests hold it: where it is, its keys, and everything that can be done to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson

from bookeo_sandbox.business import Business
from bookeo_sandbox.invention.life import edit_customer
from bookeo_sandbox.records.account import Account
from bookeo_sandbox.records.entities import Booking, Payment
from bookeo_sandbox.records.permissions import is_permission
from bookeo_sandbox.records.times import format_time
from bookeo_sandbox.serving.faults import Fault, RateLimiter
from bookeo_sandbox.serving.service import Hook, Service

Which = str | int | None
"""An account: its position, name, id or api key; None: the first."""


@dataclass(frozen=True, slots=True)
class AccountInfo:
    """What a client needs to know of an account.

    Args:
        name: Its name.
        account_id: The API's `accountId`.
        api_key: Its api key.
        time_zone: IANA name.
        currency: ISO 4217 code.
    """

    name: str
    account_id: str
    api_key: str
    time_zone: str
    currency: str


class Sandbox:
    """A sandbox that answers at `base_url`. Its methods may be called from any thread.

    Args:
        service: What it serves.
        root_url: Where the server listens, e.g. `http://127.0.0.1:8080`.
    """

    def __init__(self, service: Service, root_url: str) -> None:
        self._service = service
        self.root_url = root_url
        self.base_url = f"{root_url}/v2"

    @property
    def business(self) -> Business:
        """The invented business."""
        return self._service.business

    @property
    def secret_key(self) -> str:
        """The application's key."""
        return self.business.secret_key

    @property
    def api_key(self) -> str:
        """The first account's key."""
        return self.business.accounts[0].api_key.key

    @property
    def accounts(self) -> list[AccountInfo]:
        """All accounts with their keys."""
        return [
            AccountInfo(a.profile.name, a.profile.account_id, a.api_key.key, a.profile.zone.key, a.profile.currency)
            for a in self.business.accounts
        ]

    def describe(self) -> dict[str, Any]:
        """Shows what a client needs.

        Returns:
            JSON-able: base_url, keys and accounts.
        """
        accounts = [
            {
                "name": a.name,
                "api_key": a.api_key,
                "account_id": a.account_id,
                "time_zone": a.time_zone,
                "currency": a.currency,
            }
            for a in self.accounts
        ]
        return {
            "base_url": self.base_url,
            "api_key": self.api_key,
            "secret_key": self.secret_key,
            "accounts": accounts,
            "now": self.now(),
        }

    def now(self) -> str:
        """Tells the sandbox's time.

        Returns:
            RFC 3339 in the first account's zone.
        """
        with self.business.lock:
            return format_time(self.business.now(), self.business.accounts[0].profile.zone)

    def advance(self, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> str:
        """Moves the clock forward; what is due happens.

        Args:
            days: Days of 24 hours.
            hours: Hours.
            minutes: Minutes.
            seconds: Seconds.

        Returns:
            The new time, as `now` tells it.
        """
        self.business.advance(int(days * 86_400 + hours * 3600 + minutes * 60 + seconds))
        return self.now()

    def reset(self) -> None:
        """Makes everything as it was at the start."""
        with self.business.lock:
            self.business.reset()
            self._service.reset()

    def truth(self, account: Which = None) -> dict[str, Any]:
        """Shows everything that an account holds, whatever its key may read.

        Args:
            account: Which account.

        Returns:
            JSON-able, see `Business.truth`.
        """
        return self.business.truth(self.business.account(account))

    def requests(self) -> dict[str, Any]:
        """Shows what was asked since the start or since `clear_requests`.

        Returns:
            `total`, `by_operation` (operation to status to count), `keys_in_query`, and `log`, oldest first.
        """
        with self.business.lock:
            by_operation: dict[str, dict[str, int]] = {}
            for (operation, status), count in self._service.counts.items():
                by_operation.setdefault(operation, {})[status] = count
            return {
                "total": sum(self._service.counts.values()),
                "by_operation": by_operation,
                "keys_in_query": self._service.keys_in_query,
                "log": [dict(entry) for entry in self._service.log],
            }

    def clear_requests(self) -> None:
        """Forgets what was asked so far."""
        with self.business.lock:
            self._service.clear_requests()

    def fault(self, kind: str, operation: str | None = None, **options: Any) -> Fault:
        """Switches a fault on, beside those that are on.

        Args:
            kind: One of `faults.KINDS`.
            operation: Method and path template; None: every operation.
            **options: Further fields of `Fault`.

        Returns:
            The rule; its `count` tells how often it struck.
        """
        fault = Fault(kind, operation, **options)
        with self.business.lock:
            self._service.faults.append(fault)
        return fault

    def faults(self, rules: Iterable[Mapping[str, Any]] | None = None) -> list[dict[str, Any]]:
        """Replaces all faults, or only shows them.

        Args:
            rules: Fields of `Fault` each; an empty list switches all off, None leaves them.

        Returns:
            The faults that are on.
        """
        with self.business.lock:
            if rules is not None:
                self._service.faults = [Fault(**rule) for rule in rules]
            return [fault.as_dict() for fault in self._service.faults]

    def rate_limit(self, per_second: float | None, burst: int = 1) -> None:
        """Sets a true rate limit for each api key, in real time.

        Args:
            per_second: Requests a second; None: no limit.
            burst: Requests that may come at once after a pause.
        """
        with self.business.lock:
            self._service.limiter = RateLimiter(per_second, burst) if per_second else None

    def switches(self, **switches: Any) -> dict[str, Any]:
        """Changes how the sandbox behaves, see `Switches`.

        Args:
            **switches: Fields of `Switches`.

        Returns:
            All of them as they are now.
        """
        with self.business.lock:
            self.business.set_switches(**switches)
            return {name: getattr(self.business.switches, name) for name in self.business.switches.__slots__}

    def permissions(self, permissions: Iterable[str], account: Which = None) -> None:
        """Replaces the permissions of an account's key.

        Args:
            permissions: Their names; those to write and delete, such as `bookings_rw_all`, include reading.
            account: Which account.

        Raises:
            ValueError: An unknown name.
        """
        wanted = set(permissions)
        unknown = sorted(name for name in wanted if not is_permission(name))
        if unknown:
            raise ValueError(f"no such permissions: {', '.join(unknown)}")
        with self.business.lock:
            self.business.account(account).api_key.permissions = wanted

    def revoke(self, account: Which = None, *, revoked: bool = True) -> None:
        """Makes an account's key invalid, or valid again.

        Args:
            account: Which account.
            revoked: Invalid or not.
        """
        with self.business.lock:
            self.business.account(account).api_key.revoked = revoked

    def expire_tokens(self) -> None:
        """Makes all page tokens unknown."""
        with self.business.lock:
            self._service.reading.pager.forget_tokens()

    def touch(self, number: str, seconds: float | None = None) -> None:
        """Changes a booking.

        Args:
            number: Its booking number.
            seconds: Added to the sandbox's time to make its `lastChangeTime`, to the second; negative: committed late.
                None: this minute.
        """
        with self.business.lock:
            account, booking = self._booking(number)
            at = self.business.now() + int(seconds or 0)
            account.mark_changed(booking, at, "Sandbox", exact=seconds is not None)

    def cancel(self, number: str) -> None:
        """Cancels a booking now.

        Args:
            number: Its booking number.
        """
        with self.business.lock:
            account, booking = self._booking(number)
            account.cancel(booking, self.business.now(), "Sandbox")

    def delete(self, number: str) -> None:
        """Makes a booking vanish.

        Args:
            number: Its booking number.
        """
        with self.business.lock:
            account, booking = self._booking(number)
            account.delete_booking(booking)

    def delete_customer(self, customer_id: str) -> None:
        """Deletes a customer with their bookings.

        Args:
            customer_id: Their id.
        """
        with self.business.lock:
            account = next(a for a in self.business.accounts if customer_id in a.customers)
            account.delete_customer(account.customers[customer_id])

    def edit_customer(self, customer_id: str, **fields: Any) -> None:
        """Changes fields of a customer.

        Args:
            customer_id: Their id.
            **fields: The API's names and their new values.
        """
        with self.business.lock:
            account = next(a for a in self.business.accounts if customer_id in a.customers)
            edit_customer(account, account.customers[customer_id], self.business.now(), **fields)

    def override(self, number: str, shown: Mapping[str, Any] | bytes | None) -> None:
        """Serves something else for a booking, expanded or not; `truth` stays.

        Args:
            number: Its booking number.
            shown: An object, or any bytes, valid JSON or not; None: the booking itself again.
        """
        with self.business.lock:
            account, booking = self._booking(number)
            booking.override = shown if shown is None or isinstance(shown, bytes) else orjson.dumps(dict(shown))
            account.version += 1

    def spoil(self, name: str, constant: str | None = "NaN") -> None:
        """Shows a record with what JSON forbids in the place of a number; `truth` stays.

        Args:
            name: The booking number, or the id of a payment or customer.
            constant: `NaN`, `Infinity` or `-Infinity`; None: the record itself again.

        Raises:
            ValueError: Another constant.
        """
        if constant not in ("NaN", "Infinity", "-Infinity", None):
            raise ValueError("constant is NaN, Infinity or -Infinity")
        with self.business.lock:
            account = next(a for a in self.business.accounts if name in {*a.bookings, *a.customers, *a.payments})
            if constant is None:
                account.spoiled.pop(name, None)
            else:
                account.spoiled[name] = constant

    def add_payment(
        self,
        amount: str,
        number: str | None = None,
        *,
        days_ago: float = 0,
        method: str = "cash",
        description: str | None = None,
        customer_id: str | None = None,
    ) -> str:
        """Enters a payment now, as staff would; whether its booking counts as changed is a switch.

        Args:
            amount: Its amount, in the account's currency.
            number: The booking that it belongs to; None: none, or what only its description says.
            days_ago: How long ago it was received; negative: it is to be received in the future.
            method: How it was paid.
            description: What it says; None: what payments of bookings say.
            customer_id: Who paid; None: the booking's customer.

        Returns:
            Its id.
        """
        with self.business.lock:
            account, booking = self._booking(number) if number else (self.business.account(), None)
            payment = Payment(
                account.next_id("payment"),
                self.business.now(),
                self.business.now() - int(days_ago * 86_400),
                int(Decimal(amount).scaleb(account.profile.decimals)),
                method,
                "Balance",
                booking=booking,
                customer_id=customer_id or (booking.customer.id if booking else None),
                description=description,
                agent="Sandbox",
            )
            account.add_payment(payment)
            return payment.id

    def change_payment(self, payment_id: str, amount: str | None = None, days_ago: float | None = None) -> None:
        """Corrects a payment, without its booking counting as changed.

        Args:
            payment_id: Its id.
            amount: Its new amount; None: as it was.
            days_ago: How long ago it was received; None: as it was.
        """
        with self.business.lock:
            account, payment = self._payment(payment_id)
            units = None if amount is None else int(Decimal(amount).scaleb(account.profile.decimals))
            received = None if days_ago is None else self.business.now() - int(days_ago * 86_400)
            account.change_payment(payment, amount=units, received=received)

    def delete_payment(self, payment_id: str) -> None:
        """Makes a payment vanish, without its booking counting as changed.

        Args:
            payment_id: Its id.
        """
        with self.business.lock:
            account, payment = self._payment(payment_id)
            account.delete_payment(payment)

    def outbox(self, account: Which = None) -> list[dict[str, object]]:
        """Shows what writing operations would have told customers and users.

        Args:
            account: Which account.

        Returns:
            Kind, booking number, time and flags of each, oldest first.
        """
        with self.business.lock:
            return list(self.business.account(account).outbox)

    def on_request(self, hook: Hook) -> None:
        """Calls a function before each request is looked at; it may use this object, but must not make requests itself.

        Args:
            hook: Gets the request's operation, number, path and query.
        """
        with self.business.lock:
            self._service.hooks.append(hook)

    def remove_hooks(self) -> None:
        """Takes all hooks away."""
        with self.business.lock:
            self._service.hooks.clear()

    def _payment(self, payment_id: str) -> tuple[Account, Payment]:
        for account in self.business.accounts:
            if payment_id in account.payments:
                return account, account.payments[payment_id]
        raise KeyError(payment_id)

    def _booking(self, number: str) -> tuple[Account, Booking]:
        for account in self.business.accounts:
            if number in account.bookings:
                return account, account.bookings[number]
        raise KeyError(number)
