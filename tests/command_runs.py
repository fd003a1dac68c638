"""How a run of the command ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """How the command ended.

    Args:
        code: The exit code.
        out: What it printed.
        err: What it said on stderr.
    """

    code: int
    out: str
    err: str


Run = Callable[..., Outcome]
"""Runs the command with arguments."""
