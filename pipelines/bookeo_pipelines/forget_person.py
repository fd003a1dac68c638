"""Who is to be forgotten: where they are in the tables, and by which texts others may name them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from bookeo.forgotten import Forgotten
from bookeo_pipelines.personal import Execute, StoredTable

SHORTEST_TEXT = 5
"""Characters of a text by which somebody is looked for in what others wrote: shorter ones name too many."""
SHORTEST_ID = 6
"""Characters of an id that is replaced within longer texts, too."""


@dataclass(frozen=True)
class Person:
    """A customer of one account.

    Args:
        account_id: The account.
        customer_id: Bookeo's id.
        forgotten: All who are forgotten in the account, this one included.
        texts: What names them: e-mail addresses, phone numbers, full names, in lower case.
        names: First name, last name, e-mail address and date of birth: known by these among others' participants.
    """

    account_id: str
    customer_id: str
    forgotten: Forgotten
    texts: frozenset[str] = field(default=frozenset(), repr=False)
    names: tuple[tuple[str, str, str | None, str | None], ...] = field(default=(), repr=False)

    @property
    def pseudonym(self) -> str:
        """What stands in the place of the id from now on."""
        return self.forgotten.pseudonym(self.customer_id)

    def named_in(self, text: str) -> bool:
        """Tells whether a text names them.

        Args:
            text: Any text.

        Returns:
            Whether their id or one of the texts is in it.
        """
        return self.spelt_in(text) or self.id_stands_in(text)

    def spelt_in(self, text: str) -> bool:
        """Tells whether a text names them otherwise than by their id.

        Args:
            text: Any text.

        Returns:
            Whether one of the texts is in it.
        """
        low = text.lower()
        return any(one in low for one in self.texts)

    def id_stands_in(self, text: str) -> bool:
        """Looks for the id in a text.

        Args:
            text: Any text.

        Returns:
            Whether the text is the id, or has it in it; a short id may stand in any text by chance.
        """
        return text == self.customer_id or (len(self.customer_id) >= SHORTEST_ID and self.customer_id in text)


def find_person(
    execute: Execute, tables: Sequence[StoredTable], dataset: str, account_id: str, customer_id: str, known: Forgotten
) -> Person:
    """Gathers what the tables know of a customer.

    Args:
        execute: Asks the database.
        tables: Its tables.
        dataset: The dataset that is loaded.
        account_id: The account.
        customer_id: Bookeo's id.
        known: Who is forgotten in the account so far.

    Returns:
        The person, among the forgotten from now on.
    """
    there = {table.name: table for table in tables if table.schema == dataset and table.ours}
    ids = [customer_id, known.pseudonym(customer_id)] if known.people else [customer_id]
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
    phones = {row[0] for row in rows("customer_phone_numbers", "number", "customer_id = %s", customer_id)}
    texts, names = set[str](), set[tuple[str, str, str | None, str | None]]()
    for first, middle, last, email, born, other in people:
        texts |= _full_names(first, middle, last) | {email or ""} | _texts_in(other)
        if first and last and (email or born):
            names.add((first.lower(), last.lower(), email.lower() if email else None, born))
    texts |= {phone or "" for phone in phones}
    return Person(
        account_id,
        customer_id,
        known.adding(customer_id, bookings | payments),
        frozenset(text.lower() for text in texts if len(text) >= SHORTEST_TEXT),
        tuple(sorted(names, key=str)),
    )


def _full_names(first: str | None, middle: str | None, last: str | None) -> set[str]:
    if not first or not last:
        return set()
    found = {f"{first} {last}", f"{last} {first}", f"{last}, {first}"}
    return found | ({f"{first} {middle} {last}", f"{last}, {first} {middle}"} if middle else set())


def _texts_in(value: str | None) -> set[str]:
    """An id, or the numbers in a JSON list of phone numbers."""
    if not value or not value.startswith("["):
        return {value or ""}
    return {str(item.get("number") or "") for item in json.loads(value)}
