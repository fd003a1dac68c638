"""dlt's own `rest_api` source: bookings in windows of 31 days, and for each its customer, payments and history.

What it cannot say in a configuration is written as one would: a paginator for Bookeo's token and page number, and a
loop over the windows, because a request may not span more than 31 days.

    python with_rest_api.py JOB.json [parquet]

loads the bookings alone, their customers embedded, with dlt's own load files or with Parquet.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import dlt
from dlt.sources.helpers.requests import Request, Response
from dlt.sources.helpers.rest_client.paginators import BasePaginator
from dlt.sources.rest_api import rest_api_source

SETTINGS_LISTS = {"products": "data", "peoplecategories": "categories", "resources": "data", "taxes": "data"}


class TokenAndPage(BasePaginator):
    """Sends the first page's token with the number of each further page."""

    def init_request(self, request: Request) -> None:
        """Begins with the first page of each list."""
        self._token: str | None = None
        self._page, self._pages = 1, 1
        self._has_next_page = True

    def update_state(self, response: Response, data: list[Any] | None = None) -> None:
        """Reads how many pages there are."""
        info = response.json().get("info", {})
        self._token = info.get("pageNavigationToken") or self._token
        self._pages = info.get("totalPages", 1)
        self._page += 1
        self._has_next_page = self._page <= self._pages and self._token is not None

    def update_request(self, request: Request) -> None:
        """Asks for the next page."""
        request.params = {"pageNavigationToken": self._token, "pageNumber": str(self._page)}


def load(
    base_url: str, api_key: str, secret_key: str, windows: Iterable[tuple[datetime, datetime]], folder: Path
) -> None:
    """Extracts everything of some windows; loading it would make no further request.

    Args:
        base_url: Where the API is.
        api_key: Key of the account.
        secret_key: Key of the application.
        windows: First and last second of each, aware.
        folder: Where dlt may work.
    """
    pipeline = dlt.pipeline("with_rest_api", pipelines_dir=str(folder), destination="duckdb", dataset_name="bookeo")
    for number, window in enumerate(windows):
        pipeline.extract(_source(base_url, api_key, secret_key, window, with_lists=number == 0))


def _source(
    base_url: str, api_key: str, secret_key: str, window: tuple[datetime, datetime], *, with_lists: bool
) -> Any:
    children: list[Any] = [
        {
            "name": "customers",
            "primary_key": "id",
            "endpoint": {
                "path": "bookings/{resources.bookings.bookingNumber}/customer",
                "paginator": "single_page",
                "data_selector": "$",
            },
        },
        {
            "name": "payments",
            "primary_key": "id",
            "endpoint": {
                "path": "bookings/{resources.bookings.bookingNumber}/payments",
                "params": {"itemsPerPage": 300},
                "data_selector": "data",
            },
        },
        {
            "name": "customer_bookings",
            "primary_key": "bookingNumber",
            "endpoint": {
                "path": "customers/{resources.bookings.customerId}/bookings",
                "params": {"itemsPerPage": 100},
                "data_selector": "data",
            },
        },
    ]
    lists: list[Any] = [
        {
            "name": name,
            "write_disposition": "replace",
            "endpoint": {"path": f"settings/{name}", "data_selector": selector, "paginator": "single_page"},
        }
        for name, selector in (*SETTINGS_LISTS.items(), ("business", "$"))
    ]
    return _rest_api(
        base_url,
        api_key,
        secret_key,
        [_bookings([moment.isoformat() for moment in window]), *children, *(lists if with_lists else [])],
        parallelized=True,
    )


def _bookings(window: list[str], **asked: str) -> dict[str, Any]:
    return {
        "name": "bookings",
        "primary_key": "bookingNumber",
        "endpoint": {
            "path": "bookings",
            "params": {
                "lastUpdatedStartTime": window[0],
                "lastUpdatedEndTime": window[1],
                "includeCanceled": "true",
                "expandParticipants": "true",
                "itemsPerPage": 100,
                **asked,
            },
            "data_selector": "data",
        },
    }


def _rest_api(base_url: str, api_key: str, secret_key: str, resources: list[Any], *, parallelized: bool = False) -> Any:
    return rest_api_source(
        {
            "client": {
                "base_url": base_url,
                "headers": {"X-Bookeo-apiKey": api_key, "X-Bookeo-secretKey": secret_key},
                "paginator": TokenAndPage(),
            },
            "resource_defaults": {"write_disposition": "merge", "parallelized": parallelized},
            "resources": resources,
        }
    )


def main() -> None:
    """Loads the bookings of a job: one resource for each window, one table, one run."""
    job = json.loads(Path(sys.argv[1]).read_text())
    windows = [_bookings(window, expandCustomer="true") for window in job["windows"]]
    resources = [{**bookings, "name": f"{number}", "table_name": "bookings"} for number, bookings in enumerate(windows)]
    pipeline = dlt.pipeline(
        "with_rest_api", destination=dlt.destinations.duckdb(job["database"]), dataset_name="bookeo"
    )
    source = _rest_api(job["base_url"], job["api_key"], job["secret_key"], resources)
    if sys.argv[2:] == ["parquet"]:
        pipeline.run(source, loader_file_format="parquet")
    else:
        pipeline.run(source)


if __name__ == "__main__":
    main()
