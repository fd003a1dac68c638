"""What all operations of the API have in common: addresses, pages, and the shape of what comes back."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from bookeo.client.pagination import ListPage, Record, SettingsList, list_page, pages
from bookeo.client.query import Params, refused
from bookeo.errors import ServerUnavailable
from bookeo.http.clocks import ClockWatch
from bookeo.http.observer import RequestWatcher
from bookeo.http.response import Answer
from bookeo.http.transport import Method, Transport
from bookeo.http.usage import Usage
from bookeo.settings.model import BookeoSettings


@dataclass(frozen=True)
class Item:
    """One object of the API.

    Args:
        answer: What the API answered; holds the raw bytes.
        record: The object, as parsed.
    """

    answer: Answer
    record: Record = field(repr=False)

    @property
    def body(self) -> bytes:
        """The answer's bytes."""
        return self.answer.body


class ApiCalls:
    """Sends an operation and reads its answer; the operations themselves are in the classes built on it.

    Args:
        transport: Sends the requests.
    """

    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    @classmethod
    def from_settings(cls, settings: BookeoSettings, watcher: RequestWatcher | None = None) -> Self:
        """Makes a client with its own transport.

        Args:
            settings: The account's settings, keys included.
            watcher: Told of each request and each wait.

        Returns:
            The client.
        """
        return cls(Transport(settings, watcher=watcher))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def usage(self) -> Usage:
        """What has been used up so far."""
        return self.transport.usage

    def close(self) -> None:
        """Closes the connections and ends every wait."""
        self.transport.close()

    def _send(
        self,
        operation: str,
        ids: tuple[str, ...] = (),
        params: Params | None = None,
        *,
        body: Any = None,
        child: bool = False,
    ) -> Answer:
        method, template = operation.split(" ", 1)
        given = {name: value for name, value in (params or {}).items() if value is not None}
        if self.transport.settings.language:
            given["lang"] = self.transport.settings.language
        # The method is spelt out in every operation's name; mypy cannot see that.
        verb: Method = method  # type: ignore[assignment]
        return self.transport.request(
            verb, _path(operation, template, ids), operation=operation, params=given, json=body, child=child
        )

    @property
    def clock(self) -> ClockWatch:
        """What the answers tell of the server's clock."""
        return self.transport.clock

    def _page(
        self,
        operation: str,
        params: Params,
        number: int,
        token: str | None,
        *,
        ids: tuple[str, ...] = (),
        child: bool = False,
        key: str = "data",
        info_required: bool = True,
    ) -> ListPage:
        if number < 1 or (number > 1 and token is None):
            raise refused(operation, "needs an earlier page's token for any page but the first")
        if token is not None:
            # Token and number say it all (source: the vendor's pages), and one is nothing without the other.
            params = {"pageNavigationToken": token, "pageNumber": str(number)}
        answer = self._send(operation, ids, params, child=child)
        return list_page(answer, key=key, number=number, info_required=info_required)

    def _item_count(self) -> Params:
        return {"itemsPerPage": str(self.transport.settings.items_per_page)}

    def _item(
        self, operation: str, ids: tuple[str, ...] = (), params: Params | None = None, *, child: bool = False
    ) -> Item:
        answer = self._send(operation, ids, params, child=child)
        if not isinstance(answer.payload, dict):
            raise ServerUnavailable(
                f"The answer to {operation} is not an object, so it cannot be used; run the same command again later.",
                operation=operation,
            )
        return Item(answer, answer.payload)

    def _settings(self, operation: str, key: str = "data") -> SettingsList:
        def fetch(number: int, token: str | None) -> ListPage:
            return self._page(operation, {}, number, token, key=key, info_required=False)

        walked = list(pages(fetch))
        return SettingsList(
            tuple(page.answer for page in walked), [record for page in walked for record in page.records]
        )


def _path(operation: str, template: str, ids: tuple[str, ...]) -> str:
    parts = template.split("/")
    values = iter(ids)
    for position, part in enumerate(parts):
        if part.startswith("{"):
            value = next(values)
            # An empty or dotted segment would be folded away on its way and address something else.
            if not isinstance(value, str) or value.strip() in ("", ".", ".."):
                raise refused(operation, f"needs a {part.strip('{}')}")
            parts[position] = quote(value, safe="")
    return "/".join(parts)
