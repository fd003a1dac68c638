"""A window that was read, as what reads it hands it to what remembers it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bookeo.windows import Window


@dataclass(frozen=True)
class WindowRead:
    """A window that was read.

    Args:
        window: The range that it stands for, both ends inclusive; what was asked reaches a little over both.
        bodies: One answer's bytes for each page, in page order.
        keys: The distinct keys on those pages.
        announced: Items that the API announced for the window; None where it announced no number.
        requests: Requests made for the window, readings that did not add up and retries included.
        attempts: How often the window was read until it added up.
        seconds: Time from the first request for it to the last answer.
        server_time: The server's clock at the last answer, if it said so.
        server_times: The same for each of `bodies`.
        recent: Marks of the items changed of late, by key: the next load meets them again.
        unchanged: Keys of the items that are exactly as an earlier load met them.
        proven: Whether the pages add up to what was announced. If not, the window is to be read again by a later load.
    """

    window: Window
    bodies: tuple[bytes, ...]
    keys: frozenset[str]
    announced: int | None
    requests: int
    attempts: int
    seconds: float
    server_time: datetime | None
    server_times: tuple[datetime | None, ...] = ()
    recent: Mapping[str, str] = field(default_factory=dict)
    unchanged: frozenset[str] = frozenset()
    proven: bool = True
