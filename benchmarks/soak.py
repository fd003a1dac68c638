"""Hours of loads that are killed, throttled, cut off and made to forget, each of which must end in the truth.

    python benchmarks/soak.py --minutes 60

Two accounts of an invented business go on living while their loads suffer at random. After every few happenings both
are loaded in peace and every table that comes with the bookings is compared with the sandbox's own records. A table at
the end says what was tried and how often it was survived; the exit code is 1 if ever anything differed.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, chdir
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
# In the place of this folder, whose files have names of their own that modules have elsewhere.
sys.path[0] = str(REPOSITORY / "tests" / "reliability")
os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
# The processes that get killed are forked from a server, which finds its modules by this.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [sys.path[0], os.environ.get("PYTHONPATH")]))

from killed_load import Moment, run_and_kill  # noqa: E402
from load_rig import SMALL_BUSINESS, Rig, environment  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from bookeo_sandbox import Sandbox, serve  # noqa: E402

FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "rate_limit", "retry_after": 0},
    {"kind": "error", "status": 500},
    {"kind": "error", "status": 503},
    {"kind": "reset"},
    {"kind": "cut"},
    {"kind": "empty"},
    {"kind": "delay", "seconds": 1.5},
)
PHASE_STEPS = {"extract": 40, "normalize": 30, "load": 500, "between": 60}
"""Steps of each phase in a load of a few packages, about; see `killed_load.Moment`."""


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
        self.tried: Counter[str] = Counter()
        self.survived: Counter[str] = Counter()
        self.repeated: list[int] = []
        self.failures: list[str] = []
        self.loads = 0

    def round(self) -> None:
        """Some happenings to one account, then a load in peace and the comparison."""
        rig = self.random.choice(self.rigs)
        happened = []
        for _ in range(self.random.randint(1, 4)):
            name, happens = self.random.choice(self._happenings())
            self.tried[name] += 1
            happened.append(name)
            try:
                happens(rig)
            except Exception as error:
                self.failures.append(f"{name}: {type(error).__name__}: {error}")
            finally:
                self.sandbox.remove_hooks()
                self.sandbox.faults([])
        self.sandbox.advance(minutes=20)
        self._in_peace(rig, happened)

    def _in_peace(self, rig: Rig, happened: list[str]) -> None:
        self.loads += 1
        try:
            result = rig.load()
            found = [str(result.failure)] if result.failure else []
            found += rig.differences(payments=True) + rig.ledger_gaps()
        except Exception as error:
            found = [f"{type(error).__name__}: {error}"]
        if found:
            self.failures.append(f"after {', '.join(happened)}: {'; '.join(found)}")
            self._start_over(rig)
        else:
            self.survived.update(happened)

    def _start_over(self, rig: Rig) -> None:
        """A difference is counted once: what comes after it begins with an empty database."""
        rig.delete_working_folder()
        rig.database.unlink(missing_ok=True)

    def _happenings(self) -> list[tuple[str, Callable[[Rig], None]]]:
        return [
            ("time goes by", lambda rig: self._advance()),
            ("SIGKILL at a request", self._kill_at_request),
            *((f"SIGKILL in {phase}", self._killer(phase)) for phase in PHASE_STEPS),
            ("SIGKILL in load", self._killer("load")),
            ("SIGKILL after a random time", self._kill_after_seconds),
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
        self.tried[outcome] += 1
        if death.killed and self.random.random() < 0.3:
            self.tried["  and its working folder deleted"] += 1
            self.survived["  and its working folder deleted"] += 1
            rig.delete_working_folder()
        if anew and rig.load().failure is None:
            pages = sum(entry["operation"] == "GET /bookings" for entry in self.sandbox.requests()["log"])
            ((needed,),) = rig.ask("SELECT sum(requests) FROM load_windows WHERE resource = 'bookings'")
            self.repeated.append(max(0, pages - int(needed)))
        self.survived[outcome] += 1

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

    def report(self, console: Console, seconds: float) -> None:
        """Prints the tally.

        Args:
            console: Where to.
            seconds: How long it all took.
        """
        table = Table(title=f"Soak: {seconds / 60:.0f} minutes, {self.loads} comparisons with the truth")
        table.add_column("what happened")
        table.add_column("tried", justify="right")
        table.add_column("survived", justify="right")
        for name in sorted(self.tried, key=lambda one: (one.startswith(" "), one)):
            table.add_row(name, str(self.tried[name]), str(self.survived[name]))
        console.print(table)
        killed = sum(count for name, count in self.tried.items() if name.startswith("  killed"))
        if self.repeated:
            mean = sum(self.repeated) / len(self.repeated)
            console.print(
                f"{killed} kills; pages of bookings asked for again after one: {mean:.1f} on average, "
                f"{max(self.repeated)} at most"
            )
        console.print(f"failures={len(self.failures)}")
        for line in self.failures:
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
    options = parser.parse_args()
    import logging

    logging.getLogger("dlt").disabled = True
    started = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="bookeo-soak-"))
    console = Console(width=120)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        sandbox = stack.enter_context(serve(**SMALL_BUSINESS, accounts=2, seed=options.seed))
        stack.enter_context(chdir(folder))
        soak = Soak(sandbox, folder, options.seed)
        try:
            while time.monotonic() - started < options.minutes * 60 or _kills(soak) < options.kills:
                soak.round()
                if soak.failures and len(soak.failures) > 20:
                    break
        except KeyboardInterrupt:
            console.print("Stopped early.")
        soak.report(console, time.monotonic() - started)
    return 1 if soak.failures else 0


def _kills(soak: Soak) -> int:
    return sum(count for name, count in soak.tried.items() if name.startswith("  killed"))


if __name__ == "__main__":
    sys.exit(main())
