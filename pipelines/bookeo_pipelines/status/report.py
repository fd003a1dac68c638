"""How the loads stand, as tables for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.table import Table

from bookeo.cursor.coverage import Coverage, span
from bookeo_pipelines.runtime.terminal import Terminal
from bookeo_pipelines.status.status import AccountStatus

BAR_LENGTH = 24
"""Signs of a drawing of what has been read."""
SPANS_SHOWN = 3
"""Intervals that are named in a sentence."""


def print_status(console: Terminal, accounts: Sequence[AccountStatus]) -> None:
    """Prints how the accounts stand.

    Args:
        console: Where to print.
        accounts: The accounts.
    """
    if not accounts:
        console.print("No loads are known here.")
    for status in accounts:
        title = f"Account {status.account or status.account_id}"
        table = Table(title=title, title_justify="left", title_style="bold")
        table.add_column("table")
        table.add_column("rows", justify="right")
        for name in ("newest change", "read up to", "lag"):
            table.add_column(name)
        for name, found in status.tables.items():
            lag = _span(found.lag) if found.lag is not None else ""
            table.add_row(name, f"{found.rows:,}", _moment(found.newest), _moment(found.cursor), lag)
        console.print(table)
        if status.runs:
            runs = Table("last runs", "outcome")
            for name in ("seconds", "requests", "bookings", "packages"):
                runs.add_column(name, justify="right")
            for run in status.runs:
                figures = (f"{run.seconds:.1f}", f"{run.requests:,}", f"{run.bookings:,}", f"{run.packages:,}")
                runs.add_row(_moment(run.started_at), run.outcome, *figures)
            console.print(runs)
        for line in _lines(status):
            console.print(line, soft_wrap=True)


def _lines(status: AccountStatus) -> list[str]:
    lines = []
    state = status.cursors.state
    for name, known in state.lists.items():
        covered = known.common(known.kept_up)
        if covered:
            lines.append(f"Read: {name} {_bar(covered | known.missing, known.missing)} {_spans(covered)}.")
    complete = len(lines)
    for resource, gaps in status.gaps.items():
        lines.append(f"Not read: {resource} {_spans(Coverage.of(gaps))}; the next bookeo load reads it.")
    if status.unproven:
        where = _spans(Coverage.of(window for _, window in status.unproven))
        lines.append(
            f"Unproven: {len(status.unproven)} window(s) do not add up to what was announced ({where}), see "
            "load_windows; "
            "the next bookeo load reads them again."
        )
    if (apart := state.clocks_apart) is not None:
        lines.append(
            f"Clocks disagree by {_span(apart)}: Bookeo's and this machine's. Only what is older than the newest "
            "change seen counts as read until they agree."
        )
    if state.clocks is not None and state.clocks.server is None:
        lines.append(
            "Clocks: Bookeo's answers carry no time; only what is older than the newest change seen counts as read."
        )
    late = {name: known for name, known in state.lists.items() if known.late}
    for name, known in late.items():
        lines.append(
            f"Late: {known.late:,} record(s) of {name} were listed after their time had been read; readings overlap by "
            f"{_span(timedelta(seconds=known.overlap_seconds))} since."
        )
    if status.pending:
        lines.append(f"Pending: {status.pending} load package(s) wait; the next bookeo load finishes them.")
    if status.rejected:
        what = ", ".join(f"{count:,} for {table}" for table, count in status.rejected.items())
        left = sum(status.open_rejections.values())
        lines.append(
            f"Rejected: {sum(status.rejected.values()):,} record(s) ({what}), see rejected_rows; "
            + (f"{left:,} record(s) are still missing for it." if left else "all have come in a form that fits since.")
        )
    if len(lines) == complete:
        lines.append("Every window is complete, nothing is pending, nothing was rejected.")
    return lines


def _spans(covered: Coverage) -> str:
    """Write intervals for people."""
    shown = ", ".join(f"{_moment(w.start)} to {_moment(w.end)}" for w in covered.windows[:SPANS_SHOWN])
    more = len(covered.windows) - SPANS_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _bar(all_of_it: Coverage, missing: Coverage) -> str:
    """Draw which parts of a range have been read: one sign for an equal part, a dot where something is missing."""
    first, last = all_of_it.windows[0].start, all_of_it.windows[-1].end
    step = (last - first) / BAR_LENGTH
    parts = (span(first + step * number, first + step * (number + 1)) for number in range(BAR_LENGTH))
    return "".join("." if part & missing else "#" for part in parts)


def status_as_json(accounts: Sequence[AccountStatus]) -> list[dict[str, Any]]:
    """Says how the accounts stand, for programs.

    Args:
        accounts: The accounts.

    Returns:
        One object of plain JSON values for each account; times in UTC, lags and durations in seconds.
    """
    return [
        {
            "pipeline": status.pipeline,
            "account": status.account,
            "account_id": status.account_id,
            "loaded_from": _iso(status.cursors.loaded_from),
            "tables": {
                name: {
                    "rows": found.rows,
                    "newest": _iso(found.newest),
                    "cursor": _iso(found.cursor),
                    "lag_seconds": int(found.lag.total_seconds()) if found.lag is not None else None,
                }
                for name, found in status.tables.items()
            },
            "covered": {
                name: {
                    table: [{"start": _iso(window.start), "end": _iso(window.end)} for window in part.windows]
                    for table, part in known.covered.items()
                }
                for name, known in status.cursors.state.lists.items()
            },
            "gaps": {
                resource: [{"start": _iso(gap.start), "end": _iso(gap.end)} for gap in gaps]
                for resource, gaps in status.gaps.items()
            },
            "unproven_windows": [
                {"resource": resource, "start": _iso(window.start), "end": _iso(window.end)}
                for resource, window in status.unproven
            ],
            "clocks_apart_seconds": _seconds(status.cursors.state.clocks_apart),
            "late_records": {name: known.late for name, known in status.cursors.state.lists.items()},
            "pending_packages": status.pending,
            "rejected": status.rejected,
            "open_rejections": status.open_rejections,
            "runs": [
                {
                    "started_at": _iso(run.started_at),
                    "seconds": str(run.seconds),
                    "requests": run.requests,
                    "bookings": run.bookings,
                    "packages": run.packages,
                    "outcome": run.outcome,
                }
                for run in status.runs
            ],
        }
        for status in accounts
    ]


def _seconds(span: timedelta | None) -> int | None:
    return int(span.total_seconds()) if span is not None else None


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None


def _moment(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}" if moment else ""


def _span(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    days, hours = minutes // 1440, minutes % 1440 // 60
    return f"{days} d {hours} h" if days else f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"
