"""Run the tests with the lowest and with the newest versions that pyproject.toml allows, in an environment each.

python release/matrix.py                          all tests, with both
python release/matrix.py newest tests/contracts   some tests, with the newest
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

ROOT = Path(__file__).parents[1]
PLACE = ROOT / ".matrix"
RESOLUTIONS: Mapping[str, str] = MappingProxyType({"lowest": "lowest-direct", "newest": "highest"})
"""What uv calls them. The lowest are those of packages that pyproject.toml names; of others it takes the newest."""
UV = ROOT / ".venv" / "bin" / "uv"
EXTRA = "dev"
SHOWN = ("dlt", "duckdb", "pyarrow", "pandas", "sqlglot", "dbt-core", "dbt-duckdb", "dagster", "marimo")
APART = ("duckdb-extension-delta", "duckdb-extension-ducklake", "duckdb-extension-postgres-scanner")
"""Packages of the extra that hold others back: each goes with one version of DuckDB alone, and there are none for 2."""


def command(kind: str, excludes: Path) -> list[str]:
    """Return the command that installs into an environment.

    Args:
        kind: `lowest` or `newest`.
        excludes: A file that names packages that are left out, see `APART`.

    Returns:
        The command of uv.
    """
    left_out = ["--excludes", str(excludes)] if kind == "newest" else []
    resolution = ["--resolution", RESOLUTIONS[kind]]
    return [str(UV), "pip", "install", "--quiet", *resolution, *left_out, "--editable", f"{ROOT}[{EXTRA}]"]


def install(kind: str) -> Path:
    """Make an environment, with the newest releases of this moment where they are wanted.

    Args:
        kind: `lowest` or `newest`.

    Returns:
        Its Python.
    """
    place, excludes = PLACE / kind, PLACE / "excludes.txt"
    PLACE.mkdir(exist_ok=True)
    excludes.write_text("\n".join(APART))
    _run([UV, "venv", "--quiet", "--clear", "--python", sys.executable, place], check=True)
    _run(command(kind, excludes), env={**os.environ, "VIRTUAL_ENV": str(place)}, check=True)
    return place / "bin" / "python"


def main(arguments: Sequence[str]) -> int:
    """Run the tests in each environment.

    Args:
        arguments: `lowest` or `newest`, where it is to be one of them; then what pytest is told, such as a folder.

    Returns:
        The exit code: 0 where all tests passed.
    """
    only, *tests = arguments if arguments and arguments[0] in RESOLUTIONS else ("", *arguments)
    failed = []
    for kind in [only] if only else RESOLUTIONS:
        python = install(kind)
        sys.stdout.write(f"{kind}: {versions(python)}" + "\n")
        sys.stdout.flush()
        done = _run([python, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", *tests], cwd=ROOT, check=False)
        if done.returncode:
            failed.append(kind)
    outcome = f"failed with the {' and the '.join(failed)} versions" if failed else "passed with all of them"
    sys.stdout.write(outcome + "\n")
    return len(failed)


def versions(python: Path) -> str:
    """Say which versions were chosen of what matters most.

    Args:
        python: Of an environment.

    Returns:
        Names and versions in a line.
    """
    code = f"from importlib.metadata import version; print(*(f'{{n}} {{version(n)}}' for n in {SHOWN!r}), sep=', ')"
    return str(_run([python, "-c", code], check=True, capture_output=True, text=True).stdout).strip()


def _run(arguments: Sequence[str | Path], **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments, **options)  # noqa: S603 - what is run is named above


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
