"""Random sequences of adversities, kills, options and commands, then quiet: do the tables equal the truth?

A sequence is drawn from a seed. `World.run` carries it out in this process and ends it with two plain loads. A kill is
an exception that nothing can stop: from one step of dlt or of the database on, every further step raises it, so that no
clean-up reaches the disk. Kills of real processes are `killed_load`'s.
"""

from __future__ import annotations

import os
import random
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bookeo import load_settings
from bookeo.archive.store import Archive
from bookeo.errors import BookeoError
from bookeo.http.clocks import Clocks, ClockWatch, Reading
from bookeo_pipelines.destinations.target import Target
from bookeo_pipelines.load.reset import planned_reset
from bookeo_pipelines.load.runner import LoadRequest, LoadResult, run_load
from bookeo_pipelines.privacy.erasure import planned_erasure
from bookeo_pipelines.privacy.subjects import Subject
from bookeo_pipelines.reconcile.runner import run_reconcile
from bookeo_pipelines.replay.account import ReplayRequest
from bookeo_pipelines.replay.runner import run_replay
from bookeo_pipelines.status.status import read_status
from bookeo_pipelines.warehouse.load_packages import working_folder
from bookeo_sandbox import Sandbox, serve
from bookeo_sandbox.serving.faults import DATES, TOTALS
from isolation import READ_CLOCKS
from places import Place
from truth import assert_equals_truth

BUSINESS: dict[str, Any] = {"seed": 3, "bookings": 24, "years": 0.15, "end": "2026-06-30"}
"""A business so small that a load takes less than a second, which still takes several windows and packages.

In few others do so many participants have details of their own, which need another permission than their bookings.
"""
START = "2026-04-20"
TABLES = ("bookings", "booking_people", "customers", "payments")
FEWER = (("bookings",), ("bookings", "payments"), ("customers",), ("payments",), ("bookings", "booking_people"))
PERMISSIONS = ("bookings_r_all", "customers_r_all", "payments_r_all")
SETTINGS: dict[str, Any] = {
    "start": START,
    "items_per_page": 10,
    "window_days": 15,
    "chunk_bookings": 15,
    "settings_hours": 24 * 366,
    "customers": "as_needed",
    "payments": "as_needed",
    "histories": "never",
    "max_attempts": 4,
}
LINKS = frozenset({"endpoint", "description", "number", None})
LISTS = ("GET /bookings", "GET /payments", "GET /customers")
FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "error", "status": 500},
    {"kind": "error", "status": 503},
    {"kind": "rate_limit", "retry_after": 0},
    {"kind": "cut"},
    {"kind": "reset"},
    {"kind": "html"},
    {"kind": "empty"},
    {"kind": "wrong_encoding"},
    *({"kind": "wrong_total", "total": total} for total in TOTALS),
    *({"kind": "wrong_date", "date": date} for date in DATES),
    *({"kind": "error", "status": status, "operation": "GET /payments"} for status in (400, 403, 404)),
)
SWITCHES: tuple[tuple[str, Any], ...] = (
    ("replica_lag_minutes", 30),
    ("replica_lag_minutes", 1000),
    ("window_ends", "end_exclusive"),
    ("window_ends", "exclusive"),
    ("precision", "seconds"),
    ("precision", "milliseconds"),
    ("numeric_tokens", True),
    ("payment_description", "Réservation n° {number}"),
    ("payment_description", "Kasse"),
    ("bookings_without_permission", "empty"),
    ("payments_without_permission", "empty"),
)
LAST_LOADS_APART = timedelta(hours=26)
"""What is back-dated, or listed late, is seen within a day."""


class Killed(BaseException):
    """The process is dead, as far as the process can be that the test runs in."""


@dataclass(frozen=True)
class Step:
    """One thing that happens.

    Args:
        kind: Name of a method of `World`.
        options: Its arguments.
    """

    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        options = ", ".join(f"{name}={value!r}" for name, value in self.options.items())
        return f"{self.kind}({options})"


