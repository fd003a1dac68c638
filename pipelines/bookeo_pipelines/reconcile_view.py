"""What a comparison found, as a table for people and as JSON for programs: numbers and ids, nothing personal."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table

from bookeo.errors import BookeoError
from bookeo_pipelines.failures import ExitCode, exit_code, failed_as_json
from bookeo_pipelines.load import LoadRequest
from bookeo_pipelines.outcome import show_reason, show_trace
from bookeo_pipelines.progress import ProgressDisplay
from bookeo_pipelines.reconcile import Reconciliation, run_reconcile
from bookeo_pipelines.reconcile_sweep import Kind
from bookeo_pipelines.terminal import Terminal

if TYPE_CHECKING:
    from bookeo_pipelines.commands.reporting import Report

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


def reconcile_and_show(
    requests: Sequence[LoadRequest],
    out: Terminal,
    display: ProgressDisplay,
    report: Report,
    say: Callable[[str], None],
    *,
    fix: bool,
    accept: int = 0,
) -> ExitCode:
    """Compares accounts one after the other and shows what was found; one that fails does not keep the others back.

    Args:
        requests: One for each account.
        out: Where findings are printed.
        display: Where progress is shown.
        report: Whether findings are printed as JSON (an object, or a list of them for several accounts), and what is
            told of them elsewhere.
        say: Says a sentence to the user.
        fix: Whether differences are mended.
        accept: Rows of each kind that may be gone, however many they are.

    Returns:
        `FATAL` where differences are left or an account cannot be compared, `TRY_LATER` where that only takes time.

    Raises:
        BookeoError: The only account cannot be compared.
    """
    results: list[Reconciliation] = []
    codes = {ExitCode.DONE}
    for request in requests:
        name = request.settings.account or ""
        try:
            with display.shown():
                tell = functools.partial(display.update, name)
                result = run_reconcile(request, fix=fix, accept=accept, on_progress=tell)
        except BookeoError as error:
            if len(requests) == 1:
                raise
            say(f"Error: {name}: {error.message}")
            show_reason(error)
            if report.debug:
                show_trace(error)
            report.accounts.append(failed_as_json(name, error))
            report.sentences.append(f"Account {name}: {error.message}")
            codes.add(exit_code(error))
            continue
        results.append(result)
        codes.add(ExitCode.DONE if result.clean else ExitCode.FATAL)
        report.accounts.append(_in_short(result))
        if not result.clean:
            report.sentences.append(f"Account {result.account or result.account_id}: differences are left")
        if not report.as_json:
            print_reconciliation(out, result)
    if report.as_json:
        shown = [reconciliation_as_json(result) for result in results]
        out.print_json(shown[0] if len(requests) == 1 else shown)
    return next(code for code in (ExitCode.FATAL, ExitCode.TRY_LATER, ExitCode.DONE) if code in codes)


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


def _in_short(result: Reconciliation) -> dict[str, Any]:
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
