"""Each defect of dlt that docs/dlt-defects.md describes still exists in the installed version."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from postgres_server import MISSING, programs

DOCUMENT = Path(__file__).parents[2] / "docs" / "dlt-defects.md"
FORM = re.compile(
    r"## (?P<title>.+?)\n(?P<text>.*?)```python\n(?P<script>.*?)```\n\nEnds with `(?P<end>.+?)`", re.DOTALL
)
DEFECTS = {found["title"]: found for found in FORM.finditer(DOCUMENT.read_text())}
OF_DUCKDB_2 = {title for title, found in DEFECTS.items() if "needs DuckDB 2" in found["text"]}
SHOWN = sorted(DEFECTS) if duckdb.__version__ >= "2" else sorted(DEFECTS.keys() - OF_DUCKDB_2)
IN_FORKS = """
import json, os, sys, tempfile, dlt, dlt.destinations.impl.duckdb.duck

for title, script in json.load(sys.stdin).items():
    if os.fork() == 0:
        os.chdir(tempfile.mkdtemp(dir="."))
        try:
            exec(compile(script, title, "exec"), {"__name__": "__main__"})
            end = ""
        except Exception as error:
            end = f"{type(error).__name__}: {error}"
        print(json.dumps([title, end]), flush=True)
        os._exit(0)
    os.wait()
"""
"""Runs each script in a process of its own, in which nothing is changed of dlt, and imports dlt but once."""


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> dict[str, str]:
    """How each script ended: the error's type and text; empty where it came to its end."""
    folder = tmp_path_factory.mktemp("defects")
    environment = {"HOME": str(folder), "PATH": os.environ["PATH"], "DLT_DATA_DIR": str(folder / "dlt")}
    environment |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "CRITICAL"}
    if programs() is not None:
        environment["DESTINATION__POSTGRES__CREDENTIALS"] = request.getfixturevalue("module_postgres").url
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", IN_FORKS],
        input=json.dumps({title: DEFECTS[title]["script"] for title in SHOWN}),
        cwd=folder,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        check=True,
    )
    return dict(json.loads(line) for line in done.stdout.splitlines() if line.startswith("["))


def test_each_section_has_a_script_and_says_where_it_is_worked_around() -> None:
    titles = re.findall(r"^## (.+)$", DOCUMENT.read_text(), re.MULTILINE)
    assert list(DEFECTS) == titles
    for title, found in DEFECTS.items():
        assert re.search(r"[Ww]orked\s+around|Refused in", found["text"]), title
        assert len(found["script"].splitlines()) <= 18, title


@pytest.mark.parametrize("title", SHOWN)
def test_it_still_exists(title: str, ends: dict[str, str]) -> None:
    if "needs a Postgres" in DEFECTS[title]["text"] and programs() is None:
        pytest.skip(MISSING)
    kind, _, text = DEFECTS[title]["end"].partition(": ")
    found, _, said = ends[title].partition(": ")
    assert found, "dlt has mended it: what works around it can go"
    assert (found, text in said) == (kind, True)
