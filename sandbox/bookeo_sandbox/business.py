"""The invented business as a whole: its accounts and the clock that they share."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from dataclasses import fields
from datetime import date, datetime
from threading import RLock
from typing import Any

import orjson

from bookeo_sandbox.invention.catalog import profile
from bookeo_sandbox.invention.life import Life
from bookeo_sandbox.records.account import Account
from bookeo_sandbox.records.ids import stable_id
from bookeo_sandbox.records.permissions import PERMISSIONS
from bookeo_sandbox.records.replica import Replica
from bookeo_sandbox.records.switches import CHOICES, Switches
from bookeo_sandbox.records.times import as_moment
from bookeo_sandbox.shown.render import booking_bytes, customer_bytes, payment_dict
from bookeo_sandbox.shown.settings_lists import settings_lists

_DAY = 86_400


class Business:
    """Accounts under one application. Made by `generate`; `lock` guards every access from several threads."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.lock = RLock()
        self._options = options
        self.switches = Switches()
        self.accounts: list[Account] = []
        self.secret_key = ""
        self._lives: list[Life] = []
        self._now = 0
        self._made: list[tuple[int, ...]] = []
        self._running_since: float | None = None
        self.reset()

    @classmethod
    def generate(
        cls,
        seed: int = 1,
        bookings: int = 5000,
        end: date | datetime | str = "2026-06-30",
        years: float = 3,
        accounts: int = 1,
        *,
        time_zones: Sequence[str] = (),
        currencies: Sequence[str] = (),
        running: bool = False,
        **switches: Any,
    ) -> Business:
        """Invents a business; the same arguments always make the same one.

        Args:
            seed: Source of all chance.
            bookings: Bookings of each account.
            end: Where its history ends and its clock stands: an aware time, or a day, meaning its last second in UTC.
            years: Length of the history; every booking was made in it.
            accounts: How many accounts, each with its own zone, currency and products.
            time_zones: IANA names for the first accounts instead of their own.
            currencies: ISO 4217 codes for the first accounts instead of their own.
            running: Lets the clock run with real time instead of standing still.
            **switches: Fields of `Switches`.

        Returns:
            The business.

        Raises:
            ValueError: An argument is out of its range, or no such switch.
        """
        if bookings < 0 or years <= 0 or not 1 <= accounts <= 60:
            raise ValueError("bookings cannot be negative, years must be above 0, accounts between 1 and 60")
        options = {
            "seed": seed,
            "bookings": bookings,
            "end": as_moment(end),
            "days": max(1, round(365.25 * years)),
            "accounts": accounts,
            "time_zones": tuple(time_zones),
            "currencies": tuple(currencies),
            "running": running,
            "switches": switches,
        }
        return cls(options)

    def reset(self) -> None:
        """Makes the business as it was at first, with its first clock and switches."""
        options = self._options
        with self.lock:
            if self._is_as_made():
                for account in self.accounts:
                    account.api_key.permissions, account.api_key.revoked = set(PERMISSIONS), False
                    account.spoiled.clear()
                    account.replica = None
                for field in fields(Switches):
                    setattr(self.switches, field.name, options["switches"].get(field.name, field.default))
                self._set_replicas()
                return
            collecting = gc.isenabled()
            gc.disable()  # nothing of what is made here is garbage, and looking for it takes half of the time
            try:
                self._make(**options)
            finally:
                if collecting:
                    gc.enable()

    def _is_as_made(self) -> bool:
        unmoved = self._running_since is None and self._now == self._options["end"]
        return bool(self.accounts) and unmoved and self._made == [account.state() for account in self.accounts]

    def _make(
        self,
        seed: int,
        bookings: int,
        end: int,
        days: int,
        accounts: int,
        time_zones: tuple[str, ...],
        currencies: tuple[str, ...],
        running: bool,
        switches: dict[str, Any],
    ) -> None:
        self.switches = Switches()
        self.set_switches(**switches)
        self.secret_key = "sandbox" + stable_id(seed, "secret", length=25)
        self.accounts, self._lives = [], []
        for position in range(accounts):
            zone = time_zones[position] if position < len(time_zones) else None
            currency = currencies[position] if position < len(currencies) else None
            account = Account(profile(seed, position, zone, currency), seed, position, end - days * _DAY, self.switches)
            life = Life(account, seed, position, bookings, end, days)
            life.run_until(end)
            self.accounts.append(account)
            self._lives.append(life)
        self._now = end
        for account in self.accounts:
            account.moment = end
        self._set_replicas()
        self._made = [account.state() for account in self.accounts]
        self._running_since = time.monotonic() if running else None

    def set_switches(self, **switches: Any) -> None:
        """Changes how the sandbox behaves from now on.

        Args:
            **switches: Fields of `Switches`.

        Raises:
            ValueError: No such switch, or no such value.
        """
        known = {field.name: field.default for field in fields(Switches)}
        for name, value in switches.items():
            if name not in known:
                raise ValueError(f"no switch {name!r}; there are {', '.join(sorted(known))}")
            if type(value) is not type(known[name]) or value not in CHOICES.get(name, (value,)):
                raise ValueError(f"the switch {name} cannot be {value!r}")
            if isinstance(value, int) and value < 0:
                raise ValueError(f"the switch {name} cannot be negative")
            setattr(self.switches, name, value)
        self._set_replicas()

    def _set_replicas(self) -> None:
        lag = 60 * self.switches.replica_lag_minutes
        for account in self.accounts:
            if not lag:
                account.replica = None
            elif account.replica is None:
                account.replica = Replica(account.bookings.values(), account.payments.values(), lag)
            else:
                account.replica.lag = lag

    def now(self) -> int:
        """Tells the time of the sandbox, letting happen what is due if its clock runs.

        Returns:
            Unix seconds.
        """
        if self._running_since is not None:
            passed = int(time.monotonic() - self._running_since)
            if passed:
                self._running_since += passed
                self.advance(passed)
        return self._now

    def advance(self, seconds: int) -> int:
        """Moves the clock forward and lets happen what happens in between.

        Args:
            seconds: How far, at least 0.

        Returns:
            The new time in Unix seconds.

        Raises:
            ValueError: Backwards.
        """
        if seconds < 0:
            raise ValueError("the clock only moves forward")
        with self.lock:
            self._now += seconds
            for life in self._lives:
                life.run_until(self._now)
            for account in self.accounts:
                account.moment = self._now
            return self._now

    def account(self, which: str | int | None = None) -> Account:
        """Finds an account.

        Args:
            which: Its position, name, id or api key; None: the first.

        Returns:
            The account.

        Raises:
            KeyError: There is none.
        """
        if which is None or isinstance(which, int):
            return self.accounts[which or 0]
        for account in self.accounts:
            if which in (account.profile.name, account.profile.account_id, account.api_key.key):
                return account
        raise KeyError(which)

    def life(self, account: Account) -> Life:
        """Finds what is to come for an account.

        Args:
            account: The account.

        Returns:
            Its life.
        """
        return self._lives[self.accounts.index(account)]

    def truth(self, account: Account) -> dict[str, Any]:
        """Shows everything that an account holds, whatever its key may read.

        Args:
            account: The account.

        Returns:
            JSON-able: bookings with everything expanded, customers, payments (with their `bookingNumber`), settings.
        """
        with self.lock:
            now = self.now()
            people = {c.id: customer_bytes(account, c, now) for c in account.customer_list}
            bookings = []
            for booking in sorted(account.bookings.values(), key=lambda b: (b.created, b.number)):
                kept, booking.override = booking.override, None
                text = booking_bytes(account, booking, customer=people[booking.customer.id], details=True, persons=True)
                booking.override = kept
                bookings.append(orjson.loads(text))
            payments = []
            for payment in account.payments.values():
                shown = payment_dict(account, payment)
                if payment.booking:
                    shown["bookingNumber"] = payment.booking.number
                payments.append(shown)
            return {
                "name": account.profile.name,
                "accountId": account.profile.account_id,
                "timeZone": account.profile.zone.key,
                "currency": account.profile.currency,
                "bookings": bookings,
                "customers": [orjson.loads(text) for text in people.values()],
                "payments": payments,
                "settings": settings_lists(account),
                "deletedBookings": list(account.deleted_bookings),
                "deletedCustomers": list(account.deleted_customers),
            }
