"""The tests can be run with the lowest and the newest versions that are allowed, and each upper bound has a reason."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from releasing import ROOT

from matrix import APART, RESOLUTIONS, command, main  # the folder is put there by `releasing`

PYPROJECT = ROOT / "pyproject.toml"


def test_each_upper_bound_says_why() -> None:
    lines = PYPROJECT.read_text().splitlines()
    begin = lines.index("dependencies = [")
    end = next(number for number, line in enumerate(lines) if line == "[project.scripts]")
    bounded = [
        number for number in range(begin, end) if ",<" in lines[number] or "<" in lines[number].partition("#")[0]
    ]
    assert len(bounded) > 4

    def explained(number: int) -> bool:
        # A comment stands behind what it explains, or above; one comment may be for two lines that follow it.
        above = [lines[number - 1], lines[number - 2] if number - 1 in bounded else ""]
        return "#" in lines[number] or any(line.lstrip().startswith("#") for line in above)

    assert [lines[number] for number in bounded if not explained(number)] == []


def test_what_is_left_out_is_asked_for_by_the_tests_alone() -> None:
    project = tomllib.loads(PYPROJECT.read_text())["project"]
    extras = project["optional-dependencies"]
    for name in APART:
        assert any(entry.startswith(name) for entry in extras["dev"]), name
        assert not any(entry.startswith(name) for extra in extras if extra != "dev" for entry in extras[extra])


def test_the_newest_are_installed_without_what_holds_duckdb_back(tmp_path: Path) -> None:
    newest, lowest = command("newest", tmp_path / "excludes"), command("lowest", tmp_path / "excludes")
    assert newest[newest.index("--resolution") + 1] == "highest"
    assert newest[newest.index("--excludes") + 1] == str(tmp_path / "excludes")
    assert lowest[lowest.index("--resolution") + 1] == "lowest-direct"
    assert "--excludes" not in lowest


@pytest.mark.parametrize("failing", [(), ("newest",)])
def test_each_is_run_and_a_failure_is_the_outcome(
    failing: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[tuple[str, list[str]]] = []

    class Done:
        def __init__(self, kind: str) -> None:
            self.returncode = int(kind in failing)

    def run(arguments: list[object], **_: object) -> Done:
        kind, *rest = map(str, arguments)
        ran.append((kind, rest[-1:]))
        return Done(kind)

    monkeypatch.setattr("matrix.install", lambda kind: kind)
    monkeypatch.setattr("matrix.versions", lambda _: "versions")
    monkeypatch.setattr("matrix._run", run)
    assert main(["tests/source"]) == len(failing)
    assert ran == [(kind, ["tests/source"]) for kind in RESOLUTIONS]
    assert ("failed with the newest" in capsys.readouterr().out) == bool(failing)
    ran.clear()
    main(["lowest", "tests/docs"])
    assert ran == [("lowest", ["tests/docs"])]
