"""Both notebooks run where there are bookings, and where there are none; neither asks anybody else for anything."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient

from bookeo_pipelines.dashboard import cards
from bookeo_pipelines.dashboard.marts import DATABASE_VARIABLE
from patience import PATIENCE

ROOT = Path(__file__).parents[2]
TOUR = ROOT / "notebooks" / "explore.ipynb"
QUESTIONS = 10
ALONE = """
import os, sys

def refuse(event, arguments):
    if event == "socket.connect" and arguments[1][0] not in ("127.0.0.1", "::1", "/"):
        raise ConnectionRefusedError(f"the notebook asks for {arguments[1]}")

sys.addaudithook(refuse)
"""
"""Refuses every connection to another machine."""

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def kernel() -> Iterator[KernelManager]:
    """One process for both runs: what takes long is to import."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    yield manager
    manager.shutdown_kernel(now=True)


def tour() -> Any:
    return nbformat.read(TOUR, as_version=4)


def run(kernel: KernelManager, database: Path, folder: Path) -> Any:
    """Runs the tour in a folder with this database, and gives it back with its outputs."""
    shutil.copy(database, folder / "bookeo.duckdb")
    notebook = tour()
    first = nbformat.v4.new_code_cell(f"{ALONE}\nos.chdir({str(folder)!r})")
    notebook.cells.insert(0, first)
    NotebookClient(notebook, km=kernel, timeout=PATIENCE).execute(reset_kc=True)
    return notebook


def pictures(notebook: Any) -> list[str]:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return [output["data"]["image/svg+xml"] for output in outputs if "image/svg+xml" in output.get("data", {})]


def test_the_tour_answers_ten_questions(kernel: KernelManager, built: Path, folder: Path) -> None:
    notebook = run(kernel, built, folder)
    titles = [cell.source.splitlines()[0] for cell in notebook.cells if cell.source.startswith("## ")]
    assert [title.partition(".")[0] for title in titles[:QUESTIONS]] == [f"## {n}" for n in range(1, QUESTIONS + 1)]
    drawn = pictures(notebook)
    assert len(drawn) == QUESTIONS
    assert all("<path" in picture and "http" not in picture.replace("http://www.w3.org", "") for picture in drawn)
    assert "Amounts are in EUR." in str(notebook.cells)
    # Nobody holds the file: whoever loads may write to it.
    (folder / "bookeo.duckdb").rename(folder / "moved.duckdb")


def test_the_tour_runs_without_bookings(kernel: KernelManager, empty: Path, folder: Path) -> None:
    notebook = run(kernel, empty, folder)
    assert len(pictures(notebook)) == QUESTIONS
    assert "No bookings yet" in str(notebook.cells)


def test_the_tour_is_kept_without_outputs() -> None:
    cells = [cell for cell in tour().cells if cell.cell_type == "code"]
    assert len(cells) > 2 * QUESTIONS
    assert all(not cell.outputs and cell.execution_count is None for cell in cells)


@pytest.mark.parametrize("which", ["built", "one_day", "empty"])
def test_the_dashboard_runs_as_a_program(
    which: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bookeo_notebooks.dashboard import app

    monkeypatch.setenv(DATABASE_VARIABLE, str(request.getfixturevalue(which)))
    outputs, definitions = app.run()
    text = "".join(str(getattr(output, "text", "")) for output in outputs)
    assert ("No bookings yet" in text) == (which == "empty")
    assert ("selection" in definitions) == (which != "empty")
    if which != "empty":
        assert "Revenue booked" in text
        assert text.count('class="card"') == 18


def test_what_fails_says_so_and_hides_nothing_else(
    one_day: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from bookeo_notebooks.dashboard import app

    def fail(card: cards.Card, marts: Any, selection: Any) -> Any:
        if card.title == "Weekdays":
            raise RuntimeError("no weekday is like another")
        return pd.DataFrame(), None

    monkeypatch.setattr(cards, "asked", fail)
    monkeypatch.setenv(DATABASE_VARIABLE, str(one_day))
    outputs, _ = app.run()
    text = "".join(str(getattr(output, "text", "")) for output in outputs)
    assert text.count("This cannot be shown") == 1
    assert text.count('class="card"') == 18
    assert "no weekday is like another" in capfd.readouterr().err


def test_the_dashboard_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    from bookeo_notebooks.dashboard import app

    monkeypatch.setenv(DATABASE_VARIABLE, "nowhere.duckdb")
    outputs, _ = app.run()
    assert "There is no database" in "".join(str(getattr(output, "text", "")) for output in outputs)
