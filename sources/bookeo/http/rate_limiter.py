"""The gate that every request of an api key goes through.

Bookeo limits an account's requests, so threads and transports that use the same api key share one `Gate`: a token
bucket that a 429 closes for all of them at once. Its rate falls by half then, and comes back step by step: soon to a
little below the rate that was refused, from there on very slowly, as each further 429 costs more than that little.
Bursts are over for good, for a server without room for them refuses each.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable

RECOVERED_SHARE = 0.96
"""Up to this share of the rate that was refused, the rate comes back soon..."""
SOON_SHARE = 2 / 3
"""... each success making up for this share of what is missing..."""
PROBING_STEPS = 20_000
"""... and from there on it takes so many successes to win back the whole configured rate."""
SLOWEST_SHARE = 1 / 16
"""The rate never falls below this share of the configured one."""


class Gate:
    """A token bucket with a door that a 429 closes; safe to share between threads.

    Args:
        rate: Requests per second; 0 for no pace (a 429 still closes the door).
        burst: Requests that may go out at once after a pause.
        clock: Monotonic seconds.
    """

    def __init__(self, rate: float, burst: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._configured = rate
        self._rate = self._refused = rate
        self._burst = burst
        self._tokens = self._most_tokens = float(burst)
        self._filled_at = clock()
        self._closed_until = float("-inf")
        self._closings = 0

    @property
    def rate(self) -> float:
        """The present rate in requests per second; 0 when there is no pace."""
        return self._rate

    def configure(self, rate: float, burst: int) -> None:
        """Changes the pace; a closed door stays closed.

        Args:
            rate: Requests per second; 0 for no pace.
            burst: Requests that may go out at once after a pause.
        """
        with self._lock:
            if (rate, burst) != (self._configured, self._burst):
                self._refill(self._clock())
                self._configured = self._rate = self._refused = rate
                self._burst = burst
                self._most_tokens = float(burst)
                self._tokens = min(self._tokens, self._most_tokens)

    def enter(self, sleep: Callable[[float], object]) -> int:
        """Waits until a request may go out.

        Args:
            sleep: Called with the seconds to wait, without holding the gate; may raise to give up.

        Returns:
            A ticket, to be handed to `throttle` if the request is answered with 429.
        """
        while True:
            with self._lock:
                now = self._clock()
                wait = self._closed_until - now
                if wait <= 0:
                    if self._rate <= 0:
                        return self._closings
                    self._refill(now)
                    # A hair less than one token is one: else rounding asks for waits too short to move the clock.
                    if self._tokens >= 1 - 1e-6:
                        self._tokens -= 1
                        return self._closings
                    wait = (1 - self._tokens) / self._rate
            sleep(wait)

    def throttle(self, ticket: int, wait: float) -> None:
        """Closes the door for everybody and halves the rate, once for all requests that were under way together.

        Args:
            ticket: What `enter` returned for the request that got the 429.
            wait: Seconds from now for which the door stays closed.
        """
        with self._lock:
            now = self._clock()
            self._closed_until = max(self._closed_until, now + wait)
            # One request goes first when the door opens; the others follow at the pace, not as a burst.
            self._tokens, self._filled_at = 1.0, self._closed_until
            if ticket == self._closings:
                self._closings += 1
                self._refused = self._rate
                self._rate = max(self._rate / 2, self._configured * SLOWEST_SHARE)
                self._most_tokens = 1.0

    def succeed(self) -> None:
        """Takes note of an answer that was not a 429: the rate rises by a step, up to the configured one."""
        with self._lock:
            if self._rate < self._configured:
                self._refill(self._clock())
                missing = max(self._refused * RECOVERED_SHARE - self._rate, 0.0)
                step = missing * SOON_SHARE + self._configured / PROBING_STEPS
                self._rate = min(self._configured, self._rate + step)

    def _refill(self, now: float) -> None:
        """Adds the tokens that fell due since the last time; needs the lock."""
        if now > self._filled_at:
            self._tokens = min(self._most_tokens, self._tokens + (now - self._filled_at) * self._rate)
            self._filled_at = now


_gates: dict[bytes, Gate] = {}
_gates_lock = threading.Lock()
_salt = os.urandom(32)


def gate_for(api_key: str, base_url: str, rate: float, burst: int) -> Gate:
    """Finds the one gate of an api key at a server in this process, or makes it.

    Args:
        api_key: The key; only a salted hash of it is kept.
        base_url: The server.
        rate: Requests per second; 0 for no pace. The latest caller's figure holds for all.
        burst: Requests that may go out at once after a pause.

    Returns:
        The gate shared by all callers with the same key and server.
    """
    name = hashlib.blake2b(f"{base_url.rstrip('/')}\n{api_key}".encode(), key=_salt).digest()
    with _gates_lock:
        gate = _gates.get(name)
        if gate is None:
            gate = _gates[name] = Gate(rate, burst)
    gate.configure(rate, burst)
    return gate
