"""What a load would cost, before it is made: one request for each window, and what they tell is kept for the load."""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from bookeo import LoadSession
from bookeo.cursor.ranges import Range, Wanted, next_range
from bookeo.cursor.state import LoadState
from bookeo.extract.availability import products_with_slots, snapshot_is_due, snapshot_windows
from bookeo.extract.reference_data import SETTINGS_ENTITIES, lists_are_due
from bookeo.extract.window_reader import booking_fetch, windows_of
from bookeo.schema import BOOKING
from bookeo.settings.model import BookeoSettings, moment
from bookeo.windows import Window, format_time, parse_time
from bookeo_pipelines.destinations.target import Target
from bookeo_pipelines.warehouse.cursors import source_state
from bookeo_pipelines.warehouse.load_packages import open_pipeline, working_folder

PAYMENTS_PER_BOOKING = 1.3
"""Guess for the payments feed, whose size nobody knows beforehand."""


@dataclass(frozen=True)
class Plan:
    """What a load would ask for.

    Args:
        account_id: The account.
        covered: The range.
        windows: Bookings announced for each window.
        requests: Requests by operation; those of the children are estimates.
        requests_per_second: The pace; 0: none.
        requests_made: Requests that planning took.
    """

    account_id: str
    covered: Range
    windows: Mapping[Window, int]
    requests: Mapping[str, int]
    requests_per_second: float
    requests_made: int

    @property
    def bookings(self) -> int:
        """Bookings announced in all windows."""
        return sum(self.windows.values())

    @property
    def seconds(self) -> float:
        """How long the requests take at the pace; 0 where there is none."""
        return sum(self.requests.values()) / self.requests_per_second if self.requests_per_second else 0.0


def make_plan(
    settings: BookeoSettings, target: Target, pipeline_name: str, since: datetime | None, until: datetime | None
) -> Plan:
    """Asks how much there is to load.

    Args:
        settings: The account's settings.
        target: Where the load would go.
        pipeline_name: dlt's name of the pipeline.
        since: As for the load.
        until: As for the load.

    Returns:
        The plan; which windows are empty is kept for the load that follows.

    Raises:
        BookeoError: The API or the destination cannot be asked, or the range makes no sense.
    """
    session = LoadSession(settings)
    try:
        state = _state(target, pipeline_name)
        covered = _range(session, state, since, until)
        windows = windows_of(covered.asked, settings)
        fetch = booking_fetch(session.client)
        with ThreadPoolExecutor(settings.concurrency) as threads:
            totals = threads.map(lambda window: fetch(window, 1, None).info.total_items or 0, windows)
            counted = dict(zip(windows, totals, strict=True))
        _keep(pipeline_name, target, session, counted)
        return Plan(
            account_id=session.account_id,
            covered=covered,
            windows=counted,
            requests=_requests(settings, counted, lists=lists_are_due(session, state)) | _slot_requests(session, state),
            requests_per_second=settings.effective_requests_per_second,
            requests_made=session.client.transport.usage.total_requests,
        )
    finally:
        session.close()


def _state(target: Target, pipeline_name: str) -> LoadState:
    """A copy of what the loads remember; that of no load if nothing was loaded."""
    if target.database is not None and not target.database.exists():
        return LoadState()
    with tempfile.TemporaryDirectory() as folder:
        return LoadState.from_source(source_state(open_pipeline(pipeline_name, target, Path(folder)).state))


def _range(session: LoadSession, state: LoadState, since: datetime | None, until: datetime | None) -> Range:
    """What the load would cover, decided on a copy of its state."""
    state.belongs_to(session.account_id)
    return next_range(
        state,
        "bookings",
        Wanted(
            # The tables of the loads so far; of the first one, any.
            tables=frozenset(state.bookings.covered) or frozenset({BOOKING.table.name}),
            start=moment(session.settings.start, "The setting start"),
            since=since,
            until=until,
            overlap_seconds=session.settings.overlap_seconds,
        ),
        session.clocks,
    )


def _requests(settings: BookeoSettings, windows: Mapping[Window, int], *, lists: bool) -> dict[str, int]:
    bookings = sum(windows.values())
    requests = {
        "GET /settings/*": 1 + len(SETTINGS_ENTITIES) * lists,
        "GET /bookings": sum(-(-total // settings.items_per_page) for total in windows.values()),
    }
    if settings.customers == "always":
        requests["GET /bookings/{bookingNumber}/customer (at most)"] = bookings
    if settings.payments == "always":
        requests["GET /bookings/{bookingNumber}/payments"] = bookings
    elif settings.payments == "as_needed":
        pages = [math.ceil(total * PAYMENTS_PER_BOOKING / settings.payments_per_page) for total in windows.values()]
        requests["GET /payments (about)"] = sum(max(count, 1) for count in pages) or 1
    if settings.histories == "always":
        requests["GET /customers/{id}/bookings (at most)"] = bookings
    return requests


def _slot_requests(session: LoadSession, state: LoadState) -> dict[str, int]:
    if not snapshot_is_due(session, state) or not session.may_read("availability"):
        return {}
    return {"GET /availability/slots (about)": 1 + len(products_with_slots(session)) * len(snapshot_windows(session))}


def _file(pipeline_name: str, target: Target) -> Path:
    return working_folder(target) / f"{pipeline_name}.plan.json"


def _keep(pipeline_name: str, target: Target, session: LoadSession, windows: Mapping[Window, int]) -> None:
    # The last windows may still fill; those before the overlap can no longer.
    settled = session.now - timedelta(seconds=session.settings.overlap_seconds)
    empty = [w for w, total in windows.items() if not total and w.end < settled]
    path = _file(pipeline_name, target)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(
        {
            "account_id": session.account_id,
            "empty": [[format_time(w.start), format_time(w.end)] for w in empty],
        }
    )
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)


def known_empty(pipeline_name: str, target: Target, account_id: str) -> frozenset[Window]:
    """Tells which windows a plan has found empty, once: the load that uses them forgets them.

    Args:
        pipeline_name: dlt's name of the pipeline.
        target: Where the load goes.
        account_id: The account that the keys open.

    Returns:
        Windows that need not be asked for; none without a plan.
    """
    path = _file(pipeline_name, target)
    try:
        plan = json.loads(path.read_text())
        path.unlink()
        if plan["account_id"] != account_id:
            return frozenset()
        return frozenset(Window(parse_time(start), parse_time(end)) for start, end in plan["empty"])
    except (OSError, ValueError, KeyError, TypeError):
        return frozenset()
