"""An API in memory, without HTTP: bookings that change between any two page requests, as the reader sees them."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from bookeo.client.pagination import ListPage, PageInfo
from bookeo.errors import RequestRejected
from bookeo.http.response import Answer
from bookeo.windows import Window

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def moment(second: int) -> datetime:
    """Second 0 is the start of 2026."""
    return EPOCH + timedelta(seconds=second)


@dataclass
class InventedBookings:
    """Stands in for `GET /bookings`: live pages, each request one look at the bookings as they are then.

    Args:
        order: What the pages are ordered by: `number`, `created` or `updated`.
        items_per_page: Bookings on a page.
        before: Called before each request with its ordinal, from 1; may change the bookings.
        on_page: Called with each page's number and items; what it returns is served instead.
    """

    order: str = "number"
    items_per_page: int = 3
    before: Callable[[int], None] | None = None
    on_page: Callable[[int, list[dict[str, Any]]], list[dict[str, Any]]] | None = None
    now: int = 0
    windows: list[Window] = field(default_factory=list)
    requests: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)
    bookings: dict[str, dict[str, Any]] = field(default_factory=dict)

    def put(self, number: str, second: int, **fields: Any) -> None:
        """Makes or changes a booking, as of a second."""
        with self.lock:
            old = self.bookings.get(number)
            version = old["version"] + 1 if old else 1
            created = old["created"] if old else second
            self.bookings[number] = {"updated": second, "created": created, "version": version, **fields}

    def delete(self, number: str) -> None:
        with self.lock:
            self.bookings.pop(number, None)

    def versions(self) -> dict[str, int]:
        with self.lock:
            return {number: booking["version"] for number, booking in self.bookings.items()}

    def page(self, window: Window, number: int, token: str | None) -> ListPage:
        with self.lock:
            self.requests += 1
            if self.before is not None:
                self.before(self.requests)
            size = self.items_per_page
            assert (number == 1) == (token is None), "a further page takes the token, the first takes none"
            self.windows.append(window)
            found = sorted(
                (n for n, booking in self.bookings.items() if moment(booking["updated"]) in window),
                key=lambda n: (n if self.order == "number" else self.bookings[n][self.order], n),
            )
            pages = math.ceil(len(found) / size)
            if number > max(pages, 1):
                raise RequestRejected("there is no such page")
            items = [self._record(n) for n in found[(number - 1) * size : number * size]]
            if self.on_page is not None:
                items = self.on_page(number, items)
            info = PageInfo(len(found), pages, number, f"{window.start}|{window.end}" if pages > 1 else None)
            body = orjson.dumps({"data": items})
            answer = Answer(body, server_time=moment(self.now), attempts=1, seconds=0.0, operation="GET /bookings")
            return ListPage(answer, info, items)

    def _record(self, number: str) -> dict[str, Any]:
        booking = self.bookings[number]
        record = {"bookingNumber": number, "creationTime": moment(booking["created"]).isoformat()}
        if booking["version"] > 1:
            record["lastChangeTime"] = moment(booking["updated"]).isoformat()
        return record | {"title": str(booking["version"]), "productId": str(booking.get("paid", 0))}


def settings_like(**values: Any) -> Any:
    """The settings that a reader looks at."""

    class _Settings:
        window_days = 31
        window_attempts = 3
        items_per_page = 3
        concurrency = 1
        overlap_seconds = 600
        effective_requests_per_second = 1.6

    made = _Settings()
    for name, value in values.items():
        setattr(made, name, value)
    return made


def records_of(bodies: tuple[bytes, ...]) -> list[Mapping[str, Any]]:
    """The bookings on a window's pages."""
    return [record for body in bodies for record in orjson.loads(body)["data"]]