def draw(seed: int) -> list[Step]:
    """Draw a sequence.

    Args:
        seed: Its number.

    Returns:
        Its steps.
    """
    chance = random.Random(seed)
    steps: list[Step] = []
    for position in range(chance.randint(1, 3)):
        if chance.random() < 0.5:
            steps.append(Step("advance", {"hours": chance.choice((1, 5, 20, 30, 100))}))
        steps += [_draw_from(ADVERSITIES, chance) for _ in range(chance.randint(0, 2))]
        # Where nothing was ever loaded, most commands have nothing to do.
        steps.append(_draw_from(ACTIONS if position else LOADS, chance))
        if chance.random() < 0.5:
            steps.append(Step("quiet"))
    return steps


Makers = Mapping[str, tuple[int, Callable[[random.Random], dict[str, Any]]]]
"""For the name of a step its weight, and what draws its options."""


def _draw_from(makers: Makers, chance: random.Random) -> Step:
    [kind] = chance.choices(list(makers), [weight for weight, _ in makers.values()])
    return Step(kind, makers[kind][1](chance))


def _draw_load(chance: random.Random) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if chance.random() < 0.25:
        options["since"] = chance.choice(("2026-05-10", "2026-06-20", "2026-04-01"))
    if chance.random() < 0.15:
        options["until"] = chance.choice(("2026-06-10", "2026-06-29"))
    if chance.random() < 0.25:
        options["max_requests"] = chance.choice((2, 3, 5, 8, 12))
    if chance.random() < 0.2:
        options["tables"] = chance.choice(FEWER)
    return options


def _draw_fault(chance: random.Random) -> dict[str, Any]:
    operation = chance.choice((None, None, *LISTS, "GET /bookings/{bookingNumber}/payments"))
    return {"operation": operation, **chance.choice(FAULTS), "seed": chance.getrandbits(16)}


def outcome_of(
    seed: int, folder: Path, patch: pytest.MonkeyPatch, place: Place | None = None
) -> tuple[list[Step], list[str]]:
    """Carry out a sequence with a business of its own.

    Args:
        seed: Its number.
        folder: An empty folder, see `World`.
        patch: Patches this process.
        place: Where to load; None: a DuckDB file.

    Returns:
        Its steps, and what is wrong at the end, a line each.
    """
    steps = draw(seed)
    with serve(**BUSINESS) as sandbox:
        return steps, World(sandbox, folder, patch, place).run(steps)


ADVERSITIES: Makers = {
    "faults": (3, lambda chance: {"probability": chance.choice((0.05, 0.3, 1.0)), **_draw_fault(chance)}),
    "permission_lost": (3, lambda chance: {"name": chance.choice(PERMISSIONS), "after": chance.choice((0, 0, 2, 4))}),
    "clock": (2, lambda chance: {"server": chance.choice((-7200, 10800, 86400)), "machine": chance.choice((0, 10**6))}),
    "late": (2, lambda chance: {"minutes": chance.choice((-40, -2000)), "which": chance.randint(0, 99)}),
    "changes_in_passing": (2, lambda chance: {"requests": chance.randint(1, 20)}),
    "tokens_expire": (1, lambda chance: {"after": chance.randint(1, 6)}),
    "revoked": (1, lambda chance: {"after": chance.randint(0, 6)}),
    "vanish": (1, lambda chance: {"which": chance.randint(0, 99)}),
    "new_container": (1, lambda _: {}),
    "switch": (3, lambda chance: dict(zip(("name", "value"), chance.choice(SWITCHES), strict=True))),
    "spoil": (1, lambda chance: {"which": chance.randint(0, 99), "payment": chance.random() < 0.5}),
    "pay": (2, lambda chance: _draw_payment(chance)),
    "unpay": (1, lambda chance: {"which": chance.randint(0, 99)}),
}
LOADS: Makers = {
    "load": (6, lambda chance: _draw_load(chance)),
    "kill": (4, lambda chance: {"at": chance.randint(1, 100), **_draw_load(chance)}),
}
ACTIONS: Makers = {
    **LOADS,
    "reconcile": (3, lambda chance: {"fix": chance.random() < 0.6}),
    "reset": (1, lambda chance: {"table": chance.choice((*TABLES, None))}),
    "replay": (1, lambda _: {}),
    "forget": (1, lambda chance: {"which": chance.randint(0, 99)}),
}


