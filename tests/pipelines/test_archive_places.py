"""The archive as a URL, and one that cannot be written: no row is committed whose answer is not kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bookeo_sandbox import Sandbox, serve
from command_runs import Run
from loading import SMALL
from truth import contents, table_types

TABLES = ("bookings", "payments")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with serve(**{**SMALL, "bookings": 20}) as running:
        yield running


@pytest.mark.parametrize("place", ["file://{}/answers", "memory:/{}/answers"])
def test_a_url_is_an_archive_to_load_into_and_to_replay_from(
    place: str, keys: Sandbox, folder: Path, bookeo: Run
) -> None:
    archive = place.format(folder)
    loaded, rebuilt = folder / "loaded.duckdb", folder / "rebuilt.duckdb"
    ended = bookeo("load", "--tables", "bookings", "--archive", archive, "--database", loaded)
    assert ended.code == 0, ended.err
    assert (folder / "answers").is_dir() == archive.startswith("file")
    keys.clear_requests()
    ended = bookeo("replay", "--archive", archive, "--database", rebuilt, "--json")
    assert ended.code == 0, ended.err
    assert keys.requests()["total"] == 0
    assert json.loads(ended.out)["damaged"] == []
    ours = [table for table in table_types(loaded) if not table.startswith("_dlt") and table != "data_copies"]
    rows = contents(loaded, ours)
    assert {"bookings", "load_windows", "load_runs"} <= {table for table in ours if rows[table]}
    assert contents(rebuilt, ours) == rows


@pytest.mark.parametrize(("blocked", "committed"), [("bookings", ()), ("payments", ("bookings",))])
def test_rows_whose_answers_cannot_be_kept_are_not_committed(
    blocked: str, committed: tuple[str, ...], keys: Sandbox, folder: Path, bookeo: Run
) -> None:
    answers, database = folder / "answers" / keys.truth()["accountId"], folder / "bookeo.duckdb"
    answers.mkdir(parents=True)
    (answers / blocked).write_text("in the way of a folder")
    load = ("load", "--tables", ",".join(TABLES), "--archive", f"file://{folder}/answers")
    ended = bookeo(*load)
    assert ended.code == 1
    said = f"The archive file://{folder}/answers cannot be written: File exists; see the setting archive."
    assert said in " ".join(ended.err.split())
    there = table_types(database) if database.exists() else {}
    held = contents(database, [table for table in TABLES if table in there]) if there else {}
    assert {table for table, rows in held.items() if rows} == set(committed)

    (answers / blocked).unlink()
    assert bookeo(*load).code == 0
    counted = {table: len(rows) for table, rows in contents(database, TABLES).items()}
    truth = keys.truth()
    assert counted == {table: len(truth[table]) for table in TABLES}
