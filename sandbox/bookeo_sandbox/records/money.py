"""Money in whole smallest units, and what a booking costs."""

from __future__ import annotations

from bookeo_sandbox.records.entities import Adjustment, Numbers, Option, Product, Promotion

_DECIMALS = {
    "KWD": 3,
    "BHD": 3,
    "OMR": 3,
    "JOD": 3,
    "TND": 3,
    "IQD": 3,
    "LYD": 3,
    "JPY": 0,
    "KRW": 0,
    "CLP": 0,
    "VND": 0,
}


def decimals_of(currency: str) -> int:
    """Tells how many decimals a currency has.

    Args:
        currency: ISO 4217 code.

    Returns:
        0, 2 or 3.
    """
    return _DECIMALS.get(currency, 2)


def money(amount: int, currency: str, decimals: int) -> dict[str, str]:
    """Writes an amount as the API does, without needless decimals. Source: real answers.

    Args:
        amount: In smallest units.
        currency: ISO 4217 code.
        decimals: Decimals of the currency.

    Returns:
        `{"amount": "73", "currency": "AUD"}`.
    """
    whole, part = divmod(abs(amount), 10**decimals)
    digits = f"{whole}.{part:0{decimals}d}".rstrip("0") if part else str(whole)
    return {"amount": f"-{digits}" if amount < 0 else digits, "currency": currency}


def price_of(
    product: Product,
    numbers: Numbers,
    options: tuple[Option, ...],
    adjustments: tuple[Adjustment, ...],
    promotion: Promotion | None,
) -> tuple[int, int, tuple[tuple[str, int], ...]]:
    """Computes what a booking costs; taxes are contained in prices and add up to the last unit.

    Args:
        product: What is booked.
        numbers: Participants by category.
        options: Options chosen.
        adjustments: Manual additions and discounts.
        promotion: What is taken off, if anything.

    Returns:
        Gross, net, and the amount of each tax by its id.
    """
    if product.booking_price is not None:
        gross = product.booking_price
    else:
        gross = sum(product.rates.get(category, 0) * number for category, number in numbers)
    prices = {spec.id: spec for spec in product.options}
    for option_id, _, value in options:
        spec = prices.get(option_id)
        if spec and spec.price:
            units = int(value) if spec.kind == "number" else int(value not in ("false", ""))
            gross += spec.price * units
    if promotion:
        gross -= gross * promotion.percent // 100
    gross = max(0, gross + sum(unit * quantity for unit, quantity, _, _ in adjustments))
    net = round(gross / (1 + sum(tax.rate for tax in product.taxes)))
    amounts = [round(net * tax.rate) for tax in product.taxes]
    return (
        gross,
        gross - sum(amounts),
        tuple((tax.id, amount) for tax, amount in zip(product.taxes, amounts, strict=True)),
    )
