"""Folders and files with any name: percent signs, braces, quotes, spaces, letters of other alphabets."""

from __future__ import annotations

from pathlib import Path

import pytest

from bookeo_sandbox import Sandbox
from command_runs import Run
from stored import query

ODD = '50% {{ 7*7 }} o\'clock "Ünï" [a]* %s%20 {% if %}'

NAME = "50% {{ 7*7 }} Ünï [a]* %s%20 {% if %}"
"""dbt writes the name of a file, unlike that of a folder, between quotation marks as it is."""


@pytest.fixture
def odd(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with an odd name, in which dlt's data is, too."""
    place = folder / ODD
    place.mkdir()
    monkeypatch.chdir(place)
    monkeypatch.setenv("DLT_DATA_DIR", str(place / "data"))
    monkeypatch.setenv("DLT_PROJECT_DIR", str(place))
    return place


def test_every_command_in_a_folder_with_an_odd_name(bookeo: Run, keys: Sandbox, odd: Path) -> None:
    database = f"{NAME}.duckdb"
    here = ("--database", database)
    for words in (
        ("load", "--json", "--archive", "answers 100%", *here),
        ("status", *here),
        ("query", "SELECT count(*) FROM bookeo_data.bookings", *here),
        ("marts", "build", *here),
        ("publish", "--to", f"copy of {ODD}.duckdb", *here),
        ("export", "--output", f"export {ODD}", *here),
        ("export", "--output", f"export {ODD}", "--format", "csv", *here),
        ("pii", *here),
        ("replay", "--archive", "answers 100%", "--database", f"again {ODD}.duckdb"),
        ("docs", "--output", f"docs {ODD}"),
        ("load", *here),
    ):
        outcome = bookeo(*words)
        assert outcome.code == 0, (words, outcome)
    assert query(odd / database, "SELECT count(*) FROM bookeo_marts.mart_payments_by_day") != [(0,)]
    assert query(odd / f"copy of {ODD}.duckdb", "SELECT count(*) > 0 FROM bookeo_data.bookings") == [(True,)]
    exported = {path.name for path in (odd / f"export {ODD}").iterdir()}
    assert {"bookings.parquet", "bookings.csv"} <= exported
    outside = [path.name for path in odd.parent.iterdir() if path != odd]
    assert outside == []
    assert "49" not in "".join(path.name for path in odd.iterdir())


def test_the_dashboard_opens_it(odd: Path, loaded: Path, bookeo: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from bookeo_pipelines.dashboard import marts

    database = odd / f"{NAME}.duckdb"
    loaded.rename(database)
    assert bookeo("marts", "build", "--database", database).code == 0
    monkeypatch.setenv(marts.DATABASE_VARIABLE, str(database))
    assert marts.open_marts() is not None


def test_what_duckdb_cannot_open_is_said(bookeo: Run, keys: Sandbox, folder: Path) -> None:
    outcome = bookeo("load", "--database", "what?.duckdb")
    assert (outcome.code, outcome.out) == (1, "")
    assert "has a ? in its path, which DuckDB cannot open" in outcome.err
    assert list(folder.glob("what*")) == []


def test_what_dbt_cannot_build_in_is_said(bookeo: Run, loaded: Path) -> None:
    loaded.rename("o'clock.duckdb")
    outcome = bookeo("marts", "build", "--database", "o'clock.duckdb")
    assert (outcome.code, outcome.out) == (1, "")
    assert "its name holds a quotation mark" in outcome.err
