"""Three shops of a sandbox, and Dagster over them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from dagster import DagsterEventType, DagsterInstance, MultiPartitionKey

from bookeo_orchestration.schedules import RANGE_END, RANGE_START
from bookeo_sandbox import Sandbox
from isolation import write_secrets

NAMES = ("east", "north", "south")
MONTHS = ("2023-11-01", "2023-12-01", "2024-01-01", "2024-02-01")
"""The months of the business. Dagster's processes read the real clock: to it, all of them must be over."""
TODAY = datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)
"""Where the clock of the business stands at first."""
BUSINESS: dict[str, Any] = {
    "bookings": 20,
    "years": (TODAY.date() - date.fromisoformat(MONTHS[0])).days / 366,
    "end": "2024-02-29",
    "accounts": len(NAMES),
    # The loads leave payments out, so a paid amount is only exact where a payment counts as a change of its booking.
    "payments_move_change": True,
}
"""Options of the sandbox: nobody books before the first of those months."""
QUIET: dict[str, Any] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""Configuration of runs that print nothing."""
DOCUMENT = Path(__file__).parents[2] / "docs" / "schedules.md"
[SETTINGS] = re.findall(r"```yaml\n# \$DAGSTER_HOME/dagster.yaml\n(.*?)```", DOCUMENT.read_text(), flags=re.DOTALL)
DEFINITIONS, OTHER_DEFINITIONS = re.findall(
    r"```python\n(# definitions.py\n.*?)```", DOCUMENT.read_text(), flags=re.DOTALL
)
"""What the document tells to write into files."""


def write_settings(folder: Path, sandbox: Sandbox | None = None, *, wrong: str | None = None, **settings: Any) -> None:
    """Writes a secrets.toml with all shops, without children; one may get a wrong key."""
    values = {
        "secret_key": sandbox.secret_key if sandbox else "nobody-asks",
        "base_url": sandbox.base_url if sandbox else "http://127.0.0.1:9",
        "start": MONTHS[0],
        "max_attempts": 1,
        "customers": "never",
        "payments": "never",
        "histories": "never",
        **settings,
    }
    lines = ["[sources.bookeo]", *(f"{name} = {_toml(value)}" for name, value in values.items())]
    for number, name in enumerate(NAMES):
        key = sandbox.accounts[number].api_key if sandbox and name != wrong else "no-such-key"
        lines += ["[[sources.bookeo.accounts]]", f'name = "{name}"', f'api_key = "{key}"']
    write_secrets(folder, "\n".join(lines))


def _toml(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


def rectangle(accounts: tuple[str, ...] = NAMES, months: tuple[str, ...] = MONTHS) -> dict[str, str]:
    """Tags of a run for all these months of all these accounts."""
    first, last = (MultiPartitionKey({"account": accounts[end], "month": months[end]}) for end in (0, -1))
    return {RANGE_START: first, RANGE_END: last}


def materialized(instance: DagsterInstance, run_id: str) -> Mapping[str, set[str]]:
    """Which partitions of which tables a run has made."""
    found: dict[str, set[str]] = {}
    for entry in instance.all_logs(run_id, of_type=DagsterEventType.ASSET_MATERIALIZATION):
        event = entry.get_dagster_event()
        assert event.asset_key is not None
        found.setdefault(event.asset_key.path[-1], set()).add(str(event.partition))
    return found


def happened(instance: DagsterInstance, run_id: str) -> list[str]:
    """The kinds of a run's events, in order."""
    events = [entry.dagster_event for entry in instance.all_logs(run_id)]
    return [event.event_type_value for event in events if event is not None]


@dataclass(frozen=True)
class Backfill:
    """A backfill that has run.

    Args:
        sandbox: The shops, still served.
        folder: Where `bookeo.duckdb` is, not to be changed.
        instance: The instance that it ran in.
        run_id: Its run.
    """

    sandbox: Sandbox
    folder: Path
    instance: DagsterInstance
    run_id: str
