"""The output and the picture in the README are those of a real demonstration."""

from __future__ import annotations

import html
import re
from collections import defaultdict

import pytest

from reading_docs import ROOT

import demonstration  # isort: skip - found by way of reading_docs
from fragments import fragment_in  # isort: skip


@pytest.fixture(scope="module")
def output() -> list[str]:
    return demonstration.plain(demonstration.run()).splitlines()


def same_every_time(line: str) -> str:
    """A line without its times and white space; the picture leaves out spaces between bold words."""
    return re.sub(r"\s", "", re.sub(r"\d+(\.\d)? s\b", "some s", line))


def assert_in_order(shown: list[str], real: list[str]) -> None:
    """Every line shown is one of the real ones, and they follow in the same order."""
    rest = iter([same_every_time(line) for line in real])
    for line in shown:
        wanted = same_every_time(line)
        assert wanted in rest, f"{line!r} is not what the demonstration prints there; run docs/refresh.py --demo"


def test_the_output_in_the_readme_is_real(output: list[str]) -> None:
    shown = fragment_in((ROOT / "README.md").read_text(), "demo").splitlines()
    assert shown[:2] == ["```console", "$ make demo"]
    assert shown[-1] == "```"
    lines = [line for line in shown[2:-1] if line != "..."]
    assert len(lines) > 50
    assert_in_order(lines, output)


def test_the_picture_is_real(output: list[str]) -> None:
    picture = (ROOT / "docs" / "images" / "demo.svg").read_text()
    lines: dict[int, dict[float, str]] = defaultdict(dict)
    for x, line, text in re.findall(r'<text [^>]*?x="([\d.]+)"[^>]*?line-(\d+)\)">(.*?)</text>', picture):
        lines[int(line)][float(x)] = html.unescape(text).replace("\xa0", " ")
    shown = ["".join(text for _, text in sorted(parts.items())) for _, parts in sorted(lines.items())]
    shown = [line for line in shown if line.strip() not in ("", "...")]
    assert len(shown) > 25
    assert_in_order(shown, output)


def test_the_picture_loads_nothing_from_elsewhere() -> None:
    picture = (ROOT / "docs" / "images" / "demo.svg").read_text()
    assert set(re.findall(r"https?://[^\s\"')]+", picture)) <= {
        "http://www.w3.org/2000/svg",
        "https://www.textualize.io",
    }
    assert "url(http" not in picture
