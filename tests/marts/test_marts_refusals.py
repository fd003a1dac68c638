"""What `bookeo marts build` says when it does not even begin; dbt is never started here."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from bookeo_pipelines.marts import dbt as dbt_project
from bookeo_pipelines.outcomes import ExitCode
from command_here import run


@pytest.fixture
def database(folder: Path) -> Path:
    path = folder / "bookeo.duckdb"
    duckdb.connect(str(path)).close()
    return path


def refused(*options: str) -> str:
    """The one sentence with which the command refuses."""
    outcome = run("marts", "build", *options)
    assert (outcome.code, outcome.out) == (ExitCode.FATAL, "")
    [line] = outcome.err.splitlines()
    return line


def test_the_extra_is_missing(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dbt_project, "is_there", lambda module: module != "dbt.adapters.duckdb")
    assert refused() == "Error: The marts need the extra marts: pip install 'dlt-source-bookeo[marts]'."


def test_there_is_no_database(folder: Path) -> None:
    assert refused() == (
        "Error: There is no database bookeo.duckdb; load it first with bookeo load, or name it with --database."
    )
    assert not list(folder.glob("*.duckdb"))


def test_the_database_is_none(folder: Path) -> None:
    (folder / "bookeo.duckdb").write_bytes(b"no database" * 1000)
    assert "is not a DuckDB file that this version can open" in refused()


@pytest.mark.parametrize("options", [[], ["--dataset", "misspelt"]])
def test_nothing_is_loaded_there(options: list[str], database: Path) -> None:
    with duckdb.connect(str(database)) as connection:
        connection.execute("CREATE SCHEMA bookeo_marts; CREATE TABLE bookeo_marts.mart_cohorts AS SELECT 1 AS figure")
        connection.execute("CREATE SCHEMA bookeo_data; CREATE TABLE bookeo_data.others AS SELECT 1 AS figure")
    said = refused(*options)
    assert said.startswith("Error: ")
    assert "loaded" in said
    with duckdb.connect(str(database), read_only=True) as connection:
        assert connection.execute("SELECT figure FROM bookeo_marts.mart_cohorts").fetchall() == [(1,)]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ["--marts-schema", "Marts"],
            "--marts-schema is 'Marts'; it takes lower-case letters, digits and underscores.",
        ),
        (["--staging-schema", "bookeo_data"], "--staging-schema is 'bookeo_data', a schema that loads write to"),
        (["--marts-schema", "bookeo_data_staging_shop"], "a schema that loads write to; give another name."),
        (["--marts-schema", "bookeo"], "which is the DuckDB file's name, too; every query would be ambiguous."),
        (["--marts-schema", "x", "--staging-schema", "x"], "are the same; give each a name of its own."),
    ],
)
def test_names_that_make_no_sense(options: list[str], said: str, database: Path) -> None:
    assert said in refused(*options)


def test_a_destination_that_the_project_is_not_made_for(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("DESTINATION__DELTA__BUCKET_URL", str(folder / "lake"))
    monkeypatch.setenv("DESTINATION__FILESYSTEM__BUCKET_URL", str(folder / "lake"))
    assert "The marts are made in a DuckDB file or in Postgres, not in delta" in refused("--destination", "delta")
