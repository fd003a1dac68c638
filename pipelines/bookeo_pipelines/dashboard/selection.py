"""What the dashboard is to show: which account, product and currency, which days, and what they are compared with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

SAME_WEEKDAYS = timedelta(days=364)
"""A year back to the same day of the week, as everywhere in the marts: a Saturday sells like a Saturday."""


@dataclass(frozen=True)
class Selection:
    """What is chosen.

    Args:
        currency: ISO 4217 code; amounts of other currencies are left out, never added.
        since: First day.
        until: Last day.
        today: What the marts call today.
        account_id: One account; None for all of that currency.
        product_id: One product; None for all.
        step: What one point of a chart stands for: `day`, `week` or `month`.
    """

    currency: str
    since: date
    until: date
    today: date
    account_id: str | None = None
    product_id: str | None = None
    step: str = "day"

    @property
    def values(self) -> dict[str, Any]:
        """The values of the parameters in `CHOSEN` and in queries by day."""
        return {
            "account": self.account_id,
            "product": self.product_id,
            "currency": self.currency,
            "since": self.since,
            "until": self.until,
            "today": self.today,
        }

    @property
    def last_year(self) -> Selection:
        """The same, 364 days earlier."""
        return replace(self, since=self.since - SAME_WEEKDAYS, until=self.until - SAME_WEEKDAYS)


CHOSEN = """account_id = coalesce($account, account_id)
    AND product_id IS NOT DISTINCT FROM coalesce($product, product_id) AND currency = $currency"""
"""Condition on rows of a mart that has products and a currency."""


def periods(today: date, first: date, last: date) -> dict[str, tuple[date, date]]:
    """Names the periods that are offered.

    Args:
        today: What the marts call today.
        first: The first day of which anything is known.
        last: The last day of which anything is known, today or later.

    Returns:
        First and last day by name, all of them within those limits; the first one is the one to begin with.
    """

    def offered() -> Iterator[tuple[str, date, date]]:
        yield "Last 90 days", today - timedelta(days=89), today
        yield "Last 30 days", today - timedelta(days=29), today
        yield "Last 7 days", today - timedelta(days=6), today
        yield "Month to date", today.replace(day=1), today
        yield "Year to date", today.replace(month=1, day=1), today
        yield "Last 52 weeks", today - SAME_WEEKDAYS + timedelta(days=1), today
        yield "Next 90 days", today, today + timedelta(days=90)
        yield "All time", first, last

    return {name: (max(since, first), max(min(until, last), first)) for name, since, until in offered()}


def default_step(since: date, until: date) -> str:
    """Chooses what one point of a chart stands for, so that there are neither too few nor too many.

    Args:
        since: First day.
        until: Last day.

    Returns:
        `day`, `week` or `month`.
    """
    days = (until - since).days + 1
    return "day" if days <= 45 else "week" if days <= 366 else "month"
