"""Each line of what is seen within how long has a test."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "completeness.md"
SEPARATOR = re.compile(r"\|[ |:-]+\|")


def test_each_line_names_a_test_that_exists() -> None:
    lines = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("|")]
    rows = [line for line, after in zip(lines, [*lines[1:], ""], strict=True) if not SEPARATOR.fullmatch(after)]
    rows = [line for line in rows if not SEPARATOR.fullmatch(line)]
    assert len(rows) > 15
    there = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), flags=re.MULTILINE)
    }
    for row in rows:
        named = set(re.findall(r"`(test_\w+)`", row))
        files = re.findall(r"`(tests/[\w/]+\.py)`", row)
        assert named or files, row
        assert named <= there, row
        assert all((ROOT / file).exists() for file in files), row
