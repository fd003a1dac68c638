"""Hours of loads that are killed, throttled, cut off and made to forget, each of which must end in the truth.

    python benchmarks/soak.py --minutes 60

Several processes side by side, each with an invented business of two accounts, which go on living while their loads
suffer at random; after some time another takes its place, as businesses only grow. After every few happenings a load
runs in peace, and every table that comes with the bookings is compared with the sandbox's own records. What takes
minutes in itself happens once: answers that are half a minute late, a server that refuses everything for five minutes,
fifty accounts in one command. A table at the end says what was tried and how often it was survived; the exit code is 1
if ever anything differed.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, chdir
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
# In the place of this folder, whose files have names of their own that modules have elsewhere.
sys.path[0] = str(REPOSITORY / "tests")
os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
# The processes that get killed are forked from a server, which finds its modules by this.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [sys.path[0], os.environ.get("PYTHONPATH")]))

from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from bookeo_sandbox import Sandbox, serve  # noqa: E402
from killed_load import Moment, run_and_kill  # noqa: E402
from load_rig import SMALL_BUSINESS, Rig, environment  # noqa: E402

FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "rate_limit", "retry_after": 0},
    {"kind": "error", "status": 500},
    {"kind": "error", "status": 503},
    {"kind": "reset"},
    {"kind": "cut"},
    {"kind": "empty"},
    {"kind": "delay", "seconds": 1.5},
)
PHASE_STEPS = {"extract": 40, "normalize": 30, "load": 500, "between": 40}
"""Steps of each phase in a load of a few packages, about; see `killed_load.Moment`."""
COMPARISONS_OF_A_BUSINESS = 20
"""How many there are before the next business opens."""
KILLS_SHARE = 0.75
"""How many of all happenings are kills."""


@dataclass
class Tally:
    """What was tried and what came of it, in one process or in all.

    Args:
        tried: How often each thing happened.
        survived: How often the load in peace after it ended in the truth.
        repeated: Pages of bookings that were asked for again after a kill, one number for each kill.
        failures: What differed, a line each.
        loads: Comparisons with the truth.
    """

    tried: Counter[str] = field(default_factory=Counter)
    survived: Counter[str] = field(default_factory=Counter)
    repeated: list[int] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    loads: int = 0

    @property
    def kills(self) -> int:
        """How many loads were killed before they ended by themselves."""
        return sum(count for name, count in self.tried.items() if name.startswith("  killed"))

    def add(self, other: Tally) -> None:
        """Adds what another process has seen.

        Args:
            other: Its tally.
        """
        self.tried += other.tried
        self.survived += other.survived
        self.repeated += other.repeated
        self.failures += other.failures
        self.loads += other.loads


class Soak:
    """Random happenings to two accounts, and the tally.

    Args:
        sandbox: The running business.
        folder: Where databases and dlt's folders go.
        seed: Seed of all chance.
    """

    def __init__(self, sandbox: Sandbox, folder: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.sandbox = sandbox
        self.variables = environment(folder)
        os.environ.update(self.variables)
        self.rigs = []
        for position, account in enumerate(sandbox.accounts):
            place = folder / f"account{position}"
            place.mkdir()
            payments = "always" if position else "as_needed"
            # The second account's payments are asked for booking by booking, so that there is a child to be killed in.
            self.rigs.append(Rig(place, sandbox, account.name, payments=payments, timeout_seconds=1.0, max_attempts=10))
        self.tally = Tally()

    def round(self) -> None:
        """Some happenings to one account, then a load in peace and the comparison."""
        rig = self.random.choice(self.rigs)
        happened = []
        for _ in range(self.random.randint(1, 4)):
            kind = self._kills() if self.random.random() < KILLS_SHARE else self._troubles()
            happened.append(self._let_happen(rig, *self.random.choice(kind)))
        self.sandbox.advance(minutes=20)
        self._in_peace(rig, happened)

    def once(self, part: int) -> None:
        """What takes minutes in itself, one of them in each process.

        Args:
            part: The number of the process, from 0.
        """
        slow: list[tuple[str, Callable[[Rig], None]]] = [
            ("five minutes of 429, Retry-After 300", self._refuse_for_five_minutes),
            ("answers 30 s late", self._answer_late),
        ]
        if part < len(slow):
            rig = self.rigs[0]
            happened = [self._let_happen(rig, *slow[part])]
            self._in_peace(rig, happened)

    def _let_happen(self, rig: Rig, name: str, happens: Callable[[Rig], None]) -> str:
        self.tally.tried[name] += 1
        try:
            happens(rig)
        except Exception as error:
            self.tally.failures.append(f"{name}: {type(error).__name__}: {error}")
        finally:
            self.sandbox.remove_hooks()
            self.sandbox.faults([])
        return name

    def _in_peace(self, rig: Rig, happened: list[str]) -> None:
        self.tally.loads += 1
        try:
            result = rig.load()
            found = [str(result.failure)] if result.failure else []
            found += rig.differences(payments=True) + rig.ledger_gaps()
        except Exception as error:
            found = [f"{type(error).__name__}: {error}"]
        if found:
            self.tally.failures.append(f"after {', '.join(happened)}: {'; '.join(found)}")
            self._start_over(rig)
        else:
            self.tally.survived.update(happened)

    def _start_over(self, rig: Rig) -> None:
        """A difference is counted once: what comes after it begins with an empty database."""
        rig.delete_working_folder()
        rig.database.unlink(missing_ok=True)

    def _kills(self) -> list[tuple[str, Callable[[Rig], None]]]:
        return [
            ("SIGKILL at a request", self._kill_at_request),
            *((f"SIGKILL in {phase}", self._killer(phase)) for phase in PHASE_STEPS),
            ("SIGKILL in load", self._killer("load")),
            ("SIGKILL after a random time", self._kill_after_seconds),
        ]

    def _troubles(self) -> list[tuple[str, Callable[[Rig], None]]]:
        return [
            ("time goes by", lambda rig: self._advance()),
            ("working folder deleted", lambda rig: rig.delete_working_folder()),
            ("5% faults of all kinds", self._faults),
            ("bookings change between page requests", self._change_in_passing),
            ("page tokens expire", self._expire),
            ("keys revoked half-way", self._revoke),
            ("a first load all over again", self._start_over),
        ]

    def _advance(self) -> None:
        self.sandbox.advance(hours=self.random.randint(1, 72))

    def _kill(self, rig: Rig, moment: Moment) -> None:
        self._advance()
        anew = self.random.random() < 0.5
        if anew:
            self._start_over(rig)  # A whole history is longer to be killed in than a few days.
        self.sandbox.clear_requests()
        death = run_and_kill(rig, moment, self.variables)
        outcome = f"  killed while in: {death.phase}" if death.killed else "  ended before its moment"
        self.tally.tried[outcome] += 1
        if death.killed and self.random.random() < 0.3:
            self.tally.tried["  and its working folder deleted"] += 1
            self.tally.survived["  and its working folder deleted"] += 1
            rig.delete_working_folder()
        if anew and rig.load().failure is None:
            pages = sum(entry["operation"] == "GET /bookings" for entry in self.sandbox.requests()["log"])
            ((needed,),) = rig.ask("SELECT sum(requests) FROM load_windows WHERE resource = 'bookings'")
            self.tally.repeated.append(max(0, pages - int(needed)))
        self.tally.survived[outcome] += 1

    def _kill_at_request(self, rig: Rig) -> None:
        self._kill(rig, Moment("request", self.random.randint(1, 40)))

    def _killer(self, phase: str) -> Callable[[Rig], None]:
        return lambda rig: self._kill(rig, Moment(phase, self.random.randint(1, PHASE_STEPS[phase])))

    def _kill_after_seconds(self, rig: Rig) -> None:
        self._kill(rig, Moment("seconds", self.random.uniform(0.2, 6.0)))

    def _faults(self, rig: Rig) -> None:
        rules = [{**rule, "probability": 0.05, "seed": self.random.getrandbits(30)} for rule in FAULTS]
        self.sandbox.faults(rules)
        self._advance()
        rig.load()

    def _refuse_for_five_minutes(self, rig: Rig) -> None:
        self._advance()
        self.sandbox.fault("rate_limit", retry_after=300, for_seconds=300, after=2)
        result = rig.load(timeout_seconds=60.0)
        if result.failure:
            raise result.failure

    def _answer_late(self, rig: Rig) -> None:
        self._start_over(rig)
        self.sandbox.fault("delay", seconds=30.0, probability=0.05, seed=self.random.getrandbits(30))
        result = rig.load(timeout_seconds=60.0)
        if result.failure:
            raise result.failure

    def _change_in_passing(self, rig: Rig) -> None:
        numbers = [booking["bookingNumber"] for booking in self.sandbox.truth(rig.account)["bookings"]]
        left = self.random.randint(1, 30)

        def hook(_: Any) -> None:
            nonlocal left
            if left:
                left -= 1
                number = self.random.choice(numbers)
                (self.sandbox.cancel if self.random.random() < 0.1 else self.sandbox.touch)(number)

        self.sandbox.on_request(hook)
        if self.random.random() < 0.5:
            self._start_over(rig)
        rig.load()

    def _expire(self, rig: Rig) -> None:
        left = 3

        def hook(request: Any) -> None:
            nonlocal left
            if left and "pageNavigationToken" in request.query and self.random.random() < 0.3:
                left -= 1
                self.sandbox.expire_tokens()

        self.sandbox.on_request(hook)
        self._start_over(rig)
        rig.load()

    def _revoke(self, rig: Rig) -> None:
        left = self.random.randint(2, 30)

        def hook(_: Any) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                self.sandbox.revoke(rig.account)

        self.sandbox.on_request(hook)
        try:
            rig.load()
        except Exception as error:
            if type(error).__name__ != "CredentialsRejected":
                raise
        finally:
            self.sandbox.revoke(rig.account, revoked=False)


def fifty_accounts(folder: Path) -> Tally:
    """Loads fifty accounts with one command, and once more when there is nothing new.

    Args:
        folder: Where the database goes.

    Returns:
        What came of it.
    """
    name, tally = "fifty accounts in one command", Tally()
    (folder / ".dlt").mkdir(parents=True)
    with serve(**SMALL_BUSINESS | {"bookings": 20}, accounts=50) as sandbox:
        lines = ["[sources.bookeo]", f'secret_key = "{sandbox.secret_key}"', f'base_url = "{sandbox.base_url}"']
        lines.append('start = "2026-04-15"')
        for number, account in enumerate(sandbox.accounts):
            lines += ["[[sources.bookeo.accounts]]", f'name = "shop-{number}"', f'api_key = "{account.api_key}"']
        secrets = folder / ".dlt" / "secrets.toml"
        secrets.write_text("\n".join(lines))
        secrets.chmod(0o600)
        for attempt in range(2):
            tally.tried[name] += 1
            run = subprocess.run(
                # Not by python -c: DuckDB takes that for somebody at a terminal, and shows how far a slow statement is.
                [str(Path(sys.executable).with_name("bookeo")), "load", "--json"],
                cwd=folder,
                env=os.environ | environment(folder),
                capture_output=True,
                text=True,
                check=False,
            )
            try:
                results = json.loads(run.stdout or "[]")
            except ValueError:
                results, run.stderr = [], f"{run.stdout[-300:]!r} is no JSON; {run.stderr}"
            loaded = sum(result["tables"]["bookings"]["rows"] for result in results) if run.returncode == 0 else 0
            truth = sum(len(sandbox.truth(account.name)["bookings"]) for account in sandbox.accounts)
            tally.loads += 1
            if loaded == truth:
                tally.survived[name] += 1
            else:
                error = run.stderr.strip()[-300:]
                tally.failures.append(f"{name}, load {attempt + 1}: {loaded} of {truth} bookings; {error}")
    return tally


def run_part(part: int, seed: int, minutes: float, kills: int) -> Tally:
    """One process of the soak, with a business of its own.

    Args:
        part: Its number, from 0.
        seed: Seed of all chance in it.
        minutes: How long at least.
        kills: How many kills at least.

    Returns:
        What came of it.
    """
    import logging

    logging.getLogger("dlt").disabled = True
    started = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="bookeo-soak-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.enter_context(chdir(folder))
        tally = fifty_accounts(folder / "fifty") if part == 0 else Tally()
        businesses = 0
        while (time.monotonic() - started < minutes * 60 or tally.kills < kills) and len(tally.failures) < 20:
            place = folder / f"business{businesses}"
            place.mkdir()
            with serve(**SMALL_BUSINESS, accounts=2, seed=seed + 1000 * businesses) as sandbox:
                soak = Soak(sandbox, place, seed + 1000 * businesses)
                if not businesses:
                    soak.once(part)
                while soak.tally.loads < COMPARISONS_OF_A_BUSINESS:
                    soak.round()
            shutil.rmtree(place, ignore_errors=True)
            tally.add(soak.tally)
            businesses += 1
            sys.stderr.write(
                f"process {part}: {tally.loads} comparisons, {tally.kills} kills, {len(tally.failures)} failures, "
                f"{(time.monotonic() - started) / 60:.0f} minutes\n"
            )
    return tally


def report(tally: Tally, console: Console, seconds: float) -> None:
    """Prints the tally.

    Args:
        tally: Of all processes.
        console: Where to.
        seconds: How long it all took.
    """
    table = Table(title=f"Soak: {seconds / 60:.0f} minutes, {tally.loads} comparisons with the truth")
    table.add_column("what happened")
    table.add_column("tried", justify="right")
    table.add_column("survived", justify="right")
    for name in sorted(tally.tried, key=lambda one: (one.startswith(" "), one)):
        table.add_row(name, str(tally.tried[name]), str(tally.survived[name]))
    console.print(table)
    if tally.repeated:
        mean = sum(tally.repeated) / len(tally.repeated)
        console.print(
            f"{tally.kills} kills; pages of bookings asked for again after one: {mean:.1f} on average, "
            f"{max(tally.repeated)} at most"
        )
    console.print(f"failures={len(tally.failures)}")
    for line in tally.failures:
        console.print(f"  {line}", soft_wrap=True, highlight=False, markup=False)


def main() -> int:
    """Runs the soak.

    Returns:
        Exit code: 1 if ever anything differed.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60, help="how long at least (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", type=int, default=300, help="how many kills at least (default: %(default)s)")
    parser.add_argument("--processes", type=int, default=2, help="side by side (default: %(default)s)")
    options = parser.parse_args()
    started = time.monotonic()
    parts = range(options.processes)
    tally = Tally()
    with ProcessPoolExecutor(options.processes, mp_context=multiprocessing.get_context("spawn")) as processes:
        kills = -(-options.kills // options.processes)
        running = [processes.submit(run_part, part, options.seed + part, options.minutes, kills) for part in parts]
        for one in running:
            tally.add(one.result())
    report(tally, Console(width=120), time.monotonic() - started)
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
