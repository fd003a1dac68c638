"""The tables and how they belong together, as a picture, made from the declarations."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from html import escape

from bookeo.schema import TABLES, Table

CENTRE = "bookings"
"""What the picture is drawn around."""
WIDTH, GAP, ROW, HEADER, BETWEEN, MARGIN = 268, 76, 19, 28, 18, 24
"""Pixels: of a box, between columns of boxes, of a line of text, of a box's title, between boxes, around everything."""
COLOURS = {"left": "#1b7f79", "centre": "#2f4b7c", "right": "#8a5a00", "apart": "#6b7280"}
"""Of titles: what bookings refer to, bookings, what belongs to bookings, and the rest."""


def _homes() -> dict[str, str]:
    """The table in which each id is at home: where the id alone makes the key of the account."""
    return {table.key[1]: name for name, table in TABLES.items() if len(table.key) == 2 and table.key[1].endswith(_IDS)}


_IDS = ("_id", "_number")


def references(table: Table) -> dict[str, str]:
    """Finds the columns that hold ids of other tables.

    Args:
        table: The table.

    Returns:
        Names of tables by column.
    """
    homes = _homes()
    found = {column.name: homes[column.name] for column in table.columns if column.name in homes}
    return {column: home for column, home in found.items() if home != table.name}


@dataclass
class _Box:
    table: Table
    lines: list[tuple[str, str, str]]
    """For each line: its text, what stands at its right, and its class."""
    x: int = 0
    y: int = 0
    kind: str = "apart"

    @property
    def height(self) -> int:
        return HEADER + ROW * len(self.lines) + 8

    def line_of(self, column: str) -> int:
        """How far down a column's line is."""
        place = next((i for i, (text, _, _) in enumerate(self.lines) if text == column), -1)
        return self.y + (HEADER // 2 if place < 0 else HEADER + ROW * place + ROW // 2 + 3)


def diagram() -> str:
    """Draws all tables.

    Returns:
        An SVG document.
    """
    columns = _columns()
    boxes = {name: _box(TABLES[name]) for names in columns for name in names}
    centre = next(i for i, names in enumerate(columns) if CENTRE in names)
    heights = [sum(boxes[name].height + BETWEEN for name in names) - BETWEEN for names in columns]
    for i, names in enumerate(columns):
        y = MARGIN + (max(heights) - heights[i]) // 2
        for name in names:
            boxes[name].x, boxes[name].y = MARGIN + i * (WIDTH + GAP), y
            boxes[name].kind = "centre" if name == CENTRE else "left" if i < centre else "right"
            y += boxes[name].height + BETWEEN
    width = 2 * MARGIN + len(columns) * (WIDTH + GAP) - GAP
    apart = [_box(table) for table in TABLES.values() if table.name not in boxes]
    top = MARGIN + max(heights) + 2 * BETWEEN
    for i, box in enumerate(apart):
        box.x, box.y = MARGIN + i * (width - 2 * MARGIN - WIDTH) // max(len(apart) - 1, 1), top
    height = top + max((box.height for box in apart), default=0) + MARGIN
    position = {name: i for i, names in enumerate(columns) for name in names}
    lines = [
        _curve(boxes[name], column, boxes[home])
        for name in boxes
        for column, home in references(TABLES[name]).items()
        if abs(position[name] - position[home]) == 1
    ]
    drawn = [_drawn(box) for box in (*boxes.values(), *apart)]
    return "\n".join([_OPEN.format(width=width, height=height), *lines, *drawn, "</svg>", ""])


def _columns() -> list[list[str]]:
    """Puts the tables into columns, by how far they are from bookings: to the left what bookings refer to."""
    neighbours: dict[str, set[str]] = defaultdict(set)
    for name, table in TABLES.items():
        for home in references(table).values():
            neighbours[name].add(home)
            neighbours[home].add(name)
    forward = list(references(TABLES[CENTRE]).values())
    place = {CENTRE: 0, **dict.fromkeys(forward, -1)}
    # What refers to bookings is at their right, even where it refers to something else, too.
    place |= {name: 1 for name in TABLES if name in neighbours[CENTRE] and name not in forward}
    waiting = list(place)
    while waiting:
        name = waiting.pop(0)
        for other in (table for table in TABLES if table in neighbours[name] and table not in place):
            place[other] = place[name] + (1 if place[name] > 0 else -1)
            waiting.append(other)
    columns = [[name for name in place if place[name] == i] for i in sorted(set(place.values()))]
    centre = -min(place.values())
    # Beside what they belong to, so that lines do not cross: from bookings outwards.
    for i in (*range(centre - 1, -1, -1), *range(centre + 1, len(columns))):
        near = columns[i + 1] if i < centre else sum(columns[i + 1 : i + 2], columns[i - 1])
        columns[i].sort(key=lambda name: _middle([near.index(n) for n in neighbours[name] if n in near]))
    return columns


def _middle(places: list[int]) -> float:
    return sum(places) / len(places) if places else 0.0


def _box(table: Table) -> _Box:
    pointed = references(table)
    lines = [
        (column.name, f"→ {pointed[column.name]}" if column.name in pointed else "", "k" if is_key else "r")
        for column in table.columns
        if (is_key := column.name in table.key) or column.name in pointed
    ]
    left = len(table.columns) - len(lines)
    return _Box(table, [*lines, (f"{left} more columns", "", "m")] if left else lines)


def _drawn(box: _Box) -> str:
    parts = [
        f'<g transform="translate({box.x} {box.y})">',
        f"<title>{escape(box.table.description)}</title>",
        f'<rect class="b" width="{WIDTH}" height="{box.height}" rx="6"/>',
        f'<path fill="{COLOURS[box.kind]}" d="M0 {HEADER}V6a6 6 0 0 1 6-6h{WIDTH - 12}a6 6 0 0 1 6 6V{HEADER}z"/>',
        f'<text class="t" x="10" y="19">{escape(box.table.name)}</text>',
    ]
    for i, (text, right, kind) in enumerate(box.lines):
        y = HEADER + ROW * i + 17
        parts.append(f'<text class="{kind}" x="10" y="{y}">{escape(text)}</text>')
        if right:
            parts.append(f'<text class="a" x="{WIDTH - 10}" y="{y}">{escape(right)}</text>')
    return "".join([*parts, "</g>"])


def _curve(box: _Box, column: str, home: _Box) -> str:
    to_right = home.x > box.x
    x1, y1 = (box.x + WIDTH if to_right else box.x), box.line_of(column)
    x2, y2 = (home.x if to_right else home.x + WIDTH), home.line_of(column)
    bend = (GAP if to_right else -GAP) * 0.6
    return f'<path class="l" d="M{x1} {y1}C{x1 + bend:.0f} {y1} {x2 - bend:.0f} {y2} {x2} {y2}"/>'


_OPEN = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" \
width="{width}" height="{height}" role="img" aria-label="Tables and how they belong together">
<style>
text {{ font: 12px -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; fill: #1f2937 }}
.t {{ font-weight: 600; font-size: 13px; fill: #fff }} .k {{ font-weight: 600 }}
.m {{ fill: #6b7280; font-style: italic }}
.a {{ fill: #6b7280; font-size: 10px; text-anchor: end }}
.b {{ fill: #fff; stroke: #cbd5e1 }} .l {{ fill: none; stroke: #94a3b8; stroke-width: 1.4 }}
</style>
<rect width="100%" height="100%" fill="#f8fafc"/>"""
