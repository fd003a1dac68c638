"""Rewinding a cursor makes the next load read again; no row is deleted."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from bookeo.cursor.state import LoadState
from bookeo.errors import SettingsError
from bookeo.windows import ONE_SECOND
from bookeo_pipelines.destinations.target import target
from bookeo_pipelines.load.reset import plan_rewind, planned_reset
from bookeo_pipelines.status.status import read_status
from bookeo_pipelines.warehouse.cursors import Cursors
from bookeo_pipelines.warehouse.lock import LoadRunning, one_at_a_time
from bookeo_sandbox import Sandbox
from command_runs import Run
from loading import AS_NEEDED, BEGIN, END, OVERLAP, load
from truth import ALL_TABLES, DATASET, assert_equals_truth, query

SECOND = timedelta(seconds=1)
MAY = datetime.fromisoformat("2026-05-01T00:00:00+00:00")


def reset(database: Path, *, table: str | None = None, since: datetime | None = None) -> list[str]:
    with planned_reset(target("duckdb", DATASET, database), None, table=table, since=since) as planned:
        planned.carry_out()
        return planned.rewind.sentences


def cursors(database: Path) -> Cursors:
    return read_status(target("duckdb", DATASET, database))[0].cursors


def change(database: Path, sql: str) -> None:
    with duckdb.connect(str(database)) as connection:
        connection.execute(sql.replace("{}", DATASET))


def rows(database: Path) -> dict[str, Any]:
    return {table: query(database, f"SELECT count(*) FROM {DATASET}.{table}")[0][0] for table in ALL_TABLES}


def test_a_load_reads_again_from_where_the_cursor_was_put(loaded: Path, sandbox: Sandbox) -> None:
    change(loaded, "UPDATE {}.bookings SET title = 'damaged'")
    before = rows(loaded)
    [sentence, *_] = reset(loaded, since=MAY)
    assert "2026-05-01 00:00 UTC" in sentence
    assert rows(loaded) == before
    assert (cursors(loaded).bookings, cursors(loaded).loaded_from) == (MAY - SECOND, BEGIN)
    result = load(sandbox, loaded, tables=("bookings",))
    assert result.covered == (MAY - OVERLAP, END)
    damaged = f"FROM {DATASET}.bookings WHERE title = 'damaged' AND updated_at"
    assert query(loaded, f"SELECT count(*) > 0 {damaged} < ?", MAY - OVERLAP) == [(True,)]
    assert query(loaded, f"SELECT count(*) {damaged} >= ?", MAY) == [(0,)]
    assert cursors(loaded).bookings == END


def test_a_reset_to_before_the_first_load_reads_all_of_it(folder: Path, sandbox: Sandbox) -> None:
    database = folder / "bookeo.duckdb"
    tables = ("bookings", "booking_people", "customers", "payments")
    load(sandbox, database, since=MAY, tables=tables, **AS_NEEDED)
    sentences = reset(database, since=BEGIN)
    assert any("payments feed again from 2026-03-30" in sentence for sentence in sentences)
    assert load(sandbox, database, tables=tables, **AS_NEEDED).covered == (BEGIN, END)
    assert_equals_truth(
        database,
        sandbox,
        tables=tables,
        vanished="absent",
        unlinked_payments=True,
        linked_by=frozenset({"description", "endpoint", None}),
    )


def test_one_table_is_read_from_the_start(folder: Path, sandbox: Sandbox) -> None:
    database, both = folder / "bookeo.duckdb", ("bookings", "booking_taxes")
    load(sandbox, database, tables=both)
    change(database, "DELETE FROM {}.booking_taxes")
    reset(database, table="booking_taxes")
    assert cursors(database).bookings == BEGIN
    assert load(sandbox, database, tables=both).covered == (BEGIN, END)
    assert_equals_truth(database, sandbox, tables=both, vanished="absent")


def test_the_payments_feed_is_read_from_its_beginning(folder: Path, sandbox: Sandbox) -> None:
    database = folder / "bookeo.duckdb"
    tables = ("bookings", "payments")
    load(sandbox, database, tables=tables, **AS_NEEDED)
    change(database, "UPDATE {}.payments SET reason = 'damaged'")
    reset(database, table="payments")
    assert (cursors(database).bookings, cursors(database).payments) == (END, None)
    result = load(sandbox, database, tables=tables, **AS_NEEDED)
    assert result.covered == (END + ONE_SECOND - OVERLAP, END)
    assert query(database, f"SELECT count(*) FROM {DATASET}.payments WHERE reason = 'damaged'") == [(0,)]
    assert cursors(database).payments == END


def test_the_small_lists_are_read_again(loaded: Path, sandbox: Sandbox) -> None:
    change(loaded, "UPDATE {}.products SET name = 'damaged'")
    reset(loaded, table="product_rates")
    assert cursors(loaded).settings is None
    load(sandbox, loaded, tables=("products", "product_rates"))
    assert query(loaded, f"SELECT count(*) FROM {DATASET}.products WHERE name = 'damaged'") == [(0,)]
    assert cursors(loaded).bookings == END


KNOWN = Cursors("A1", END, BEGIN, frozenset({"bookings"}), END, END, LoadState())


@pytest.mark.parametrize(
    ("table", "since", "said"),
    [
        (None, None, "either --table or --since"),
        ("bookings", MAY, "either --table or --since"),
        ("nonsense", None, "no table nonsense"),
        ("load_windows", None, "no table load_windows"),
        (None, END, "nothing to rewind"),
        (None, END + timedelta(days=1), "nothing to rewind"),
    ],
)
def test_what_makes_no_sense_is_refused(table: str | None, since: datetime | None, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        plan_rewind(KNOWN, table=table, since=since)


def test_where_nothing_was_loaded_there_is_nothing_to_rewind(loaded: Path, folder: Path) -> None:
    where = target("duckdb", DATASET, loaded)
    with (
        pytest.raises(SettingsError, match="account nobody"),
        planned_reset(where, "nobody", table="bookings", since=None),
    ):
        pass
    with pytest.raises(SettingsError, match="There is no database"):
        reset(folder / "none.duckdb", table="bookings")
    assert not (folder / "none.duckdb").exists()


def test_nobody_rewinds_while_a_load_runs(loaded: Path) -> None:
    with one_at_a_time(loaded.with_name(f".{loaded.name}.lock"), "it"), pytest.raises(LoadRunning):
        reset(loaded, since=MAY)


def test_the_command_asks_first(loaded: Path, bookeo: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    before = loaded.read_bytes()
    alone = bookeo("reset", "--since", "2026-05-01")
    assert alone.code == 1
    assert "give --yes" in alone.err

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    asked = []
    monkeypatch.setattr("typer.confirm", lambda question: asked.append(question))
    declined = bookeo("reset", "--since", "2026-05-01")
    assert (declined.code, asked) == (1, ["Rewind?"])
    assert "The next load reads again all bookings changed since 2026-05-01 00:00 UTC" in declined.out
    assert loaded.read_bytes() == before

    done = bookeo("reset", "--since", "2026-05-01", "--yes")
    assert done.code == 0
    assert "Rewound." in done.out
    assert cursors(loaded).bookings == MAY - SECOND
