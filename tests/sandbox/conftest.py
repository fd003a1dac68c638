from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from sandbox_asking import Ask

from bookeo_sandbox import Sandbox, serve
from patience import PATIENCE


@pytest.fixture(scope="session")
def server() -> Iterator[Sandbox]:
    with serve(seed=3, bookings=500, years=0.6, accounts=2) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(server: Sandbox) -> Iterator[Sandbox]:
    yield server
    server.remove_hooks()
    server.reset()


@pytest.fixture
def ask(sandbox: Sandbox) -> Iterator[Ask]:
    """Sends a request with the first account's keys."""
    with requests.Session() as session:
        session.headers.update({"X-Bookeo-secretKey": sandbox.secret_key, "X-Bookeo-apiKey": sandbox.api_key})

        def send(path: str, method: str = "GET", **query: Any) -> requests.Response:
            json = query.pop("json", None)
            headers = query.pop("headers", None)
            url = f"{sandbox.base_url}{path}"
            return session.request(method, url, params=query, json=json, headers=headers, timeout=PATIENCE)

        yield send
