"""A client that knows only the API's description, with nothing but the standard library, walks a whole business."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from bookeo_sandbox import serve
from patience import PATIENCE

Json = dict[str, Any]


class ForeignClient:
    def __init__(self, base_url: str, secret_key: str, api_key: str) -> None:
        self._base_url = base_url
        self._headers = {"X-Bookeo-secretKey": secret_key, "X-Bookeo-apiKey": api_key}

    def get(self, path: str, **query: Any) -> tuple[Json, datetime]:
        url = f"{self._base_url}{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(urllib.request.Request(url, headers=self._headers), timeout=PATIENCE) as answer:
            return json.load(answer), parsedate_to_datetime(answer.headers["Date"])

    def pages(self, path: str, **query: Any) -> Iterator[Json]:
        page, _ = self.get(path, **query)
        yield from page["data"]
        for number in range(2, page["info"]["totalPages"] + 1):
            more, _ = self.get(path, pageNavigationToken=page["info"]["pageNavigationToken"], pageNumber=number)
            yield from more["data"]

    def windows(self, begin: datetime, end: datetime) -> Iterator[tuple[str, str]]:
        while begin <= end:
            last = min(begin + timedelta(days=31), end)
            yield begin.isoformat(), last.isoformat()
            begin = last + timedelta(seconds=1)

    def everything(self, since: datetime) -> Json:
        _, now = self.get("/settings/apikeyinfo")
        bookings = [
            booking
            for begin, end in self.windows(since, now)
            for booking in self.pages(
                "/bookings", lastUpdatedStartTime=begin, lastUpdatedEndTime=end, includeCanceled="true",
                expandCustomer="true", expandParticipants="true", itemsPerPage=100,
            )
        ]  # fmt: skip
        feed = [
            p
            for begin, end in self.windows(since, now)
            for p in self.pages("/payments", startTime=begin, endTime=end, itemsPerPage=300)
        ]
        return {
            "bookings": bookings,
            "customers": list(self.pages("/customers", itemsPerPage=100)),
            "payments": feed,
            "own payments": {
                b["bookingNumber"]: list(self.pages(f"/bookings/{b['bookingNumber']}/payments")) for b in bookings
            },
            "histories": {
                c: [b["bookingNumber"] for b in self.pages(f"/customers/{c}/bookings")]
                for c in {b["customerId"] for b in bookings}
            },
        }


@pytest.mark.parametrize("position", [0, 3])
def test_it_finds_exactly_the_truth(position: int) -> None:
    with serve(seed=11, bookings=400, years=1, accounts=4) as sandbox:
        sandbox.advance(days=30)
        account = sandbox.accounts[position]
        client = ForeignClient(sandbox.base_url, sandbox.secret_key, account.api_key)
        found, truth = client.everything(datetime(2025, 6, 1, tzinfo=UTC)), sandbox.truth(position)

    def by(name: str, rows: list[Json]) -> dict[str, Json]:
        keyed = {row[name]: row for row in rows}
        assert len(keyed) == len(rows)
        return keyed

    assert by("bookingNumber", found["bookings"]) == by("bookingNumber", truth["bookings"])
    assert by("id", found["customers"]) == by("id", truth["customers"])
    plain = [{k: v for k, v in p.items() if k != "bookingNumber"} for p in truth["payments"]]
    assert by("id", found["payments"]) == by("id", plain)
    own = {p["id"] for p in truth["payments"] if "bookingNumber" in p}
    assert {p["id"] for rows in found["own payments"].values() for p in rows} == own
    histories = {
        c["id"]: sorted(b["bookingNumber"] for b in truth["bookings"] if b["customerId"] == c["id"])
        for c in truth["customers"]
    }
    assert {c: sorted(numbers) for c, numbers in found["histories"].items()} == {
        c: n for c, n in histories.items() if n
    }
