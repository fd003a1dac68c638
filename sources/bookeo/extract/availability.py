"""Snapshots of the availability: the slots of tours and courses in the coming weeks, and how many seats are free."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from datetime import timedelta
from functools import partial
from typing import Any

from bookeo.client.completeness import whole_list
from bookeo.cursor.state import LoadState, changing
from bookeo.errors import NotFound, PermissionMissing, RequestBudgetSpent
from bookeo.extract.archive_writer import archived
from bookeo.extract.batch import Batch
from bookeo.extract.session import LoadSession
from bookeo.schema import SLOT
from bookeo.transform.shape import RawPage
from bookeo.windows import AGAIN_AFTER, MAX_WINDOW, Window, format_time, split_range


def snapshot_is_due(session: LoadSession, state: LoadState) -> bool:
    """Tells whether a snapshot is to be taken.

    Args:
        session: The load; its setting `slots` says whether snapshots are wanted.
        state: What the loads remember.

    Returns:
        Whether it is most of a day since the last one.
    """
    return session.settings.slots != "never" and state.due("slots", session.now, AGAIN_AFTER)


def snapshot_windows(session: LoadSession) -> list[Window]:
    """Cuts the time that a snapshot shows into ranges that the API takes.

    Args:
        session: The load; its setting `slots_days` says how far ahead.

    Returns:
        Windows of at most 31 days, from now on.
    """
    until = session.now + timedelta(days=session.settings.slots_days, seconds=-1)
    return split_range(session.now, until, MAX_WINDOW)


def products_with_slots(session: LoadSession) -> list[str]:
    """Asks which products take place at set times: one request.

    Args:
        session: The load.

    Returns:
        Ids of products; appointments (`flexibleTime`) have no slots.
    """
    products = session.client.products().records
    return [str(p["productId"]) for p in products if p.get("productId") and p.get("type") != "flexibleTime"]


def slot_batches(session: LoadSession, source_state: MutableMapping[str, Any]) -> Iterator[Batch]:
    """Takes a snapshot, unless that was done lately: a request for each product and 31 days, and one for the products.

    Args:
        session: The load.
        source_state: What the source keeps in dlt's state.

    Yields:
        A batch for each product.
    """
    if session.failure or not snapshot_is_due(session, LoadState.from_source(source_state)):
        return
    if not session.may_read("availability"):
        session.notes.skipped["slots", "not permitted"] += 1
        session.notes.say("Slots are left out: the api key lacks the permission availability_r.")
        return
    try:
        for product_id in products_with_slots(session):
            yield archived(session, Batch(session, SLOT, _pages_of(session, product_id)), "GET /availability/slots")
    except RequestBudgetSpent as error:
        if not session.chunked:
            raise
        session.failure = error
        return
    except (PermissionMissing, NotFound) as error:
        session.notes.skipped["slots", "not permitted"] += 1
        session.notes.say(error.message)
        return
    with changing(source_state) as state:
        state.done_at["slots"] = session.now


def _pages_of(session: LoadSession, product_id: str) -> list[RawPage]:
    pages = []
    for window in snapshot_windows(session):
        # Nothing that is documented says whose a slot is (source: the vendor's pages), so each product is asked for.
        for page in whole_list(partial(session.client.slots_page, window, product_id), key="eventId").pages:
            seen_at = page.answer.server_time or session.now
            pages.append(
                RawPage(
                    page.answer.body,
                    "data",
                    {"product_id": product_id, "snapshot_at": format_time(seen_at)},
                    {
                        "window": [format_time(window.start), format_time(window.end)],
                        "page": page.info.current_page,
                        "server_time": page.answer.server_time,
                    },
                )
            )
    return pages
