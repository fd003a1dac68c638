"""Pieces of the page in HTML: its head, the tiles, the cards. Whatever comes out of the data is escaped."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterable
from datetime import date
from html import escape
from typing import Any

from bookeo_pipelines.dashboard.marts import Choices
from bookeo_pipelines.dashboard.selection import Selection
from bookeo_pipelines.dashboard.tiles import Tile, change, written


def day(value: date) -> str:
    """Writes a day.

    Args:
        value: The day.

    Returns:
        Such as `7 Jul 2026`.
    """
    return f"{value.day} {value:%b %Y}"


def head(choices: Choices, selection: Selection, *, newer: bool) -> str:
    """Says whose figures these are, and up to when.

    Args:
        choices: What there is to choose from.
        selection: What is chosen.
        newer: Whether a newer state is being written.

    Returns:
        HTML.
    """
    names = [name for name, key in choices.accounts.items() if selection.account_id in (key, None)]
    whose = names[0] if len(names) == 1 else "All accounts"
    loaded = f"Loaded up to {day(choices.as_of)}, {choices.as_of:%H:%M} UTC." if choices.as_of else ""
    waiting = " A load is under way; reload this page when it has ended." if newer else ""
    return f"<header><h1>{escape(whose)}</h1><p>{loaded}{waiting}</p></header>"


def tile_grid(tiles: Iterable[Tile], selection: Selection, missing: str) -> str:
    """Lays out the tiles.

    Args:
        tiles: The tiles.
        selection: What is chosen.
        missing: Why there is nothing to compare with; empty where there is.

    Returns:
        HTML.
    """
    made = "".join(_tile(tile, selection.currency, compared=not missing) for tile in tiles)
    before = selection.last_year
    compared = f"no comparison with last year: {missing}" if missing else f"beside {_days(before)}, the same weekdays"
    return (
        f'<p class="period"><strong>{_days(selection)}</strong>, {escape(selection.currency)}, {compared}.</p>'
        f'<section class="tiles">{made}</section>'
    )


def _days(selection: Selection) -> str:
    return f"{day(selection.since)} to {day(selection.until)}"


def _tile(tile: Tile, currency: str, *, compared: bool) -> str:
    if tile.note:
        below = f"<small>{escape(tile.note)}</small>"
    elif not compared:
        below = ""
    else:
        moved = change(tile)
        direction = "" if moved[1:] in ("", "0%", "0.0 points") else "less" if moved[0] == "-" else "more"
        mood = "" if not (direction and tile.better) else "better" if direction == tile.better else "worse"
        below = f"<small>last year {escape(written(tile, tile.last_year, currency))}</small>"
        below = f'<em class="{mood}">{moved}</em>{below}' if moved else below
    value = escape(written(tile, tile.value, currency))
    return f'<div class="tile"><span>{escape(tile.label)}</span><strong>{value}</strong>{below}</div>'


def empty(title: str, note: str) -> str:
    """Stands in the place of a chart that would show nothing.

    Args:
        title: What would be shown.
        note: Why it is not.

    Returns:
        HTML.
    """
    return f'<div class="empty"><strong>{escape(title)}</strong><p>{escape(note)}</p></div>'


def nothing(title: str, note: str) -> str:
    """Stands in the place of the whole page.

    Args:
        title: That there is nothing.
        note: Why, and what to do.

    Returns:
        HTML.
    """
    return f'<div class="dashboard"><div class="nothing"><h1>{escape(title)}</h1><p>{escape(note)}</p></div></div>'


def attempt(title: str, make: Callable[[], Any]) -> Any:
    """Makes a part of the page; a part that fails says so, which marimo would hide along with all that follows from it.

    Args:
        title: What it shows.
        make: Makes it.

    Returns:
        What was made, or HTML.
    """
    try:
        return make()
    except Exception:
        traceback.print_exc(file=sys.__stderr__)
        return empty(title, "This cannot be shown. Where bookeo dashboard was started stands why.")
