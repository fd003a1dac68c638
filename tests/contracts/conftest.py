"""Small pipelines into a DuckDB file, of a folder of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dlt
import pytest


@pytest.fixture
def pipeline(folder: Path) -> Any:
    """A pipeline into an empty DuckDB file."""
    destination = dlt.destinations.duckdb(str(folder / "a.duckdb"))
    return dlt.pipeline("small", destination=destination, dataset_name="data", pipelines_dir=str(folder / "work"))
