"""What a load costs in requests: this project in each mode, what one would pick instead, and the least possible.

Everybody loads the same invented business from the same local sandbox: first all of it, then one more day. Bookeo's
request limit is what a load's time depends on, so requests are what is counted.

    python benchmarks/requests.py [--bookings 5000] [--quick] [--markdown]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

# This file has the name of a library that others need: its folder goes behind theirs.
FOLDER = str(Path(__file__).parent)
sys.path[:] = [*(entry for entry in sys.path if entry != FOLDER), FOLDER]
os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
os.environ.setdefault("RUNTIME__LOG_LEVEL", "ERROR")

END = datetime(2026, 6, 30, 23, 59, 59, tzinfo=UTC)
YEARS = 3
WINDOW = timedelta(days=31)
SECOND = timedelta(seconds=1)
PACE = 1.6
"""Requests a second that integrators settled on for an account."""
FOREIGN_TEXT = "Réservation n° {number}"
MODES = ("as_needed", "always", "never")

Windows = list[tuple[datetime, datetime]]


@dataclass
class Cost:
    """What somebody asked for.

    Args:
        name: Who.
        backfill: Requests for everything.
        increment: Requests for the day after.
        rows: Bookings and payments that they have in the end; None where they were not counted.
    """

    name: str
    backfill: int
    increment: int
    rows: tuple[int, int] | None = None


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bookings", type=int, default=5000, help="size of the business (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="leave out those that ask for each booking")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown only")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in ("DLT_DATA_DIR", "DLT_PROJECT_DIR"):
            os.environ[name] = folder
        os.chdir(folder)
        measure(given.bookings, Path(folder), quick=given.quick, markdown=given.markdown)


def measure(bookings: int, folder: Path, *, quick: bool, markdown: bool) -> None:
    """Lets everybody load the business, then a day more.

    Args:
        bookings: Size of the business.
        folder: Where to work.
        quick: Whether those are left out that ask for each booking.
        markdown: Whether to print Markdown only.
    """
    from bookeo_sandbox import serve

    with serve(bookings=bookings, years=YEARS, end=END.date().isoformat()) as sandbox:
        truth = sandbox.truth()
        start = min(_time(b["creationTime"]) for b in truth["bookings"]).replace(hour=0, minute=0, second=0)
        loads = contenders(sandbox, folder, start, quick=quick)
        costs = [Cost("least possible", least(truth, windows(start, END)), 0)]
        backfills = [counted(sandbox, load, None) for load in loads.values()]
        sandbox.advance(days=1)
        changed = _changed_since(sandbox.truth(), END)
        # Nobody can know without asking: a page of bookings, a page of payments.
        costs[0].increment = 2
        for (name, load), backfill in zip(loads.items(), backfills, strict=True):
            increment = counted(sandbox, load, END)
            costs.append(Cost(name, backfill, increment, _rows(folder / f"{name.split()[-1]}.duckdb")))
        after = sandbox.truth()
    print_costs(costs, bookings, changed, markdown=markdown)
    total, fewest = harder(bookings, folder)
    print(
        f"\nWhere payments say {FOREIGN_TEXT!r} and one customer of 20 may not be read: {total:,} requests; "
        f"the pages of bookings, payments and customers, and the small lists, are {fewest:,}."
    )
    held = (len(after["bookings"]), len(after["payments"]))
    if not markdown:
        print(f"\nIn the business at the end: {held[0]:,} bookings, {held[1]:,} payments. Held at the end:")
        for cost in costs:
            if cost.rows:
                print(f"  {cost.name}: {cost.rows[0]:,} bookings, {cost.rows[1]:,} payments")


def harder(bookings: int, folder: Path) -> tuple[int, int]:
    """Load a business whose payments no English text links to their bookings, and some of whose customers are hidden.

    Args:
        bookings: Size of the business.
        folder: Where to work.

    Returns:
        Requests for everything, and how many pages cannot be avoided.
    """
    sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
    from bookeo_sandbox import serve
    from hidden_customers import hide_customers

    end = END.date().isoformat()
    with serve(bookings=bookings, years=YEARS, end=end, payment_description=FOREIGN_TEXT) as sandbox:
        hidden = hide_customers(sandbox, 20)
        truth = sandbox.truth()
        start = min(_time(b["creationTime"]) for b in truth["bookings"]).replace(hour=0, minute=0, second=0)
        place = folder / "harder"
        place.mkdir()
        total = counted(sandbox, contenders(sandbox, place, start, quick=True)["bookeo, as_needed"], None)
    customers = -(-(len(truth["customers"]) - len(hidden)) // 100)
    return total, least(truth, windows(start, END)) + customers


def contenders(
    sandbox: Any, folder: Path, start: datetime, *, quick: bool
) -> dict[str, Callable[[datetime | None], None]]:
    """Says who takes part.

    Args:
        sandbox: The business to load.
        folder: Where to work.
        start: When it begins, aware.
        quick: Whether those are left out that ask for each booking.

    Returns:
        Functions that load, by name, given the moment up to which they have loaded before, or None.
    """
    keys = (sandbox.base_url, sandbox.api_key, sandbox.secret_key)

    def ours(mode: str) -> Callable[[datetime | None], None]:
        def load(_: datetime | None) -> None:
            from bookeo import load_settings
            from bookeo_pipelines.destinations.target import target
            from bookeo_pipelines.load.runner import LoadRequest, run_load

            settings = load_settings(
                base_url=keys[0],
                api_key=keys[1],
                secret_key=keys[2],
                start=start.date().isoformat(),
                customers=mode,
                payments=mode,
                histories=mode,
            )
            result = run_load(LoadRequest(settings, target("duckdb", "bookeo_data", folder / f"{mode}.duckdb")))
            if result.failure:
                raise result.failure

        return load

    def rest_api(done: datetime | None) -> None:
        from contenders import with_rest_api

        with_rest_api.load(*keys, _asked(start, done), folder)

    def script(done: datetime | None) -> None:
        from contenders import with_a_script

        with_a_script.load(*keys, _asked(start, done))

    found = {f"bookeo, {mode}": ours(mode) for mode in MODES if not quick or mode != "always"}
    if not quick:
        found |= {"dlt rest_api": rest_api, "requests + pandas": script}
    return found


def least(truth: dict[str, Any], asked: Windows) -> int:
    """Counts the pages that cannot be avoided: bookings 100 a page, payments 300, each window at least one, five lists.

    Args:
        truth: The whole business.
        asked: The windows.

    Returns:
        Requests.
    """
    changes = [_time(b.get("lastChangeTime") or b["creationTime"]) for b in truth["bookings"]]
    receipts = [_time(p["receivedTime"]) for p in truth["payments"]]
    pages = 0
    for times, size in ((changes, 100), (receipts, 300)):
        for start, end in asked:
            pages += max(1, -(-sum(start <= moment <= end for moment in times) // size))
    return pages + 5


def windows(start: datetime, end: datetime) -> Windows:
    """Cuts a range into windows of 31 days that meet to the second.

    Args:
        start: First second, aware.
        end: Last second, aware.

    Returns:
        First and last second of each.
    """
    found = []
    while start <= end:
        found.append((start, min(start + WINDOW, end)))
        start += WINDOW + SECOND
    return found


def counted(sandbox: Any, load: Callable[[datetime | None], None], done: datetime | None) -> int:
    """Runs a load.

    Args:
        sandbox: Counts the requests.
        load: The load.
        done: The moment up to which it has loaded before.

    Returns:
        Requests that arrived.
    """
    sandbox.clear_requests()
    load(done)
    total: int = sandbox.requests()["total"]
    return total


def print_costs(costs: list[Cost], bookings: int, changed: int, *, markdown: bool) -> None:
    """Prints the table.

    Args:
        costs: Of everybody; the first is the least possible.
        bookings: Size of the business.
        changed: Bookings that were made or changed on the day after.
        markdown: Whether in Markdown.
    """
    header = (
        "",
        f"first load of {bookings:,} bookings",
        "per 1,000 bookings",
        f"at {PACE} requests/s",
        "to the least possible",
        f"a day more ({changed} bookings)",
    )
    rows = [
        (
            cost.name,
            f"{cost.backfill:,}",
            f"{cost.backfill * 1000 / bookings:,.0f}",
            str(timedelta(seconds=round(cost.backfill / PACE))),
            f"{cost.backfill / costs[0].backfill:.2f}",
            f"{cost.increment:,}",
        )
        for cost in costs
    ]
    if markdown:
        print("| " + " | ".join(header) + " |\n| --- |" + " ---: |" * (len(header) - 1))
        print("\n".join("| " + " | ".join(row) + " |" for row in rows))
        return
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    for row in (header, *rows):
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        print("  ".join(cells))


def _asked(start: datetime, done: datetime | None) -> Windows:
    if done is None:
        return windows(start, END)
    return windows(done - timedelta(minutes=10), END + timedelta(days=1))


def _changed_since(truth: dict[str, Any], moment: datetime) -> int:
    return sum(_time(b.get("lastChangeTime") or b["creationTime"]) > moment for b in truth["bookings"])


def _rows(database: Path) -> tuple[int, int] | None:
    if not database.exists():
        return None
    import duckdb

    with duckdb.connect(str(database), read_only=True) as connection:
        names = {name for (name,) in connection.execute("SELECT table_name FROM information_schema.tables").fetchall()}

        def count(table: str) -> int:
            if table not in names:
                return 0
            row = connection.execute(f"SELECT count(*) FROM bookeo_data.{table}").fetchone()
            return int(row[0]) if row else 0

        return count("bookings"), count("payments")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


if __name__ == "__main__":
    main()
