"""How the loads stand: read without writing, without asking the API, and while nobody is kept out."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from bookeo import LoadSession, bookeo_source
from bookeo.errors import SettingsError
from bookeo.windows import Window
from bookeo_pipelines.destinations.target import DatabaseBusy, target
from bookeo_pipelines.load.reset import planned_reset
from bookeo_pipelines.load.runner import LoadRequest, run_load
from bookeo_pipelines.status.status import AccountStatus, read_status
from bookeo_pipelines.warehouse.load_packages import open_pipeline
from bookeo_pipelines.warehouse.lock import LoadRunning, one_at_a_time
from bookeo_sandbox import Sandbox, serve
from bookeo_sandbox.protocol.errors import ApiError
from command_runs import Run
from loading import AS_NEEDED, BEGIN, END, SMALL, WEEK, load, settings_of
from truth import DATASET, query

SECOND = timedelta(seconds=1)


def status(database: Path, account: str | None = None) -> list[AccountStatus]:
    return read_status(target("duckdb", DATASET, database), account, now=END + timedelta(hours=3))


def change(database: Path, sql: str) -> None:
    with duckdb.connect(str(database)) as connection:
        connection.execute(sql.replace("{}", DATASET))


def test_rows_cursors_and_lag(loaded: Path, sandbox: Sandbox) -> None:
    sandbox.clear_requests()
    before = loaded.read_bytes()
    [found] = status(loaded)
    assert (found.pipeline, found.account, found.account_id) == ("bookeo", None, sandbox.truth()["accountId"])
    assert found.cursors.loaded_from == BEGIN
    for table, one in found.tables.items():
        assert one.rows == query(loaded, f"SELECT count(*) FROM {DATASET}.{table}")[0][0], table
    bookings = found.tables["bookings"]
    assert bookings.newest == query(loaded, f"SELECT max(updated_at) FROM {DATASET}.bookings")[0][0]
    assert (bookings.cursor, bookings.lag) == (END, timedelta(hours=3))
    assert found.tables["payments"].cursor == END, "in the mode always, payments follow the bookings"
    assert found.tables["products"].cursor == END
    assert found.tables["load_windows"].cursor is None
    assert (found.gaps, found.unproven, found.pending, found.rejected) == ({}, [], 0, {})
    assert loaded.read_bytes() == before
    assert sandbox.requests()["total"] == 0


def test_what_is_old_is_told_from_what_is_fresh(loaded: Path, bookeo: Run) -> None:
    [found] = status(loaded)
    assert found.lag == timedelta(hours=3)
    assert not found.is_older_than(timedelta(hours=3))
    assert found.is_older_than(timedelta(hours=3) - SECOND)
    found.tables.clear()
    assert found.is_older_than(timedelta(weeks=99_999)), "nothing was ever read"
    assert bookeo("status", "--max-age", "99999w", "--database", str(loaded)).code == 0
    refused = bookeo("status", "--max-age", "soon", "--database", str(loaded))
    assert (refused.code, "--max-age is 'soon'" in refused.err) == (1, True)


def test_what_is_wrong_is_said(loaded: Path, sandbox: Sandbox) -> None:
    booking = sandbox.truth()["bookings"][0]
    booking["creationTime"] = "yesterday"
    booking.pop("lastChangeTime", None)
    sandbox.touch(booking["bookingNumber"])
    sandbox.override(booking["bookingNumber"], booking)
    sandbox.advance(hours=1)
    load(sandbox, loaded)
    session = LoadSession(settings_of(sandbox, **AS_NEEDED), chunked=True)
    open_pipeline("bookeo", target("duckdb", DATASET, loaded)).extract(bookeo_source(session=session))
    session.close()
    [found] = status(loaded)
    assert (found.rejected, found.pending) == ({"bookings": 1}, 1)


def test_what_is_not_read_is_said(folder: Path, sandbox: Sandbox, bookeo: Run) -> None:
    database = folder / "bookeo.duckdb"
    tables = ("bookings", "booking_taxes")
    load(sandbox, database, tables=tables, max_requests=3)
    [found] = status(database)
    assert not found.is_complete
    assert found.gaps["bookings"][-1].end == END
    load(sandbox, database, tables=tables)
    [found] = status(database)
    assert found.is_complete
    with planned_reset(target("duckdb", DATASET, database), None, table="booking_taxes", since=None) as planned:
        planned.carry_out()
    assert status(database)[0].gaps == {"bookings": [Window(BEGIN, END)]}
    shown = bookeo("status", "--database", str(database))
    assert shown.code == 1
    assert "Not read: bookings 2026-03-30 00:00 to 2026-06-30 23:59" in shown.out


def test_runs_are_written_down(loaded: Path, sandbox: Sandbox) -> None:
    [first] = status(loaded)[0].runs
    assert (first.outcome, first.bookings) == ("done", 100)
    sandbox.clear_requests()
    sandbox.advance(days=7)
    tables = ("bookings", "payments")
    result = load(sandbox, loaded, tables=tables, **AS_NEEDED)
    newest, older = status(loaded)[0].runs
    assert older == first
    assert newest.requests == result.usage.total_requests == sandbox.requests()["total"]
    assert (newest.packages, newest.outcome) == (result.chunks, "done")
    assert newest.started_at > first.started_at
    assert 0 < newest.seconds <= result.seconds + 1

    sandbox.advance(days=40)
    # Of two windows the later one fails, whichever is asked for first.
    read = sandbox._service.operations["GET", "/bookings"]

    def fails_late(call: Any) -> Any:
        since = datetime.fromisoformat(call.query["lastUpdatedStartTime"])
        if since > END + WEEK:
            raise ApiError(500, "Try again later")
        return read(call)

    sandbox._service.operations["GET", "/bookings"] = fails_late
    stopped = settings_of(sandbox, max_attempts=1, chunk_bookings=1, **AS_NEEDED)
    result = run_load(LoadRequest(stopped, target("duckdb", DATASET, loaded), tables=tables))
    assert result.failure is not None
    # What is said to be covered is what is held, and the lag is what is missing of it.
    assert result.covered is not None
    assert result.covered[1] == status(loaded)[0].cursors.bookings < END + WEEK + timedelta(days=40)
    assert result.lag is not None
    assert result.lag >= END + WEEK + timedelta(days=40) - result.covered[1]
    assert status(loaded)[0].runs[0].outcome == "ServerUnavailable"


def test_accounts_stand_side_by_side(
    folder: Path, monkeypatch: pytest.MonkeyPatch, reread_settings: Callable[[], None]
) -> None:
    database = folder / "bookeo.duckdb"
    with serve(**{**SMALL, "bookings": 30, "accounts": 2}) as sandbox:
        entries = [{"name": n, "api_key": a.api_key} for n, a in zip(("north", "south"), sandbox.accounts, strict=True)]
        monkeypatch.setenv("SOURCES__BOOKEO__ACCOUNTS", json.dumps(entries))
        reread_settings()
        for position, name in enumerate(("north", "south")):
            load(sandbox, database, account=position, account_name=name, tables=("bookings",))
        sandbox.advance(days=7)
        load(sandbox, database, account=1, account_name="south", tables=("bookings",))
        ids = [account.account_id for account in sandbox.accounts]
    north, south = status(database)
    assert [(one.account, one.account_id) for one in (north, south)] == [("north", ids[0]), ("south", ids[1])]
    assert (north.cursors.bookings, south.cursors.bookings) == (END, END + WEEK)
    assert (len(north.runs), len(south.runs)) == (1, 2)
    for one in (north, south):
        rows = query(database, f"SELECT count(*) FROM {DATASET}.bookings WHERE account_id = ?", one.account_id)
        assert [(one.tables["bookings"].rows,)] == rows
    assert [one.account for one in status(database, "south")] == ["south"]


def test_while_somebody_writes_one_sentence_is_said(loaded: Path) -> None:
    with duckdb.connect(str(loaded)):
        with pytest.raises(DatabaseBusy, match="Another program"):
            status(loaded)
        lock = loaded.with_name(f".{loaded.name}.lock")
        with one_at_a_time(lock, "it"), pytest.raises(LoadRunning, match=r"Another load .*process \d+.* ask again"):
            status(loaded)
    assert status(loaded)


def test_a_running_load_that_does_not_write_just_now_is_in_nobodys_way(loaded: Path) -> None:
    with one_at_a_time(loaded.with_name(f".{loaded.name}.lock"), "it"):
        assert status(loaded)


def test_others_may_read_at_the_same_time(loaded: Path) -> None:
    with duckdb.connect(str(loaded), read_only=True):
        assert status(loaded)


def test_there_must_be_something_to_look_at(folder: Path) -> None:
    database = folder / "none.duckdb"
    with pytest.raises(SettingsError, match="There is no database"):
        status(database)
    assert not database.exists()
    duckdb.connect(str(database)).close()
    with pytest.raises(SettingsError, match="Nothing has been loaded"):
        status(database)


def test_the_command_shows_it(loaded: Path, bookeo: Run) -> None:
    plain = bookeo("status")
    assert (plain.code, plain.err) == (0, "")
    assert "2026-06-30 23:59" in plain.out
    assert "Every window is complete" in plain.out
    [told] = json.loads(bookeo("status", "--json").out)
    assert told["tables"]["bookings"]["rows"] == 100
    assert told["tables"]["bookings"]["cursor"] == END.isoformat()
    assert len(told["runs"]) == 1
    assert json.loads(bookeo("status", "--json", "--account", "nobody").out) == []
