"""People who are forgotten, in what the API goes on telling about them. No input, no output.

Bookeo may still have such a customer, and their bookings go on counting. What comes of them is loaded under a pseudonym
and without anything personal: it is taken out of the API's answers before anybody else sees them, the archive included.
Which customers that are is known by keyed hashes of their ids alone: the pseudonyms themselves. What others write about
them is recognized by keyed digests of their names, addresses and numbers. Both stand in the state of the source, which
dlt keeps in the destination, so that every load honors them.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

from bookeo.privacy.mentions import Identifiers, Mentions, scrub_mentions
from bookeo.privacy.records import answer_node, private_value
from bookeo.schema import BOOKING, CUSTOMER, CUSTOMER_BOOKING, PAYMENT, Entity
from bookeo.schema.json_shape import record_node
from bookeo.settings.privacy import DROP_ALL
from bookeo.transform.json_values import MisfitError, dump, load
from bookeo.transform.shape import RawPage
from bookeo.windows import parse_time

STATE_KEY = "forgotten"
PSEUDONYM_PREFIX = "forgotten-"
NOT_LINKED: Final = frozenset({"PSELF", "PUNKNOWN"})
"""What a participant's `personId` is when it is no id: the customer, and nobody who is known."""
UNKNOWN_PERSON = "PUNKNOWN"
KEPT_OF_CUSTOMER = ("id", "creationTime", "credit")
"""Figures, and what a customer must have. All else that is told about a customer goes, personal or not."""

_PSEUDONYM_DIGITS = 20
_SALT_BYTES = 16
_TIMES_OF_ACTIVITY = (
    *("startTime", "creationTime", "receivedTime"),
    *("startTimeOfNextBooking", "startTimeOfPreviousBooking"),
)
_IDS = re.compile(rb'"(?:customerId|personId|id|bookingNumber)"\s*:\s*"([^"]*)"|"Booking ([\w-]+)"')
_BOOKING = re.compile(r"Booking ([\w-]+)", re.ASCII)
"""A payment's description that says nothing but which booking it is for."""


@dataclass(frozen=True)
class Forgotten:
    """Who is forgotten in an account.

    Args:
        salt: Key of the pseudonyms.
        people: By pseudonym, the numbers of the customer's bookings and ids of the payments, as far as known.
        mentions: What names them in texts of others.
        expired: By the pseudonym of whoever was erased for their age: the time (RFC 3339) up to which that holds. Who
            comes back later is a customer again.
    """

    salt: bytes = field(default=b"", repr=False)
    people: Mapping[str, frozenset[str]] = field(default_factory=dict)
    mentions: Mentions = field(default_factory=Mentions)
    expired: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_state(cls, state: Mapping[str, Any], privacy_key: str | None = None) -> Forgotten:
        """Read who is forgotten.

        Args:
            state: The state of the source.
            privacy_key: The setting of that name.

        Returns:
            All of them.

        Raises:
            SettingsError: Mentions were noted with another `privacy_key`.
        """
        kept = state.get(STATE_KEY) or {}
        people = {name: frozenset(theirs) for name, theirs in kept.get("people", {}).items()}
        salt = bytes.fromhex(kept.get("salt", ""))
        keys = [_mention_key(salt, None), _mention_key(salt, privacy_key)]
        mentions = Mentions.from_state(kept.get("mentions") or {}, keys)
        return cls(salt, people, mentions, kept.get("expired") or {})

    @classmethod
    def knows(cls, state: Mapping[str, Any], customer_id: str) -> bool:
        """Tell whether a customer is forgotten; no key is needed for that.

        Args:
            state: The state of the source.
            customer_id: Bookeo's id, or a pseudonym.

        Returns:
            Whether they are.
        """
        kept = state.get(STATE_KEY) or {}
        salt = bytes.fromhex(kept.get("salt", ""))
        return cls(salt, dict.fromkeys(kept.get("people", {}), frozenset[str]())).known(customer_id) is not None

    def as_state(self) -> dict[str, Any]:
        """Return what to keep under `STATE_KEY`, as JSON."""
        return {
            "salt": self.salt.hex(),
            "people": {name: sorted(theirs) for name, theirs in self.people.items()},
            "mentions": self.mentions.as_state(),
            "expired": dict(self.expired),
        }

    def with_salt(self) -> Forgotten:
        """Return a copy that can make pseudonyms, as soon as there is nobody yet."""
        return self if self.salt else replace(self, salt=secrets.token_bytes(_SALT_BYTES))

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

    def adding(
        self,
        customer_id: str,
        theirs: Collection[str],
        identifiers: Identifiers = Identifiers(),  # noqa: B008 - frozen
        privacy_key: str | None = None,
        expired_before: str | None = None,
    ) -> Forgotten:
        """Return a copy with one more customer.

        Args:
            customer_id: Bookeo's id, or the pseudonym of somebody who is forgotten already.
            theirs: Numbers of their bookings and ids of their payments, as far as known.
            identifiers: What names them in texts of others.
            privacy_key: The setting of that name; without it the digests of identifiers can be tested by guesses.
            expired_before: See `expired`; None where they are forgotten for good.

        Returns:
            The copy.
        """
        salted = self.with_salt()
        name = salted.pseudonym(customer_id)
        people = {**salted.people, name: salted.people.get(name, frozenset()) | frozenset(theirs)}
        mentions = salted.mentions.adding(identifiers, _mention_key(salted.salt, privacy_key))
        expired = {**salted.expired, name: expired_before} if expired_before else dict(salted.expired)
        if not expired_before:
            expired.pop(name, None)
        return replace(salted, people=people, mentions=mentions, expired=expired)

    def released(self, customer_id: Any, record: Mapping[str, Any]) -> bool:
        """Tell whether a record is of somebody who was erased for their age and has come back since.

        Args:
            customer_id: Whose record it is.
            record: A booking, payment or customer.

        Returns:
            Whether one of the times in it is later than the time up to which they are erased.
        """
        pseudonym = self.known(customer_id)
        limit = self.expired.get(pseudonym) if pseudonym else None
        return limit is not None and any(
            parse_time(value) > parse_time(limit)
            for name in _TIMES_OF_ACTIVITY
            if isinstance(value := record.get(name), str) and _is_time(value)
        )

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


