"""The copy for readers: whole or not there, whatever happens meanwhile; and the load is done in any case."""

from __future__ import annotations

import json
import os
import resource
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest
import reading_the_copy
from reading_the_copy import STATE

from bookeo_pipelines.destinations.target import Target
from bookeo_pipelines.load.runner import LoadRequest, run_load
from bookeo_pipelines.outcomes import ExitCode
from bookeo_pipelines.share.publish import Publication, PublishFailed, configured_place, publish
from bookeo_sandbox import Sandbox
from command_runs import Run
from loading import END, SETTLING, load, settings_of
from patience import PATIENCE
from truth import DATASET, assert_equals_truth, contents, query

FATAL = int(ExitCode.FATAL)


def copied(database: Path, place: Path) -> Path:
    publish(Target(database=database), place)
    return place


def test_a_reader_sees_whole_states_only_during_20_loads(sandbox: Sandbox, folder: Path) -> None:
    database, place, stop = folder / "bookeo.duckdb", folder / "published.duckdb", folder / "stop"
    publication = Publication(Target(database=database), place)
    request = LoadRequest(settings_of(sandbox, customers="never"), publication.target, tables=("bookings",))

    def load_and_publish() -> list[Any]:
        assert run_load(request, on_loaded=publication.make).failure is None
        assert publication.failure is None
        return list(query(database, STATE)[0])

    states = [load_and_publish()]
    program = [sys.executable, reading_the_copy.__file__, str(place), str(stop)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        seen: list[list[Any]] = []

        def read_until(state: list[Any]) -> None:
            while state not in seen:
                line = reader.stdout.readline()  # type: ignore[union-attr]
                assert line, reader.stderr.read()  # type: ignore[union-attr]
                seen.append(json.loads(line))

        try:
            for number in range(20):
                if number % 5 == 0:
                    read_until(states[-1])  # the reader is there all the time
                sandbox.advance(days=2)
                states.append(load_and_publish())
            read_until(states[-1])
        finally:
            stop.touch()
            out, err = reader.communicate(timeout=PATIENCE)
    assert reader.returncode == 0, err
    assert out == ""
    assert [state for state in states if state in seen] == seen, "whole states, in their order"


def test_the_copy_holds_everything_but_what_merges_leave(loaded: Path, folder: Path) -> None:
    with duckdb.connect(str(loaded)) as connection:
        connection.execute("CREATE SCHEMA bookeo_data_staging")
        for table in ("bookings", "_dlt_version"):
            connection.execute(f"CREATE TABLE bookeo_data_staging.{table} AS FROM bookeo_data.{table}")
        connection.execute("CREATE SCHEMA bookeo_marts_staging")
        # As dbt writes them: with the database's name, and in an order that is not the one of their names.
        connection.execute('CREATE VIEW bookeo_marts_staging.z AS SELECT * FROM "bookeo"."bookeo_data"."bookings"')
        connection.execute('CREATE VIEW bookeo_marts_staging.a AS SELECT * FROM "bookeo"."bookeo_marts_staging"."z"')
        connection.execute("COMMENT ON VIEW bookeo_marts_staging.a IS 'It''s a view.'")
        connection.execute("COMMENT ON COLUMN bookeo_marts_staging.a.title IS 'It''s a title.'")
        connection.execute("CREATE TABLE bookeo_marts_staging.t AS SELECT 1.5::DECIMAL(19,4) AS amount")
    copy = copied(loaded, folder / "reports.duckdb")
    described = (
        "SELECT schema_name, table_name, column_name, data_type, comment FROM duckdb_columns() "
        "WHERE NOT internal AND schema_name NOT IN ('bookeo_data_staging', 'main') ORDER BY ALL"
    )
    assert query(copy, described) == query(loaded, described)
    held = query(loaded, "SELECT table_name FROM duckdb_tables() WHERE schema_name = ?", DATASET)
    tables = [name for (name,) in held]
    assert len(tables) > 20
    assert contents(copy, tables) == contents(loaded, tables)
    assert query(copy, "SELECT count(*) FROM bookeo_marts_staging.a") == [(100,)]
    comment = "SELECT comment FROM duckdb_views() WHERE view_name = 'a'"
    assert query(copy, comment) == [("It's a view.",)]
    assert query(copy, "FROM duckdb_schemas() SELECT count(*) WHERE schema_name = 'bookeo_data_staging'") == [(0,)]
    newest = f"SELECT max(ended_at) FROM {DATASET}.load_runs"
    assert query(copy, f"SELECT published_at >= ({newest}) FROM published") == [(True,)]
    assert copy.stat().st_size < loaded.stat().st_size


def test_a_copy_put_back_is_loaded_from_where_it_stands(sandbox: Sandbox, loaded: Path, folder: Path) -> None:
    copy = copied(loaded, folder / "published.duckdb")
    copy.replace(loaded)
    sandbox.advance(days=7)
    result = load(sandbox, loaded, tables=("bookings",))
    assert result.covered is not None
    assert result.covered[0] == END - SETTLING
    assert_equals_truth(loaded, sandbox, tables=["bookings"])


@pytest.mark.parametrize(("before", "after"), [(None, 0o600), (0o644, 0o644), (0o640, 0o640)])
def test_who_may_read_the_copy(loaded: Path, folder: Path, before: int | None, after: int) -> None:
    place = folder / "published.duckdb"
    if before is not None:
        copied(loaded, place).chmod(before)
    assert stat.S_IMODE(copied(loaded, place).stat().st_mode) == after
    assert [path.name for path in folder.glob(".published*")] == []


def test_a_link_stays_a_link(loaded: Path, folder: Path) -> None:
    place, link = folder / "share" / "published.duckdb", folder / "link.duckdb"
    place.parent.mkdir()
    link.symlink_to(place)
    copied(loaded, link)
    copied(loaded, link)
    assert link.is_symlink()
    assert query(place, "SELECT count(*) FROM bookeo_data.bookings") == [(100,)]


def test_what_a_killed_process_left_is_removed_in_time(loaded: Path, folder: Path) -> None:
    old, new = folder / ".published.duckdb.a.new", folder / ".published.duckdb.b.new"
    for left in (old, new):
        left.mkdir()
        (left / "published.duckdb").touch()
    os.utime(old, (0, 0))
    copied(loaded, folder / "published.duckdb")
    assert not old.exists()
    assert new.exists()


def test_the_setting_is_for_the_default_database(
    bookeo: Run, keys: Sandbox, loaded: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__BOOKEO__PUBLISH", "copy.duckdb")
    assert configured_place(Target(database=folder / "other.duckdb")) is None
    assert bookeo("load", "--tables", "bookings").code == 0
    runs = "SELECT count(*) FROM bookeo_data.load_runs"
    assert query(folder / "copy.duckdb", runs) == query(loaded, runs)


def test_a_folder_that_is_missing_spoils_no_load(bookeo: Run, keys: Sandbox, loaded: Path) -> None:
    before = query(loaded, "SELECT count(*) FROM bookeo_data.load_runs")
    outcome = bookeo("load", "--tables", "bookings", "--publish", "nowhere/copy.duckdb")
    assert outcome.code == FATAL
    assert "The load is done, but: The copy nowhere/copy.duckdb cannot be put in place: its folder" in outcome.err
    assert outcome.err.count("\n") == 1
    assert query(loaded, "SELECT count(*) FROM bookeo_data.load_runs") > before


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Lets this process write no longer file: what a full disk does, without filling one."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_the_old_copy(loaded: Path, folder: Path) -> None:
    place = copied(loaded, folder / "published.duckdb")
    before = place.read_bytes()
    publication = Publication(Target(database=loaded), place)
    with files_of_at_most(1_000_000):
        publication.make()
    assert isinstance(publication.failure, PublishFailed)
    assert "cannot be put in place" in publication.failure.message
    assert "\n" not in publication.failure.message
    assert place.read_bytes() == before
    assert [path.name for path in folder.glob(".published*")] == []


def test_a_file_that_is_no_copy_is_never_overwritten(bookeo: Run, loaded: Path, folder: Path) -> None:
    with duckdb.connect(str(folder / "analyses.duckdb")) as connection:
        connection.execute("CREATE TABLE work_of_weeks AS SELECT 1")
    (folder / "notes.txt").write_text("Important.")
    (folder / "empty").touch()
    for name in ("analyses.duckdb", "notes.txt", "empty", "."):
        before = (folder / name).read_bytes() if name != "." else b""
        outcome = bookeo("publish", "--to", name)
        assert outcome.code == FATAL
        assert outcome.err.startswith(f"Error: {name} is there already and is no published copy")
        assert name == "." or (folder / name).read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("publish",), "give --to, or the setting publish"),
        (("publish", "--to", "bookeo.duckdb"), "which is the database itself"),
        (("publish", "--to", "copy.duckdb", "--database", "none.duckdb"), "There is no database none.duckdb"),
        (("load", "--publish", "bookeo.duckdb"), "which is the database itself"),
        (("load", "--publish", "copy.duckdb", "--database", "{account}.duckdb"), "publish them one by one"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_makes_no_sense_is_refused_before_anything_is_done(
    bookeo: Run, keys: Sandbox, loaded: Path, arguments: tuple[str, ...], words: str
) -> None:
    outcome = bookeo(*arguments)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (FATAL, "", 1)
    assert words in outcome.err
    assert keys.requests()["total"] == 0


def test_nothing_is_published_while_somebody_writes(bookeo: Run, loaded: Path, folder: Path) -> None:
    writer = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); input()"
    program = [sys.executable, "-c", writer, str(loaded)]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        other.stdout.readline()
        outcome = bookeo("publish", "--to", "copy.duckdb")
        other.communicate("\n", timeout=PATIENCE)
    assert outcome.code == int(ExitCode.TRY_LATER)
    assert "Another program has bookeo.duckdb open" in outcome.err
    assert not (folder / "copy.duckdb").exists()
