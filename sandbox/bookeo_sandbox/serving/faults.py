"""Faults on demand: which requests go wrong, and how."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

KINDS = (
    "rate_limit",
    "error",
    "delay",
    "drip",
    "cut",
    "reset",
    "html",
    "empty",
    "empty_list",
    "wrong_total",
    "wrong_date",
    "wrong_length",
    "wrong_encoding",
)
"""What can go wrong.

rate_limit: 429. error: a 4xx or 5xx. delay: the answer comes late. drip: it comes byte by byte. cut: it ends too early.
reset: the connection breaks. html: a 200 that is a web page. empty: a 200 without a body. empty_list: a list without
items. wrong_total: a list announces other totals than it has. wrong_date: the header `Date` is not the time.
wrong_length: the header `Content-Length` promises more, or less, than comes. wrong_encoding: the header
`Content-Encoding` names a compression that was not applied, for those who take any.
"""
TOTALS = ("one_more", "one_less", "approximate", "missing", "null", "float", "text")
"""What a `wrong_total` does to `totalItems` and `totalPages`."""
DATES = ("shifted", "no_zone", "absent", "nonsense")
"""What a `wrong_date` does to the header."""
BEFORE = ("rate_limit", "error")
"""Kinds that answer instead of the operation; with the others the operation takes place."""


@dataclass(slots=True)
class Fault:
    """A rule that makes requests go wrong.

    Args:
        kind: One of `KINDS`.
        operation: Method and path template, e.g. `GET /bookings/{bookingNumber}/payments`; None: every operation.
        probability: Part of the matching requests that go wrong.
        seed: Seed of that chance.
        times: How many requests go wrong before the rule ends; None: no end.
        after: How many matching requests go well first.
        for_seconds: The rule ends this many real seconds after its first fault.
        status: The status code of an `error`.
        seconds: How long a `delay` is, the pause between two bytes of a `drip`, or how far ahead a shifted date is.
        total: One of `TOTALS`.
        date: One of `DATES`.
        length: How many bytes a wrong length promises beyond those that come; negative: too few.
        encoding: What a wrong encoding names.
        retry_after: Seconds that a `rate_limit` names.
        retry_after_in: Where: `header`, `body` or `none`.
        executed: A `reset` breaks the connection after the operation took place; otherwise before.
        count: How many requests went wrong.
    """

    kind: str
    operation: str | None = None
    probability: float = 1.0
    seed: int = 0
    times: int | None = None
    after: int = 0
    for_seconds: float | None = None
    status: int = 503
    seconds: float = 1.0
    total: str = "one_more"
    date: str = "shifted"
    length: int = 100
    encoding: str = "gzip"
    retry_after: int = 1
    retry_after_in: str = "header"
    executed: bool = True
    count: int = 0
    _seen: int = field(default=0, init=False, repr=False)
    _first: float | None = field(default=None, init=False, repr=False)
    _rng: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no fault {self.kind!r}; there are {', '.join(KINDS)}")
        if self.retry_after_in not in ("header", "body", "none"):
            raise ValueError("retry_after_in is header, body or none")
        if self.total not in TOTALS or self.date not in DATES:
            raise ValueError(f"total is one of {', '.join(TOTALS)}; date is one of {', '.join(DATES)}")
        if not 0 <= self.probability <= 1 or not 400 <= self.status <= 599:
            raise ValueError("probability lies between 0 and 1, status between 400 and 599")
        if self.seconds < 0 and self.kind != "wrong_date":
            raise ValueError("seconds are not negative, but for a wrong date")
        self._rng = random.Random(self.seed)  # noqa: S311

    def strikes(self, operation: str) -> bool:
        """Decides about a request.

        Args:
            operation: Method and path template.

        Returns:
            True if it goes wrong.
        """
        if self.operation not in (None, operation) or (self.times is not None and self.count >= self.times):
            return False
        if (
            self._first is not None
            and self.for_seconds is not None
            and time.monotonic() - self._first > self.for_seconds
        ):
            return False
        self._seen += 1
        if self._seen <= self.after or self._rng.random() >= self.probability:
            return False
        if self._first is None:
            self._first = time.monotonic()
        self.count += 1
        return True

    def as_dict(self) -> dict[str, Any]:
        """Shows the rule.

        Returns:
            Its arguments.
        """
        return {name: value for name, value in asdict(self).items() if not name.startswith("_")}


class RateLimiter:
    """A true limit: a bucket of requests for each api key, in real time.

    Args:
        per_second: Requests that each key gets back in a second.
        burst: The most that it can save up.
        clock: Monotonic seconds.
    """

    def __init__(self, per_second: float, burst: int = 1, *, clock: Callable[[], float] = time.monotonic) -> None:
        if per_second <= 0 or burst < 1:
            raise ValueError("per_second must be above 0, burst at least 1")
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._level: dict[str, tuple[float, float]] = {}

    def wait(self, key: str) -> float:
        """Counts a request.

        Args:
            key: The api key.

        Returns:
            0 if it may pass, else how many seconds it is too early.
        """
        now = self._clock()
        level, at = self._level.get(key, (float(self._burst), now))
        level = min(float(self._burst), level + (now - at) * self._per_second)
        if level >= 1:
            self._level[key] = (level - 1, now)
            return 0.0
        self._level[key] = (level, now)
        return (1 - level) / self._per_second
