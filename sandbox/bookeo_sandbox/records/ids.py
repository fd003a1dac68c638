"""Ids that look random and are always the same."""

from __future__ import annotations

import hashlib


def stable_id(*parts: object, length: int = 16) -> str:
    """Makes an id that looks random and is always the same for the same parts.

    Args:
        *parts: What it depends on.
        length: Number of characters, at most 60.

    Returns:
        Digits and capital letters.
    """
    number = int.from_bytes(hashlib.sha256("|".join(map(str, parts)).encode()).digest(), "big")
    letters = []
    for _ in range(length):
        number, digit = divmod(number, 36)
        letters.append("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[digit])
    return "".join(letters)
