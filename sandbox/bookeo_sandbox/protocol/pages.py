"""Lists page by page. A token stands for the question; unless results are pinned, each page asks it anew."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from bookeo_sandbox.protocol.calls import Answer, Call
from bookeo_sandbox.protocol.errors import bad_request
from bookeo_sandbox.records.ids import stable_id

_TOKENS_KEPT = 20_000
_RESULTS_KEPT = 32

Find = Callable[[Call], Sequence[Any]]
Show = Callable[[Call, Sequence[Any]], list[bytes]]


@dataclass(slots=True)
class _Token:
    key: str
    operation: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    size: int
    pinned: Sequence[Any] | None


class Pager:
    """Cuts results into pages and remembers tokens and, as long as nothing changes, results."""

    def __init__(self) -> None:
        self._tokens: OrderedDict[str, _Token] = OrderedDict()
        self._results: OrderedDict[Any, tuple[int, Sequence[Any]]] = OrderedDict()
        self._given = 0

    def forget_tokens(self) -> None:
        """Makes all tokens unknown, as if they had expired."""
        self._tokens.clear()

    def answer(self, call: Call, find: Find, show: Show, *, highest: int = 100, by_now: bool = False) -> Answer:
        """Answers a request for a list.

        Args:
            call: The request, for a first page or with a token.
            find: Finds all items, in order, checking the parameters.
            show: Makes JSON of the items of a page.
            highest: Largest `itemsPerPage`.
            by_now: The result depends on the time too.

        Returns:
            The page.

        Raises:
            ApiError: 400, bad parameters, an unknown token, or a page number without a token that is not 1.
        """
        name = call.query.get("pageNavigationToken")
        number = call.number("pageNumber", 1)
        if name is None:
            if "pageNumber" in call.query and (call.strict or number > 1):
                raise bad_request("pageNumber needs pageNavigationToken")
            size = call.number("itemsPerPage", min(50, highest), highest)
            token = _Token(call.account.api_key.key, call.operation, call.path, dict(call.query), size, None)
            items = self._find(call, token, find, by_now=by_now)
            if len(items) > size:
                switches = call.account.switches
                pinned = items if switches.snapshot else None
                name = self._remember(token, pinned, numeric=switches.numeric_tokens)
        else:
            known = self._tokens.get(name)
            same = known and (known.key, known.operation, dict(known.path)) == (
                call.account.api_key.key,
                call.operation,
                dict(call.path),
            )
            if known is None or not same:
                raise bad_request("Unknown pageNavigationToken")
            token = known
            if token.pinned is not None:
                items = token.pinned
            else:
                items = self._find(replace(call, query=token.query), token, find, by_now=by_now)
        size = token.size
        pages = -(-len(items) // size)
        info: dict[str, Any] = {"totalItems": len(items), "totalPages": pages, "currentPage": number}
        if pages > 1:
            numeric = call.account.switches.numeric_tokens and name is not None and name.isdigit()
            info["pageNavigationToken"] = int(name) if numeric and name else name
        shown = show(replace(call, query=token.query), items[(number - 1) * size : number * size])
        return Answer(body=b'{"info":%s,"data":[%s]}' % (orjson.dumps(info), b",".join(shown)))

    def _find(self, call: Call, token: _Token, find: Find, *, by_now: bool) -> Sequence[Any]:
        asked = frozenset(item for item in token.query.items() if item[0] != "itemsPerPage")
        switches = call.account.switches
        by_now |= bool(switches.replica_lag_minutes)
        permissions = frozenset(call.account.api_key.permissions)
        question = (
            token.key,
            token.operation,
            frozenset(token.path.items()),
            asked,
            permissions,
            call.now if by_now else 0,
            (switches.replica_lag_minutes, switches.window_ends, switches.precision, switches.strict),
        )
        state, items = self._results.get(question, (-1, ()))
        if state != call.account.version:
            items = find(call)
            self._results[question] = (call.account.version, items)
            if len(self._results) > _RESULTS_KEPT:
                self._results.popitem(last=False)
        return items

    def _remember(self, token: _Token, pinned: Sequence[Any] | None, *, numeric: bool) -> str:
        self._given += 1
        name = str(7_000_000_000 + self._given) if numeric else stable_id(token.key, "page", self._given, length=28)
        token.pinned = pinned
        self._tokens[name] = token
        if len(self._tokens) > _TOKENS_KEPT:
            self._tokens.popitem(last=False)
        return name
