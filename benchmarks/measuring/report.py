"""What was measured, as Markdown: tables, and which of the promised bounds hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

OURS = "bookeo"
FLOOR = "floor: DuckDB read_json"
PARQUET = "dlt rest_api, parquet"

BEGIN = "<!-- speed: made by benchmarks/speed.py -->"
END = "<!-- end of speed -->"

Results = dict[str, Any]


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


def report(results: Results) -> str:
    """Shows everything.

    Args:
        results: What was measured, see `speed.py`.

    Returns:
        Markdown.
    """
    loads = [load_table(results, size) for size in results["loads"]]
    return "\n\n".join([*loads, growth_table(results), increment_table(results), bound_table(results)])


def summary(results: Results) -> str:
    """Shows the essence.

    Args:
        results: What was measured.

    Returns:
        A Markdown table.
    """
    return load_table(results, shown_size(results))


def shown_size(results: Results) -> str:
    """Chooses the size to show where there is room for one: the largest of those that most took part in.

    Args:
        results: What was measured.

    Returns:
        How many bookings.
    """
    took_part = {size: sum(bool(entry["cpu"]) for entry in loads.values()) for size, loads in results["loads"].items()}
    most = max(took_part.values())
    return str(max((size for size, count in took_part.items() if count >= min(most, 6)), key=int))


def marked(document: str, text: str) -> str:
    """Puts a text between the markers of a document.

    Args:
        document: The document.
        text: What belongs there.

    Returns:
        The document with it.
    """
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    return "".join((before, begin, "\n", text, "\n", end, after))


def load_table(results: Results, size: str) -> str:
    """Compares everybody's loads of one size.

    Args:
        results: What was measured.
        size: How many bookings.

    Returns:
        A Markdown table: CPU, the same to this project's, time, memory, and how many runs the medians are of.
    """
    entries = results["loads"][size]
    ours = middle(entries[OURS], "cpu")

    def rows() -> Iterator[tuple[str, ...]]:
        for name, entry in sorted(entries.items(), key=lambda item: middle(item[1], "cpu") or 1e9):
            cpu = middle(entry, "cpu")
            if cpu is None:
                yield name, "", "", "", "", entry["note"]
            else:
                yield (
                    name,
                    f"{cpu:.1f}",
                    f"{cpu / ours:.2f}" if ours else "",
                    f"{middle(entry, 'wall'):.1f}",
                    f"{middle(entry, 'memory'):,.0f}",
                    str(len(entry["cpu"])),
                )

    return _table((f"{int(size):,} bookings", "CPU s", "to bookeo", "wall s", "memory MB", "runs"), rows())


def growth_table(results: Results) -> str:
    """Shows how this project and the floor grow.

    Args:
        results: What was measured.

    Returns:
        A Markdown table.
    """

    def rows() -> Iterator[tuple[str, ...]]:
        for size, entries in results["loads"].items():
            ours, floor = entries[OURS], entries[FLOOR]
            cpu, least = middle(ours, "cpu"), middle(floor, "cpu")
            if cpu and least:
                beyond = (cpu - results["import_dlt"]) * 1e6 / int(size)
                yield (
                    f"{int(size):,}",
                    f"{cpu:.1f}",
                    f"{beyond:.0f}",
                    f"{middle(ours, 'memory'):,.0f}",
                    f"{least:.1f}",
                    f"{least * 1e6 / int(size):.0f}",
                    f"{middle(floor, 'memory'):,.0f}",
                )

    header = ("bookings", "bookeo, CPU s", "µs a booking", "memory MB", "floor, CPU s", "µs a booking", "memory MB")
    return _table(header, rows())


def increment_table(results: Results) -> str:
    """Shows what the loads after the first cost.

    Args:
        results: What was measured.

    Returns:
        A Markdown table; CPU is what comes on top of `import dlt`.
    """

    def rows() -> Iterator[tuple[str, ...]]:
        for size, cases in results["increments"].items():
            for case, runs in cases.items():
                yield (
                    f"{int(size):,}",
                    case,
                    f"{_of(runs, 'changed'):,.0f}",
                    f"{_of(runs, 'cpu') - results['import_dlt']:.2f}",
                    f"{_of(runs, 'wall'):.1f}",
                    f"{_of(runs, 'requests'):,.0f}",
                )

    header = ("bookings held", "load", "changed", "CPU s beyond importing dlt", "wall s", "requests")
    return _table(header, rows())


def bound_table(results: Results) -> str:
    """Says which bounds hold.

    Args:
        results: What was measured.

    Returns:
        A Markdown table.
    """
    rows = ((bound.promise, bound.found, "yes" if bound.holds else "**no**") for bound in bounds(results))
    return _table(("bound", "measured", "holds"), rows)


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

    def measured(size: str, name: str, measure: str) -> float | None:
        entry = results["loads"].get(size, {}).get(name)
        return middle(entry, measure) if entry else None

    ours, parquet, floor = (measured("200000", name, "cpu") for name in (OURS, PARQUET, FLOOR))
    if ours and parquet:
        times = parquet / ours
        promise = "200,000 bookings: at least 5 times less CPU than dlt's rest_api with Parquet"
        found.append(Bound(promise, f"{times:.2f} times", times >= 5))
    if ours and floor:
        at_most("200,000 bookings: at most 2.5 times the CPU of the floor", ours / floor, 2.5)
    slow = results.get("slow")
    if slow:
        alone = slow["pages"] * slow["seconds"] / slow["concurrency"]
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
    for size, cases in results["increments"].items():
        nothing = cases["nothing new"]
        at_most(f"Nothing new, {int(size):,} held: at most 3 requests", _of(nothing, "requests"), 3, "{:.0f}".format)
        at_most(
            f"Nothing new, {int(size):,} held: under 2 s of CPU beyond importing dlt",
            _of(nothing, "cpu") - results["import_dlt"],
            2,
            "{:.2f} s".format,
        )
    return found


def middle(entry: dict[str, Any], measure: str) -> float | None:
    """Takes the median of somebody's runs.

    Args:
        entry: Their runs.
        measure: `cpu`, `wall` or `memory`.

    Returns:
        The median; None where there was no run.
    """
    return median(entry[measure]) if entry[measure] else None


def _of(runs: Sequence[dict[str, Any]], measure: str) -> float:
    return float(median(run[measure] for run in runs))


def _table(header: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    alignment = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, alignment, *rows))
