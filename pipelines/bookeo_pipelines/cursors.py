"""How far a pipeline has come, as its state in the destination tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bookeo.windows import parse_time


@dataclass(frozen=True)
class Cursors:
    """Where the next load of an account goes on from.

    Args:
        account_id: The account.
        bookings: Up to when changes of bookings have been read, aware.
        loaded_from: The first moment ever read, aware.
        fed: Tables that have followed the bookings' cursor.
        payments: Up to when the payments feed has been read, aware; None where it is not.
        settings: When the account's small lists were read last, aware; None where they were not.
    """

    account_id: str
    bookings: datetime
    loaded_from: datetime
    fed: frozenset[str]
    payments: datetime | None
    settings: datetime | None


def source_state(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """Finds what the source keeps in a pipeline's state.

    Args:
        state: dlt's state of the pipeline.

    Returns:
        It; empty if nothing was loaded.
    """
    found: Mapping[str, Any] = state.get("sources", {}).get("bookeo", {})
    return found


def resource_states(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """Finds what the source's resources keep in a pipeline's state.

    Args:
        state: dlt's state of the pipeline.

    Returns:
        The state of each resource, by its name; empty if nothing was loaded.
    """
    found: Mapping[str, Any] = source_state(state).get("resources", {})
    return found


def read_cursors(state: Mapping[str, Any]) -> Cursors | None:
    """Reads how far a pipeline has come.

    Args:
        state: dlt's state of the pipeline.

    Returns:
        Its cursors; None if it has not loaded bookings.
    """
    resources = resource_states(state)
    bookings = resources.get("booking_pages", {})
    cursor = _last_value(bookings, "updated_at")
    if cursor is None or "account_id" not in bookings:
        return None
    read_at = resources.get("settings_answers", {}).get("read_at")
    return Cursors(
        account_id=bookings["account_id"],
        bookings=cursor,
        loaded_from=parse_time(bookings["loaded_from"]),
        fed=frozenset(bookings.get("fed", ())),
        payments=_last_value(resources.get("payment_feed", {}), "received_time"),
        settings=parse_time(read_at) if read_at else None,
    )


def _last_value(resource: Mapping[str, Any], cursor: str) -> datetime | None:
    found: datetime | None = resource.get("incremental", {}).get(cursor, {}).get("last_value")
    return found
