"""Where personal data is; who may read the files; and whom `bookeo forget` refuses."""

from __future__ import annotations

import json
import os
from pathlib import Path

import duckdb
import pytest

from bookeo.errors import SettingsError
from bookeo.schema import TABLES
from bookeo_pipelines.destinations.target import Target
from bookeo_pipelines.privacy.erasure import planned_erasure
from bookeo_pipelines.privacy.subjects import Subject
from bookeo_pipelines.runtime.umask import owner_only
from command_runs import Run
from stored import query


def test_it_is_listed_with_what_becomes_of_it(loaded: Path, bookeo: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__BOOKEO__PRIVACY", '{"contact": "drop", "name": "hash"}')
    with duckdb.connect(str(loaded)) as connection:
        connection.execute("CREATE SCHEMA marts")
        connection.execute(
            "CREATE TABLE marts.people AS SELECT email_address AS guest_email FROM bookeo_data.customers"
        )
        connection.execute("UPDATE bookeo_data.customers SET first_name = 'hmac:' || md5(first_name)")
    listed = json.loads(bookeo("pii", "--json").out)
    found = {(one["schema"], one["table"], one["column"]): one for one in listed["columns"]}
    declared = {
        ("bookeo_data", table.name, column.name)
        for table in TABLES.values()
        for column in table.columns
        if column.personal
    }
    held = {table for (table,) in query(loaded, "SELECT DISTINCT table_name FROM duckdb_tables()")}
    assert {key for key in found if key[0] == "bookeo_data"} == {key for key in declared if key[1] in held}
    [(first, last, email)] = query(
        loaded, "SELECT count(first_name), count(last_name), count(email_address) FROM bookeo_data.customers"
    )
    customers = {
        column: found["bookeo_data", "customers", column] for column in ("first_name", "last_name", "email_address")
    }
    assert [(c["class"], c["privacy"], c["rows"], c["rows_loaded_otherwise"]) for c in customers.values()] == [
        ("name", "hash", first, 0),
        ("name", "hash", last, last),
        ("contact", "drop", email, email),
    ]
    assert found["marts", "people", "guest_email"]["rows"] == email
    shown = bookeo("pii").out
    assert "guest_email" in shown
    assert "loaded before" in shown
    assert "@example" not in shown


def test_files_are_made_for_their_owner_only(first_load: Path) -> None:
    [work] = (first_load.parent / "dlt" / "pipelines" / "bookeo").iterdir()
    made = [work, *(path for path in first_load.parent.iterdir() if path.is_file())]
    assert {path.name for path in made} >= {"first.duckdb", ".first.duckdb.lock"}
    assert [path.name for path in made if path.stat().st_mode & 0o077] == []


def test_permissions_come_back_when_the_last_one_is_done(folder: Path) -> None:
    before = os.umask(0o022)
    try:
        with owner_only(), owner_only():
            pass
        (folder / "after").touch()
        assert (folder / "after").stat().st_mode & 0o777 == 0o644
    finally:
        os.umask(before)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--customer", "nobody", "--yes"], "Nothing is held about a customer nobody in bookeo.duckdb"),
        (["--customer", "nobody"], "pass --yes"),
        (["--customer", "nobody", "--yes", "--database", "other.duckdb"], "no database other.duckdb"),
        (["--customer", "nobody", "--yes", "--account", "north"], "Nothing is held"),
    ],
)
def test_what_forget_refuses(loaded: Path, bookeo: Run, arguments: list[str], words: str) -> None:
    before = loaded.read_bytes()
    ended = bookeo("forget", *arguments)
    assert ended.code == 1
    assert words in ended.err
    assert loaded.read_bytes() == before


def test_where_forget_does_not_work() -> None:
    with (
        pytest.raises(SettingsError, match="works in duckdb and postgres; in delta old versions"),
        planned_erasure(Target("delta"), Subject("C1")),
    ):
        pass


def test_a_hash_without_its_key_is_said_before_anything_is_asked(
    bookeo: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__BOOKEO__API_KEY", "the-key-of-nobody")
    monkeypatch.setenv("SOURCES__BOOKEO__SECRET_KEY", "the-secret-of-nobody")
    monkeypatch.setenv("SOURCES__BOOKEO__PRIVACY", "hash")
    ended = bookeo("load")
    assert ended.code == 1
    assert ended.err.startswith("Error: The setting privacy says hash, which needs a privacy_key")
    assert not (folder / "bookeo.duckdb").exists()
