"""Builds and installs a release, as a maintainer and a user would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "release"))
UV = Path(sys.executable).with_name("uv")
UNREACHABLE = r"error sending request|dns error|Failed to fetch|network was disabled|Network connectivity is disabled"
"""How uv says that the package index does not answer."""


def run(*command: str | Path, folder: Path | None = None, **environment: str) -> str:
    """Runs a program that may ask the package index, and gives what it printed.

    Skips the test where the index cannot be reached, but not in continuous integration: there it can be.
    """
    done = run_anyhow(*command, folder=folder, **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_anyhow(
    *command: str | Path, folder: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs such a program however it ends."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode and re.search(UNREACHABLE, done.stderr) and "CI" not in os.environ:
        pytest.skip("The package index cannot be reached: connect this machine to it to test what a release installs.")
    return done
