"""Whether the pages of a list are all of it: the bookings of a window, a booking's payments, a customer's history."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from bookeo.client.pagination import ListPage
from bookeo.errors import NotFound, RequestRejected

PageFetch = Callable[[int, str | None], ListPage]
"""Fetches one page of a list by its number, from 1, and the navigation token of the first page."""


class ReadList(NamedTuple):
    """A list that was read.

    Args:
        pages: Its pages, in order.
        proven: Whether they add up to what the API announced.
    """

    pages: list[ListPage]
    proven: bool


def whole_list(fetch: PageFetch, *, key: str, attempts: int = 3) -> ReadList:
    """Read all pages of a list, one after the other, until they add up, or two readings show the same items.

    Args:
        fetch: Fetches a page.
        key: The field by which the list's items are told apart, e.g. `bookingNumber`.
        attempts: How often to read the list at most.

    Returns:
        The list.

    Raises:
        BookeoError: What `fetch` raises for the first page.
    """
    known: frozenset[str] | None = None
    pages: list[ListPage] = []
    for _ in range(attempts):
        first = fetch(1, None)
        read: list[ListPage | None] = [first]
        for number in range(2, (first.info.total_pages or 1) + 1):
            read.append(page_or_gone(fetch, number, first.info.token))
            if read[-1] is None:
                break
        keys = [None if page is None else page_keys(page, key) for page in read]
        while first.info.token is not None and goes_on(keys):
            more = page_or_gone(fetch, len(read) + 1, first.info.token)
            if more is None:
                break
            read.append(more)
            keys.append(page_keys(more, key))
        pages = [page for page in read if page is not None]
        if distinct_keys(keys) is not None:
            return ReadList(pages, proven=True)
        seen = all_keys(keys)
        if seen == known:
            break
        known = seen
    return ReadList(pages, proven=False)


def page_or_gone(fetch: PageFetch, number: int, token: str | None) -> ListPage | None:
    """Fetches a page after the first.

    Args:
        fetch: Fetches a page.
        number: The page's number, from 2.
        token: The list's navigation token.

    Returns:
        The page, or None when the list has shrunk below it or the token has had its day.
    """
    try:
        return fetch(number, token)
    except (RequestRejected, NotFound):
        return None


class PageKeys(NamedTuple):
    """What of a page tells whether a list is whole.

    Args:
        total: Items on all pages together, as this page announces them; None where it does not.
        keys: The keys of the items on this page; None for one without.
    """

    total: int | None
    keys: tuple[str | None, ...]


def page_keys(page: ListPage, key: str) -> PageKeys:
    """Reads the keys on a page.

    Args:
        page: The page.
        key: The field by which the items are told apart.

    Returns:
        What `distinct_keys` needs.
    """
    return PageKeys(page.info.total_items, tuple(page.keys(key)))


def distinct_keys(pages: Iterable[PageKeys | None]) -> frozenset[str] | None:
    """Tells whether pages are all of a list: as many distinct items as announced, and the same total on each.

    Items without the key count as they are: they end as rejected rows, they are not missing.

    Args:
        pages: The pages in order, None for one that is gone.

    Returns:
        The distinct keys, or None when a page is gone, the total moved, or items are missing or there twice.
    """
    keys: set[str] = set()
    nameless = 0
    totals = set()
    for page in pages:
        if page is None:
            return None
        totals.add(page.total)
        nameless += page.keys.count(None)
        keys.update(value for value in page.keys if value is not None)
    return frozenset(keys) if totals == {len(keys) + nameless} else None


def all_keys(pages: Iterable[PageKeys | None]) -> frozenset[str]:
    """Collect the distinct keys on pages, whether they add up or not.

    Args:
        pages: The pages, None for one that is gone.

    Returns:
        The keys.
    """
    return frozenset(key for page in pages if page is not None for key in page.keys if key is not None)


def goes_on(pages: Sequence[PageKeys | None]) -> bool:
    """Tell whether a list may have more pages than it announced.

    Args:
        pages: The pages that were read, in order, None for one that is gone.

    Returns:
        Whether its last page is full and new, and the announced total is missing or does not agree with the pages.
    """
    first, last = pages[0], pages[-1]
    if first is None or last is None or not last.keys or len(last.keys) < len(first.keys):
        return False
    seen = all_keys(pages)
    if len(pages) > 1 and seen == all_keys(pages[:-1]):
        return False  # The server repeats its last page.
    held = len(pages) * len(first.keys)
    return last.total is None or last.total > held or last.total < len(seen)
