"""How a load writes into a DuckDB file, and what that costs: statements, groups of rows, memory."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bookeo.extract.batch import Batch
from bookeo.schema import Entity
from bookeo.transform.dedup import LoadVersions
from bookeo_pipelines.destinations.duckdb import ROWS_IN_A_GROUP, SetMergeJob
from bookeo_pipelines.destinations.duckdb import duckdb as duckdb_destination
from bookeo_pipelines.load import committer as committing
from bookeo_sandbox import Sandbox
from loading import load
from truth import query


def test_a_set_is_deleted_by_its_owner_alone() -> None:
    def conditions(primary: tuple[str, ...], merge: tuple[str, ...]) -> list[str]:
        return SetMergeJob.gen_key_table_clauses("t", "staged", primary, merge, for_delete=True)

    assert conditions(("a", "b", "position"), ("a", "b")) == conditions((), ("a", "b"))
    assert " OR " not in conditions(("a", "b", "position"), ("a", "b"))[0]
    assert conditions(("a", "b"), ()) == [
        "FROM t as d WHERE EXISTS (SELECT 1 FROM staged as s WHERE d.a = s.a AND d.b = s.b)"
    ]
    assert " OR " in conditions(("id",), ("day",))[0], "each finds rows that the other does not"


def test_statements_of_a_load_ask_for_one_key(sandbox: Sandbox, loaded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    merged = SetMergeJob.generate_sql.__func__  # type: ignore[attr-defined]

    def noted(cls: Any, *arguments: Any) -> list[str]:
        statements: list[str] = merged(cls, *arguments)
        said.extend(statements)
        return statements

    monkeypatch.setattr(SetMergeJob, "generate_sql", classmethod(noted))
    sandbox.touch(sandbox.truth()["bookings"][0]["bookingNumber"])
    load(sandbox, loaded)
    deletions = [one for one in said if one.startswith("DELETE")]
    assert any("booking_people" in one for one in deletions)
    assert not [one for one in deletions if " OR " in one]


@pytest.mark.parametrize("rows_in_a_file", [2, 1000])
def test_of_rows_with_the_same_key_the_newest_is_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch, rows_in_a_file: int
) -> None:
    monkeypatch.setenv("DATA_WRITER__FILE_MAX_ITEMS", str(rows_in_a_file))
    monkeypatch.setenv("DATA_WRITER__BUFFER_MAX_ITEMS", str(rows_in_a_file))
    columns: Any = {"a": {"data_type": "text"}, "b": {"data_type": "bigint", "dedup_sort": "desc"}}
    database = folder / "bookeo.duckdb"
    several = [[None, 2, 3, 1], [3, 1, None, 2], [None, None, 3, 3], [None, None]]
    rows = [{"a": str(key), "b": b, "c": b} for key, versions in enumerate(several) for b in versions]
    pipeline = merge(database, folder, rows, columns=columns)
    assert len(pipeline.last_trace.last_load_info.load_packages[0].jobs["completed_jobs"]) > 3 or rows_in_a_file > 2
    newest = [("0", 3, 3), ("1", 3, 3), ("2", 3, 3), ("3", None, None)]
    assert query(database, "SELECT a, b, c FROM bookeo_data.t ORDER BY a") == newest
    merge(database, folder, [{"a": "1", "b": 1, "c": 5}, {"a": "1", "b": 2, "c": 4}], columns=columns)
    assert query(database, "SELECT a, b, c FROM bookeo_data.t WHERE a = '1'") == [("1", 2, 4)]


def test_nothing_is_staged_in_the_database(first_load: Path) -> None:
    schemas = query(first_load, "SELECT schema_name FROM duckdb_schemas() WHERE NOT internal")
    assert schemas == [("bookeo_data",)]


def merge(database: Path, folder: Path, *versions: list[dict[str, Any]] | pa.Table, columns: Any = None) -> Any:
    """Loads rows into the table `t`, the key of which is `a`; returns the pipeline."""
    for rows in versions:
        pipeline = dlt.pipeline(
            "merging",
            destination=duckdb_destination(database),
            dataset_name="bookeo_data",
            pipelines_dir=str(folder / "it's a folder"),
        )
        resource = dlt.resource([rows], name="t", primary_key="a", columns=columns, write_disposition="merge")
        pipeline.run(resource, loader_file_format="parquet")
    return pipeline


def test_rows_come_from_files_whatever_columns_these_have(folder: Path) -> None:
    database, file = folder / "it's a file.duckdb", folder / "it's old.parquet"
    pipeline = merge(database, folder, [{"a": "1", "new": Decimal("1.50")}], [{"a": "2; DROP TABLE t", "new": None}])
    assert query(database, "SELECT a, new FROM bookeo_data.t ORDER BY a") == [
        ("1", Decimal("1.50")),
        ("2; DROP TABLE t", None),
    ]
    pq.write_table(pa.table({"gone": ["x"], "a": ["3"]}), file)
    with pipeline.sql_client() as client:
        client.files = {"t": [str(file)]}
        _, rows = client.get_qualified_table_names("t")
        assert client.execute_sql(f"SELECT a, new FROM {rows}") == [("3", None)]
        _, rows = client.get_qualified_table_names("_dlt_loads")
        assert client.execute_sql(f"SELECT load_id FROM {rows}") == []


def test_a_file_is_written_in_small_groups_of_rows(folder: Path) -> None:
    database = folder / "a.duckdb"
    for first in (0, 50_000):
        merge(database, folder, pa.table({"a": range(first, first + 50_000)}))
    groups = query(
        database,
        "SELECT row_group_id, sum(count) FROM pragma_storage_info('bookeo_data.t') "
        "WHERE column_name = 'a' AND segment_type <> 'VALIDITY' GROUP BY ALL",
    )
    assert sum(rows for _, rows in groups) == 100_000
    assert max(rows for _, rows in groups) <= ROWS_IN_A_GROUP
    assert [path.name for path in folder.glob("a.duckdb*")] == ["a.duckdb"], "nothing waits beside it"


def test_a_file_is_let_go_between_questions(folder: Path) -> None:
    database = folder / "a.duckdb"
    pipeline = merge(database, folder, pa.table({"a": [1]}))
    write = "import duckdb, sys; duckdb.connect(sys.argv[1]).execute('INSERT INTO bookeo_data.t (a) VALUES (2)')"
    for number in (1, 2):
        with pipeline.sql_client() as client:
            assert client.execute_sql("SELECT count(*) FROM bookeo_data.t") == [(number,)]
        subprocess.run([sys.executable, "-c", write, str(database)], check=True)


def test_memory_is_bounded_unless_somebody_says_otherwise(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = "SELECT current_setting('memory_limit')"
    with merge(folder / "a.duckdb", folder, pa.table({"a": [1]})).sql_client() as client:
        assert client.execute_sql(asked) == [("190.7 MiB",)]
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS__GLOBAL_CONFIG", '{"memory_limit": "1GB"}')
    with merge(folder / "b.duckdb", folder, pa.table({"a": [1]})).sql_client() as client:
        assert client.execute_sql(asked) == [("953.6 MiB",)]


def test_a_file_that_this_process_has_open_is_loaded_into_all_the_same(
    sandbox: Sandbox, loaded: Path, folder: Path
) -> None:
    number = sandbox.truth()["bookings"][0]["bookingNumber"]
    with duckdb.connect(str(loaded)) as connection:
        threads = connection.execute("SELECT current_setting('threads')").fetchall()
        sandbox.touch(number)
        assert load(sandbox, loaded, tables=("bookings",)).tables["bookings"].changed == 1
        asked = connection.execute("SELECT count(*) FROM bookeo_data.bookings WHERE booking_number = ?", [number])
        assert asked.fetchall() == [(1,)]
        assert connection.execute("SELECT current_setting('threads')").fetchall() == threads


def test_what_does_not_fit_into_memory_goes_beside_the_file(folder: Path) -> None:
    with merge(folder / "a.duckdb", folder, [{"a": 1}]).sql_client() as client:
        asked = client.execute_sql("SELECT current_setting('temp_directory'), current_setting('threads')")
    assert asked == [(f"{folder / 'a.duckdb'}.tmp", 1)]


def test_the_file_is_opened_once_for_all_jobs(sandbox: Sandbox, loaded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox.touch(sandbox.truth()["bookings"][0]["bookingNumber"])
    opened: list[Any] = []
    connect = duckdb.connect

    def counted(*arguments: Any, **options: Any) -> Any:
        opened.append(connect(*arguments, **options))
        return opened[-1]

    monkeypatch.setattr(duckdb, "connect", counted)
    jobs = load(sandbox, loaded).tables
    assert len([name for name, change in jobs.items() if change.loaded]) > 5
    assert len(opened) <= 14, "each table would be opened for on its own"


@pytest.fixture
def collecting_what_is_new() -> Iterator[None]:
    """Spares what was there before from being looked at each time that garbage is collected."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("collecting_what_is_new")
