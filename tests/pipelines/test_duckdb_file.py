"""What a load into a DuckDB file costs the database: deletions, staged rows, memory."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import duckdb
import pytest

from bookeo.batches import Batch
from bookeo_pipelines.duckdb_file import SetMergeJob
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


def test_nothing_stays_among_the_staged_rows(first_load: Path) -> None:
    staged = query(first_load, "SELECT schema_name, table_name FROM duckdb_tables() WHERE schema_name LIKE '%staging'")
    assert staged
    counts = {table: query(first_load, f"SELECT count(*) FROM {schema}.{table}") for schema, table in staged}
    assert {name for name, rows in counts.items() if rows != [(0,)] and name != "_dlt_version"} == set()


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
    assert len(opened) <= 12, "each table is a staged file and a merge, which were 30"


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
    monkeypatch.setattr("bookeo.extract.PAGES_AT_ONCE", 1)
    load(sandbox, tmp_path / "a.duckdb", window_days=14, payments="never", histories="never", customers="never")
    assert len(held) > 5
    assert max(held) <= 2
