"""What is kept of a page until its window is whole: its bytes, and the little that its records tell about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bookeo.client.completeness import PageKeys, page_keys
from bookeo.client.pagination import ListPage
from bookeo.cursor.digests import mark_of, time_of


@dataclass(frozen=True)
class KnownRecords:
    """What a load knows of records that it may meet again.

    Args:
        since: From when on a change is recent, aware: those records are met again by the next load.
        marks: Marks of what earlier loads met, by key, see `bookeo.cursor.digests`.
        digest_key: The key of the digests.
    """

    since: datetime
    marks: Mapping[str, str]
    digest_key: bytes = b""


@dataclass(frozen=True)
class KeptPage:
    """A page without its parsed records: they take many times the room of its bytes, and the windows are long.

    Args:
        keys: The keys of its items, and how many there are on all pages.
        body: Its bytes.
        requests: Requests that it took.
        server_time: The server's clock when it was sent, if it said so.
        recent: Marks of the items changed of late, by key: the next load meets them again.
        unchanged: Keys of the items that are exactly as an earlier load met them.
    """

    keys: PageKeys
    body: bytes
    requests: int
    server_time: datetime | None
    recent: Mapping[str, str]
    unchanged: frozenset[str]


def kept_page(page: ListPage, key: str, known: KnownRecords | None) -> KeptPage:
    """Take from a page what must be kept.

    Args:
        page: The page.
        key: The field by which its items are told apart.
        known: What is known of its items; None where the page can hold nothing that any other load meets.

    Returns:
        What is kept.
    """
    answer = page.answer
    recent: Mapping[str, str] = {}
    unchanged = frozenset[str]()
    if known is not None:
        recent, unchanged = _met_again(page, key, known)
    return KeptPage(page_keys(page, key), answer.body, answer.attempts, answer.server_time, recent, unchanged)


def _met_again(page: ListPage, key: str, known: KnownRecords) -> tuple[dict[str, str], frozenset[str]]:
    recent: dict[str, str] = {}
    unchanged: set[str] = set()
    for record in page.records:
        try:
            name = str(record[key])
            changed = time_of(record)
            is_recent = changed >= known.since
            if not is_recent and name not in known.marks:
                continue
            mark = mark_of(record, changed, known.digest_key)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError):
            continue  # Nothing as it should be: it is written every time it is met.
        if is_recent:
            recent[name] = mark
        if known.marks.get(name) == mark:
            unchanged.add(name)
    return recent, frozenset(unchanged)