def _is_time(text: str) -> bool:
    try:
        parse_time(text)
    except ValueError:
        return False
    return True


def _mention_key(salt: bytes, privacy_key: str | None) -> bytes:
    return hashlib.sha256(salt + (privacy_key or "").strip().encode()).digest()


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
    concerned = whose or any(forgotten.concerns(one) for one in ids)
    if not concerned and not forgotten.mentions:
        return page
    constants = {name: forgotten.known(value) or value for name, value in page.constants.items()}
    try:
        value = load(page.body)
    except MisfitError:
        return replace(page, body=b"null", constants=constants)
    if forgotten.mentions:
        scrubbed = scrub_mentions(answer_node(entity.name, page.records), value, forgotten.mentions.found_in)
        if not concerned and scrubbed is value:
            return page
        value = scrubbed
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
        record: What `json_values.load` gave.
        forgotten: Who is forgotten.
        whose: Whether it is known to be about one of them.

    Returns:
        The record without it.
    """
    if not isinstance(record, dict):
        return None if whose else record
    owner = record.get("id" if entity is CUSTOMER else "customerId")
    is_back = forgotten.released(owner, record)
    if entity is CUSTOMER:
        return record if is_back else _customer(record, forgotten, whose=whose)
    mine = not is_back and (whose or forgotten.known(owner) is not None)
    if entity is PAYMENT:
        booking = _BOOKING.fullmatch(record["description"]) if isinstance(record.get("description"), str) else None
        mine = mine or forgotten.concerns(record.get("id")) or (booking is not None and forgotten.concerns(booking[1]))
        kept = {"description": record["description"]} if booking else {}
    else:
        # guides and rooms are the business's
        kept = {"resources": record["resources"]} if "resources" in record else {}
    if mine and entity in (BOOKING, CUSTOMER_BOOKING, PAYMENT):
        record = private_value(record_node(entity), record, DROP_ALL) | kept
    if isinstance(record.get("customer"), dict) and not is_back:
        record["customer"] = _customer(record["customer"], forgotten, whose=mine)
    for detail in _details(record):
        person = detail.get("personDetails")
        linked = person if isinstance(person, dict) else {}
        ids = {detail.get("personId"), linked.get("id"), linked.get("customerId")} - ({owner} if is_back else set())
        if mine or any(forgotten.known(one) for one in ids):
            detail.pop("personDetails", None)
            if detail.get("personId") not in NOT_LINKED:
                detail["personId"] = UNKNOWN_PERSON
    if not is_back and (pseudonym := forgotten.known(owner)) is not None:
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
