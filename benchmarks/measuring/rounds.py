"""Round after round, everybody loads the same business once; then this project's incremental loads."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median
from typing import Any

import duckdb
import requests

from measuring.answers import START, Api, keep_pages, windows
from measuring.peers import OURS, OURS_WHOLE, Contender, environment
from measuring.process import Cost, Limits, Unfit, run
from measuring.results import Entry

Say = Callable[[str], None]


class Bench:
    """One size of business, and everybody's loads of it.

    Args:
        api: Its server.
        folder: Where to work; pages and databases stay until it is deleted.
        limits: What a load may take.
    """

    def __init__(self, api: Api, folder: Path, limits: Limits) -> None:
        self._api = api
        self._folder = folder
        self.limits = limits
        self._pages = folder / "pages"
        self._pages.mkdir()
        self.truth = keep_pages(api, self._pages)
        self._place = folder / "incremental"
        self._place.mkdir()
        self._warehouse = self._place / "bookeo.duckdb"

    def begin(self) -> None:
        """Makes the load that the incremental ones go on from; from then on the server has met every question."""
        self._run(OURS_WHOLE, self._place, self._warehouse, {}, self.limits.seconds)

    def load(self, contender: Contender, seconds: float | None = None, **settings: str) -> Cost:
        """Lets somebody load everything, and checks what they made.

        Args:
            contender: Who.
            seconds: What it may take on the clock, if less than the limits say.
            **settings: Further environment variables.

        Returns:
            What it cost.

        Raises:
            Unfit: It failed, took too much, or made something else than what is on the pages.
        """
        with tempfile.TemporaryDirectory(dir=self._folder) as place:
            database = Path(place) / "loaded.duckdb"
            cost = self._run(contender, Path(place), database, settings, seconds or self.limits.seconds)
            contender.check(database, self.truth)
        return cost

    def slow_loads(self, seconds: float, concurrency: int, runs: int) -> Entry:
        """Lets this project load from a server that takes its time for each page.

        Args:
            seconds: For each page.
            concurrency: Requests under way at once.
            runs: How often.

        Returns:
            The arguments, how many bookings and pages there are, the seconds that it takes to ask for the pages and do
            nothing else, one after another (`alone`), and the `wall` of each run in seconds.
        """
        self._api.control("POST", "_replay", seconds=seconds)
        began = time.monotonic()
        pages = sum(1 for _ in self._api.pages())
        alone = time.monotonic() - began
        costs = [self.load(OURS, SOURCES__BOOKEO__CONCURRENCY=str(concurrency)) for _ in range(runs)]
        self._api.control("POST", "_replay", seconds=0)
        return {
            "bookings": self.truth.rows["bookings"],
            "pages": pages,
            "seconds": seconds,
            "concurrency": concurrency,
            "alone": round(alone, 3),
            "wall": [round(cost.wall, 3) for cost in costs],
        }

    def increment(self, changes: int) -> Entry:
        """Lets some bookings change and loads again, with all of this project's defaults.

        Args:
            changes: How many bookings change.

        Returns:
            What the load cost, its requests, and how many bookings had changed.
        """
        ((before,),) = self._ask("SELECT max(updated_at) FROM bookeo_data.bookings")
        if changes:
            self._api.control("POST", "_sandbox/advance", hours=1)
            for position, (number,) in enumerate(
                self._ask(f"SELECT booking_number FROM bookeo_data.bookings USING SAMPLE {changes} ROWS")
            ):
                with suppress(requests.HTTPError):  # A few have vanished in that hour.
                    self._api.control("POST", f"_sandbox/bookings/{number}/touch", seconds=-(position % 3000))
        self._api.control("DELETE", "_replay")
        cost = self._run(OURS_WHOLE, self._place, self._warehouse, {}, self.limits.seconds)
        asked = self._api.control("GET", "_replay")["asked"]
        ((changed,),) = self._ask("SELECT count(*) FROM bookeo_data.bookings WHERE updated_at > ?", before)
        return asdict(cost) | {"requests": asked, "changed": changed}

    def _run(
        self, contender: Contender, folder: Path, database: Path, settings: dict[str, str], seconds: float
    ) -> Cost:
        described = {"base_url": self._api.base_url, **self._api.keys}
        job = folder / "job.json"
        places = {"database": str(database), "pages": str(self._pages)}
        job.write_text(json.dumps(described | places | {"windows": windows()}))
        ours = {f"SOURCES__BOOKEO__{name.upper()}": value for name, value in described.items()}
        variables = environment(folder) | ours | {"SOURCES__BOOKEO__START": START.date().isoformat()} | settings
        variables |= {"JOB": str(job), "DATABASE": str(database)}
        limits = replace(self.limits, seconds=min(seconds, self.limits.seconds))
        return run(["bash", "-c", contender.command], folder, variables, limits)

    def _ask(self, sql: str, *values: Any) -> list[Any]:
        with duckdb.connect(str(self._warehouse), read_only=True) as connection:
            return connection.execute(sql, values).fetchall()


def rounds(
    bench: Bench, contenders: list[Contender], runs: int, budget: float, missing: dict[str, str], say: Say
) -> dict[str, Entry]:
    """Lets everybody load, one after another, as often as there is time.

    Args:
        bench: What is loaded.
        contenders: Who.
        runs: How often.
        budget: Seconds that those with a budget may take each, for all their runs.
        missing: Why they do not take part, by name; empty where they do.
        say: Told what is going on.

    Returns:
        By name: `cpu`, `wall` and `memory` of each run, and a `note` for those that failed or took no part.
    """
    entries: dict[str, Entry] = {
        one.name: {"cpu": [], "wall": [], "memory": [], "note": missing[one.name]} for one in contenders
    }
    for number in range(1, runs + 1):
        for contender in contenders:
            entry = entries[contender.name]
            spent = entry["wall"]
            if entry["note"] or (contender.budgeted and spent and sum(spent) + spent[-1] > budget):
                continue
            try:
                cost = bench.load(contender, budget if contender.budgeted else None)
            except Unfit as error:
                entry["note"] = str(error).partition(":")[0]
                say(f"  {contender.name}: {error}")
                continue
            for measure, value in asdict(cost).items():
                entry[measure].append(round(value, 3))
            say(f"  {number}/{runs} {contender.name}: {cost.cpu:.1f} s CPU, {cost.wall:.1f} s, {cost.memory:,.0f} MB")
    return entries


def too_much(smaller: dict[int, Entry], size: int, budget: float, limits: Limits) -> str:
    """Says whether somebody would take too much of a business, by what it took of smaller ones.

    Args:
        smaller: Its runs by size.
        size: How many bookings now.
        budget: Seconds that one run may take.
        limits: What a load may take.

    Returns:
        Why it takes no part; empty where it does.
    """
    ran = [bookings for bookings, entry in smaller.items() if entry["wall"]]
    if not ran:
        return next((str(entry["note"]) for entry in smaller.values()), "")
    entry = smaller[max(ran)]
    times = size / max(ran)
    minutes, gigabytes = median(entry["wall"]) * times / 60, median(entry["memory"]) * times / 1000
    if minutes * 60 > budget:
        return f"not run: about {minutes:.0f} min"
    if gigabytes * 1000 > limits.megabytes:
        return f"not run: about {gigabytes:.0f} GB"
    return ""


def import_seconds(module: str, runs: int, folder: Path) -> float:
    """Measures what importing something costs.

    Args:
        module: What.
        runs: How often.
        folder: Where to work.

    Returns:
        Seconds of CPU, the median.
    """
    limits = Limits(600, 100_000)
    command = [sys.executable, "-c", f"import {module}"]
    return median(run(command, folder, environment(folder), limits).cpu for _ in range(runs))
