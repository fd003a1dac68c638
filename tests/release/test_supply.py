"""What SECURITY.md says of where things come from."""

from __future__ import annotations

import re

import pytest
from releasing import ROOT

BENCHMARKED = [str(path.relative_to(ROOT)) for path in ROOT.glob("benchmarks/*/requirements-*.txt")]
LISTS = ["constraints.txt", "requirements-uv.txt", *sorted(BENCHMARKED)]
RECIPES = ("Makefile", "Containerfile", ".ci/run")


@pytest.mark.parametrize("name", LISTS)
def test_every_version_is_pinned_and_has_hashes(name: str) -> None:
    lines = (ROOT / name).read_text().replace("\\\n", " ").splitlines()
    assert lines
    assert [line for line in lines if not re.match(r"[\w.\[\]-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line)] == []


@pytest.mark.parametrize("name", RECIPES)
def test_nothing_is_installed_without_hashes(name: str) -> None:
    text = (ROOT / name).read_text().replace("\\\n", " ")
    installs = re.findall(r"(?:pip install|UV\) build|uv build) .*", text)
    assert installs or name == ".ci/run"
    for line in installs:
        checked = "--require-hashes" in line or re.search(r"--constraints constraints.txt +--build-constraints", line)
        assert checked or "--no-deps --no-build-isolation" in line, line


def test_the_page_says_what_is_protected_what_is_not_and_whom_to_tell() -> None:
    text = (ROOT / "SECURITY.md").read_text()
    headings_and_texts = re.split(r"^## (.*)$", text, flags=re.MULTILINE)[1:]
    parts = dict(zip(headings_and_texts[::2], headings_and_texts[1::2], strict=True))
    assert [*parts] == [
        "Keys",
        "Personal data",
        "Whom it obeys",
        "What is promised, and which test shows it",
        "What it is made of",
        "Reporting",
    ]
    for part, words in {
        "Keys": ("headers", "never\n  in a URL", "secrets.toml"),
        "Personal data": ("`privacy`", "`bookeo forget`", "read by their owner only", "What this does not do"),
        "What it is made of": ("hashes", "`make sbom`", "docs/licences.md", "`make audit`", "Not done"),
        "Reporting": ("privately", "`bookeo --version`", "Leave out keys"),
    }.items():
        assert [word for word in words if word not in parts[part]] == []


def test_each_promise_names_a_test_that_exists() -> None:
    rows = re.findall(r"^\| (.+) \| (`tests/.+`) \|$", (ROOT / "SECURITY.md").read_text(), flags=re.MULTILINE)
    assert len(rows) >= 7
    named = {name for _, tests in rows for name in re.findall(r"`([^`]+)`", tests)}
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []
