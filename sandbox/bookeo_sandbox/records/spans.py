"""The range of a pair of times in a request: what lies in it, by the API's rules or by others that it might have."""

from __future__ import annotations

import math
from collections.abc import Callable
from zlib import crc32

from bookeo_sandbox.records.index import T, TimeIndex

_MINUTE = 60


class Span:
    """A range of times.

    Args:
        begin: Its first moment in Unix seconds.
        end: Its last moment in Unix seconds.
        ends: Which ends belong to it, see `Switches.window_ends`.
        precision: What is compared, see `Switches.precision`.
    """

    def __init__(self, begin: float, end: float, *, ends: str = "inclusive", precision: str = "shown") -> None:
        if precision == "seconds":
            begin, end = math.floor(begin), math.floor(end)
        self.begin = begin
        self.end = end
        self._ends = ends
        self._precision = precision

    def shown_in(self, index: TimeIndex[T], time: Callable[[T], int]) -> list[T]:
        """Finds the records whose time, as it is shown, lies in the range.

        Args:
            index: The records in the order of that time.
            time: Their time in Unix seconds.

        Returns:
            The records, in that order.
        """
        found = index.between(math.ceil(self.begin), math.floor(self.end))
        return found if self._ends == "inclusive" else [record for record in found if self.holds(time(record))]

    def truly_in(self, index: TimeIndex[T], time: Callable[[T], int], name: Callable[[T], str]) -> list[T]:
        """Finds the records whose time, as precise as it is compared, lies in the range.

        Args:
            index: The records in the order of that time.
            time: Their time in Unix seconds, as it is shown.
            name: Their number or id.

        Returns:
            The records, in that order.
        """
        if self._precision == "shown":
            return self.shown_in(index, time)
        found = index.between(math.floor(self.begin) - _MINUTE, math.floor(self.end))
        return [record for record in found if self.holds_truly(time(record), name(record))]

    def holds(self, moment: float) -> bool:
        """Tells whether a moment lies in the range.

        Args:
            moment: Unix seconds.

        Returns:
            True if it does.
        """
        if self._ends == "inclusive":
            return self.begin <= moment <= self.end
        return moment < self.end and (self.begin < moment if self._ends == "exclusive" else self.begin <= moment)

    def holds_truly(self, shown: int, name: str) -> bool:
        """Tells whether the time of a record lies in the range, as precise as it is compared.

        Args:
            shown: The time in Unix seconds, as it is shown.
            name: The record's number or id.

        Returns:
            True if it does.
        """
        if self._precision == "shown":
            return self.holds(shown)
        true = true_time(shown, name)
        return self.holds(math.floor(true) if self._precision == "seconds" else true)


def true_time(shown: int, name: str) -> float:
    """Invents what the API does not show of a time: its fraction, and its seconds where it is a whole minute.

    Args:
        shown: The time in Unix seconds, as it is shown.
        name: The number or id of the record that has it.

    Returns:
        Unix seconds with milliseconds, always the same for the same record.
    """
    hidden = 1000 if shown % _MINUTE else 1000 * _MINUTE
    return shown + crc32(f"{name} {shown}".encode()) % hidden / 1000
