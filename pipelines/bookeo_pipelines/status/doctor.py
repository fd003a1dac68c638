"""What is not right on this machine, or in its settings, before or beside the loads."""

from __future__ import annotations

import importlib.util
import platform
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from rich.table import Table

from bookeo.client.client import BookeoClient
from bookeo.errors import BookeoError
from bookeo.settings.model import load_all_settings
from bookeo_pipelines.destinations.target import Target, default_database
from bookeo_pipelines.runtime.terminal import Terminal, cell
from bookeo_pipelines.share.read_only import open_read_only

DISTRIBUTION = "dlt-source-bookeo"
EXTRAS = {
    "sandbox": "starlette",
    "marts": "dbt",
    "dashboard": "marimo",
    "dagster": "dagster",
    "telemetry": "opentelemetry",
    "postgres": "psycopg2",
    "delta": "deltalake",
}
"""A module that each extra brings."""
ROOM_BYTES = 1_000_000_000
"""With less left on the disk, a load may not end."""
CLOCK_SECONDS = 300
"""A clock that is further off than this keeps the cursor back."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Args:
        what: Its name.
        state: `fine`; `note`, for what may be as wanted; or `wrong`.
        text: What it is, and what to do where it is wrong.
    """

    what: str
    state: Literal["fine", "note", "wrong"]
    text: str

    def as_json(self) -> dict[str, str]:
        """Return the same for programs."""
        return {"what": self.what, "state": self.state, "text": self.text}


def examine(database: Path | None, account: str | None = None) -> list[Finding]:
    """Look at everything: one request for each account, nothing is written.

    Args:
        database: The DuckDB file; None for the default one.
        account: Name of the only account to look at; None: all.

    Returns:
        What was found, in the order in which it matters.
    """
    path = database or default_database()
    return [*_versions(), *_accounts(account), _disk(path), _database(path)]


def _versions() -> list[Finding]:
    def of(name: str) -> str:
        try:
            return version(name)
        except PackageNotFoundError:
            return "not installed"

    names = ("dlt", "duckdb", "pyarrow")
    said = ", ".join([f"Python {platform.python_version()}", *(f"{name} {of(name)}" for name in names)])
    there = [extra for extra, module in EXTRAS.items() if importlib.util.find_spec(module) is not None]
    absent = [extra for extra in EXTRAS if extra not in there]
    extras = f"installed: {', '.join(there) or 'none'}"
    if absent:
        extras += f"; not installed: {', '.join(absent)} (pip install '{DISTRIBUTION}[{absent[0]}]' and so on)"
    return [Finding("versions", "fine", f"bookeo {of(DISTRIBUTION)}, {said}"), Finding("extras", "note", extras)]


def _accounts(account: str | None) -> list[Finding]:
    try:
        accounts = load_all_settings(account)
    except BookeoError as error:
        return [Finding("settings", "wrong", error.message)]
    found = [Finding("settings", "fine", f"{len(accounts)} account(s)")]
    for settings in accounts:
        name = f"account {settings.account}" if settings.account else "account"
        client = BookeoClient.from_settings(settings)
        try:
            info = client.api_key_info()
        except BookeoError as error:
            found.append(Finding(name, "wrong", error.message))
            continue
        finally:
            client.close()
        found.append(Finding(name, "fine", f"the keys work, they open {info.account_id}"))
        found.append(clock_finding(info.answer.server_time, datetime.now(UTC)))
    return found


def clock_finding(server: datetime | None, here: datetime) -> Finding:
    """Compare the clocks.

    Args:
        server: Bookeo's, aware; None where it does not say.
        here: This machine's, aware.

    Returns:
        What was found.
    """
    if server is None:
        return Finding("clock", "note", "Bookeo does not say what time it is, so this machine's clock is not checked")
    seconds = (here - server).total_seconds()
    if abs(seconds) > CLOCK_SECONDS:
        how = "ahead of" if seconds > 0 else "behind"
        return Finding(
            "clock", "wrong", f"this machine is {abs(seconds):,.0f} s {how} Bookeo's clock; have it set (chrony, NTP)"
        )
    return Finding("clock", "fine", f"within {CLOCK_SECONDS} s of Bookeo's")


def _disk(database: Path) -> Finding:
    folder = database.resolve().parent
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    text = f"{free / 1e9:,.1f} GB free at {folder}"
    return Finding("disk", "fine" if free >= ROOM_BYTES else "wrong", text if free >= ROOM_BYTES else f"only {text}")


def _database(path: Path) -> Finding:
    if not path.exists():
        return Finding("database", "note", f"{path} is not there yet; bookeo load makes it")
    try:
        connection = open_read_only(Target(database=path))
    except BookeoError as error:
        return Finding("database", "wrong", error.message)
    try:
        [(tags,)] = connection.execute(
            "SELECT tags FROM duckdb_databases() WHERE NOT internal AND path IS NOT NULL"
        ).fetchall()
    finally:
        connection.close()
    written = dict(tags or {}).get("storage_version", "of its own")
    return Finding("database", "fine", f"{path}, {path.stat().st_size / 1e6:,.1f} MB, DuckDB format {written}")


def print_findings(console: Terminal, findings: list[Finding]) -> None:
    """Print what was found.

    Args:
        console: Where to print.
        findings: What was found.
    """
    colors: dict[str, Any] = {"fine": "green", "note": "", "wrong": "red"}
    table = Table("what", "state", "")
    for finding in findings:
        table.add_row(finding.what, cell(finding.state, colors[finding.state]), cell(finding.text))
    console.print(table)
