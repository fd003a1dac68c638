"""Refuses an installation that would bring a package that nobody has pinned.

    uv pip compile --constraints constraints.txt ... | python release/pinned.py constraints.txt

Constraints pin what they name, and let everything else in without a word. So what is going to be installed is read from
standard input, a `name==version` a line, before it is installed.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

_PIN = re.compile(r"([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==([^\s;\\]+)")


def pins(lines: Iterable[str]) -> set[tuple[str, str]]:
    """Read pinned versions.

    Args:
        lines: Lines of a requirements file.

    Returns:
        Normalized names and versions.
    """
    found = (_PIN.match(line.strip()) for line in lines)
    return {(re.sub(r"[-_.]+", "-", match[1]).lower(), match[2]) for match in found if match}


def main() -> int:
    """Compare what is going to be installed with what is pinned.

    Returns:
        1 if something is not pinned, or nothing is going to be installed at all.
    """
    wanted = pins(sys.stdin)
    loose = sorted(wanted - pins(Path(sys.argv[1]).read_text().splitlines()))
    for name, version in loose:
        sys.stderr.write(f"{name} {version} is not pinned in {sys.argv[1]}: run make lock.\n")
    return 1 if loose or not wanted else 0


if __name__ == "__main__":
    sys.exit(main())
