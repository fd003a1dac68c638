"""What a load did, as a table for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from bookeo.errors import BookeoError
from bookeo_pipelines.load.runner import AccountFailed, LoadResult
from bookeo_pipelines.outcomes import ExitCode, Outcome, exit_code, failed_as_json, failure_as_json, outcome_of
from bookeo_pipelines.runtime.terminal import Terminal


def print_result(console: Terminal, result: LoadResult | AccountFailed) -> None:
    """Prints what a load did, or why it could do nothing.

    Args:
        console: Where to print.
        result: What became of it.
    """
    if isinstance(result, LoadResult):
        print_summary(console, result)
    else:
        console.print(f"Account {result.account}: {result.failure.message}", style="red")


def ending(
    results: Sequence[LoadResult | AccountFailed], *, fail_on_rejected: bool, publication: BookeoError | None = None
) -> tuple[ExitCode, list[str]]:
    """Says how the command ends.

    Args:
        results: What became of each load.
        fail_on_rejected: Whether rejected records count as a failure.
        publication: Why the copy for readers could not be made, if it could not.

    Returns:
        The exit code: what must be fixed goes before what passes by itself, that before rejected records. And a
        sentence for each load that ended early.
    """
    codes = {ExitCode.DONE}
    sentences = []
    for result in results:
        outcome = _outcome(result, fail_on_rejected)
        codes.add(outcome.exit_code)
        name = f"Account {result.account}: " if len(results) > 1 else ""
        if isinstance(result, AccountFailed):
            sentences.append(f"{name}{result.failure.message}")
        elif outcome is Outcome.STOPPED:
            sentences.append(f"{name}Stopped at the requests allowed; the next load goes on from there.")
        elif result.failure:
            sentences.append(f"{name}Stopped early: {result.failure.message}")
    if publication:
        codes.add(exit_code(publication))
        sentences.append(f"The load is done, but: {publication.message}")
    order = (ExitCode.FATAL, ExitCode.TRY_LATER, ExitCode.REJECTED, ExitCode.DONE)
    return next(code for code in order if code in codes), sentences


def _outcome(result: LoadResult | AccountFailed, fail_on_rejected: bool) -> Outcome:
    rejected = isinstance(result, LoadResult) and result.not_held > 0
    return outcome_of(result.failure, rejected=rejected and fail_on_rejected)


def print_summary(console: Terminal, result: LoadResult) -> None:
    """Prints what a load did.

    Args:
        console: Where to print.
        result: What it did.
    """
    for line in pending_lines(result):
        console.print(line)
    title = f"Account {result.account or result.account_id}"
    if result.covered:
        title += f", changes from {result.covered[0]:%Y-%m-%d %H:%M} to {result.covered[1]:%Y-%m-%d %H:%M} UTC"
    console.print(title, style="bold", soft_wrap=True)
    table = Table()
    table.add_column("table")
    for name in ("new", "changed", "rows now"):
        table.add_column(name, justify="right")
    for name, change in result.tables.items():
        if not (change.loaded or change.before or change.after):
            continue  # It never held anything.
        table.add_row(name, f"{change.new:,}", f"{change.changed:,}", f"{change.after:,}")
    console.print(table)
    for line in _lines(result):
        console.print(line, soft_wrap=True)


def pending_lines(result: LoadResult) -> list[str]:
    """Says what an earlier run had left behind.

    Args:
        result: What the load did.

    Returns:
        Sentences, possibly none.
    """
    lines = []
    if result.pending.finished:
        lines.append(f"Resumed: finished {result.pending.finished} package(s) that an earlier load had left behind.")
    if result.pending.put_aside:
        lines.append(
            f"Put aside package(s) {', '.join(result.pending.put_aside)}, which can never load; what was in them "
            "was read again."
        )
    return lines


def _lines(result: LoadResult) -> list[str]:
    usage = result.usage
    waited = f", {usage.seconds_waited:.0f} s of waiting" if usage.seconds_waited >= 1 else ""
    repeated = f", {usage.retries} repeated" if usage.retries else ""
    throttled = f", {usage.throttled} times told to slow down" if usage.throttled else ""
    lines = [
        f"{usage.total_requests:,} requests{repeated}{throttled}{waited}; {result.seconds:.1f} s; "
        f"{result.chunks} package(s).",
        f"Data:  {result.target.description}",
        f"Try:   {result.target.example}",
    ]
    notes = result.notes
    for (table, reason), count in sorted(notes.skipped.items()):
        lines.append(f"Note: {count} read(s) of {table} skipped: {reason}.")
    if notes.unknown_fields:
        lines.append(
            "Note: new fields in the API's answers, kept in the column extra: "
            f"{', '.join(sorted(notes.unknown_fields))}."
        )
    lines += [f"Note: {message}" for message in notes.messages]
    if result.rejected:
        what = ", ".join(f"{count} for {table}" for table, count in sorted(notes.rejected.items()))
        lines.append(
            f"Rejected: {result.rejected} record(s) ({what}); each with its reason in the table rejected_rows."
        )
    left = sum(result.open_rejections.values())
    if left > result.rejected:
        lines.append(
            f"Rejected earlier: {left} record(s) in all could not be shaped and have not come in a form that fits "
            "since; see rejected_rows."
        )
    return lines


def as_json(result: LoadResult | AccountFailed, *, fail_on_rejected: bool = True) -> dict[str, Any]:
    """Says what a load did, for programs.

    Args:
        result: What it did.
        fail_on_rejected: Whether rejected records count as a failure.

    Returns:
        An object of plain JSON values, without personal data.
    """
    if isinstance(result, AccountFailed):
        return failed_as_json(result.account, result.failure)
    outcome = _outcome(result, fail_on_rejected)
    return {
        "account": result.account,
        "account_id": result.account_id,
        "destination": result.target.destination,
        "database": str(result.target.database) if result.target.database else None,
        "dataset": result.target.dataset,
        "since": result.covered[0].isoformat() if result.covered else None,
        "until": result.covered[1].isoformat() if result.covered else None,
        "lag_seconds": round(result.lag.total_seconds(), 3) if result.lag is not None else None,
        "tables": {
            name: {"new": change.new, "changed": change.changed, "rows": change.after}
            for name, change in result.tables.items()
        },
        "requests": result.usage.total_requests,
        "requests_by_operation": dict(result.usage.requests),
        "retries": result.usage.retries,
        "throttled": result.usage.throttled,
        "seconds": round(result.seconds, 3),
        "seconds_waited": round(result.usage.seconds_waited, 3),
        "packages": result.chunks,
        "resumed_packages": result.pending.finished,
        "put_aside_packages": list(result.pending.put_aside),
        "skipped": {f"{table}: {reason}": count for (table, reason), count in result.notes.skipped.items()},
        "rejected": dict(result.notes.rejected),
        "open_rejections": result.open_rejections,
        "unknown_fields": sorted(result.notes.unknown_fields),
        "messages": result.notes.messages,
        "outcome": outcome.value,
        "failure": failure_as_json(result.failure) if result.failure and outcome is not Outcome.STOPPED else None,
        "error": result.failure.message if result.failure else None,
        "exit_code": int(outcome.exit_code),
    }
