"""A file is made for old and new versions of DuckDB, unless a setting names another version; copies are as it is."""

from __future__ import annotations

from pathlib import Path

import dlt
import duckdb
import pytest

from bookeo.errors import SettingsError
from bookeo_pipelines.destinations.compaction import compact
from bookeo_pipelines.destinations.duckdb import duckdb as duckdb_destination
from bookeo_pipelines.destinations.target import DatabaseUnusable, Target, database_for_writing, translate
from bookeo_pipelines.share.publish import publish


def version_of(database: Path) -> str:
    with duckdb.connect(str(database), read_only=True) as connection:
        [(version,)] = connection.execute(
            "SELECT tags['storage_version'] FROM duckdb_databases() WHERE database_name = ?", [database.stem]
        ).fetchall()
    return str(version)


@pytest.mark.parametrize(("setting", "expected"), [(None, "v1.0.0+"), ("v1.2.0", "v1.2.0+")])
def test_files_are_made_for_the_version_that_is_wanted(
    folder: Path, monkeypatch: pytest.MonkeyPatch, setting: str | None, expected: str
) -> None:
    if setting is not None:
        monkeypatch.setenv("DESTINATION__DUCKDB__STORAGE_VERSION", setting)
    database = folder / "checked.duckdb"
    with database_for_writing(Target(database=database)), duckdb.connect(str(database)) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS a")
    assert version_of(database) == expected

    loaded = folder / "loaded.duckdb"
    pipeline = dlt.pipeline(
        "p", destination=duckdb_destination(loaded), dataset_name="data", pipelines_dir=str(folder / "work")
    )
    pipeline.run([{"a": 1}], table_name="t")
    assert version_of(loaded) == expected

    monkeypatch.delenv("DESTINATION__DUCKDB__STORAGE_VERSION", raising=False)
    compact(Target(database=loaded, dataset="data"))
    assert version_of(loaded) == expected
    publish(Target(database=loaded, dataset="data"), folder / "copy.duckdb")
    assert version_of(folder / "copy.duckdb") == expected


def test_a_version_that_is_unknown_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESTINATION__DUCKDB__STORAGE_VERSION", "v99.0.0")
    refused = pytest.raises(SettingsError, match=r"storage_version.*'v99\.0\.0', which DuckDB .* does not know")
    with refused, database_for_writing(Target(database=folder / "a.duckdb")):
        pass
    assert not (folder / "a.duckdb").exists()


def test_a_file_of_a_newer_duckdb_is_named_as_such(folder: Path) -> None:
    said = (
        "IO Error: Trying to read a database file with version number 999, but we can only read versions between 64 "
        "and 68.\nThe database file was created with an newer version of DuckDB."
    )
    error = translate(duckdb.IOException(said), Target(database=folder / "a.duckdb"))
    assert isinstance(error, DatabaseUnusable)
    assert "made by a newer version of DuckDB" in error.message
