"""Rewinds a cursor, so that the next load reads again what it has read before. No row is deleted."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bookeo.cursor.state import LoadState, changing
from bookeo.errors import SettingsError
from bookeo.schema import BOOKING, CUSTOMER, CUSTOMER_BOOKING, PAYMENT, SETTINGS_ENTITIES
from bookeo.windows import MAX_WINDOW
from bookeo_pipelines.destinations.errors import as_bookeo_error
from bookeo_pipelines.destinations.target import Target
from bookeo_pipelines.warehouse.access import sole_access
from bookeo_pipelines.warehouse.cursors import Cursors, read_cursors
from bookeo_pipelines.warehouse.load_packages import finish_pending, load, open_pipeline, pipeline_name

PAYMENTS = frozenset(table.name for table in PAYMENT.tables)
SETTINGS = frozenset(table.name for entity in SETTINGS_ENTITIES for table in entity.tables)
WITH_BOOKINGS = frozenset(
    table.name for entity in (BOOKING, CUSTOMER, CUSTOMER_BOOKING, PAYMENT) for table in entity.tables
)
"""Tables that may follow the bookings' cursor; payments do where each booking is asked for its own."""


@dataclass(frozen=True)
class Rewind:
    """What a reset does.

    Args:
        since: From when on everything is read again, aware; None where tables are named.
        table: The table that is read again from the beginning; None where a moment is named.
        settings: Whether the account's small lists are read again.
        cursors: How it was before.
    """

    since: datetime | None
    table: str | None
    settings: bool
    cursors: Cursors

    @property
    def of_feed(self) -> bool:
        """Whether the table is filled from the payments feed."""
        return self.table in PAYMENTS and self.cursors.payments is not None

    @property
    def sentences(self) -> list[str]:
        """What the next load will do, for people."""
        said = []
        bookings = self.since
        if self.table is not None and not self.settings and not self.of_feed:
            bookings = self.cursors.loaded_from
        if bookings is not None:
            said.append(
                f"The next load reads again all bookings changed since {_moment(bookings)} (it would have gone on "
                f"from {_moment(self.cursors.bookings)}): "
                f"at least {_windows(bookings, self.cursors.bookings)} request(s)."
            )
        if self.of_feed:
            said.append("The next load reads the payments feed again from the start.")
        elif self.since is not None and self.cursors.payments is not None:
            said.append(f"The next load reads the payments feed again from {_moment(self.since)} on.")
        if self.settings:
            said.append("The next load reads products, rates, resources, taxes and the business again.")
        return [*said, "Rows are written anew in their place; none are deleted."]


class Reset:
    """A reset that is planned and may be carried out; nobody else can load meanwhile.

    Args:
        pipeline: The pipeline, in step with its destination and without pending packages.
        target: Where its tables are.
        rewind: What it would do.
    """

    def __init__(self, pipeline: Any, target: Target, rewind: Rewind) -> None:
        self._pipeline = pipeline
        self._target = target
        self.rewind = rewind

    def carry_out(self) -> None:
        """Writes the rewound state into the destination, as a load package of its own.

        Raises:
            BookeoError: The destination does not take it; everything is as before.
        """
        try:
            with (
                self._pipeline.managed_state(extract_state=True) as state,
                changing(state["sources"]["bookeo"]) as loads,
            ):
                _rewind(loads, self.rewind)
            self._pipeline.normalize()
            load(self._pipeline)
        except Exception as error:
            raise as_bookeo_error(error, self._target) from None


@contextmanager
def planned_reset(
    target: Target, account: str | None, *, table: str | None, since: datetime | None, wait_seconds: float = 0
) -> Iterator[Reset]:
    """Plans a reset and holds the lock until it has been carried out or not. The API is not asked.

    Args:
        target: Where the tables are.
        account: Name of the account in the settings, if it has one.
        table: The table that is to be read again from the beginning.
        since: From when on everything is to be read again, aware.
        wait_seconds: How long to wait for a load into the same place.

    Yields:
        The reset.

    Raises:
        SettingsError: There is nothing to rewind, or not that far, or no such table.
        BookeoError: The destination cannot be asked.
    """
    with sole_access(target, account, wait_seconds=wait_seconds, whole_dataset=True):
        pipeline = open_pipeline(pipeline_name(account), target)
        if pipeline.has_pending_data:
            # What an interrupted load left behind carries its own cursor, and would overwrite the rewound one.
            finish_pending(pipeline, target)
            pipeline = open_pipeline(pipeline_name(account), target)
        cursors = read_cursors(pipeline.state)
        if cursors is None:
            of = f" for the account {account}" if account else ""
            raise SettingsError(
                f"Nothing has been loaded into {target.description}{of}, so there is nothing to rewind."
            )
        yield Reset(pipeline, target, plan_rewind(cursors, table=table, since=since))


def plan_rewind(cursors: Cursors, *, table: str | None, since: datetime | None) -> Rewind:
    """Decides which cursors go back, and where to.

    Args:
        cursors: How far the loads have come.
        table: The table that is to be read again from the beginning.
        since: From when on everything is to be read again, aware.

    Returns:
        What is to be done.

    Raises:
        SettingsError: Not exactly one of both is given, there is no such table, or the cursor is not that far.
    """
    if (table is None) == (since is None):
        raise SettingsError("Say what to rewind: either --table or --since.")
    if since is not None and since >= cursors.bookings:
        raise SettingsError(
            f"The cursor is at {_moment(cursors.bookings)}, not after {_moment(since)}; there is nothing to rewind."
        )
    if table is None or table in WITH_BOOKINGS | SETTINGS:
        return Rewind(since, table, settings=table in SETTINGS, cursors=cursors)
    raise SettingsError(
        f"There is no table {table} to rewind; there are {', '.join(sorted(WITH_BOOKINGS | SETTINGS))}."
    )


def _rewind(loads: LoadState, rewind: Rewind) -> None:
    if rewind.since is not None:
        for listing in loads.lists.values():
            listing.rewind(rewind.since)
    elif rewind.table is not None:
        loads.forget_coverage({rewind.table})
    if rewind.settings:
        loads.done_at.pop("settings", None)


def _windows(since: datetime, until: datetime) -> int:
    return max(math.ceil((until - since) / (MAX_WINDOW + timedelta(seconds=1))), 1)


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
