"""Records in the order of a time, for range queries that stay quick while records change."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

T = TypeVar("T")

_REBUILD_FROM = 500
"""From this many waiting changes on, sorting anew is cheaper than moving them one by one."""


class TimeIndex(Generic[T]):
    """A list sorted by a time; changes wait until somebody asks.

    Args:
        key: The time of a record in Unix seconds.
    """

    def __init__(self, key: Callable[[T], int]) -> None:
        self._key = key
        self._items: list[T] = []
        self._keys = array("q")
        self._gone: dict[int, tuple[T, int]] = {}
        self._new: dict[int, T] = {}

    def add(self, item: T) -> None:
        """Takes in a new record.

        Args:
            item: The record.
        """
        self._new[id(item)] = item

    def moved(self, item: T, old_key: int) -> None:
        """Notes that a record's time was changed.

        Args:
            item: The record, with its new time.
            old_key: The time that it had.
        """
        if id(item) not in self._new:
            self._gone[id(item)] = (item, old_key)
            self._new[id(item)] = item

    def remove(self, item: T, key: int) -> None:
        """Forgets a record.

        Args:
            item: The record.
            key: Its time.
        """
        if self._new.pop(id(item), None) is None:
            self._gone[id(item)] = (item, key)

    def between(self, begin: int, end: int) -> list[T]:
        """Lists the records of a range.

        Args:
            begin: First second.
            end: Last second.

        Returns:
            The records in the order of their times.
        """
        self._settle()
        return self._items[bisect_left(self._keys, begin) : bisect_right(self._keys, end)]

    def __iter__(self) -> Iterable[T]:
        self._settle()
        return iter(self._items)

    def _settle(self) -> None:
        if len(self._gone) + len(self._new) >= _REBUILD_FROM:
            gone = self._gone
            kept = [item for item in self._items if id(item) not in gone] if gone else self._items
            kept.extend(self._new.values())
            kept.sort(key=self._key)
            self._items = kept
            self._keys = array("q", map(self._key, kept))
        else:
            for item, key in self._gone.values():
                place = bisect_left(self._keys, key)
                while self._items[place] is not item:
                    place += 1
                del self._items[place], self._keys[place]
            for item in self._new.values():
                key = self._key(item)
                place = bisect_right(self._keys, key)
                self._items.insert(place, item)
                self._keys.insert(place, key)
        self._gone.clear()
        self._new.clear()
