"""What requests bring in their bodies, checked before anything changes."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from bookeo_sandbox.protocol.calls import Call
from bookeo_sandbox.protocol.errors import bad_request
from bookeo_sandbox.records.entities import (
    SELF,
    UNKNOWN,
    Adjustment,
    Booking,
    Numbers,
    Option,
    Payment,
    Product,
    Promotion,
)
from bookeo_sandbox.records.times import parse_time

PAYMENT_METHODS = (
    "creditCard",
    "paypal",
    "bankTransfer",
    "cash",
    "checque",
    "debitCard",
    "existingCredit",
    "accountCredit",
    "moneyVoucher",
    "other",
)
MAX_EXTERNAL_REF = 64
"""Characters of `externalRef`. Source: the vendor's API pages."""
_PERSON_FIELDS = {
    "firstName": str,
    "middleName": str,
    "lastName": str,
    "emailAddress": str,
    "dateOfBirth": str,
    "gender": str,
}
_CUSTOMER_FIELDS = {
    **_PERSON_FIELDS,
    "phoneNumbers": list,
    "streetAddress": dict,
    "customFields": list,
    "languageCode": str,
    "acceptSmsReminders": bool,
}


def product(call: Call) -> Product:
    """Finds the product that a query names.

    Args:
        call: The request, with `productId`.

    Returns:
        The product.

    Raises:
        ApiError: 400, there is none.
    """
    known = call.account.products.get(call.query["productId"])
    if known is None:
        raise bad_request("Unknown productId")
    return known


def text(body: dict[str, Any], name: str, highest: int = 2000) -> str | None:
    """Reads an optional text.

    Args:
        body: The object it is in.
        name: Its field.
        highest: Characters allowed.

    Returns:
        The text, or None.

    Raises:
        ApiError: 400, it is no text or too long.
    """
    value = body.get(name)
    if value is not None and (not isinstance(value, str) or len(value) > highest):
        raise bad_request(f"{name} must be text of at most {highest} characters")
    return value


