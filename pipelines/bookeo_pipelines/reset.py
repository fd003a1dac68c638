"""Rewinds a cursor, so that the next load reads again what it has read before. No row is deleted."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bookeo import BookeoSettings
from bookeo.errors import SettingsError
from bookeo.tables import BOOKING, CUSTOMER, CUSTOMER_BOOKING, PAYMENT, SETTINGS_ENTITIES
from bookeo.windows import MAX_WINDOW, format_time
from bookeo_pipelines.access import sole_access
from bookeo_pipelines.cursors import Cursors, read_cursors
from bookeo_pipelines.destination import Target
from bookeo_pipelines.failures import as_bookeo_error
from bookeo_pipelines.load import LoadRequest
from bookeo_pipelines.packages import finish_pending, open_pipeline

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
"""The payments feed's cursor before its first reading."""
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
        bookings: Where the bookings' cursor goes back to, aware; None where it stays.
        payments: Where the payments feed's cursor goes back to, aware; None where it stays.
        settings: Whether the account's small lists are read again.
        cursors: How it was before.
    """

    bookings: datetime | None
    payments: datetime | None
    settings: bool
    cursors: Cursors

    @property
    def sentences(self) -> list[str]:
        """What the next load will do, for people."""
        said = []
        if self.bookings is not None:
            said.append(
                f"The next load reads again all bookings changed since {_moment(self.bookings)} (it would have gone on "
                f"from {_moment(self.cursors.bookings)}): "
                f"at least {_windows(self.bookings, self.cursors.bookings)} request(s)."
            )
        if self.payments == BEGINNING:
            said.append("The next load reads the payments feed again from the first booking on.")
        elif self.payments is not None:
            said.append(f"The next load reads the payments feed again from {_moment(self.payments)} on.")
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
            with self._pipeline.managed_state(extract_state=True) as state:
                _rewind(state["sources"]["bookeo"]["resources"], self.rewind)
            self._pipeline.normalize()
            self._pipeline.load()
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
    # The keys are of no interest here, so the settings need not be there.
    request = LoadRequest(BookeoSettings(account=account), target, wait_seconds=wait_seconds)
    with sole_access(request):
        pipeline = open_pipeline(request.pipeline_name, target)
        if pipeline.has_pending_data:
            # What an interrupted load left behind carries its own cursor, and would overwrite the rewound one.
            finish_pending(pipeline, target)
            pipeline = open_pipeline(request.pipeline_name, target)
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
    if since is not None:
        if since >= cursors.bookings:
            raise SettingsError(
                f"The cursor is at {_moment(cursors.bookings)}, not after {_moment(since)}; there is nothing to rewind."
            )
        # Bookings from before the first load bring payments from before it.
        payments = since if cursors.payments and since < cursors.payments else None
        return Rewind(since, payments, settings=False, cursors=cursors)
    if table in PAYMENTS and cursors.payments is not None:
        return Rewind(None, BEGINNING, settings=False, cursors=cursors)
    if table in WITH_BOOKINGS:
        return Rewind(cursors.loaded_from, None, settings=False, cursors=cursors)
    if table in SETTINGS:
        return Rewind(None, None, settings=True, cursors=cursors)
    raise SettingsError(
        f"There is no table {table} to rewind; there are {', '.join(sorted(WITH_BOOKINGS | SETTINGS))}."
    )


def _rewind(resources: dict[str, Any], rewind: Rewind) -> None:
    if rewind.bookings is not None:
        state = resources["booking_pages"]
        state["incremental"]["updated_at"]["last_value"] = rewind.bookings
        state.pop("backfill", None)
        # What the last load met is to be written again, too.
        state["recent"] = {}
        if rewind.bookings <= rewind.cursors.loaded_from:
            state["loaded_from"] = format_time(rewind.bookings)
            # From the very beginning, any table may follow.
            state["fed"] = sorted(rewind.cursors.fed | WITH_BOOKINGS)
    if rewind.payments is not None:
        state = resources["payment_feed"]
        state["incremental"]["received_time"]["last_value"] = rewind.payments
        state["recent"] = {}
    if rewind.settings:
        resources.get("settings_answers", {}).pop("read_at", None)


def _windows(since: datetime, until: datetime) -> int:
    return max(math.ceil((until - since) / (MAX_WINDOW + timedelta(seconds=1))), 1)


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
