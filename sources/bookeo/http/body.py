"""The body of an answer: read whole, but neither without end nor beyond what an answer may hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

MOST_BYTES = 64 * 2**20
"""Unpacked; the longest pages seen have less than a hundredth of it."""
_PIECE = 2**16


class BodyRefused(Exception):
    """The body is too long, or takes too long; the message says which."""


def read_body(response: Any, *, seconds: float, clock: Callable[[], float], most_bytes: int = MOST_BYTES) -> bytes:
    """Read the body of a response that was requested as a stream.

    Args:
        response: The response of `requests`.
        seconds: How long the whole body may take.
        clock: Monotonic seconds.
        most_bytes: How long it may be, unpacked.

    Returns:
        The body, unpacked.

    Raises:
        BodyRefused: It is too long, or not there in time. The connection is closed.
        OSError: The connection broke off.
        urllib3.exceptions.HTTPError: It broke off, or the body is not packed as its header says.
    """
    pieces, size, end = [], 0, clock() + seconds
    while piece := response.raw.read1(_PIECE, decode_content=True):
        pieces.append(piece)
        size += len(piece)
        if size > most_bytes:
            response.close()
            raise BodyRefused(f"an answer of more than {most_bytes // 2**20} MB")
        if clock() > end:
            response.close()
            raise BodyRefused(f"an answer that was not whole after {seconds:.0f} s")
    return b"".join(pieces)
