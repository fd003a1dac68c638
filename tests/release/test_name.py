"""Nobody is told to install the package `bookeo` of the index: it is somebody else's."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from programs import find_program

ROOT = Path(__file__).parents[2]
BARE = re.compile(r"""(?<![\w-])bookeo\[[a-z{]|pip install[^\n#]*[\s'"](?<![\w/-])bookeo(?![\w./-])""")
"""An extra of the bare name, or the bare name after pip install."""


def test_only_our_own_distribution_is_named() -> None:
    files = subprocess.run(
        [find_program("git"), "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    found = []
    for name in filter(None, files.split("\0")):
        path = ROOT / name
        if path.suffix in {".md", ".py", ".toml", ".ipynb", ".txt", ".yml", ""} and path != Path(__file__):
            text = path.read_text(encoding="utf-8", errors="replace")
            found += [f"{name}: {match[0]}" for match in BARE.finditer(text)]
    assert found == []


@pytest.mark.parametrize(
    ("text", "is_bare"),
    [
        ("pip install 'bookeo[dagster]'", True),
        ("uv pip install bookeo", True),
        ("needs bookeo[marts]", True),
        ("pip install 'dlt-source-bookeo[dagster]'", False),
        ("pip install dlt-source-bookeo", False),
        ("pip install dist/dlt_source_bookeo-0.1.0-py3-none-any.whl", False),
        ("pip install .  # then bookeo load", False),
        ("bookeo load", False),
    ],
)
def test_how_the_bare_name_is_found(text: str, is_bare: bool) -> None:
    assert (BARE.search(text) is not None) == is_bare
