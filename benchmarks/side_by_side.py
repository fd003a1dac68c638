"""Many accounts load side by side into one Postgres, again and again: nobody fails, and every row is there once.

The first time the database is new, and all make the tables at the same moment; the second time is a day later, and all
merge into them at the same moment; and so on. They do so as one command does it, in threads, and as so many commands
do it, in processes, twice each.

Run it with `python benchmarks/side_by_side.py`; it needs Debian's PostgreSQL.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = str(Path(__file__).parent)
TESTS = str(Path(__file__).parents[1] / "tests")
# A file of this folder has the name of a library that others need: the folder goes behind theirs.
sys.path[:] = [TESTS, *(entry for entry in sys.path if entry not in (FOLDER, TESTS)), FOLDER]
os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
# Processes are forked from a server, which finds its modules by this.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [TESTS, FOLDER, os.environ.get("PYTHONPATH")]))

from bookeo import BookeoSettings, load_settings  # noqa: E402
from bookeo_pipelines.destinations.target import DEFAULT_DATASET, target  # noqa: E402
from bookeo_pipelines.load.runner import AccountFailed, LoadRequest, LoadResult, run_load, run_loads  # noqa: E402
from bookeo_sandbox import Sandbox, serve  # noqa: E402
from postgres_server import PostgresDatabase, PostgresServer, running_server  # noqa: E402
from truth import expected_rows  # noqa: E402

TABLES = ("bookings", "booking_participants", "customers", "payments")
CREDENTIALS = "DESTINATION__POSTGRES__CREDENTIALS"
WAYS = ("threads", "processes")

Counts = Counter[tuple[str, str]]
"""Rows by account and table."""


@dataclass(frozen=True)
class Round:
    """What one of the times came to.

    Args:
        what: What was loaded: everything, or a day.
        way: How the accounts were loaded side by side.
        seconds: How long that took.
        rows: Rows in the end, of all accounts.
        deadlocks: What PostgreSQL itself has counted in this database.
        errors: What went wrong; nothing should.
    """

    what: str
    way: str
    seconds: float
    rows: int
    deadlocks: int
    errors: tuple[str, ...]


def rounds(server: PostgresServer, sandbox: Sandbox, times: int, tables: tuple[str, ...] = TABLES) -> Iterator[Round]:
    """Loads all accounts of a sandbox side by side.

    Args:
        server: The server.
        sandbox: The accounts.
        times: How often.
        tables: What to load.

    Yields:
        What each time came to.
    """
    with ExitStack() as stack:
        for number in range(times):
            if number % 2 == 0:
                stack.close()
                database = stack.enter_context(_new_database(server, f"side_by_side_{number}"))
                sandbox.reset()
            else:
                sandbox.advance(days=1)
            way = WAYS[number // 2 % len(WAYS)]
            began = time.monotonic()
            errors = _load_all(sandbox, way, tables)
            seconds = time.monotonic() - began
            counted, wanted = _counted(server, database, tables), _wanted(sandbox, tables)
            errors += [
                f"{table} of {account} has {counted[account, table]} rows, not {wanted[account, table]}"
                for account, table in sorted(counted.keys() | wanted.keys())
                if counted[account, table] != wanted[account, table]
            ]
            deadlocks = server.run(f"SELECT deadlocks FROM pg_stat_database WHERE datname = '{database.name}'")
            what = "a day later" if number % 2 else "everything"
            yield Round(what, way, seconds, counted.total(), int(deadlocks), tuple(errors))


@contextmanager
def _new_database(server: PostgresServer, name: str) -> Iterator[PostgresDatabase]:
    database = server.create(name)
    os.environ[CREDENTIALS] = database.url
    try:
        yield database
    finally:
        del os.environ[CREDENTIALS]
        server.drop(name)


def _load_all(sandbox: Sandbox, way: str, tables: tuple[str, ...]) -> list[str]:
    """Loads every account; returns what failed."""
    where = target("postgres", DEFAULT_DATASET, None)
    requests = [LoadRequest(settings, where, tables=tables) for settings in _settings(sandbox)]
    results: Sequence[LoadResult | AccountFailed | str | None]
    if way == "threads":
        results = run_loads(requests, at_once=len(requests))
    else:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["side_by_side", "bookeo_pipelines.warehouse.load_packages", "psycopg2"])
        with ProcessPoolExecutor(len(requests), mp_context=context) as processes:
            results = list(processes.map(_load_one, requests, [dict(os.environ)] * len(requests)))
    failures = [one if isinstance(one, str) else one and one.failure for one in results]
    return [str(failure) for failure in failures if failure]


def _load_one(request: LoadRequest, environment: dict[str, str]) -> str | None:
    os.environ.update(environment)
    try:
        result = run_load(request)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return str(result.failure) if result.failure else None


def _settings(sandbox: Sandbox) -> list[BookeoSettings]:
    given: dict[str, Any] = {"base_url": sandbox.base_url, "secret_key": sandbox.secret_key, "start": "2026-03-30"}
    names = [f"account{number}" for number in range(len(sandbox.accounts))]
    keys = [account.api_key for account in sandbox.accounts]
    given["accounts"] = [{"name": name, "api_key": key} for name, key in zip(names, keys, strict=True)]
    return [load_settings(account=name, **given) for name in names]


def _counted(server: PostgresServer, database: PostgresDatabase, tables: tuple[str, ...]) -> Counts:
    """Counts the rows that are there, by account and table."""
    parts = [f"SELECT account_id, '{table}', count(*) FROM {DEFAULT_DATASET}.{table} GROUP BY 1" for table in tables]
    lines = server.run(" UNION ALL ".join(parts), database.name).splitlines()
    return Counter({(account, table): int(count) for account, table, count in (line.split("|") for line in lines)})


def _wanted(sandbox: Sandbox, tables: tuple[str, ...]) -> Counts:
    """Counts the rows that must be there; bookings that have vanished stay, as nobody says that they are gone."""
    found: Counts = Counter()
    for account in sandbox.accounts:
        truth = sandbox.truth(account.name)
        rows = expected_rows(truth, unlinked_payments=True)
        found |= Counter({(truth["accountId"], table): len(rows[table]) for table in tables})
    return found


def main() -> int:
    """Runs it and prints a table.

    Returns:
        1 if anything went wrong, else 0.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--accounts", type=int, default=8)
    parser.add_argument("--bookings", type=int, default=50, help="of each account")
    asked = parser.parse_args()
    business = {"bookings": asked.bookings, "years": 0.25, "end": "2026-06-30", "deletions": False}
    failed = 0
    with tempfile.TemporaryDirectory(prefix="bookeo-side-by-side-") as folder:
        os.environ.update(DLT_DATA_DIR=folder, DLT_PROJECT_DIR=folder, RUNTIME__LOG_LEVEL="CRITICAL")
        os.chdir(folder)
        with running_server() as server, serve(**business, accounts=asked.accounts) as sandbox:
            print("| time | loaded | way | s | rows | deadlocks | errors |")
            print("| ---: | --- | --- | ---: | ---: | ---: | ---: |")
            for number, one in enumerate(rounds(server, sandbox, asked.times), 1):
                row = f"{number} | {one.what} | {one.way} | {one.seconds:.1f} | {one.rows:,} | {one.deadlocks}"
                print(f"| {row} | {len(one.errors)} |", *one.errors, sep="\n", flush=True)
                failed += bool(one.errors)
        os.chdir("/")
    print(f"\n{asked.times - failed} of {asked.times} times without an error and with exact counts.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
