"""Whether the pages of a list are all of it: the bookings of a window, a booking's payments, a customer's history."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from bookeo.errors import NotFound, RequestRejected, WindowIncomplete
from bookeo.pages import ListPage

PageFetch = Callable[[int, str | None], ListPage]
"""Fetches one page of a list by its number, from 1, and the navigation token of the first page."""


def whole_list(fetch: PageFetch, *, key: str, attempts: int = 3) -> list[ListPage]:
    """Reads all pages of a list, one after the other, until they add up.

    Args:
        fetch: Fetches a page.
        key: The field by which the list's items are told apart, e.g. `bookingNumber`.
        attempts: How often to read the list before giving up.

    Returns:
        Its pages, in order.

    Raises:
        WindowIncomplete: The pages never added up.
        BookeoError: What `fetch` raises for the first page.
    """
    for _ in range(attempts):
        first = fetch(1, None)
        read: list[ListPage | None] = [first]
        for number in range(2, first.info.total_pages + 1):
            read.append(page_or_gone(fetch, number, first.info.token))
            if read[-1] is None:
                break
        if distinct_keys(None if page is None else page_keys(page, key) for page in read) is not None:
            return [page for page in read if page is not None]
    raise WindowIncomplete(
        f"A list of {first.answer.operation} never held as many items as the API announced, in {attempts} readings; "
        "run the same command again later.",
        operation=first.answer.operation,
    )


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
        total: Items on all pages together, as this page announces them.
        keys: The keys of the items on this page; None for one without.
    """

    total: int
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
