"""What is kept of a page until its window is whole: its bytes, and the little that its records tell about it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import orjson

from bookeo.completeness import PageKeys, page_keys
from bookeo.pages import ListPage
from bookeo.windows import parse_time


@dataclass(frozen=True)
class KeptPage:
    """A page without its parsed records: they take many times the room of its bytes, and the windows are long.

    Args:
        keys: The keys of its items, and how many there are on all pages.
        body: Its bytes.
        requests: Requests that it took.
        server_time: The server's clock when it was sent, if it said so.
        recent: Digests of the items changed of late, by key: the next load meets them again.
        unchanged: Keys of the items that are exactly as the last load met them.
    """

    keys: PageKeys
    body: bytes
    requests: int
    server_time: datetime | None
    recent: Mapping[str, str]
    unchanged: frozenset[str]


def kept_page(page: ListPage, key: str, recent_since: datetime | None, known_digests: Mapping[str, str]) -> KeptPage:
    """Takes from a page what must be kept.

    Args:
        page: The page.
        key: The field by which its items are told apart.
        recent_since: From when on a change is recent, aware; None where the page can hold nothing that any other load
            meets.
        known_digests: Digests of what the last load met, by key.

    Returns:
        What is kept.
    """
    answer = page.answer
    recent: Mapping[str, str] = {}
    unchanged = frozenset[str]()
    if recent_since is not None:
        recent, unchanged = _met_again(page, key, recent_since, known_digests)
    return KeptPage(page_keys(page, key), answer.body, answer.attempts, answer.server_time, recent, unchanged)


def _met_again(
    page: ListPage, key: str, recent_since: datetime, known_digests: Mapping[str, str]
) -> tuple[dict[str, str], frozenset[str]]:
    recent: dict[str, str] = {}
    unchanged: set[str] = set()
    for record in page.records:
        try:
            name = str(record[key])
            changed = record.get("lastChangeTime") or record.get("receivedTime") or record["creationTime"]
            is_recent = parse_time(changed) >= recent_since
            if not is_recent and name not in known_digests:
                continue
            text = orjson.dumps(record, option=orjson.OPT_SORT_KEYS)
        except (KeyError, TypeError, ValueError):
            continue  # Nothing as it should be: it is written every time it is met.
        digest = hashlib.blake2b(text, digest_size=8).hexdigest()
        if is_recent:
            recent[name] = digest
        if known_digests.get(name) == digest:
            unchanged.add(name)
    return recent, frozenset(unchanged)
