"""People who are forgotten, in what the API goes on telling about them. No input, no output.

Bookeo may still have such a customer, and their bookings go on counting. What comes of them is loaded under a pseudonym
and without anything personal: it is taken out of the API's answers before anybody else sees them, the archive included.
Which customers that are is known by keyed hashes of their ids alone: the pseudonyms themselves. They stand in the state
of the source, which dlt keeps in the destination, so that every load honours them.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

from bookeo.privacy import DROP_ALL
from bookeo.privacy_json import private_value
from bookeo.shape import RawPage
from bookeo.shape_json import MisfitError, dump, load
from bookeo.tables import BOOKING, CUSTOMER, CUSTOMER_BOOKING, PAYMENT, Entity
from bookeo.tables.nodes import record_node

STATE_KEY = "forgotten"
PSEUDONYM_PREFIX = "forgotten-"
NOT_LINKED: Final = frozenset({"PSELF", "PUNKNOWN"})
"""What a participant's `personId` is when it is no id: the customer, and nobody who is known."""
UNKNOWN_PERSON = "PUNKNOWN"
KEPT_OF_CUSTOMER = ("id", "creationTime", "credit")
"""Figures, and what a customer must have. All else that is told about a customer goes, personal or not."""

_PSEUDONYM_DIGITS = 20
_SALT_BYTES = 16
_IDS = re.compile(rb'"(?:customerId|personId|id|bookingNumber)"\s*:\s*"([^"]*)"|"Booking ([\w-]+)"')
_BOOKING = re.compile(r"Booking ([\w-]+)", re.ASCII)
"""A payment's description that says nothing but which booking it is for."""


@dataclass(frozen=True)
class Forgotten:
    """Who is forgotten in an account.

    Args:
        salt: Key of the pseudonyms.
        people: By pseudonym, the numbers of the customer's bookings and ids of the payments, as far as known.
    """

    salt: bytes = field(default=b"", repr=False)
    people: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Forgotten:
        """Reads who is forgotten.

        Args:
            state: The state of the source.

        Returns:
            Them.
        """
        kept = state.get(STATE_KEY) or {}
        people = {name: frozenset(theirs) for name, theirs in kept.get("people", {}).items()}
        return cls(bytes.fromhex(kept.get("salt", "")), people)

    def as_state(self) -> dict[str, Any]:
        """Says what to keep under `STATE_KEY`.

        Returns:
            JSON-able.
        """
        return {"salt": self.salt.hex(), "people": {name: sorted(theirs) for name, theirs in self.people.items()}}

    def pseudonym(self, customer_id: str) -> str:
        """Makes the pseudonym of a customer.

        Args:
            customer_id: Bookeo's id, or the pseudonym already.

        Returns:
            The same one always; nobody finds the id who has no list of ids to try.
        """
        if customer_id in self.people:
            return customer_id
        digest = hmac.digest(self.salt, customer_id.encode("utf-8", "surrogatepass"), "sha256").hex()
        return PSEUDONYM_PREFIX + digest[:_PSEUDONYM_DIGITS]

    def known(self, customer_id: Any) -> str | None:
        """Looks for a customer among the forgotten.

        Args:
            customer_id: An id; anything else is nobody's.

        Returns:
            The pseudonym; None for everybody else.
        """
        if not self.people or not isinstance(customer_id, str):
            return None
        pseudonym = self.pseudonym(customer_id)
        return pseudonym if pseudonym in self.people else None

    def adding(self, customer_id: str, theirs: Collection[str]) -> Forgotten:
        """Takes one more customer in.

        Args:
            customer_id: Bookeo's id, or the pseudonym of somebody who is forgotten already.
            theirs: Numbers of their bookings and ids of their payments, as far as known.

        Returns:
            All of them.
        """
        salted = self if self.salt else replace(self, salt=secrets.token_bytes(_SALT_BYTES))
        name = salted.pseudonym(customer_id)
        return replace(salted, people={**salted.people, name: salted.people.get(name, frozenset()) | frozenset(theirs)})

    def concerns(self, value: Any) -> bool:
        """Tells whether something is about one of them.

        Args:
            value: An id of anything.

        Returns:
            Whether it is a forgotten customer, or a booking or payment of theirs.
        """
        return isinstance(value, str) and (value in self._theirs or self.known(value) is not None)

    @cached_property
    def _theirs(self) -> frozenset[str]:
        return frozenset[str]().union(*self.people.values())


