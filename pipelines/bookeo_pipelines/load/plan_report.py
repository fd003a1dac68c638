"""A plan, as a table for people and as JSON for programs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from rich.table import Table

from bookeo_pipelines.load.plan import Plan
from bookeo_pipelines.runtime.terminal import Terminal


def print_plan(console: Terminal, plan: Plan) -> None:
    """Prints a plan.

    Args:
        console: Where to print.
        plan: The plan.
    """
    filled = sum(1 for total in plan.windows.values() if total)
    console.print(
        f"Account {plan.account_id}, changes from {plan.covered.since:%Y-%m-%d %H:%M} to "
        f"{plan.covered.until:%Y-%m-%d %H:%M} UTC: {plan.bookings:,} bookings in {filled} of "
        f"{len(plan.windows)} windows.",
        style="bold",
        soft_wrap=True,
    )
    table = Table("operation", "requests")
    table.columns[1].justify = "right"
    for operation, count in plan.requests.items():
        table.add_row(operation, f"{count:,}")
    table.add_row("all", f"{sum(plan.requests.values()):,}")
    console.print(table)
    if plan.requests_per_second:
        took = timedelta(seconds=round(plan.seconds))
        console.print(f"At {plan.requests_per_second:g} requests a second: about {took}.")
    else:
        console.print("No pace is set for this server.")
    console.print(
        f"Planning took {plan.requests_made} requests; the next load does not ask again for windows found empty.",
    )


def plan_as_json(plan: Plan) -> dict[str, Any]:
    """Gives a plan for programs.

    Args:
        plan: The plan.

    Returns:
        An object of plain JSON values.
    """
    return {
        "account_id": plan.account_id,
        "since": plan.covered.since.isoformat(),
        "until": plan.covered.until.isoformat(),
        "bookings": plan.bookings,
        "windows": [
            {"start": window.start.isoformat(), "end": window.end.isoformat(), "bookings": total}
            for window, total in plan.windows.items()
        ],
        "requests": dict(plan.requests),
        "requests_per_second": plan.requests_per_second,
        "seconds": round(plan.seconds, 1),
        "requests_made": plan.requests_made,
    }