def objects(body: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Reads an optional list of objects.

    Args:
        body: The object it is in.
        name: Its field.

    Returns:
        The objects.

    Raises:
        ApiError: 400, it is something else.
    """
    value = body.get(name, [])
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise bad_request(f"{name} must be a list of objects")
    return value


def moment(call: Call, body: dict[str, Any], name: str) -> int | None:
    """Reads an optional time.

    Args:
        call: The request.
        body: The object it is in.
        name: Its field.

    Returns:
        Unix seconds, or None.

    Raises:
        ApiError: 400, it is no time.
    """
    value = text(body, name)
    if value is None:
        return None
    try:
        return int(parse_time(value, call.account.profile.zone, strict=call.strict))
    except (ValueError, OverflowError) as error:
        raise bad_request(f"{name} is {error}") from None


def participants(call: Call, body: dict[str, Any], product: Product) -> tuple[Numbers, tuple[int, ...]]:
    """Reads who takes part.

    Args:
        call: The request.
        body: The booking.
        product: What is booked.

    Returns:
        Numbers by category, and who the persons are.

    Raises:
        ApiError: 400, nobody, an unknown category, or more than the product allows.
    """
    value = body.get("participants")
    rows = objects(value, "numbers") if isinstance(value, dict) else []
    if not rows:
        raise bad_request("participants.numbers is required")
    known = {category for category, _, _ in call.account.profile.categories}
    limits = {category: highest for category, _, highest in product.limits}
    numbers = []
    for row in rows:
        category, number = row.get("peopleCategoryId"), row.get("number")
        if category not in known or type(number) is not int or number < 1:
            raise bad_request("participants.numbers needs a known peopleCategoryId and a number from 1 on")
        if number > limits.get(category, limits.get(None, 0)):
            raise bad_request("More participants than this product allows")
        numbers.append((category, number))
    count = sum(number for _, number in numbers)
    return tuple(numbers), (SELF,) + (UNKNOWN,) * (count - 1)


def options(body: dict[str, Any], product: Product) -> tuple[Option, ...]:
    """Reads the options chosen.

    Args:
        body: The booking.
        product: What is booked.

    Returns:
        Id, name and value of each.

    Raises:
        ApiError: 400, an unknown option or value.
    """
    specs = {spec.id: spec for spec in product.options}
    chosen = []
    for row in objects(body, "options"):
        spec, value = specs.get(str(row.get("id"))), row.get("value")
        if spec is None or not isinstance(value, str):
            raise bad_request("options needs the id of an option of the product and a value")
        allowed = ("true", "false") if spec.kind == "onOff" else spec.values
        if allowed and value not in allowed:
            raise bad_request("No such value of an option")
        chosen.append((spec.id, spec.name, value))
    return tuple(chosen)


def adjustments(call: Call, body: dict[str, Any]) -> tuple[Adjustment, ...]:
    """Reads manual additions and discounts.

    Args:
        call: The request.
        body: The booking.

    Returns:
        The adjustments.

    Raises:
        ApiError: 400, one that makes no sense.
    """
    profile = call.account.profile
    known = {tax.id for tax in profile.taxes}
    rows = []
    for row in objects(body, "priceAdjustments"):
        quantity, taxes = row.get("quantity", 1), row.get("taxIds", [])
        if (
            type(quantity) is not int
            or quantity < 1
            or not isinstance(taxes, list)
            or not known.issuperset(map(str, taxes))
        ):
            raise bad_request("priceAdjustments needs a quantity from 1 on and known taxIds")
        unit = read_money(row.get("unitPrice"), profile.currency, profile.decimals, "priceAdjustments.unitPrice")
        rows.append((unit, quantity, text(row, "description") or "", tuple(taxes)))
    return tuple(rows)


def promotion(call: Call, body: dict[str, Any]) -> Promotion | None:
    """Reads a promotion's code.

    Args:
        call: The request.
        body: The booking.

    Returns:
        The promotion, if there is one.

    Raises:
        ApiError: 400, unknown code.
    """
    code = text(body, "promotionCodeInput")
    if code is None:
        return None
    for known in call.account.profile.promotions:
        if known.code == code:
            return known
    raise bad_request("Unknown promotionCodeInput")


def customer_fields(body: dict[str, Any], *, is_new: bool = True) -> dict[str, Any]:
    """Reads a customer.

    Args:
        body: The customer, or what changes of one.
        is_new: Whether a name is required.

    Returns:
        The fields that the API knows.

    Raises:
        ApiError: 400, no name, or a field of the wrong type.
    """
    fields = {name: body[name] for name in _CUSTOMER_FIELDS if body.get(name) is not None}
    for name, value in fields.items():
        if not isinstance(value, _CUSTOMER_FIELDS[name]):
            raise bad_request(f"customer.{name} has the wrong type")
    if is_new and not fields.get("firstName") and not fields.get("lastName"):
        raise bad_request("customer needs firstName or lastName")
    return fields


def read_money(value: Any, currency: str, decimals: int, where: str) -> int:
    """Reads an amount of a request.

    Args:
        value: What the body says.
        currency: The account's currency; another one is refused.
        decimals: Decimals of the currency.
        where: Name of the field, for the message.

    Returns:
        Smallest units.

    Raises:
        ApiError: It is no amount of that currency.
    """
    if not isinstance(value, dict) or not isinstance(value.get("amount"), str):
        raise bad_request(f'{where} must be like {{"amount": "73.00", "currency": "{currency}"}}')
    if value.get("currency") != currency:
        raise bad_request(f"{where} must be in {currency}")
    try:
        amount = Decimal(value["amount"])
        minor = amount.scaleb(decimals)
        if not amount.is_finite() or minor != minor.to_integral_value() or abs(minor) >= 10**15:
            raise bad_request(f"{where} is not an amount of {currency}")
    except InvalidOperation:
        raise bad_request(f"{where} is not a number") from None
    return int(minor)


def payment(call: Call, body: dict[str, Any], booking: Booking | None = None) -> Payment:
    """Reads a new payment.

    Args:
        call: The request.
        body: The payment.
        booking: What is paid, unless it is yet to be made.

    Returns:
        The payment; nothing took it in yet.

    Raises:
        ApiError: 400, no amount, reason or method that makes sense.
    """
    profile = call.account.profile
    amount = read_money(body.get("amount"), profile.currency, profile.decimals, "amount")
    method, reason = text(body, "paymentMethod"), text(body, "reason")
    if method not in PAYMENT_METHODS or not reason:
        raise bad_request("paymentMethod must be a known one, and reason is required")
    received = moment(call, body, "receivedTime")
    if received is not None and received > call.now:
        raise bad_request("receivedTime lies in the future")
    return Payment(
        call.account.next_id("payment"),
        call.now,
        call.now if received is None else received,
        amount,
        method,
        reason,
        booking=booking,
        customer_id=booking.customer.id if booking else None,
        comment=text(body, "comment"),
        method_other=text(body, "paymentMethodOther"),
        agent=text(body, "agent") or "API",
        gateway=text(body, "gatewayName"),
        transaction=text(body, "transactionId"),
    )
