"""What a comparison found, as a table for people and as JSON for programs: numbers and ids, nothing personal."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from bookeo_pipelines.reconcile.comparison import Kind
from bookeo_pipelines.reconcile.runner import Reconciliation
from bookeo_pipelines.runtime.terminal import Terminal

SHOWN = 5
"""Booking numbers and ids shown for each kind."""

WHAT = {
    Kind.VANISHED: "held here, not there any more",
    Kind.MISSING: "there, not held here",
    Kind.STALE: "times, state or totals differ",
    Kind.RETURNED: "marked as vanished, but there",
    Kind.UNREADABLE: "cannot be shaped, see rejected_rows",
    Kind.UNPAID: "payments do not add up to the booking's total",
    Kind.UNLINKED: "its customer's payments may be its own",
    Kind.PAYMENTS_MISSING: "in the payments feed, not held here",
    Kind.PAYMENTS_STALE: "amount, time, method or customer differ",
    Kind.PAYMENTS_GONE: "held here, not in the payments feed",
    Kind.PAYMENTS_TWICE: "held in several rows",
    Kind.CUSTOMERS_GONE: "customer held here, not there any more",
}


def print_reconciliation(console: Terminal, result: Reconciliation) -> None:
    """Prints what was found.

    Args:
        console: Where to print.
        result: What was found.
    """
    title = (
        f"Account {result.account or result.account_id}, bookings that start from {result.since:%Y-%m-%d} "
        f"to {result.until:%Y-%m-%d}"
    )
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("finding")
    table.add_column("what it means")
    table.add_column("found", justify="right")
    if result.fixed:
        table.add_column("left", justify="right")
    table.add_column("numbers and ids")
    for kind in Kind:
        numbers = sorted(result.found[kind])
        more = f" and {len(numbers) - SHOWN:,} more" if len(numbers) > SHOWN else ""
        left = [f"{len(result.left[kind]):,}"] if result.fixed else []
        table.add_row(kind.value, WHAT[kind], f"{len(numbers):,}", *left, ", ".join(numbers[:SHOWN]) + more)
    console.print(table)
    for line in _lines(result):
        console.print(line, soft_wrap=True)


def _lines(result: Reconciliation) -> list[str]:
    lines = [
        f"{result.bookings:,} bookings swept in {result.windows:,} windows, {result.payments:,} payments; "
        f"{result.usage.total_requests:,} requests; {result.seconds:.1f} s."
    ]
    if result.awaiting_load:
        lines.append(
            f"{len(result.awaiting_load):,} booking(s) have changed since the last load; bookeo load reads them."
        )
    lines += [f"Note: {message}" for message in result.notes.messages]
    if result.clean:
        lines.append("Mended; nothing is left." if any(result.found.values()) else "Nothing differs.")
    elif result.fixed:
        lines.append("What is left could not be mended.")
    else:
        lines.append("Nothing was written; bookeo reconcile --fix marks what vanished and reads the rest again.")
    return lines


def reconciliation_in_short(result: Reconciliation) -> dict[str, Any]:
    """Say what is left, for an alert.

    Args:
        result: What was found.

    Returns:
        An object of plain JSON values without personal data: how many rows of each kind are left.
    """
    left = {kind.value: len(numbers) for kind, numbers in result.left.items() if numbers}
    return {
        "account": result.account,
        "account_id": result.account_id,
        "outcome": "done" if result.clean else "differences",
        "left": left,
    }


def reconciliation_as_json(result: Reconciliation) -> dict[str, Any]:
    """Says what was found, for programs.

    Args:
        result: What was found.

    Returns:
        An object of plain JSON values, with all booking numbers.
    """
    return {
        "account": result.account,
        "account_id": result.account_id,
        "since": result.since.isoformat(),
        "until": result.until.isoformat(),
        "bookings": result.bookings,
        "payments": result.payments,
        "windows": result.windows,
        "found": {kind.value: sorted(result.found[kind]) for kind in Kind},
        "left": {kind.value: sorted(result.left[kind]) for kind in Kind},
        "awaiting_load": len(result.awaiting_load),
        "fixed": result.fixed,
        "clean": result.clean,
        "requests": result.usage.total_requests,
        "seconds": round(result.seconds, 3),
        "messages": result.notes.messages,
    }
