"""A script with requests and pandas: customers come with their bookings, payments are asked for booking by booking."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import pandas as pd
import requests

SETTINGS_LISTS = ("business", "products", "peoplecategories", "resources", "taxes")


def load(
    base_url: str, api_key: str, secret_key: str, windows: Iterable[tuple[datetime, datetime]]
) -> dict[str, pd.DataFrame]:
    """Reads bookings, their payments and the small lists.

    Args:
        base_url: Where the API is.
        api_key: Key of the account.
        secret_key: Key of the application.
        windows: First and last second of each, aware.

    Returns:
        Frames by name. Histories are left out, as scripts do.
    """
    session = requests.Session()
    session.headers.update({"X-Bookeo-apiKey": api_key, "X-Bookeo-secretKey": secret_key})
    bookings: list[Any] = []
    payments: list[Any] = []
    for start, end in windows:
        query = {
            "lastUpdatedStartTime": start.isoformat(),
            "lastUpdatedEndTime": end.isoformat(),
            "includeCanceled": "true",
            "expandCustomer": "true",
            "expandParticipants": "true",
            "itemsPerPage": "100",
        }
        for booking in _items(session, f"{base_url}/bookings", query):
            bookings.append(booking)
            number = booking["bookingNumber"]
            for payment in _items(session, f"{base_url}/bookings/{number}/payments", {"itemsPerPage": "300"}):
                payments.append({**payment, "bookingNumber": number})
    frames = {"bookings": pd.json_normalize(bookings), "payments": pd.json_normalize(payments)}
    for name in SETTINGS_LISTS:
        answer = _get(session, f"{base_url}/settings/{name}", {})
        frames[name] = pd.json_normalize(answer.get("data") or answer.get("categories") or [answer])
    return frames


def _items(session: requests.Session, url: str, query: dict[str, str]) -> Iterator[Any]:
    page = 1
    answer = _get(session, url, query)
    token = answer["info"].get("pageNavigationToken")
    while True:
        yield from answer["data"]
        page += 1
        if page > answer["info"]["totalPages"]:
            return
        answer = _get(session, url, {"pageNavigationToken": token, "pageNumber": str(page)})


def _get(session: requests.Session, url: str, query: dict[str, str]) -> Any:
    response = session.get(url, params=query, timeout=60)
    response.raise_for_status()
    return response.json()
