"""Thousands of random sequences of adversities, kills, options and commands, each of which must end in the truth.

    python benchmarks/sequences.py --sequences 2000

What may happen, and how the end is judged, stands in `tests/adversity.py`; of the sequences there, `make test` runs the
first twenty. Each one that does not end in the truth is printed with its number and steps, and makes the exit code 1.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
# In the place of this folder, whose files have names of their own that modules have elsewhere.
sys.path[0] = str(REPOSITORY / "tests")
os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [sys.path[0], os.environ.get("PYTHONPATH")]))


def run(first: int, count: int) -> list[str]:
    """Run some sequences in this process.

    Args:
        first: The number of the first.
        count: How many.

    Returns:
        A line for each that did not end in the truth.
    """
    import pytest

    from adversity import outcome_of
    from isolation import isolate

    logging.getLogger("dlt").disabled = True
    logging.getLogger("bookeo").disabled = True
    failures = []
    for seed in range(first, first + count):
        # On a disk of memory, where there is one: what a load waits for most is a disk.
        with (
            tempfile.TemporaryDirectory(prefix="bookeo-sequence-") as folder,
            pytest.MonkeyPatch.context() as patch,
        ):
            isolate(patch, Path(folder))
            steps, wrong = outcome_of(seed, Path(folder), patch)
        if wrong:
            failures.append(f"sequence {seed}, {'; '.join(map(str, steps))}: {'; '.join(wrong)}")
    return failures


def main() -> int:
    """Run the sequences.

    Returns:
        Exit code: 1 if any did not end in the truth.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=int, default=2000, help="how many (default: %(default)s)")
    parser.add_argument("--first", type=int, default=0, help="number of the first one (default: %(default)s)")
    parser.add_argument("--processes", type=int, default=2, help="side by side (default: %(default)s)")
    options = parser.parse_args()
    started, done, failures = time.monotonic(), 0, 0
    with ProcessPoolExecutor(options.processes, mp_context=multiprocessing.get_context("spawn")) as processes:
        size, end = 20, options.first + options.sequences
        parts = {
            processes.submit(run, first, min(size, end - first)): min(size, end - first)
            for first in range(options.first, end, size)
        }
        for part in as_completed(parts):
            found = part.result()
            done += parts[part]
            failures += len(found)
            for line in found:
                print(line, flush=True)
            sys.stderr.write(
                f"{done} of {options.sequences} sequences, {failures} failures, "
                f"{(time.monotonic() - started) / 60:.0f} minutes\n"
            )
    print(f"sequences={done} failures={failures}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
