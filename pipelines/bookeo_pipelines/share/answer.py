"""The answer to a question, as a table on a terminal, as CSV and as JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from rich.table import Table

from bookeo_pipelines.runtime.json_text import json_text
from bookeo_pipelines.runtime.terminal import Terminal, cell

MOST_ROWS_SHOWN = 100
"""On a terminal; a file or a pipe gets all."""
_BORDERS = 3
"""Columns of a terminal that each column of a table takes besides its text, and one more at the end."""


def print_rows(console: Terminal, rows: Any, *, vertical: bool = False) -> None:
    """Print an answer as a table.

    Args:
        console: Where to print. A terminal gets 100 rows and the columns that fit, and is told what is left out; a
            file or a pipe gets all.
        rows: A pandas DataFrame.
        vertical: Whether each row is printed as lines of a name and a value.
    """
    shown = rows.head(MOST_ROWS_SHOWN) if console.is_terminal else rows
    texts = [[_shown(value) for value in row] for row in shown.itertuples(index=False, name=None)]
    names = [str(name) for name in rows.columns]
    if vertical:
        _print_vertically(console, names, texts)
    else:
        _print_table(console, rows, names, texts)
    if len(rows) > len(shown):
        console.print(f"... and {len(rows) - len(shown):,} more rows; --csv and --json give all.")


def _print_table(console: Terminal, rows: Any, names: Sequence[str], texts: Sequence[Sequence[Any]]) -> None:
    widths = [
        max((len(line) for text in (name, *column) for line in str(text or "").split("\n")), default=0) + _BORDERS
        for name, column in zip(names, zip(*texts, strict=True) if texts else [()] * len(names), strict=True)
    ]
    fitting = len(names)
    if console.is_terminal:
        while fitting > 1 and sum(widths[:fitting]) + 1 > console.width:
            fitting -= 1
    table = Table()
    for name in names[:fitting]:
        numeric = rows[name].map(lambda value: isinstance(value, int | Decimal)).any()
        table.add_column(cell(name), justify="right" if numeric else "left", no_wrap=not console.is_terminal)
    for row in texts:
        table.add_row(*map(cell, row[:fitting]))
    if not console.is_terminal:
        console.width = max(console.width, sum(widths) + 1)
    console.print(table)
    if fitting < len(names):
        console.print(
            f"... and {len(names) - fitting} more columns: {', '.join(names[fitting:])}. --vertical shows all.",
            soft_wrap=True,
        )


def _print_vertically(console: Terminal, names: Sequence[str], texts: Sequence[Sequence[Any]]) -> None:
    width = max(map(len, names), default=0)
    for number, row in enumerate(texts, 1):
        console.print(f"Row {number:,}", style="bold")
        for name, value in zip(names, row, strict=True):
            console.print(f"{name:>{width}}  {'' if value is None else value}", soft_wrap=True)


def _shown(value: Any) -> Any:
    """Money without the zeros that fill its column's four decimals."""
    if isinstance(value, Decimal) and value.is_finite():
        exponent = value.as_tuple().exponent
        if isinstance(exponent, int) and exponent < -2:
            shorter = value.quantize(Decimal("0.01"))
            return format(shorter if shorter == value else value.normalize(), "f")
    return value


def rows_as_json(rows: Any) -> list[dict[str, Any]]:
    """Return an answer for `bookeo_pipelines.runtime.json_text`.

    Args:
        rows: A pandas DataFrame.

    Returns:
        One object for each row.
    """
    names = [str(name) for name in rows.columns]
    return [dict(zip(names, row, strict=True)) for row in rows.itertuples(index=False, name=None)]


def rows_as_csv(rows: Any) -> str:
    """Write an answer as CSV.

    Args:
        rows: A pandas DataFrame.

    Returns:
        A line of names and one for each row, as RFC 4180 has them. Values are written as in JSON, all digits kept; an
        empty text is quoted, and what is absent is not.
    """
    out = io.StringIO()
    csv.writer(out).writerow(map(str, rows.columns))
    for row in rows.itertuples(index=False, name=None):
        out.write(",".join(map(_csv_field, row)) + "\r\n")
    return out.getvalue()


def _csv_field(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json_text(value, indented=False).strip('"')
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow([text])
    return out.getvalue()
