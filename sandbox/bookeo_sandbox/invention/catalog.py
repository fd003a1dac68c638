"""The invented businesses: what each account is called, where it is, and what it sells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from bookeo_sandbox.records.entities import OptionSpec, Product, Profile, Promotion, Resource, ResourceType, Tax
from bookeo_sandbox.records.ids import stable_id
from bookeo_sandbox.records.money import decimals_of

CATEGORIES = (
    ("Cadults", "Adults", 1),
    ("Cchildren", "Children", 1),
    ("Cinfants", "Infants", 0),
    ("WENWAY", "Groups of school children", 20),  # an account's own
)


@dataclass(frozen=True)
class _Preset:
    name: str
    zone: str
    currency: str
    price_level: float
    language: str
    country: str
    city: str
    taxes: tuple[tuple[str, float], ...]


_PRESETS = (
    _Preset("Harbour & Hills", "Australia/Sydney", "AUD", 1.0, "en_AU", "AU", "Sydney", (("GST", 0.10),)),
    _Preset(
        "Kiez & Keramik",
        "Europe/Berlin",
        "EUR",
        0.7,
        "de_DE",
        "DE",
        "Berlin",
        (("MwSt. 19 %", 0.19), ("Kulturförderabgabe", 0.02)),
    ),
    _Preset("Desert Pearl", "Asia/Kuwait", "KWD", 0.2013, "ar_KW", "KW", "مدينة الكويت", (("Service", 0.05),)),
    _Preset("Signal Hill", "America/St_Johns", "CAD", 0.9, "en_CA", "CA", "St. John's", (("HST", 0.15),)),
    _Preset("江戸ウォーク", "Asia/Tokyo", "JPY", 100.0, "ja_JP", "JP", "東京", (("消費税", 0.10),)),
    _Preset("Line Islands Dive", "Pacific/Kiritimati", "AUD", 1.2, "en_AU", "KI", "London", ()),
    _Preset("Tutuila Trails", "Pacific/Pago_Pago", "USD", 0.8, "en_US", "AS", "Pago Pago", (("Excise", 0.04),)),
    _Preset("Thamel Treks", "Asia/Kathmandu", "NPR", 90.0, "en_US", "NP", "Kathmandu", (("VAT", 0.13),)),
)

DAILY = (0, 1, 2, 3, 4, 5, 6)


def profile(seed: int, position: int, time_zone: str | None = None, currency: str | None = None) -> Profile:
    """Invents an account.

    Args:
        seed: Seed of the business.
        position: Which account of the business, from 0.
        time_zone: IANA name to use instead of the preset's.
        currency: ISO 4217 code to use instead of the preset's.

    Returns:
        The account's settings.
    """
    preset = _PRESETS[position % len(_PRESETS)]
    currency = currency or preset.currency
    decimals = decimals_of(currency)
    level = preset.price_level if currency == preset.currency else {0: 100.0, 3: 0.2013}.get(decimals, 1.0)
    account_id = stable_id(seed, position, "account", length=12)

    def amount(units: float) -> int:
        return round(units * level * float(10**decimals))

    taxes = tuple(Tax(stable_id(account_id, name, length=14), name, rate) for name, rate in preset.taxes)
    resource_types = tuple(
        ResourceType(
            stable_id(account_id, name, length=13),
            name,
            is_public,
            tuple(Resource(stable_id(account_id, name, member, length=15), member) for member in members),
        )
        for name, is_public, members in (
            ("Guides", True, ("Ari", "Bjørn", "Chidi", "Dolores")),
            ("Rooms", False, ("Studio 1", "Studio 2", "Blue room")),
        )
    )
    guides, rooms = (kind.resources for kind in resource_types)
    makers = _Catalog(account_id, amount, taxes)
    products = (*makers.tours(guides), *makers.courses(rooms), *makers.appointments(rooms))
    promotions = (
        Promotion("EARLY10", "Early bird", 10),
        Promotion("FRIENDS25", "Friends & family", 25),
        Promotion("GUEST", "Guest of the house", 100),
    )
    unused = Tax(stable_id(account_id, "former", length=14), "Former levy", 0.03, enabled=False)
    return Profile(
        name=preset.name if position < len(_PRESETS) else f"{preset.name} {position // len(_PRESETS) + 1}",
        account_id=account_id,
        zone=ZoneInfo(time_zone or preset.zone),
        currency=currency,
        decimals=decimals,
        language=preset.language,
        country=preset.country,
        city=preset.city,
        products=products,
        categories=CATEGORIES,
        resource_types=resource_types,
        taxes=(*taxes, unused),
        promotions=promotions,
    )


class _Catalog:
    """The product lines of one account."""

    def __init__(self, account_id: str, amount: Callable[[float], int], taxes: tuple[Tax, ...]) -> None:
        self._account_id = account_id
        self._amount = amount
        self._taxes = taxes

    def _id(self, name: str) -> str:
        number = stable_id(self._account_id, "product", name)
        return f"{number[:8]}_{number[9:]}" if name == "charter" else number

    def _option(self, product: str, name: str, kind: str, values: tuple[str, ...] = (), price: float = 0) -> OptionSpec:
        return OptionSpec(stable_id(self._account_id, product, name, length=11), name, kind, values, self._money(price))

    def _money(self, units: float) -> int:
        return self._amount(units)

    def _rates(self, adults: float, children: float, infants: float = 0.0) -> dict[str, int]:
        return {"Cadults": self._money(adults), "Cchildren": self._money(children), "Cinfants": self._money(infants)}

    def tours(self, guides: tuple[Resource, ...]) -> tuple[Product, ...]:
        """Invents the products of type fixed.

        Args:
            guides: Who may lead them.

        Returns:
            A sunset tour, a walk and a boat for a private party.
        """
        people = (("Cadults", 1, 12), ("Cchildren", 0, 8), ("Cinfants", 0, 2), (None, 1, 14))
        return (
            Product(
                self._id("sunset"), "TOUR-SUNSET", "Sunset kayak tour",
                "<p>Two hours on the water. <b>Bring a hat.</b></p>",
                "fixed", 120, self._rates(79.5, 45), None, people, DAILY, (9 * 60, 17 * 60 + 30), 14,
                (
                    self._option("sunset", "Hotel pick-up", "onOff", price=12.5),
                    self._option("sunset", "Meal", "choice", ("Standard", "Vegetarian", "Végan – sans gluten"), 0),
                    self._option("sunset", "Photos", "number", ("0", "1", "2", "3"), 9.9),
                    self._option("sunset", "Anything we should know?", "text"),
                ),
                guides, self._taxes, flags={"allowPrivateEvents": True}, share=3.0, lead_days=14,
            ),
            Product(
                self._id("walk"), "TOUR-WALK", "Old town walk", "<p>Free for children.</p>", "fixed", 90,
                self._rates(25, 0), None, people, (1, 3, 4, 5, 6), (10 * 60,), 20, (), guides, self._taxes[:1],
                share=2.0, lead_days=6,
            ),
            Product(
                self._id("charter"), "TOUR-BOAT", "Private charter & picnic", "<p>The whole boat.</p>", "fixed", 240,
                {},
                self._money(640), ((None, 1, 10),), (5, 6), (8 * 60, 13 * 60), 1,
                (self._option("charter", "Champagne", "number", ("0", "1", "2", "6"), 89),),
                guides, self._taxes, flags={"prepaidOnly": True, "acceptDeny": True}, share=0.4, lead_days=35,
            ),
        )  # fmt: skip

    def courses(self, rooms: tuple[Resource, ...]) -> tuple[Product, ...]:
        """Invents the products of type fixedCourse.

        Args:
            rooms: Where they are held.

        Returns:
            A weekly course, and one that can also be visited class by class.
        """
        people = (("Cadults", 1, 4), (None, 1, 4))
        return (
            Product(
                self._id("pottery"), "COURSE-POT", "Pottery, six evenings", "<p>Clay and glazes included.</p>",
                "fixedCourse", 150, self._rates(240, 180), None, people, (2,), (18 * 60 + 30,), 10,
                (self._option("pottery", "Own tools", "onOff"),
                 self._option("pottery", "Extra clay (kg)", "number", ("0", "1", "2"), 6.5)),
                rooms, self._taxes, classes=6, share=0.8, lead_days=25,
            ),
            Product(
                self._id("choir"), "COURSE-CHOIR", "Singing in a choir", "<p>No notes needed.</p>",
                "fixedCourse", 90, {}, self._money(96), people, (0,), (19 * 60,), 30, (), rooms[:1], (),
                classes=8, flags={"dropInOnly": False, "membersOnly": False}, share=0.5, lead_days=12,
            ),
        )  # fmt: skip

    def appointments(self, rooms: tuple[Resource, ...]) -> tuple[Product, ...]:
        """Invents the products of type flexibleTime.

        Args:
            rooms: Where they take place.

        Returns:
            A treatment and a private lesson.
        """
        people = (("Cadults", 1, 2), (None, 1, 2))
        return (
            Product(
                self._id("massage"), "APP-MASSAGE", "Massage", "<p>By appointment.</p>", "flexibleTime", 60,
                self._rates(85, 60), None, people, DAILY, tuple(range(9 * 60, 19 * 60, 30)), 3,
                (self._option("massage", "Hot stones", "onOff", price=20), self._option("massage", "Notes", "text")),
                rooms, self._taxes, share=1.6, lead_days=5,
            ),
            Product(
                self._id("lesson"), self._id("lesson"), "Private lesson", "<p>Any instrument – auch Blockflöte.</p>",
                "flexibleTime", 45,
                {}, self._money(55), ((None, 1, 2),), (0, 1, 2, 3, 4), tuple(range(13 * 60, 20 * 60, 15)), 2, (),
                (), self._taxes[:1], flags={"apiBookingsAllowed": True}, share=1.2, lead_days=8,
            ),
        )  # fmt: skip