def test_one_batch_of_pages_is_held_at_a_time(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: weakref.WeakSet[Batch] = weakref.WeakSet()
    held: list[int] = []
    begin = Batch.__init__

    def counted(self: Batch, *arguments: Any, **options: Any) -> None:
        gc.collect()
        held.append(len(made))
        begin(self, *arguments, **options)
        made.add(self)

    monkeypatch.setattr(Batch, "__init__", counted)
    monkeypatch.setattr("bookeo.extract.chunks.PAGES_AT_ONCE", 1)
    load(sandbox, tmp_path / "a.duckdb", window_days=14, tables=("bookings", "booking_people"))
    assert len(held) > 5
    assert max(held) <= 2


@pytest.mark.usefixtures("collecting_what_is_new")
def test_what_is_known_of_a_package_is_forgotten_before_it_is_loaded(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: weakref.WeakSet[LoadVersions] = weakref.WeakSet()
    held: list[int] = []
    begin, load_package = LoadVersions.__init__, committing.load_pending

    def counted(self: LoadVersions, entity: Entity) -> None:
        begin(self, entity)
        made.add(self)
        held.append(len(made))

    def looked(pipeline: Any) -> Any:
        gc.collect()
        held.append(len(made))
        return load_package(pipeline)

    monkeypatch.setattr(LoadVersions, "__init__", counted)
    monkeypatch.setattr(committing, "load_pending", looked)
    load(sandbox, tmp_path / "a.duckdb", chunk_bookings=50, tables=("bookings", "booking_people", "customers"))
    assert max(held) == 1
    assert held.count(0) > 1
    assert held[1] == 0
