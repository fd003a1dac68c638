"""A script with requests and pandas: customers come with their bookings, payments are asked for booking by booking.

    python with_a_script.py JOB.json

loads the bookings alone into DuckDB. Everything is held in memory until it is written, as scripts do.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
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
    session = _session(api_key, secret_key)
    bookings: list[Any] = []
    payments: list[Any] = []
    for start, end in windows:
        for booking in _bookings(session, base_url, start.isoformat(), end.isoformat()):
            bookings.append(booking)
            number = booking["bookingNumber"]
            for payment in _items(session, f"{base_url}/bookings/{number}/payments", {"itemsPerPage": "300"}):
                payments.append({**payment, "bookingNumber": number})
    frames = {"bookings": pd.json_normalize(bookings), "payments": pd.json_normalize(payments)}
    for name in SETTINGS_LISTS:
        answer = _get(session, f"{base_url}/settings/{name}", {})
        frames[name] = pd.json_normalize(answer.get("data") or answer.get("categories") or [answer])
    return frames


def _session(api_key: str, secret_key: str) -> requests.Session:
    session = requests.Session()
    session.headers.update({"X-Bookeo-apiKey": api_key, "X-Bookeo-secretKey": secret_key})
    return session


def _bookings(session: requests.Session, base_url: str, start: str, end: str) -> Iterator[Any]:
    query = {
        "lastUpdatedStartTime": start,
        "lastUpdatedEndTime": end,
        "includeCanceled": "true",
        "expandCustomer": "true",
        "expandParticipants": "true",
        "itemsPerPage": "100",
    }
    return _items(session, f"{base_url}/bookings", query)


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


def _rows(owners: Iterable[Any], key: str, *path: str) -> pd.DataFrame:
    rows = []
    for owner in owners:
        items = owner
        for name in path:
            items = items.get(name, {})
        for item in items:
            rows.append({"owner": owner[key], **(item if isinstance(item, dict) else {"code": item})})
    return pd.json_normalize(rows, sep="_")


def main() -> None:
    """Loads the bookings of a job."""
    job = json.loads(Path(sys.argv[1]).read_text())
    session = _session(job["api_key"], job["secret_key"])
    bookings = [one for window in job["windows"] for one in _bookings(session, job["base_url"], *window)]
    customers = list({one["customerId"]: one["customer"] for one in bookings if "customer" in one}.values())
    frames = {
        "bookings": pd.json_normalize([{**one, "customer": None, "participants": None} for one in bookings], sep="_"),
        "customers": pd.json_normalize(customers, sep="_"),
        "booking_participants": _rows(bookings, "bookingNumber", "participants", "numbers"),
        "booking_people": _rows(bookings, "bookingNumber", "participants", "details"),
        "booking_options": _rows(bookings, "bookingNumber", "options"),
        "booking_resources": _rows(bookings, "bookingNumber", "resources"),
        "booking_taxes": _rows(bookings, "bookingNumber", "price", "taxes"),
        "booking_price_adjustments": _rows(bookings, "bookingNumber", "priceAdjustments"),
        "booking_coupons": _rows(bookings, "bookingNumber", "couponCodes"),
        "customer_phone_numbers": _rows(customers, "id", "phoneNumbers"),
        "customer_custom_fields": _rows(customers, "id", "customFields"),
    }
    with duckdb.connect(job["database"]) as connection:
        for name, frame in frames.items():
            for column in frame.columns:
                if column.endswith("Time"):
                    frame[column] = pd.to_datetime(frame[column], utc=True)
            lists = [column for column in frame.columns if any(isinstance(value, list) for value in frame[column])]
            amounts = ", ".join(
                f'CAST("{column}" AS DECIMAL(19, 4)) AS "{column}"'
                for column in frame.columns
                if column.endswith("mount")
            )
            connection.register("frame", frame.drop(columns=lists))
            replaced = f" REPLACE ({amounts})" if amounts else ""
            connection.execute(f"CREATE TABLE {name} AS SELECT *{replaced} FROM frame")


if __name__ == "__main__":
    main()
