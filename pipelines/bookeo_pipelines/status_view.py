"""How the loads stand, as tables for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.table import Table

from bookeo_pipelines.status import AccountStatus
from bookeo_pipelines.terminal import Terminal


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
    for resource, gaps in status.gaps.items():
        some = ", ".join(f"{_moment(gap.start)} to {_moment(gap.end)}" for gap in gaps[:3])
        more = f" and {len(gaps) - 3} more" if len(gaps) > 3 else ""
        lines.append(f"Not read: {resource} from {some}{more}; bookeo reset --since rewinds to there.")
    if status.incomplete:
        lines.append(f"Incomplete: {status.incomplete} window(s) hold less than was announced, see load_windows.")
    if status.pending:
        lines.append(f"Pending: {status.pending} load package(s) wait; the next bookeo load finishes them.")
    if status.rejected:
        what = ", ".join(f"{count:,} for {table}" for table, count in status.rejected.items())
        lines.append(f"Rejected: {sum(status.rejected.values()):,} record(s) ({what}), see rejected_rows.")
    return lines or ["Every window is complete, nothing is pending, nothing was rejected."]


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
            "gaps": {
                resource: [{"start": _iso(gap.start), "end": _iso(gap.end)} for gap in gaps]
                for resource, gaps in status.gaps.items()
            },
            "incomplete_windows": status.incomplete,
            "pending_packages": status.pending,
            "rejected": status.rejected,
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


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None


def _moment(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}" if moment else ""


def _span(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    days, hours = minutes // 1440, minutes % 1440 // 60
    return f"{days} d {hours} h" if days else f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"
