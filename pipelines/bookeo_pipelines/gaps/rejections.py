"""Records that could not be shaped and that nothing has made up for since."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from bookeo.schema import BOOKING, CHILD_CHECKS, ENTITIES, REJECTED_ROWS, SETTINGS_ENTITIES

ASKED_IN_A_LOAD = 20
"""Rejected bookings that one load asks for again."""
_REPLACED_WHOLE = frozenset(entity.table.name for entity in SETTINGS_ENTITIES)
"""Tables whose list is read whole: a record that it does not show any more is gone."""


class Questions(Protocol):
    """Whoever can be asked about the tables of a destination."""

    def rows(self, sql: str, *values: Any) -> Sequence[Any]:
        """Ask a question; `{bookings}` stands for the table of that name, `%s` for a value."""
        ...


@dataclass(frozen=True)
class Rejection:
    """A record that could not be shaped, and is not held in a newer form.

    Args:
        table: The table that it was meant for.
        raw_id: Its id, or that of the record around it; empty where it has none.
        fetched_at: When it was read last, aware.
    """

    table: str
    raw_id: str
    fetched_at: datetime

    @property
    def owner(self) -> str:
        """The table of the record around it; itself where it is no item of a list."""
        return next(
            (entity.table.name for entity in ENTITIES.values() for table in entity.tables if table.name == self.table),
            self.table,
        )


def open_rejections(questions: Questions, tables: Collection[str], account_id: str) -> list[Rejection]:
    """Find rejected records that were neither read again in a form that fits, nor found to be gone.

    Args:
        questions: Answers questions about the destination.
        tables: Names of the tables that exist.
        account_id: The account.

    Returns:
        The latest rejection of each. One of a record without an id is closed by nothing but its row being deleted.
    """
    if REJECTED_ROWS.name not in tables:
        return []
    sql = (
        "SELECT table_name, raw_id, max(fetched_at) FROM {rejected_rows} WHERE account_id = %s "
        "GROUP BY table_name, raw_id ORDER BY 1, 2"
    )
    found = [Rejection(table, raw_id or "", fetched) for table, raw_id, fetched in questions.rows(sql, account_id)]
    newest = {owner: dict(_read_since(questions, tables, account_id, owner)) for owner in {one.owner for one in found}}

    def is_open(one: Rejection) -> bool:
        if one.owner in _REPLACED_WHOLE:
            read = max(newest[one.owner].values(), default=None)
        else:
            read = newest[one.owner].get(one.raw_id) if one.raw_id else None
        return read is None or read <= one.fetched_at

    return [one for one in found if is_open(one)]


def counts(rejections: Collection[Rejection]) -> dict[str, int]:
    """Count rejections by the table that the records were meant for."""
    return dict(sorted(Counter(one.table for one in rejections).items()))


def bookings_to_ask(rejections: Collection[Rejection], now: datetime) -> dict[str, str]:
    """Choose the bookings that are asked for again because they, or items of theirs, were rejected.

    Args:
        rejections: What is open.
        now: Bookeo's time, aware.

    Returns:
        By booking number the reason with the day, as each is asked for once a day.
    """
    numbers = {one.raw_id for one in rejections if one.owner == BOOKING.table.name and one.raw_id}
    return dict.fromkeys(sorted(numbers), f"rejected, asked on {now:%Y-%m-%d}")


def _read_since(
    questions: Questions, tables: Collection[str], account_id: str, owner: str
) -> Iterator[tuple[str, datetime]]:
    """Find when the records around rejected ones were read last, or found to be gone."""
    rejected = "SELECT raw_id FROM {rejected_rows} WHERE account_id = %s"
    newest: dict[str, datetime] = {}
    entity = next((entity for entity in ENTITIES.values() if entity.table.name == owner), None)
    if entity is not None and owner in tables and "fetched_at" in {column.name for column in entity.table.columns}:
        key, all_of_them = entity.table.key[-1], owner in _REPLACED_WHOLE
        sql = f"SELECT {key}, max(fetched_at) FROM {{{owner}}} WHERE account_id = %s"
        rows = (
            questions.rows(f"{sql} GROUP BY {key}", account_id)
            if all_of_them
            else questions.rows(f"{sql} AND {key} IN ({rejected}) GROUP BY {key}", account_id, account_id)
        )
        newest = {str(key): moment for key, moment in rows}
    if owner == BOOKING.table.name and CHILD_CHECKS.name in tables:
        sql = (
            "SELECT parent_id, max(checked_at) FROM {child_checks} WHERE account_id = %s AND resource = %s "
            f"AND outcome = %s AND parent_id IN ({rejected}) GROUP BY parent_id"
        )
        for number, moment in questions.rows(sql, account_id, owner, "not found", account_id):
            newest[number] = max(moment, newest.get(number, moment))
    yield from newest.items()
