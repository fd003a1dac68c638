"""Programs of Debian's that some tests use for real. Where one is missing, these tests say so and are skipped."""

from __future__ import annotations

import shutil

import pytest

PACKAGES = {"chromium": "chromium", "git": "git", "make": "make", "systemd-analyze": "systemd"}
"""The package that brings a program, by the program. PostgreSQL, which is not on the path: `postgres_server`."""


def missing(what: str, package: str) -> str:
    """Return what a skipped test says."""
    return f"{what} is not installed: apt-get install {package}"


def find_program(name: str) -> str:
    """Find a program, or skip the test.

    Args:
        name: One of `PACKAGES`.

    Returns:
        Its path.
    """
    found = shutil.which(name)
    if found is None:
        pytest.skip(missing(name, PACKAGES[name]))
    return found