class World:
    """A business, a place that it is loaded into, and all that can happen to both.

    Args:
        sandbox: The sandbox; everything about it is as at its start.
        folder: Where the working folder, the archive and a DuckDB file go; empty.
        patch: Patches this process.
        place: Where to load; None: a DuckDB file.
    """

    def __init__(self, sandbox: Sandbox, folder: Path, patch: pytest.MonkeyPatch, place: Place | None = None) -> None:
        self.sandbox = sandbox
        self.place = place
        self.database = folder / "loaded.duckdb"
        self.target = Target(place.destination) if place else Target(database=self.database)
        self.archive = folder / "archive"
        self._machine_ahead = 0
        self._alive = _Life(patch)
        self._forgotten: set[str] = set()
        self._spoiled: set[str] = set()
        self._switches = sandbox.switches()
        self._patch_clocks(patch)
        patch.setattr("bookeo.http.transport.FIRST_BACKOFF_SECONDS", 0.001)

    def run(self, steps: list[Step]) -> list[str]:
        """Carry out a sequence, then be quiet and load twice.

        Args:
            steps: The sequence.

        Returns:
            What is wrong at the end, a line each; nothing where all is well.
        """
        for step in steps:
            getattr(self, step.kind)(**step.options)
        self.quiet()
        self.sandbox.advance(minutes=20)
        self._load()
        self.sandbox.advance(seconds=LAST_LOADS_APART.total_seconds())
        return self._verdict(self._load())

    def _verdict(self, outcome: LoadResult | BookeoError) -> list[str]:
        if isinstance(outcome, BookeoError):
            return [f"the load cannot succeed: {outcome}"]
        wrong = [f"the load fails: {outcome.failure}"] if outcome.failure else []
        try:
            assert_equals_truth(
                self.place or self.database,
                _Remembered(self.sandbox, self._forgotten),
                tables=TABLES,
                drift_allowed=True,
                unlinked_payments=True,
                linked_by=LINKS,
                interrupted=True,
            )
        except AssertionError as error:
            if not outcome.open_rejections:  # Else the exit code and `status` say so.
                wrong.append(str(error).splitlines()[0])
        [status] = read_status(self.target, now=self._true_now())
        if not status.is_complete:
            wrong.append(f"status names gaps {status.gaps} and unproven windows {status.unproven}")
        return wrong

    # What may happen.

    def advance(self, hours: int) -> None:
        """Time goes by."""
        self.sandbox.advance(hours=hours)

    def load(self, **options: Any) -> None:
        """A load, which may fail."""
        self._load(**options)

    def kill(self, at: int, **options: Any) -> None:
        """A load that is killed at its n-th step."""
        with self._alive.until(at):
            self._load(**options)

    def faults(self, kind: str, **options: Any) -> None:
        """Requests go wrong from now on."""
        self.sandbox.fault(kind, **options)

    def permission_lost(self, name: str, after: int) -> None:
        """The api key loses a permission, now or while the next load runs."""
        self._once(after, lambda: self.sandbox.permissions(set(PERMISSIONS) - {name}))

    def revoked(self, after: int) -> None:
        """The api key is revoked, now or while the next load runs."""
        self._once(after, self.sandbox.revoke)

    def tokens_expire(self, after: int) -> None:
        """All page tokens are lost while the next load runs."""
        self._once(after, self.sandbox.expire_tokens)

    def clock(self, server: int, machine: int) -> None:
        """Clocks are wrong from now on."""
        self.sandbox.fault("wrong_date", seconds=server)
        self._machine_ahead = machine

    def late(self, minutes: int, which: int) -> None:
        """A booking is changed, and listed with a time of change that long ago."""
        number = self._booking(which)
        if number:
            self.sandbox.touch(number, minutes * 60)

    def changes_in_passing(self, requests: int) -> None:
        """Each request of the next load finds another booking changed."""
        left = requests

        def hook(_: Any) -> None:
            nonlocal left
            number = self._booking(left * 7)
            if left and number:
                left -= 1
                self.sandbox.touch(number)

        self.sandbox.on_request(hook)

    def vanish(self, which: int) -> None:
        """A booking vanishes without a trace."""
        number = self._booking(which)
        if number:
            self.sandbox.delete(number)

    def switch(self, name: str, value: Any) -> None:
        """The service behaves in another way from now on."""
        self.sandbox.switches(**{name: value})

    def spoil(self, which: int, payment: bool) -> None:
        """A record is shown with what JSON forbids."""
        records = self.sandbox.truth()["payments" if payment else "bookings"]
        if records:
            record = records[which % len(records)]
            self._spoiled.add(record["id" if payment else "bookingNumber"])
            self.sandbox.spoil(record["id" if payment else "bookingNumber"])

    def pay(self, which: int, description: str | None, **payment: Any) -> None:
        """A payment is entered, received some days ago, without its booking counting as changed."""
        number = self._booking(which)
        if number:
            text = description and description.format(number=number)
            self.sandbox.add_payment(number=number, description=text, **payment)

    def unpay(self, which: int) -> None:
        """A payment of the last weeks is deleted."""
        since = self._true_now() - timedelta(days=20)
        recent = [
            payment["id"]
            for payment in self.sandbox.truth()["payments"]
            if datetime.fromisoformat(payment["receivedTime"]) > since
        ]
        if recent:
            self.sandbox.delete_payment(recent[which % len(recent)])

    def quiet(self) -> None:
        """All adversities end."""
        self.sandbox.switches(**self._switches)
        for name in self._spoiled:
            with suppress(KeyError, StopIteration, ValueError):  # It is gone by now.
                self.sandbox.spoil(name, None)
        self._spoiled.clear()
        self.sandbox.faults([])
        self.sandbox.remove_hooks()
        self.sandbox.permissions(PERMISSIONS)
        self.sandbox.revoke(revoked=False)
        self._machine_ahead = 0

    def new_container(self) -> None:
        """The working folder is gone."""
        shutil.rmtree(working_folder(self.target), ignore_errors=True)

    def reconcile(self, fix: bool) -> None:
        """`bookeo reconcile`."""
        with _may_fail():
            run_reconcile(self._request(), fix=fix)

    def reset(self, table: str | None) -> None:
        """`bookeo reset`."""
        since = None if table else datetime(2026, 6, 1, tzinfo=UTC)
        with _may_fail(), planned_reset(self.target, None, table=table, since=since) as planned:
            planned.carry_out()

    def replay(self) -> None:
        """`bookeo replay` into the tables that are there."""
        with _may_fail():
            run_replay(ReplayRequest(Archive(str(self.archive)), self.target, self._request().settings))

    def forget(self, which: int) -> None:
        """`bookeo forget` of a customer."""
        number = self._booking(which)
        if not number or self.target.destination not in ("duckdb", "postgres"):
            return
        customer = next(b["customerId"] for b in self.sandbox.truth()["bookings"] if b["bookingNumber"] == number)
        with (
            _may_fail(),
            planned_erasure(self.target, Subject(customer), archive=str(self.archive)) as planned,
        ):
            self._forgotten |= {customer, *planned.execute().pseudonyms}

    # How.

    def _load(self, **options: Any) -> LoadResult | BookeoError:
        try:
            result = run_load(self._request(**options))
        except BookeoError as error:
            return error
        return result

    def _request(
        self,
        since: str | None = None,
        until: str | None = None,
        tables: tuple[str, ...] = TABLES,
        max_requests: int | None = None,
    ) -> LoadRequest:
        settings = load_settings(
            api_key=self.sandbox.api_key,
            secret_key=self.sandbox.secret_key,
            base_url=self.sandbox.base_url,
            archive=str(self.archive),
            max_requests=max_requests,
            **SETTINGS,
        )
        return LoadRequest(settings, self.target, _moment(since), _moment(until), tables)

    def _booking(self, which: int) -> str | None:
        numbers = list(self.sandbox.business.accounts[0].bookings)
        return numbers[which % len(numbers)] if numbers else None

    def _once(self, after: int, happens: Callable[[], object]) -> None:
        left = after
        if not after:
            happens()
            return

        def hook(_: Any) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                happens()

        self.sandbox.on_request(hook)

    def _true_now(self) -> datetime:
        return datetime.fromtimestamp(self.sandbox.business.now(), UTC)

    def _patch_clocks(self, patch: pytest.MonkeyPatch) -> None:
        world = self

        def read(watch: ClockWatch, before: Reading | None = None) -> Clocks:
            machine = world._true_now() + timedelta(seconds=world._machine_ahead)
            return replace(READ_CLOCKS(watch, before), machine=machine)

        patch.setattr(ClockWatch, "read", read)


