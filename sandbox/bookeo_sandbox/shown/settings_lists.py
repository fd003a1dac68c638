"""The small lists under `/settings`, as the API shows them."""

from __future__ import annotations

from typing import Any

from bookeo_sandbox.invention import names
from bookeo_sandbox.records.account import Account
from bookeo_sandbox.records.entities import Product, Profile
from bookeo_sandbox.records.money import money
from bookeo_sandbox.records.times import format_time

Json = dict[str, Any]

_LANGUAGE_NAMES = {"en": "English", "de": "Deutsch", "ar": "العربية", "ja": "日本語"}


def settings_lists(account: Account) -> dict[str, Any]:
    """Shows all lists of an account.

    Args:
        account: The account.

    Returns:
        By the last part of their path: lists, and one object each for `business` and `apikeyinfo`.
    """
    profile = account.profile
    return {
        "apikeyinfo": {
            "accountId": profile.account_id,
            "permissions": sorted(account.api_key.permissions),
            "creationTime": format_time(account.api_key.created, profile.zone),
        },
        "business": {
            "id": profile.account_id,
            "name": profile.name,
            "description": "<p>An invented business.</p>",
            "phoneNumbers": [{"number": "+61 491 570 006", "type": "work"}],
            "websiteURL": "https://www.example.com",
            "emailAddress": "desk@example.com",
            "streetAddress": {"address1": "1 Jetty Road", "city": profile.city, "countryCode": profile.country},
        },
        "products": [_product(account, product) for product in profile.products],
        "peoplecategories": [{"id": i, "name": name, "numSeats": seats} for i, name, seats in profile.categories],
        "resources": [
            {
                "id": kind.id,
                "name": kind.name,
                "isPublic": kind.is_public,
                "resources": [{"id": resource.id, "name": resource.name} for resource in kind.resources],
            }
            for kind in profile.resource_types
        ],
        "taxes": [{"id": tax.id, "name": tax.name, "enabled": tax.enabled} for tax in profile.taxes],
        "languages": [
            {"tag": tag, "name": _LANGUAGE_NAMES[tag[:2]], "customersDefault": not place}
            for place, tag in enumerate(language_tags(profile))
        ],
        "customercustomfields": {
            "choiceFields": [
                {
                    "id": "CF1",
                    "name": "How did you hear of us?",
                    "shownToCustomers": True,
                    "forCustomer": True,
                    "forParticipants": False,
                    "index": 0,
                    "values": [{"id": f"CF1{place}", "name": source} for place, source in enumerate(names.SOURCES)],
                }
            ],
            "textFields": [
                {
                    "id": "CF2",
                    "name": "Notes",
                    "shownToCustomers": False,
                    "forCustomer": True,
                    "forParticipants": True,
                    "index": 1,
                }
            ],
        },
    }


def language_tags(profile: Profile) -> list[str]:
    """Lists the languages that an account speaks.

    Args:
        profile: The account.

    Returns:
        Tags such as `en-AU`, its own first.
    """
    return list(dict.fromkeys(code.replace("_", "-") for code in (profile.language, "en_US")))


def _product(account: Account, product: Product) -> Json:
    currency, decimals = account.profile.currency, account.profile.decimals
    if product.booking_price is not None:
        rates: list[Json] = [{"price": money(product.booking_price, currency, decimals)}]
    else:
        rates = [{"peopleCategoryId": c, "price": money(a, currency, decimals)} for c, a in product.rates.items()]
    limits = [
        {**({"peopleCategoryId": category} if category else {}), "min": low, "max": high}
        for category, low, high in product.limits
    ]
    shown: Json = {
        "productId": product.id,
        "productCode": product.code,
        "name": product.name,
        "description": product.description,
        "type": product.type,
        "duration": {"days": 0, "hours": product.minutes // 60, "minutes": product.minutes % 60},
        "bookingLimits": limits,
        "defaultRates": rates,
        **product.flags,
    }
    if product.capacity > 10:
        shown["images"] = [{"url": f"https://images.example.com/{product.code.lower()}.jpg"}]
    for kind in ("choice", "number", "onOff", "text"):
        options = []
        for spec in product.options:
            if spec.kind == kind:
                option: Json = {"id": spec.id, "name": spec.name}
                if kind == "choice":
                    option["values"] = [
                        {"id": f"{spec.id}{place}", "name": value} for place, value in enumerate(spec.values)
                    ]
                options.append(option)
        if options:
            shown[f"{kind}Options"] = options
    return shown