def is_pseudonym(customer_id: str) -> bool:
    """Tells whether Bookeo has no such customer, as it is the pseudonym of one.

    Args:
        customer_id: As it stands in the tables.

    Returns:
        Whether it is.
    """
    return customer_id.startswith(PSEUDONYM_PREFIX)


def forget_in_page(entity: Entity, page: RawPage, forgotten: Forgotten) -> RawPage:
    """Takes what is personal of the forgotten out of an answer.

    Args:
        entity: What it holds.
        page: The answer.
        forgotten: Who is forgotten.

    Returns:
        An answer that is shaped as before, figures included; the very same one where nobody forgotten is in it.
    """
    if not forgotten.people:
        return page
    whose = any(forgotten.concerns(page.constants.get(name)) for name in ("customer_id", "booking_number"))
    ids = {(one or other).decode("utf-8", "replace") for one, other in _IDS.findall(page.body)}
    if not whose and not any(forgotten.concerns(one) for one in ids):
        return page
    constants = {name: forgotten.known(value) or value for name, value in page.constants.items()}
    try:
        value = load(page.body)
    except MisfitError:
        return replace(page, body=b"null", constants=constants)
    records = value.get(page.records) if page.records is not None and isinstance(value, dict) else None
    if isinstance(records, list):
        value[page.records] = [forget_in_record(entity, record, forgotten, whose=whose) for record in records]
    else:
        value = forget_in_record(entity, value, forgotten, whose=whose)
    body = dump(value).encode()
    same = body == page.body and constants == page.constants
    return page if same else replace(page, body=body, constants=constants)


def forget_in_record(entity: Entity, record: Any, forgotten: Forgotten, *, whose: bool = False) -> Any:
    """Takes what is personal of the forgotten out of one record.

    Args:
        entity: The kind of object that it is.
        record: What `shape_json.load` gave.
        forgotten: Who is forgotten.
        whose: Whether it is known to be about one of them.

    Returns:
        The record without it.
    """
    if not isinstance(record, dict):
        return None if whose else record
    if entity is CUSTOMER:
        return _customer(record, forgotten, whose=whose)
    mine = whose or forgotten.known(record.get("customerId")) is not None
    if entity is PAYMENT:
        booking = _BOOKING.fullmatch(record["description"]) if isinstance(record.get("description"), str) else None
        mine = mine or forgotten.concerns(record.get("id")) or (booking is not None and forgotten.concerns(booking[1]))
        kept = {"description": record["description"]} if booking else {}
    else:
        # guides and rooms are the business's
        kept = {"resources": record["resources"]} if "resources" in record else {}
    if mine and entity in (BOOKING, CUSTOMER_BOOKING, PAYMENT):
        record = private_value(record_node(entity), record, DROP_ALL) | kept
    if isinstance(record.get("customer"), dict):
        record["customer"] = _customer(record["customer"], forgotten, whose=mine)
    for detail in _details(record):
        person = detail.get("personDetails")
        linked = person if isinstance(person, dict) else {}
        if mine or any(
            forgotten.known(one) for one in (detail.get("personId"), linked.get("id"), linked.get("customerId"))
        ):
            detail.pop("personDetails", None)
            if detail.get("personId") not in NOT_LINKED:
                detail["personId"] = UNKNOWN_PERSON
    if (pseudonym := forgotten.known(record.get("customerId"))) is not None:
        record["customerId"] = pseudonym
    return record


def _customer(record: dict[str, Any], forgotten: Forgotten, *, whose: bool) -> dict[str, Any]:
    pseudonym = forgotten.known(record.get("id"))
    if pseudonym is None and not whose:
        return record
    kept = {name: record[name] for name in KEPT_OF_CUSTOMER if name in record}
    return kept if pseudonym is None else kept | {"id": pseudonym}


def _details(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    participants = record.get("participants")
    details = participants.get("details") if isinstance(participants, dict) else None
    for detail in details if isinstance(details, list) else []:
        if isinstance(detail, dict):
            yield detail
