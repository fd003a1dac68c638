"""The API's lists: what one page says of itself, and walking from page to page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import msgspec

from bookeo.errors import ServerUnavailable
from bookeo.http.response import Answer, parse_body

Record = dict[str, Any]


@dataclass(frozen=True)
class PageInfo:
    """The `info` object of a list.

    Args:
        total_items: Items on all pages together, as announced (`totalItems`); None where that is no number.
        total_pages: Pages of the list (`totalPages`); None likewise.
        current_page: Number of this page, from 1 (`currentPage`).
        token: To be sent with the number of any other page (`pageNavigationToken`); None for a list of one page.
    """

    total_items: int | None
    total_pages: int | None
    current_page: int
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class ListPage:
    """One page of a list.

    Args:
        answer: What the API answered; holds the raw bytes.
        info: What the page says of the list.
        items: The items, parsed or as they came.
    """

    answer: Answer
    info: PageInfo
    items: list[Record] | msgspec.Raw = field(repr=False)

    @cached_property
    def records(self) -> list[Record]:
        """The items, parsed."""
        found: list[Record] = parsed(self.items)
        return found

    def keys(self, key: str) -> list[str | None]:
        """Reads the keys of the items, without making objects of the rest where that can be.

        Args:
            key: The field by which the items are told apart.

        Returns:
            One for each item; None for one without.
        """
        found: list[Any]
        try:
            found = [item.key for item in _keyed_items(key).decode(self.items)]  # type: ignore[arg-type]
        except (msgspec.ValidationError, TypeError):
            found = [record.get(key) if isinstance(record, dict) else None for record in self.records]
        return [None if value is None else str(value) for value in found]


@cache
def _keyed_items(key: str) -> msgspec.json.Decoder[Any]:
    kind = msgspec.defstruct("Item", [("key", Any, None)], rename={"key": key}, gc=False)
    return msgspec.json.Decoder(list[kind])  # type: ignore[valid-type]


def parsed(value: Any) -> Any:
    """Parses what `Answer.members` left as it came.

    Args:
        value: A member.

    Returns:
        Its value.
    """
    return parse_body(bytes(value)) if isinstance(value, msgspec.Raw) else value


@dataclass(frozen=True)
class SettingsList:
    """A small list read whole.

    Args:
        answers: What the API answered, one for each page.
        records: The items of all pages, as parsed.
    """

    answers: tuple[Answer, ...]
    records: list[Record] = field(repr=False)

    @property
    def answer(self) -> Answer:
        """The first page's answer; the only one for almost every account."""
        return self.answers[0]


def list_page(answer: Answer, *, key: str = "data", number: int = 1, info_required: bool = True) -> ListPage:
    """Reads a page.

    Args:
        answer: What the API answered.
        key: Name of the member that holds the items; `categories` for people categories (source: the vendor's pages).
        number: Number of the page that was asked for, from 1.
        info_required: Whether a page without `info` is broken; otherwise it counts as the whole list.

    Returns:
        The page.

    Raises:
        ServerUnavailable: The answer is not a page of a list.
    """
    members = answer.members
    if members is None:
        raise _broken(answer, "is not an object")
    raw_info = parsed(members.get("info"))
    records = members.get(key)
    if isinstance(records, msgspec.Raw) and bytes(memoryview(records)[:1]) != b"[":
        records = parsed(records)
    if isinstance(raw_info, dict):
        info = PageInfo(
            total_items=_count(raw_info, "totalItems"),
            total_pages=_count(raw_info, "totalPages"),
            current_page=_count(raw_info, "currentPage") or number,
            token=_token(answer, raw_info),
        )
        if records is None and info.total_items == 0:
            # The API leaves out what is empty rather than sending null; whether it does so here is not documented.
            records = []
    elif raw_info is None and not info_required and isinstance(records, list | msgspec.Raw):
        records = parsed(records)
        info = PageInfo(total_items=len(records), total_pages=1, current_page=1)
    else:
        raise _broken(answer, "has no info object")
    if not isinstance(records, list | msgspec.Raw):
        raise _broken(answer, f"has no list under {key}")
    return ListPage(answer, info, records)


def pages(fetch: Callable[[int, str | None], ListPage]) -> Iterator[ListPage]:
    """Walks a list from its first page to its last, one after the other.

    Args:
        fetch: Reads a page, given its number and the token; (1, None) for the first.

    Yields:
        Every page. If the list shrinks or grows meanwhile, the latest page's word on how many there are counts; where
        it does not say, the list ends with a page without items or without a token.

    Raises:
        ServerUnavailable: Pages do not end, do not come with a token, or another page comes than was asked for.
    """
    page = first = fetch(1, None)
    number, token = 1, page.info.token
    while True:
        yield page
        number += 1
        token = page.info.token or token
        total = page.info.total_pages
        if total is None:
            total = number if token is not None and page.records else 0
        if number > total:
            return
        if number > 2 * (first.info.total_pages or 0) + 100:
            raise _broken(page.answer, f"announced {first.info.total_pages} pages at first and has no end")
        if token is None:
            raise _broken(page.answer, "announces more pages but gives no token for them")
        page = fetch(number, token)
        if page.info.current_page != number <= (page.info.total_pages or 0):
            raise _broken(page.answer, f"is page {page.info.current_page} where page {number} was asked for")


def _count(info: Record, name: str) -> int | None:
    """Read a count. What is announced is evidence, so that an answer without it is of use all the same."""
    value = info.get(name)
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _token(answer: Answer, info: Record) -> str | None:
    token = info.get("pageNavigationToken")
    if isinstance(token, int) and not isinstance(token, bool):
        token = str(token)
    if token is not None and not isinstance(token, str):
        raise _broken(answer, "has no usable pageNavigationToken")
    return token or None


def _broken(answer: Answer, what: str) -> ServerUnavailable:
    return ServerUnavailable(
        f"The answer to {answer.operation} {what}, so it cannot be used; run the same command again later.",
        operation=answer.operation,
    )
