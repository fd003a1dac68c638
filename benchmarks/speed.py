"""What a load costs in CPU, time and memory: this project, what one would pick instead, and the floor.

Everybody loads the same invented business, which a process of its own serves from memory; what they made is compared
with what is on the pages before it counts. Afterwards this project's incremental loads are measured.

    python benchmarks/speed.py [--sizes 20000,200000] [--runs 5] [--only Singer,Airbyte] [--write]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

# A file of this folder has the name of a library that others need: the folder goes behind theirs.
FOLDER = str(Path(__file__).parent)
sys.path[:] = [*(entry for entry in sys.path if entry != FOLDER), FOLDER]

from measuring.answers import served  # noqa: E402
from measuring.peers import ALL, CONTENDERS, Contender  # noqa: E402
from measuring.process import Limits, Unfit  # noqa: E402
from measuring.report import marked, report, summary  # noqa: E402
from measuring.results import BY_SIZE, Results, merged, middle_of  # noqa: E402
from measuring.rounds import Bench, import_seconds, rounds, too_much  # noqa: E402

REPOSITORY = Path(FOLDER).parent
RESULTS = Path(FOLDER) / "speed.json"
IMAGES = REPOSITORY / "docs" / "images"
DOCUMENTS = {"benchmarks/README.md": report, "README.md": summary}
SIZES = "20000,100000,200000,1000000"
FOR_GROWTH = 100_000
"""A size at which only those without a budget are measured."""
LARGE = 1_000_000
RUNS_OF_LARGE = 3
SLOW = 20_000
"""The size that is measured with pages that take their time."""
PAGE_SECONDS = 0.15
FEW = 200
"""Changes that are loaded at every size; a hundredth of it besides."""


def main() -> int:
    """Measures and prints.

    Returns:
        Exit code: 1 if this project or the floor failed.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default=SIZES, help="bookings, with commas between (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=5, help="runs of each; of a million bookings 3 at most")
    parser.add_argument("--only", help="of the others those whose names begin so, with commas between")
    parser.add_argument(
        "--budget-minutes", type=float, default=10, help="minutes each of the others may take for a size's runs"
    )
    parser.add_argument("--max-gb", type=float, default=12, help="memory a load may take (default: %(default)s)")
    parser.add_argument(
        "--concurrency", default="1,2,4", help="requests at once where pages take their time (default: %(default)s)"
    )
    parser.add_argument("--write", action="store_true", help="keep the figures, and write them into the documents")
    parser.add_argument("--again", action="store_true", help="measure nothing: take the figures that are kept")
    options = parser.parse_args()
    results: Results = json.loads(RESULTS.read_text()) if options.again else {part: {} for part in BY_SIZE}
    try:
        if not options.again:
            measure(options, results)
    except Unfit as error:
        say(f"given up: {error}")
        return 1
    finally:
        if results["loads"]:
            print(report(results))
            if options.write:
                write(results)
    entries = [loads[one.name] for loads in results["loads"].values() for one in ALL if not one.budgeted]
    return int(any(entry["note"] for entry in entries))


def measure(options: argparse.Namespace, results: Results) -> None:
    """Lets everybody load every size.

    Args:
        options: The command's.
        results: Gets the figures, size by size.

    Raises:
        Unfit: This project failed.
    """
    results["machine"] = machine()
    for size in sorted(int(size) for size in options.sizes.split(",")):
        say(f"{size:,} bookings")
        with tempfile.TemporaryDirectory(prefix="bookeo-bench-") as folder, served(size) as api:
            bench = Bench(api, Path(folder), Limits(3600, options.max_gb * 1000))
            measure_size(bench, size, options, results, Path(folder))
        if options.write:
            write(results)


def measure_size(bench: Bench, size: int, options: argparse.Namespace, results: Results, folder: Path) -> None:
    """Lets everybody load one size.

    Args:
        bench: It.
        size: How many bookings.
        options: The command's.
        results: Gets the figures.
        folder: Where to work.

    Raises:
        Unfit: This project failed.
    """
    runs = min(options.runs, RUNS_OF_LARGE) if size >= LARGE else options.runs
    budget = options.budget_minutes * 60
    bench.begin()
    contenders = [one for one in chosen(options.only) if size != FOR_GROWTH or not one.budgeted]
    missing = {one.name: _why_not(results, one, size, budget, bench.limits) for one in contenders}
    results["loads"][str(size)] = rounds(bench, contenders, runs, budget, missing, say)
    if size == SLOW:
        results["slow"] = [
            bench.slow_loads(PAGE_SECONDS, int(at_once), runs) for at_once in options.concurrency.split(",")
        ]
    # Right before what it is compared with, as a machine is not always equally fast.
    results["import_dlt"][str(size)] = import_seconds("dlt", 5, folder)
    cases = results["increments"][str(size)] = {}
    for case, changes in {"nothing new": 0, f"{FEW:,} changed": FEW, "1% changed": size // 100}.items():
        cases[case] = [bench.increment(changes) for _ in range(min(runs, RUNS_OF_LARGE))]
        say(f"  {case}: {middle_of(cases[case], 'cpu'):.1f} s CPU")


def chosen(only: str | None) -> list[Contender]:
    """Says who takes part.

    Args:
        only: Beginnings of names, with commas between; None: everybody.

    Returns:
        Contenders; this project and the floor always.
    """
    return [one for one in ALL if not one.budgeted or only is None or one.name.startswith(tuple(only.split(",")))]


def _why_not(results: Results, contender: Contender, size: int, budget: float, limits: Limits) -> str:
    smaller = {
        int(bookings): loads[contender.name] for bookings, loads in results["loads"].items() if contender.name in loads
    }
    return too_much(smaller, size, budget, limits) if contender.budgeted and smaller else ""


def machine() -> dict[str, str]:
    """Says where it is measured.

    Returns:
        Cores, memory, the versions of what is compared, and the day.
    """
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    versions = {name: version(name) for name in ("dlt", "duckdb", "pyarrow", "pandas")}
    for requirements in sorted(CONTENDERS.glob("requirements-*.txt")):
        versions |= dict(
            re.findall(r"^(airbyte-cdk|singer-sdk)(?:\[\w+\])?==([\w.]+)", requirements.read_text(), re.MULTILINE)
        )
    return {
        "machine": f"{os.cpu_count()} cores, {gigabytes:.0f} GB",
        "python": platform.python_version(),
        "day": datetime.now(UTC).date().isoformat(),
        "versions": ", ".join(f"{name} {number}" for name, number in versions.items()),
    }


def write(results: Results) -> None:
    """Keeps the figures beside those of other sizes, draws them, and writes the tables into the documents.

    Args:
        results: What was measured.
    """
    from measuring.plot import draw

    known = merged(json.loads(RESULTS.read_text()) if RESULTS.exists() else {}, results)
    RESULTS.write_text(json.dumps(known, indent=1) + "\n")
    draw(known, IMAGES)
    for name, text in DOCUMENTS.items():
        document = REPOSITORY / name
        document.write_text(marked(document.read_text(), text(known)))


def say(line: str) -> None:
    """Tells what is going on.

    Args:
        line: A line for standard error.
    """
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
