"""What was measured, as Markdown: tables, and which of the promised bounds hold."""

from __future__ import annotations

from collections.abc import Iterator

from measuring.bounds import bounds
from measuring.peers import FLOOR, OURS
from measuring.results import Results, middle, middle_of, shown_size

BEGIN = "<!-- speed: made by benchmarks/speed.py -->"
END = "<!-- end of speed -->"


def report(results: Results) -> str:
    """Shows everything.

    Args:
        results: What was measured, see `speed.py`.

    Returns:
        Markdown.
    """
    loads = [load_table(results, size) for size in results["loads"]]
    where = results["machine"]
    imports = sorted({f"{seconds:.2f}" for seconds in results["import_dlt"].values()}, key=float)
    measured = (
        f"Measured on {where['day']}: {where['machine']}, Python {where['python']}, {where['versions']}. "
        f"`import dlt` takes {' to '.join(dict.fromkeys((imports[0], imports[-1])))} s of CPU."
    )
    return "\n\n".join([measured, *loads, growth_table(results), increment_table(results), bound_table(results)])


def summary(results: Results) -> str:
    """Shows the essence.

    Args:
        results: What was measured.

    Returns:
        A Markdown table.
    """
    return load_table(results, shown_size(results))


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
    ours = middle(entries[OURS.name], "cpu")

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
                    " ".join((str(len(entry["cpu"])), entry["note"])).strip(),
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
            ours, floor = entries[OURS.name], entries[FLOOR.name]
            cpu, least = middle(ours, "cpu"), middle(floor, "cpu")
            if cpu and least:
                beyond = (cpu - results["import_dlt"][size]) * 1e6 / int(size)
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
                    f"{middle_of(runs, 'changed'):,.0f}",
                    f"{middle_of(runs, 'cpu') - results['import_dlt'][size]:.2f}",
                    f"{middle_of(runs, 'wall'):.1f}",
                    f"{middle_of(runs, 'requests'):,.0f}",
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


def _table(header: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    alignment = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, alignment, *rows))
