"""What a first load may cost where Bookeo helps least."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cheap_loads import asked, load_as_needed

from bookeo_sandbox import serve
from hidden_customers import hide_customers
from truth import DATASET, query

BUSINESS: dict[str, Any] = {"bookings": 300, "years": 0.4, "end": "2026-06-30"}
WINDOW = timedelta(days=31, seconds=1)


def pages(times: list[datetime], start: datetime, end: datetime, size: int) -> int:
    """Pages of a list that is read in windows of 31 days, each at least one."""
    found = 0
    while start <= end:
        found += max(1, -(-sum(start <= moment < start + WINDOW for moment in times) // size))
        start += WINDOW
    return found


def moments(records: list[dict[str, Any]], *fields: str) -> list[datetime]:
    return [datetime.fromisoformat(next(r[f] for f in fields if f in r)).astimezone(UTC) for r in records]


def test_neither_another_language_nor_hidden_customers_cost_a_request_each(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(**BUSINESS, payment_description="Réservation n° {number}") as sandbox:
        hidden = hide_customers(sandbox, 20, monkeypatch.setattr)
        truth = sandbox.truth()
        start = min(moments(truth["bookings"], "creationTime")).replace(hour=0, minute=0, second=0)
        end = datetime.fromisoformat(sandbox.now()).astimezone(UTC)
        database = folder / "bookeo.duckdb"
        load_as_needed(sandbox, database, start=start.date().isoformat(), tables=("bookings", "customers", "payments"))
        requests = asked(sandbox)
    assert len(hidden) > 5
    least = pages(moments(truth["bookings"], "lastChangeTime", "creationTime"), start, end, 100)
    least += pages(moments(truth["payments"], "receivedTime"), start, end, 300)
    customers = -(-(len(truth["customers"]) - len(hidden)) // 100)
    assert not {"GET /bookings/{bookingNumber}/customer", "GET /bookings/{bookingNumber}"} & requests.keys()
    # Two ask what the api key may do: before all else, and where bookings come without their customers.
    assert sum(requests.values()) <= 1.05 * least + customers + 2, requests
    linked = f"SELECT count(*) FROM {DATASET}.payments WHERE booking_number IS NOT NULL"
    assert query(database, linked) == [(sum("bookingNumber" in payment for payment in truth["payments"]),)]
