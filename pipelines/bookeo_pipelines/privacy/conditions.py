"""The rows and texts of a database in which a person is, as conditions in SQL."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from bookeo_pipelines.privacy.subject import People, Person
from bookeo_pipelines.warehouse.personal_columns import StoredColumn, StoredTable

OF_THE_BUSINESS = frozenset({"booking_resources", "resources"})
"""Guides and rooms are the business's, whoever booked them."""
NEEDLES_AT_MOST = 60
"""Texts that a database looks for in a column; with more, all values are looked at here."""
_LETTERS = {
    letter: plain
    for letter in map(chr, range(0xC0, 0x250))
    if len(both := unicodedata.normalize("NFKD", letter)) == 2 and letter.islower()
    if (plain := both[0]).isascii() and unicodedata.combining(both[1])
}
_ACCENTED = "".join(_LETTERS) + "".join(map(chr, range(0x300, 0x370)))
_PLAIN = "".join(_LETTERS.values())
"""Letters and what they are without accents; combining accents have no counterpart, and `translate` deletes them."""


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


def same_full_name(person: Person) -> Iterator[Where]:
    """List the participants with a person's first and last name.

    Args:
        person: The person.

    Yields:
        A condition on `booking_people` for each spelling.
    """
    for first, last in person.full_names:
        named = "(account_id = %s AND lower(first_name) = %s AND lower(last_name) = %s)"
        yield Where(named, (person.account_id, first, last))


def candidates(column: StoredColumn, people: People) -> Where:
    """Return the rows of which a column may name one of the people; some name nobody.

    Args:
        column: A column of text or JSON.
        people: The people.

    Returns:
        A condition that is true wherever `People.named_in` is for the column's text; it is cheaper.
    """
    identifiers, text = people.identifiers, spelt(column)
    ids = [person.customer_id for person in people.each]
    if len(identifiers.phrases) + len(identifiers.phones) + len(ids) > NEEDLES_AT_MOST:
        return Where(f"{text} <> ''")
    needles = [_needle(phrase) for phrase in identifiers.phrases]
    if None in needles:
        return Where(f"{text} <> ''")
    plain = f"translate(lower({text}), '{_ACCENTED}', '{_PLAIN}')"
    digits = f"regexp_replace({text}, '[^0-9]', '', 'g')"
    escaped = [Where(f"position('\\u' IN {text}) > 0")] if column.type.lower().startswith("json") else []
    return any_of(
        [
            *escaped,
            *(Where(f"position(%s IN {plain}) > 0", (needle,)) for needle in sorted({str(one) for one in needles})),
            *(Where(f"position(%s IN {digits}) > 0", (phone,)) for phone in sorted(identifiers.phones)),
            *(Where(f"position(%s IN {text}) > 0", (customer_id,)) for customer_id in ids),
        ]
    )


def _needle(phrase: str) -> str | None:
    """Return the longest word of a phrase that stands in each of its spellings, once accents are gone."""
    # In SQL, lower() leaves a sharp s as it is; in JSON, other letters may be escaped.
    usable = [word for word in phrase.split() if word.isascii() and "ss" not in word and len(word) > 1]
    return max(usable, key=len, default=None)


def spelt(column: StoredColumn) -> str:
    """Spells a column's values as text, in SQL.

    Args:
        column: The column.

    Returns:
        The expression.
    """
    return f"CAST({column.quoted} AS VARCHAR)"


def is_about_nobody(column: StoredColumn) -> bool:
    """Tell whether no customer is named in a column.

    Args:
        column: A column.

    Returns:
        Whether it is one of ours and not personal, such as product ids and currencies.
    """
    return column.declared is not None and column.declared.personal is None and column.name != "customer_id"
