"""What an account holds, packed so that a million bookings fit in memory.

Times are Unix seconds (0: never). Money is a whole number of the currency's smallest unit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import orjson


def packed(value: Any) -> bytes:
    """Makes JSON that takes no more memory than its text.

    Args:
        value: What to write.

    Returns:
        JSON in UTF-8.
    """
    # orjson leaves its buffer at the end of what it returns: a kilobyte or more for each customer.
    return bytes(memoryview(orjson.dumps(value)))


Numbers = tuple[tuple[str, int], ...]
Option = tuple[str, str, str]
Adjustment = tuple[int, int, str, tuple[str, ...]]

SELF, UNKNOWN = -1, -2
"""Who a participant is: the customer, nobody known, or (from 0) the customer's n-th linked person."""

CANCELED, ACCEPTED, PRIVATE, NO_SHOW, UNTRACKED = 1, 2, 4, 8, 16
"""Bits of `Booking.flags`. UNTRACKED: a cancelation that the customer's statistics do not count."""


@dataclass(slots=True, eq=False)
class Tax:
    """A tax that is contained in gross prices; `rate` is a part of the net price."""

    id: str
    name: str
    rate: float
    enabled: bool = True


@dataclass(slots=True, eq=False)
class Resource:
    """A guide, a room or a boat."""

    id: str
    name: str


@dataclass(slots=True, eq=False)
class ResourceType:
    """A kind of resource, with its resources."""

    id: str
    name: str
    is_public: bool
    resources: tuple[Resource, ...]


@dataclass(slots=True, eq=False)
class OptionSpec:
    """An option of a product; `kind` is choice, number, onOff or text; `price` is by one unit of it."""

    id: str
    name: str
    kind: str
    values: tuple[str, ...] = ()
    price: int = 0


@dataclass(slots=True, eq=False)
class Product:
    """A product; `rates` by people category, or one price for the booking (`booking_price`)."""

    id: str
    code: str
    name: str
    description: str
    type: str
    minutes: int
    rates: dict[str, int]
    booking_price: int | None
    limits: tuple[tuple[str | None, int, int], ...]
    weekdays: tuple[int, ...]
    starts: tuple[int, ...]
    capacity: int
    options: tuple[OptionSpec, ...]
    resources: tuple[Resource, ...]
    taxes: tuple[Tax, ...]
    classes: int = 1
    flags: dict[str, bool] = field(default_factory=dict)
    share: float = 1.0
    lead_days: float = 10.0


@dataclass(slots=True, eq=False)
class Promotion:
    """A promotion that takes `percent` off the price."""

    code: str
    name: str
    percent: int


class Customer:
    """A customer; `data` is the JSON of what does not depend on bookings, `linked` that of each linked person."""

    __slots__ = ("bookings", "created", "data", "id", "lang", "linked", "name")

    def __init__(self, id: str, name: str, created: int, lang: str, data: bytes, linked: tuple[bytes, ...]) -> None:  # noqa: A002
        self.id = id
        self.name = name
        self.created = created
        self.lang = lang
        self.data = data
        self.linked = linked
        self.bookings: list[Booking] = []


class Payment:
    """A payment; `booking` is None for one that belongs to no booking."""

    __slots__ = (
        "agent",
        "amount",
        "booking",
        "comment",
        "created",
        "customer_id",
        "description",
        "gateway",
        "id",
        "method",
        "method_other",
        "reason",
        "received",
        "transaction",
    )

    def __init__(
        self,
        id: str,  # noqa: A002
        created: int,
        received: int,
        amount: int,
        method: str,
        reason: str,
        *,
        booking: Booking | None = None,
        customer_id: str | None = None,
        description: str | None = None,
        comment: str | None = None,
        method_other: str | None = None,
        agent: str | None = None,
        gateway: str | None = None,
        transaction: str | None = None,
    ) -> None:
        self.id = id
        self.created = created
        self.received = received
        self.amount = amount
        self.method = method
        self.reason = reason
        self.booking = booking
        self.customer_id = customer_id
        self.description = description
        self.comment = comment
        self.method_other = method_other
        self.agent = agent
        self.gateway = gateway
        self.transaction = transaction


class Booking:
    """A booking. `event` is the start of the slot (of a course: of its first class), 0 where there is no slot."""

    __slots__ = (
        "adjustments",
        "agent",
        "cache",
        "cancel_agent",
        "canceled",
        "change_agent",
        "changed",
        "coupons",
        "created",
        "customer",
        "end",
        "event",
        "extra",
        "flags",
        "gross",
        "net",
        "number",
        "numbers",
        "options",
        "override",
        "paid",
        "payments",
        "people",
        "product",
        "promotion",
        "resources",
        "series",
        "source",
        "start",
        "taxes",
    )

    def __init__(self, number: str, customer: Customer, product: Product, created: int, start: int, end: int) -> None:
        self.number = number
        self.customer = customer
        self.product = product
        self.created = created
        self.start = start
        self.end = end
        self.event = 0
        self.agent: str | None = None
        self.source: str | None = None
        self.changed = 0
        self.change_agent: str | None = None
        self.canceled = 0
        self.cancel_agent: str | None = None
        self.flags = ACCEPTED
        self.numbers: Numbers = ()
        self.people: tuple[int, ...] = ()
        self.options: tuple[Option, ...] = ()
        self.resources: tuple[Resource, ...] = ()
        self.adjustments: tuple[Adjustment, ...] = ()
        self.promotion: Promotion | None = None
        self.coupons: tuple[str, ...] = ()
        self.gross = 0
        self.net = 0
        self.taxes: tuple[tuple[str, int], ...] = ()
        self.paid = 0
        self.payments: tuple[Payment, ...] = ()
        self.series = 0
        self.extra: dict[str, Any] | None = None
        self.override: bytes | None = None
        self.cache: bytes | None = None

    @property
    def updated(self) -> int:
        """When it was last changed, or else created; what the `lastUpdated` filter looks at."""
        return self.changed or self.created


@dataclass(slots=True, eq=False)
class Hold:
    """Seats kept for a booking that somebody is about to make; `booking` is not taken in."""

    id: str
    booking: Booking
    created: int
    expires: int


@dataclass(slots=True, eq=False)
class Block:
    """What cannot be booked: seats of a slot, or resources for a time (without `product`)."""

    id: str
    start: int
    end: int
    created: int
    agent: str
    product: Product | None = None
    event: int = 0
    seats: int = 0
    resources: tuple[Resource, ...] = ()
    reason: str | None = None
    changed: int = 0

    @property
    def updated(self) -> int:
        """When it was last changed, or else created."""
        return self.changed or self.created


@dataclass(slots=True, eq=False)
class ApiKey:
    """A key of an account with what it may do."""

    key: str
    permissions: set[str]
    created: int
    revoked: bool = False


@dataclass(slots=True, eq=False)
class Profile:
    """Who an account is and what it sells: all that `/settings` tells."""

    name: str
    account_id: str
    zone: ZoneInfo
    currency: str
    decimals: int
    language: str
    country: str
    city: str
    products: tuple[Product, ...]
    categories: tuple[tuple[str, str, int], ...]
    resource_types: tuple[ResourceType, ...]
    taxes: tuple[Tax, ...]
    promotions: tuple[Promotion, ...]
