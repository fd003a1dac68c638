"""How far a pipeline has come, as its state in the destination tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bookeo.cursor.state import LoadState


@dataclass(frozen=True)
class Cursors:
    """How far the loads of an account have come.

    Args:
        account_id: The account.
        bookings: Up to when changes of bookings have been read without a gap, aware.
        loaded_from: The first moment ever read, aware.
        fed: Tables that are filled from the list of bookings.
        payments: Up to when the payments feed has been read without a gap, aware; None where it is not read.
        settings: When the account's small lists were read last, aware; None where they were not.
        state: All that the loads remember.
    """

    account_id: str
    bookings: datetime
    loaded_from: datetime
    fed: frozenset[str]
    payments: datetime | None
    settings: datetime | None
    state: LoadState


def source_state(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """Finds what the source keeps in a pipeline's state.

    Args:
        state: dlt's state of the pipeline.

    Returns:
        It; empty if nothing was loaded.
    """
    found: Mapping[str, Any] = state.get("sources", {}).get("bookeo", {})
    return found


def read_cursors(state: Mapping[str, Any]) -> Cursors | None:
    """Read how far a pipeline has come.

    Args:
        state: dlt's state of the pipeline.

    Returns:
        Its cursors; None if it has not loaded bookings.
    """
    loads = LoadState.from_source(source_state(state))
    first, reached = loads.bookings.first, loads.bookings.reached()
    if loads.account_id is None or first is None:
        return None
    return Cursors(
        account_id=loads.account_id,
        # A table of which nothing counts as read any more is read from the start.
        bookings=reached or first,
        loaded_from=first,
        fed=frozenset(table for table, part in loads.bookings.covered.items() if part),
        payments=loads.payments.reached(),
        settings=loads.done_at.get("settings"),
        state=loads,
    )
