"""What is promised of speed and memory, and whether it holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from measuring.peers import FLOOR, OURS, REST_API_PARQUET, Contender
from measuring.results import Results, middle, middle_of


@dataclass(frozen=True)
class Bound:
    """Something promised.

    Args:
        promise: In words, with the bound.
        found: What was measured.
        holds: Whether it keeps to it.
    """

    promise: str
    found: str
    holds: bool


def bounds(results: Results) -> list[Bound]:
    """Compares what was measured with what is promised; what was not measured is left out.

    Args:
        results: What was measured.

    Returns:
        The bounds.
    """
    found: list[Bound] = []

    def at_most(
        promise: str, value: float | None, limit: float, shown: Callable[[float], str] = "{:.2f}".format
    ) -> None:
        if value is not None:
            found.append(Bound(promise, shown(value), value <= limit))

    def measured(size: str, one: Contender, measure: str) -> float | None:
        entry = results["loads"].get(size, {}).get(one.name)
        return middle(entry, measure) if entry else None

    ours, parquet, floor = (measured("200000", one, "cpu") for one in (OURS, REST_API_PARQUET, FLOOR))
    if ours and parquet:
        times = parquet / ours
        promise = "200,000 bookings: at least 5 times less CPU than dlt's rest_api with Parquet"
        found.append(Bound(promise, f"{times:.2f} times", times >= 5))
    if ours and floor:
        at_most("200,000 bookings: at most 2.5 times the CPU of the floor", ours / floor, 2.5)
    for slow in results.get("slow") or ():
        alone = slow["alone"] / slow["concurrency"]
        at_most(
            f"{slow['bookings']:,} bookings, {slow['seconds'] * 1000:.0f} ms a page, {slow['concurrency']} at once: "
            f"at most 1.15 times the {alone:.1f} s of the pages alone",
            median(slow["wall"]) / alone,
            1.15,
        )
    memory, smaller = (measured(size, OURS, "memory") for size in ("1000000", "100000"))
    if memory and smaller:
        at_most("1,000,000 bookings: at most 1.3 times the memory of 100,000", memory / smaller, 1.3)
    at_most("1,000,000 bookings: under 700 MB", memory, 700, "{:.0f} MB".format)
    nothing = {size: cases["nothing new"] for size, cases in results["increments"].items() if "nothing new" in cases}
    if nothing:
        held = max(map(int, results["increments"]))
        requests = max(middle_of(runs, "requests") for runs in nothing.values())
        cpu = max(middle_of(runs, "cpu") - results["import_dlt"][size] for size, runs in nothing.items())
        at_most(f"Nothing new, up to {held:,} held: at most 3 requests", requests, 3, "{:.0f}".format)
        at_most(f"Nothing new, up to {held:,} held: under 2 s of CPU beyond `import dlt`", cpu, 2, "{:.2f} s".format)
    return found
