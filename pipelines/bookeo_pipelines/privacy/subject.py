"""Who is to be forgotten: where they are in the tables, and what identifies them in texts of others."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bookeo.privacy.erasure import Forgotten
from bookeo.privacy.mentions import SHORTEST_WORD, Identifiers
from bookeo_pipelines.warehouse.personal_columns import Execute, StoredTable

Participant = tuple[str, str, str | None, str | None]
"""First name, last name, e-mail address and date of birth, in lower case."""


@dataclass(frozen=True)
class Person:
    """A customer of one account.

    Args:
        account_id: The account.
        customer_id: Bookeo's id, or the pseudonym of somebody who is forgotten already.
        pseudonym: What stands in the place of the id from now on.
        owned: Numbers of their bookings and ids of their payments.
        identifiers: What names them in texts of others.
        names: By these they are known among the participants of others' bookings.
        full_names: First and last names, in lower case.
    """

    account_id: str
    customer_id: str
    pseudonym: str
    owned: frozenset[str] = frozenset()
    identifiers: Identifiers = field(default_factory=Identifiers, repr=False)
    names: tuple[Participant, ...] = field(default=(), repr=False)
    full_names: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def id_stands_in(self, text: str) -> bool:
        """Look for the id in a text.

        Args:
            text: Any text.

        Returns:
            Whether the text is the id, or has it in it; a short id may stand in any text by chance.
        """
        return text == self.customer_id or (len(self.customer_id) >= SHORTEST_WORD and self.customer_id in text)


@dataclass(frozen=True)
class People:
    """Customers of one account who are erased together.

    Args:
        account_id: The account.
        each: The customers.
        forgotten: All who are forgotten in the account, these included.
    """

    account_id: str
    each: tuple[Person, ...]
    forgotten: Forgotten
    identifiers: Identifiers = field(init=False, repr=False)

    def __post_init__(self) -> None:
        union = Identifiers()
        for person in self.each:
            union |= person.identifiers
        object.__setattr__(self, "identifiers", union)

    def named_in(self, text: str) -> bool:
        """Tell whether a text names one of them, by id or otherwise.

        Args:
            text: Any text, not JSON-escaped.

        Returns:
            Whether it does.
        """
        return self.identifiers.found_in(text) or any(person.id_stands_in(text) for person in self.each)

    def renamed(self, text: str) -> str:
        """Put pseudonyms into the place of their ids.

        Args:
            text: Any text.

        Returns:
            The text without their ids.
        """
        for person in self.each:
            if person.id_stands_in(text):
                text = text.replace(person.customer_id, person.pseudonym)
        return text


def find_people(
    execute: Execute,
    tables: Sequence[StoredTable],
    dataset: str,
    account_id: str,
    customer_ids: Sequence[str],
    known: Forgotten,
    privacy_key: str | None = None,
    expired_before: str | None = None,
) -> People:
    """Gather what the tables know of customers.

    Args:
        execute: Asks the database.
        tables: Its tables.
        dataset: The dataset that is loaded.
        account_id: The account.
        customer_ids: Bookeo's ids.
        known: Who is forgotten in the account so far.
        privacy_key: The setting of that name.
        expired_before: Where they are erased for their age: the time (RFC 3339) of which what is newer is kept.

    Returns:
        The people, among the forgotten from now on.
    """
    there = {table.name: table for table in tables if table.schema == dataset and table.ours}
    known = known.with_salt()
    each = tuple(_find_person(execute, there, account_id, customer, known) for customer in customer_ids)
    forgotten = known
    for person in each:
        identifiers = Identifiers() if expired_before else person.identifiers
        forgotten = forgotten.adding(person.customer_id, person.owned, identifiers, privacy_key, expired_before)
    return People(account_id, each, forgotten)


def _find_person(
    execute: Execute, there: dict[str, StoredTable], account_id: str, customer_id: str, known: Forgotten
) -> Person:
    pseudonym = known.pseudonym(customer_id)
    ids = sorted({customer_id, pseudonym})
    marks = ", ".join(["%s"] * len(ids))

    def rows(table: str, columns: str, condition: str, *values: str) -> Sequence[tuple[str | None, ...]]:
        if table not in there:
            return []
        return execute(
            f"SELECT {columns} FROM {there[table].quoted} WHERE account_id = %s AND {condition}", account_id, *values
        )

    bookings = {str(row[0]) for row in rows("bookings", "booking_number", f"customer_id IN ({marks})", *ids)}
    payments = {str(row[0]) for row in rows("payments", "payment_id", f"customer_id IN ({marks})", *ids)}
    if bookings and "payments" in there:
        theirs = (
            f"SELECT booking_number FROM {there['bookings'].quoted} WHERE account_id = %s AND customer_id IN ({marks})"
        )
        payments |= {
            str(row[0]) for row in rows("payments", "payment_id", f"booking_number IN ({theirs})", account_id, *ids)
        }
    columns = "first_name, middle_name, last_name, email_address, CAST(date_of_birth AS VARCHAR)"
    people = [*rows("customers", f"{columns}, facebook_id", "customer_id = %s", customer_id)]
    people += rows("booking_people", f"{columns}, CAST(phone_numbers AS VARCHAR)", "customer_id = %s", customer_id)
    phones = [row[0] for row in rows("customer_phone_numbers", "number", "customer_id = %s", customer_id)]
    phrases: list[str | None] = [customer_id]
    names, full_names = set[Participant](), set[tuple[str, str]]()
    for first, middle, last, email, born, other in people:
        phrases.append(email)
        if other and other.startswith("["):
            phones += [str(item.get("number") or "") for item in json.loads(other)]
        else:
            phrases.append(other)
        if first and last:
            phrases += [f"{first} {last}", f"{first} {middle} {last}" if middle else None]
            full_names.add((first.lower(), last.lower()))
            if email or born:
                names.add((first.lower(), last.lower(), email.lower() if email else None, born))
    return Person(
        account_id,
        customer_id,
        pseudonym,
        frozenset(bookings | payments),
        Identifiers.of(phrases, phones),
        tuple(sorted(names, key=str)),
        tuple(sorted(full_names)),
    )


def texts_of(value: object, visit: Callable[[str], bool]) -> bool:
    """Visit the texts of a JSON value until one is found.

    Args:
        value: What `json.loads` returned.
        visit: Called with each text, names of fields included.

    Returns:
        Whether it returned true for one of them.
    """
    if isinstance(value, str):
        return visit(value)
    if isinstance(value, dict):
        return any(texts_of(item, visit) for pair in value.items() for item in pair)
    return isinstance(value, list) and any(texts_of(item, visit) for item in value)
