"""The business that everybody loads: its server, its pages on disk, and what must be found in the tables."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import requests

START = datetime(2023, 7, 1, tzinfo=UTC)
END = datetime(2026, 6, 30, 23, 59, 59, tzinfo=UTC)
WINDOW = timedelta(days=31)
SECOND = timedelta(seconds=1)
LISTS = {
    "booking_participants": ("participants", "numbers"),
    "booking_people": ("participants", "details"),
    "booking_options": ("options",),
    "booking_resources": ("resources",),
    "booking_taxes": ("price", "taxes"),
    "booking_price_adjustments": ("priceAdjustments",),
    "booking_coupons": ("couponCodes",),
}
CUSTOMER_LISTS = {"customer_phone_numbers": ("phoneNumbers",), "customer_custom_fields": ("customFields",)}


@dataclass
class Truth:
    """What the pages hold.

    Args:
        rows: Rows by table.
        gross: Sum of all bookings' `totalGross`.
    """

    rows: Counter[str] = field(default_factory=Counter)
    gross: Decimal = Decimal(0)
    _customers: set[str] = field(default_factory=set)

    def add(self, page: bytes) -> None:
        """Counts a page.

        Args:
            page: Its bytes.
        """
        for booking in orjson.loads(page)["data"]:
            self.rows["bookings"] += 1
            self.gross += Decimal(booking["price"]["totalGross"]["amount"])
            self._count(booking, LISTS)
            customer = booking.get("customer")
            if customer and customer["id"] not in self._customers:
                self._customers.add(customer["id"])
                self.rows["customers"] += 1
                self._count(customer, CUSTOMER_LISTS)

    def _count(self, owner: Any, lists: Mapping[str, tuple[str, ...]]) -> None:
        for table, path in lists.items():
            value = owner
            for name in path:
                value = value.get(name, {})
            self.rows[table] += len(value)


class Api:
    """A running server, see `replay.py`.

    Args:
        described: What it said of itself.
    """

    def __init__(self, described: dict[str, Any]) -> None:
        self.base_url: str = described["base_url"]
        self.keys: dict[str, str] = {name: described[name] for name in ("api_key", "secret_key")}
        self._root = self.base_url.removesuffix("/v2")
        self._session = requests.Session()
        self._session.headers.update(
            {"X-Bookeo-apiKey": self.keys["api_key"], "X-Bookeo-secretKey": self.keys["secret_key"]}
        )

    def control(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        """Does something to the business or its server.

        Args:
            method: HTTP method.
            path: Such as `_sandbox/advance` or `_replay`.
            **arguments: Sent as JSON.

        Returns:
            The answer.
        """
        answer = self._session.request(method, f"{self._root}/{path}", json=arguments, timeout=600)
        answer.raise_for_status()
        return answer.json()  # type: ignore[no-any-return]

    def pages(self) -> Iterator[bytes]:
        """Asks for all pages of all windows.

        Yields:
            Their bytes, but for those of empty windows.
        """
        for start, end in windows():
            query = {
                "lastUpdatedStartTime": start,
                "lastUpdatedEndTime": end,
                "includeCanceled": "true",
                "expandCustomer": "true",
                "expandParticipants": "true",
                "itemsPerPage": "100",
            }
            first = self._get(query)
            info = orjson.loads(first)["info"]
            for number in range(1, info["totalPages"] + 1):
                more = {"pageNavigationToken": info.get("pageNavigationToken"), "pageNumber": str(number)}
                yield first if number == 1 else self._get(more)

    def _get(self, query: dict[str, Any]) -> bytes:
        answer = self._session.get(f"{self.base_url}/bookings", params=query, timeout=60)
        answer.raise_for_status()
        return answer.content


def windows() -> list[tuple[str, str]]:
    """Cuts the business's history into windows of 31 days that meet to the second.

    Returns:
        First and last second of each, as the API spells times.
    """
    found = []
    start = START
    while start <= END:
        end = min(start + WINDOW, END)
        found.append((start.isoformat(), end.isoformat()))
        start = end + SECOND
    return found


@contextmanager
def served(bookings: int) -> Iterator[Api]:
    """Serves a business from a process of its own.

    Args:
        bookings: Its size.

    Yields:
        The server.
    """
    command = [sys.executable, str(Path(__file__).with_name("replay.py")), "--bookings", str(bookings)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        try:
            yield Api(json.loads(process.stdout.readline()))
        finally:
            process.terminate()


def keep_pages(api: Api, folder: Path) -> Truth:
    """Writes all pages to disk, byte for byte.

    Args:
        api: The server.
        folder: Where to.

    Returns:
        What they hold.
    """
    truth = Truth()
    for number, page in enumerate(api.pages(), 1):
        (folder / f"{number:06}.json").write_bytes(page)
        truth.add(page)
    return truth
