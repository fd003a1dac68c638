"""Figures of single rows, added up and divided exactly."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pandas as pd

Frame = pd.DataFrame


def rate(part: Any, whole: Any, places: int = 6) -> Decimal | None:
    """Divides, rounded half away from zero."""
    return (Decimal(part) / Decimal(whole)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP) if whole else None


def add_up(frame: Frame, keys: list[str], figures: Mapping[str, Any]) -> Frame:
    """Adds figures of single rows up for each group of rows, exactly."""
    return frame[keys].assign(**figures).groupby(keys, dropna=False, sort=False, as_index=False).sum()


def rates(figures: Frame, named: Mapping[str, tuple[str, str]], places: int = 6) -> Frame:
    """Adds columns that are one column divided by another."""
    pairs = {name: zip(figures[part], figures[whole], strict=True) for name, (part, whole) in named.items()}
    return figures.assign(**{n: [rate(part, whole, places) for part, whole in both] for n, both in pairs.items()})


def only(which: Any, frame: Frame, *columns: str, prefix: str = "") -> dict[str, Any]:
    """Columns with nothing in the rows that do not count."""
    return {f"{prefix}{name}": frame[name].where(which, 0) for name in columns}


def money(*kinds: str) -> list[str]:
    return [f"{kind}_amount" for kind in kinds]
