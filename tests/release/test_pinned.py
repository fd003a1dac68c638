"""Nothing is installed that is not pinned, and git ignores what holds people's data."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pytest

import pinned
from programs import find_program

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("wanted", "ends"),
    [
        ("six==1.16.0\n", 0),
        ("Six==1.16.0 ; python_version < '4'\ntyping_extensions==4.0\n", 0),
        ("six==1.17.0\n", 1),
        ("six==1.16.0\nfilelock==3.0\n", 1),
        ("", 1),
    ],
)
def test_what_is_not_pinned_is_named(
    wanted: str, ends: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("six==1.16.0 \\\n    --hash=sha256:00\ntyping-extensions==4.0 \\\n    --hash=sha256:00\n")
    monkeypatch.setattr("sys.argv", ["pinned.py", str(constraints)])
    monkeypatch.setattr("sys.stdin", io.StringIO(wanted))
    assert pinned.main() == ends
    assert ("filelock 3.0 is not pinned" in capsys.readouterr().err) == ("filelock" in wanted)


def test_make_demo_looks_before_it_installs() -> None:
    makefile = (ROOT / "Makefile").read_text()
    compiled = makefile.index("pip compile --quiet --no-header --no-annotate --constraints constraints.txt")
    assert compiled < makefile.index("release/pinned.py constraints.txt") < makefile.index("--editable '.[sandbox]'")


@pytest.mark.parametrize(
    "name",
    [
        *("bookeo.duckdb", "bookeo.duckdb.wal", "bookeo.duckdb.tmp/x", ".bookeo.duckdb.lock", ".bookeo.duckdb.holder"),
        *("answers/1A/x.zst", "export/customers.parquet", "export-for-excel/customers.csv", "person.html"),
        *(".dlt/secrets.toml", ".dlt/dev.secrets.toml", ".bookeo/data/x", ".bookeo.duckdb.x1.new/bookeo.duckdb"),
    ],
)
def test_git_ignores_what_holds_keys_or_peoples_data(name: str) -> None:
    done = subprocess.run([find_program("git"), "check-ignore", "--quiet", "--no-index", name], cwd=ROOT, check=False)
    assert done.returncode == 0
