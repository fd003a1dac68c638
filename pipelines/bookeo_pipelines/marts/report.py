"""What a build of the marts made, for people and for programs."""

from __future__ import annotations

from typing import Any

from bookeo_pipelines.marts.build import MartsResult
from bookeo_pipelines.runtime.terminal import Terminal


def print_built(console: Terminal, result: MartsResult) -> None:
    """Prints what was made.

    Args:
        console: Where to print.
        result: What was made.
    """
    place = result.target.database or result.target.destination
    console.print(
        f"{len(result.tables)} tables in {place}, schema {result.schema}; {result.checks} checks; "
        f"{result.seconds:.1f} s.",
        soft_wrap=True,
    )
    for name in result.warnings:
        console.print(f"Unusual, though no figure is wrong for it: {name}", soft_wrap=True)


def result_as_json(result: MartsResult) -> dict[str, Any]:
    """Gives the same for programs.

    Args:
        result: What was made.

    Returns:
        An object of plain JSON values.
    """
    return {
        "destination": result.target.destination,
        "database": str(result.target.database) if result.target.database else None,
        "schema": result.schema,
        "tables": list(result.tables),
        "checks": result.checks,
        "warnings": list(result.warnings),
        "seconds": round(result.seconds, 1),
    }
