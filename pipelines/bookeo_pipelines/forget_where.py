"""The rows and texts of a database in which a person is, as conditions in SQL."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from bookeo_pipelines.forget_person import SHORTEST_ID, Person
from bookeo_pipelines.personal import StoredColumn, StoredTable

OF_THE_BUSINESS = frozenset({"booking_resources", "resources"})
"""Guides and rooms are the business's, whoever booked them."""


@dataclass(frozen=True)
class Where:
    """A condition with its values.

    Args:
        sql: The condition.
        values: What stands for its `%s`.
    """

    sql: str
    values: tuple[Any, ...] = field(default=(), repr=False)

    def __and__(self, other: Where) -> Where:
        return Where(f"{self.sql} AND {other.sql}", self.values + other.values)


def any_of(conditions: Sequence[Where]) -> Where:
    """Joins conditions with OR.

    Args:
        conditions: The conditions.

    Returns:
        One, which nothing fulfils where there are none.
    """
    sql = f"({' OR '.join(one.sql for one in conditions)})" if conditions else "FALSE"
    return Where(sql, tuple(value for one in conditions for value in one.values))


class Whereabouts:
    """Where one person is.

    Args:
        person: The person.
        bookings: The table of the bookings, where there is one.
    """

    def __init__(self, person: Person, bookings: StoredTable | None) -> None:
        self._person = person
        self._bookings = bookings

    def account(self, table: StoredTable) -> Where:
        """Gives the rows of the person's account.

        Args:
            table: A table.

        Returns:
            The condition; everything where the table does not know accounts.
        """
        return Where("account_id = %s", (self._person.account_id,)) if table.has("account_id") else Where("TRUE")

    def rows(self, table: StoredTable) -> Where | None:
        """Gives the rows about the person.

        Args:
            table: A table.

        Returns:
            The condition; None where the table has no column to know them by.
        """
        person, parts = self._person, list[Where]()
        ids = (person.customer_id, person.pseudonym)
        if table.has("customer_id"):
            parts.append(Where("customer_id IN (%s, %s)", ids))
        apart = table.ours and table.name in {"bookings", *OF_THE_BUSINESS}
        if table.has("booking_number") and self._bookings and not apart:
            theirs = (
                f"SELECT booking_number FROM {self._bookings.quoted} WHERE account_id = %s AND customer_id IN (%s, %s)"
            )
            parts.append(Where(f"booking_number IN ({theirs})", (person.account_id, *ids)))
        if table.ours and table.name == "booking_people":
            parts += [Where(f"{name} = %s", (person.customer_id,)) for name in ("person_id", "linked_person_id")]
            parts += self._same_people()
        return self.account(table) & any_of(parts) if parts else None

    def _same_people(self) -> Iterator[Where]:
        for first, last, email, born in self._person.names:
            known = [
                *([Where("lower(email_address) = %s", (email,))] if email else []),
                *([Where("CAST(date_of_birth AS VARCHAR) = %s", (born,))] if born else []),
            ]
            named = Where("lower(first_name) = %s", (first,)) & Where("lower(last_name) = %s", (last,)) & any_of(known)
            yield Where(f"({named.sql})", named.values)

    def checks(self, table: StoredTable) -> Where:
        """Gives the notes about the person in `child_checks`.

        Args:
            table: That table.

        Returns:
            The condition.
        """
        person = self._person
        noted = "(parent_id IN (%s, %s) OR position(%s IN basis) > 0)"
        return self.account(table) & Where(noted, (person.customer_id, person.pseudonym, person.customer_id))

    def named(self, table: StoredTable, column: StoredColumn) -> Where:
        """Gives the rows of which a column names the person, by id or otherwise.

        Args:
            table: The table.
            column: The column.

        Returns:
            The condition.
        """
        parts = (self.id_in(column), self.texts_in(column))
        return self.account(table) & any_of([part for part in parts if part is not None])

    def id_in(self, column: StoredColumn) -> Where | None:
        """Gives the rows of which a column holds the person's id.

        Args:
            column: The column.

        Returns:
            The condition; None where it cannot tell: a short id may stand in a longer text, or for something else.
        """
        if _is_nobodys(column) or len(self._person.customer_id) < SHORTEST_ID:
            return None
        return Where(f"position(%s IN {spelt(column)}) > 0", (self._person.customer_id,))

    def texts_in(self, column: StoredColumn) -> Where | None:
        """Gives the rows of which a column holds a text that names the person.

        Args:
            column: The column.

        Returns:
            The condition; None where there are no such texts, or nobody is named in this column.
        """
        spellings = {spelling for text in self._person.texts for spelling in (text, json.dumps(text)[1:-1])}
        if not spellings or _is_nobodys(column):
            return None
        return any_of([Where(f"position(%s IN lower({spelt(column)})) > 0", (text,)) for text in sorted(spellings)])


def spelt(column: StoredColumn) -> str:
    """Spells a column's values as text, in SQL.

    Args:
        column: The column.

    Returns:
        The expression.
    """
    return f"CAST({column.quoted} AS VARCHAR)"


def _is_nobodys(column: StoredColumn) -> bool:
    """Whether it is one of our columns in which no customer is named: product ids, currencies and the like."""
    return column.declared is not None and column.declared.personal is None and column.name != "customer_id"