def _draw_payment(chance: random.Random) -> dict[str, Any]:
    texts = (None, "Kasse", "Booking {number}")
    when = {"days_ago": chance.choice((0, 0, 3, 20)), "description": chance.choice(texts)}
    return {"which": chance.randint(0, 99), "amount": chance.choice(("7.00", "-3.00")), **when}


class _Life:
    """Raises `Killed` at one step of dlt or of the database, and at each one after it until the run has ended.

    Only steps of the main thread are counted and stopped; other threads end what they have begun.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        from dlt.common.storages import FileStorage
        from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient

        self._left: int | None = None
        for owner, name in (
            (os, "rename"),
            (os, "replace"),
            (FileStorage, "save"),
            (FileStorage, "delete_folder"),
            (DuckDbSqlClient, "execute_query"),
            (DuckDbSqlClient, "commit_transaction"),
        ):
            patch.setattr(owner, name, self._counted(getattr(owner, name)))

    @contextmanager
    def until(self, steps: int) -> Iterator[None]:
        """Die at the n-th step from now on."""
        self._left = steps
        try:
            yield
        except Killed:
            pass
        finally:
            self._left = None

    def _counted(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            # One of dlt's threads that ended so would be waited for without an end.
            if self._left is not None and threading.current_thread() is threading.main_thread():
                self._left -= 1
                if self._left <= 0:
                    raise Killed
            return original(*args, **kwargs)

        return counted


class _Remembered:
    """The truth without what is about people who have been forgotten."""

    def __init__(self, sandbox: Sandbox, forgotten: set[str]) -> None:
        self._sandbox = sandbox
        self._forgotten = forgotten

    def truth(self, account: Any = None) -> dict[str, Any]:
        """As `Sandbox.truth`; their bookings may be there or not."""
        truth = self._sandbox.truth(account)
        gone = [b["bookingNumber"] for b in truth["bookings"] if b["customerId"] in self._forgotten]
        booked = {b["customerId"] for b in truth["bookings"]}
        # Whose last booking has vanished may still be held.
        left = [customer["id"] for customer in truth["customers"] if customer["id"] not in booked]
        return truth | {
            "bookings": [b for b in truth["bookings"] if b["customerId"] not in self._forgotten],
            "payments": [p for p in truth["payments"] if p.get("customerId") not in {*self._forgotten, *left}],
            "deletedBookings": [*truth["deletedBookings"], *gone],
            "deletedCustomers": [*truth["deletedCustomers"], *self._forgotten, *left],
        }


@contextmanager
def _may_fail() -> Iterator[None]:
    with suppress(BookeoError):
        yield


def _moment(day: str | None) -> datetime | None:
    return datetime.fromisoformat(day).replace(tzinfo=UTC) if day else None
