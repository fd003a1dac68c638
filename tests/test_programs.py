"""Whoever lacks a program is told which package to install, and continuous integration installs all of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import postgres_server
from programs import PACKAGES, find_program

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", PACKAGES)
def test_a_program_that_is_missing_is_named_with_its_package(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / name).write_text("#!/bin/sh\n")
    (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    assert find_program(name) == str(folder / name)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(pytest.skip.Exception, match=rf"^{name} is not installed: apt-get install {PACKAGES[name]}$"):
        find_program(name)


def test_without_postgres_there_is_no_server(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ("9", "15"):
        (folder / version / "bin").mkdir(parents=True)
        (folder / version / "bin" / "initdb").touch()
    monkeypatch.setattr(postgres_server, "VERSIONS", folder)
    monkeypatch.setattr(postgres_server, "superuser", lambda: None)
    assert postgres_server.programs() == folder / "15" / "bin"
    monkeypatch.setattr(postgres_server, "VERSIONS", folder / "none")
    assert postgres_server.programs() is None


def test_continuous_integration_installs_what_tests_use() -> None:
    needed = re.findall(r'^  "(\S+) (\S+)"$', (ROOT / ".ci" / "run").read_text(), flags=re.MULTILINE)
    assert {*PACKAGES.values(), "postgresql"} <= {package for _, package in needed}
    assert PACKAGES.items() <= dict(needed).items()
