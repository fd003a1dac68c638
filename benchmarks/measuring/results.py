"""What was measured: figures by size, name and case, and what to take of several runs."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

Results = dict[str, Any]
"""`loads`, `increments` and `import_dlt` by size; `slow`, `machine`. See `speed.py`."""
Entry = dict[str, Any]
"""Somebody's runs of a size: lists of `cpu`, `wall` and `memory`, and a `note` where something is missing."""
BY_SIZE = ("loads", "increments", "import_dlt")
MOST = 6
"""So many loads of a size are enough to show it."""


def merged(kept: Results, new: Results) -> Results:
    """Keeps the sizes, and of a size those who load it, that were not measured this time.

    Args:
        kept: What was measured before.
        new: What was measured now.

    Returns:
        Both; of what is in both, the new.
    """
    both = {part: kept.get(part, {}) | new.get(part, {}) for part in BY_SIZE}
    for size, loads in both["loads"].items():
        both["loads"][size] = kept.get("loads", {}).get(size, {}) | loads
    return (
        kept | new | {part: dict(sorted(sizes.items(), key=lambda item: int(item[0]))) for part, sizes in both.items()}
    )


def middle(entry: Entry, measure: str) -> float | None:
    """Takes the median of somebody's runs.

    Args:
        entry: Their runs.
        measure: `cpu`, `wall` or `memory`.

    Returns:
        The median; None where there was no run.
    """
    return median(entry[measure]) if entry[measure] else None


def middle_of(runs: Sequence[Entry], measure: str) -> float:
    """Takes the median of the runs of a case.

    Args:
        runs: The runs.
        measure: One of their figures.

    Returns:
        The median.
    """
    return float(median(run[measure] for run in runs))


def shown_size(results: Results) -> str:
    """Chooses the size to show where there is room for one: the largest of those that most took part in.

    Args:
        results: What was measured.

    Returns:
        How many bookings.
    """
    took_part: dict[str, int] = {
        size: sum(bool(entry["cpu"]) for entry in loads.values()) for size, loads in results["loads"].items()
    }
    enough = min(max(took_part.values()), MOST)
    return max((size for size, count in took_part.items() if count >= enough), key=int)
