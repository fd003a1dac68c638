"""What the tests of the sandbox share."""

from __future__ import annotations

from collections.abc import Callable

import requests

Ask = Callable[..., requests.Response]
"""Sends a request with the first account's keys: path, method, then parameters, `json`, `headers`."""

JUNE = {"lastUpdatedStartTime": "2026-05-31T00:00:00Z", "lastUpdatedEndTime": "2026-07-01T00:00:00Z"}
"""31 days that end a second after the sandbox's clock."""
