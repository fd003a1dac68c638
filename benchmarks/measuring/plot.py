"""The picture: who needs how much CPU, and how CPU and memory grow with the size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd

from measuring.peers import FLOOR, OURS
from measuring.results import Results, middle, shown_size

_FONT = "DejaVu Sans, Arial, sans-serif"
_COLOURS = {OURS.name: "#0b6e4f", FLOOR.name: "#d18f00"}
_OTHERS = ("#4c6a92", "#7a5195", "#b5526b", "#6f7b87", "#9aa4ae")


def draw(results: Results, folder: Path) -> None:
    """Writes `speed.svg` and `speed.png`.

    Args:
        results: What was measured, see `speed.py`.
        folder: Where to.
    """
    rows = _rows(results)
    size = int(shown_size(results))
    by_cpu = rows.sort_values("cpu")
    names = list(dict.fromkeys([*by_cpu[by_cpu["bookings"] == size]["name"], *by_cpu["name"]]))
    others = iter(_OTHERS)
    colours = alt.Scale(domain=names, range=[_COLOURS.get(name) or next(others) for name in names])
    colour = alt.Color("name:N", scale=colours, legend=None)
    chart = alt.vconcat(
        _bars(by_cpu[by_cpu["bookings"] == size], names, colour, f"CPU of loading {size:,} bookings, seconds"),
        alt.hconcat(
            _growth(rows, colour, "cpu", "CPU by bookings, seconds"),
            _growth(rows, colour, "memory", "Peak memory by bookings, MB"),
            spacing=40,
        ),
        spacing=30,
    )
    chart = (
        chart.configure(font=_FONT, background="white", padding=16)
        .configure_view(stroke=None)
        .configure_title(anchor="start", fontSize=14, fontWeight="bold")
        .configure_axis(labelFontSize=12, titleFontSize=12, gridColor="#e8eaed", domainColor="#9aa4ae")
    )
    chart.save(folder / "speed.svg")
    chart.save(folder / "speed.png", scale_factor=2)


def _rows(results: Results) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for size, entries in results["loads"].items():
        ours = middle(entries[OURS.name], "cpu")
        for name, entry in entries.items():
            cpu = middle(entry, "cpu")
            if ours and cpu:
                label = f"{cpu:,.1f}" if name == OURS.name else f"{cpu:,.1f}   ({cpu / ours:.2g} × bookeo)"
                memory = middle(entry, "memory")
                rows.append({"bookings": int(size), "name": name, "cpu": cpu, "memory": memory, "label": label})
    return pd.DataFrame(rows)


def _bars(rows: pd.DataFrame, names: list[str], colour: alt.Color, title: str) -> Any:
    most = rows["cpu"].max() * 1.18
    base = alt.Chart(rows, title=title, width=720, height=alt.Step(26)).encode(
        x=alt.X("cpu:Q", title=None, scale=alt.Scale(domain=[0, most], nice=False), axis=None),
        y=alt.Y("name:N", title=None, sort=names, axis=alt.Axis(ticks=False, domain=False, labelLimit=260)),
    )
    return base.mark_bar(height=18).encode(color=colour) + base.mark_text(align="left", dx=6, fontSize=12).encode(
        text="label:N"
    )


def _growth(rows: pd.DataFrame, colour: alt.Color, measure: str, title: str) -> Any:
    base = alt.Chart(rows, title=title, width=330, height=260).encode(
        x=alt.X(
            "bookings:Q",
            title=None,
            scale=alt.Scale(type="log"),
            axis=alt.Axis(values=sorted(rows["bookings"].unique()), format="~s", grid=False),
        ),
        y=alt.Y(f"{measure}:Q", title=None, scale=alt.Scale(type="log"), axis=alt.Axis(format=",~r", tickCount=6)),
        color=colour,
    )
    lines = base.mark_line(strokeWidth=1.5, opacity=0.6).encode(strokeWidth=_thick())
    return lines + base.mark_point(filled=True, size=45, opacity=1)


def _thick() -> Any:
    return alt.condition(alt.FieldOneOfPredicate(field="name", oneOf=list(_COLOURS)), alt.value(3), alt.value(1.2))
