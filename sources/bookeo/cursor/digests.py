"""Marks by which a load knows a record that an earlier one has met: when it was changed, and a digest of all of it.

The digest is keyed with a key that no destination holds: whoever reads the state cannot try out what a record says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from bookeo.windows import parse_time


def digest_key(secret_key: str | None) -> bytes:
    """Derive the key of the digests.

    Args:
        secret_key: The secret key of the API, which is not stored with the data; with another one every record counts
            as changed.

    Returns:
        The key.
    """
    return hashlib.sha256(b"bookeo digests of records\0" + (secret_key or "").encode()).digest()


def time_of(record: Mapping[str, Any]) -> datetime:
    """Read by which time a record is listed.

    Args:
        record: A booking or a payment, as the API gave it.

    Returns:
        When it was changed, received or else made; aware.

    Raises:
        KeyError: It has no such time.
        TypeError: It is not a text.
        ValueError: It cannot be read.
    """
    return parse_time(record.get("lastChangeTime") or record.get("receivedTime") or record["creationTime"])


def mark_of(record: Mapping[str, Any], changed: datetime, key: bytes) -> str:
    """Make the mark of a record.

    Args:
        record: The record.
        changed: When it was changed, aware.
        key: See `digest_key`.

    Returns:
        The mark.
    """
    text = orjson.dumps(record, option=orjson.OPT_SORT_KEYS)
    return f"{int(changed.timestamp()):x}.{hashlib.blake2b(text, digest_size=8, key=key).hexdigest()}"


def changed_at(mark: str) -> datetime:
    """Read from a mark when its record was changed.

    Args:
        mark: What `mark_of` has made.

    Returns:
        The moment, aware, whole seconds.
    """
    return datetime.fromtimestamp(int(mark.partition(".")[0], 16), UTC)
