"""Where the `bookeo` command begins: it hears signals before it imports what takes its time."""

from __future__ import annotations

import contextlib
import os
import sys

from bookeo_pipelines.interrupts import interrupted_as_json, interrupts

TOLD = ("load", "reconcile")
"""Commands of which programs get an object with `--json`, whatever happens."""


def main() -> None:
    """Run the command and exit."""
    interrupts.listen(_tell_programs)
    from bookeo_pipelines.cli.app import main as run

    run()


def _tell_programs(number: int) -> None:
    if sys.argv[1:2] and sys.argv[1] in TOLD and "--json" in sys.argv:
        import json

        with contextlib.suppress(OSError):
            os.write(1, f"{json.dumps(interrupted_as_json(number))}\n".encode())


if __name__ == "__main__":
    main()
