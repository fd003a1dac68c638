"""What is rebuilt from the archive equals what was loaded, row by row, whatever happened on the way."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from cheap_loads import STILL_BUSINESS, asked
from payments_by_hand import DAY, Till

from bookeo import LoadSession
from bookeo.archive.file_format import NOTES, ArchiveFile, Kept
from bookeo.archive.store import Archive
from bookeo.errors import SettingsError
from bookeo.extract.archive_writer import Note, note, note_forgotten
from bookeo.privacy.erasure import Forgotten
from bookeo.schema import CUSTOMER, TABLES
from bookeo.settings.model import keyless_settings
from bookeo_pipelines.destinations.target import target
from bookeo_pipelines.replay.account import ReplayRequest, ReplayResult
from bookeo_pipelines.replay.runner import run_replay
from bookeo_pipelines.warehouse.client import Warehouse
from bookeo_pipelines.warehouse.cursors import source_state
from bookeo_pipelines.warehouse.deletions import mark_deleted
from bookeo_pipelines.warehouse.load_packages import open_pipeline
from bookeo_sandbox import Sandbox, serve
from command_runs import Run
from loading import AS_NEEDED, load, settings_of
from truth import DATASET, contents, query

FEW = ("bookings", "customers", "payments", "taxes")
"""Tables whose loads are cheap."""
LISTS = frozenset(name for name in TABLES if name.startswith("booking_"))
PRIVATE = {"privacy": "hash", "privacy_key": "a key that nobody guesses"}


def replay(archive: Path, database: Path, **options: Any) -> ReplayResult:
    settings = keyless_settings(archive=str(archive), **options.pop("settings", {}))
    request = ReplayRequest(Archive(str(archive)), target("duckdb", DATASET, database), settings, **options)
    [result] = run_replay(request)
    return result


def tables_in(database: Path) -> list[str]:
    names = query(database, f"SELECT table_name FROM duckdb_tables() WHERE schema_name = '{DATASET}'")
    # Where copies are is another thing in each of two databases.
    return sorted(name for (name,) in names if name in TABLES and name != "data_copies")


def assert_same(database: Path, other: Path, but: frozenset[str] = frozenset()) -> None:
    """Every table has the same rows, and every column the same value, the time of its reading included."""
    tables = tables_in(database)
    # A replay does not know of all tables whether somebody wanted them, and makes those that are empty, too.
    assert set(tables_in(other)) >= set(tables)
    compared = [table for table in tables if table not in but]
    expected = contents(database, compared)
    for table, rows in contents(other, compared).items():
        assert rows == expected[table], table


def keys_of(database: Path, table: str) -> list[Any]:
    keys = ", ".join(TABLES[table].key)
    return query(database, f"SELECT {keys} FROM {DATASET}.{table} ORDER BY ALL")


def files_of(archive: Path) -> list[ArchiveFile]:
    opened = Archive(str(archive))
    [account] = opened.accounts()
    return opened.files(account)


@dataclass(frozen=True)
class History:
    """Loads of some weeks, and what they have left.

    Args:
        sandbox: What was loaded.
        database: Where to.
        archive: Where the answers are.
    """

    sandbox: Sandbox
    database: Path
    archive: Path

    @property
    def first_load(self) -> datetime:
        """When the first load was done."""
        [(ended,)] = query(self.database, f"SELECT min(ended_at) FROM {DATASET}.load_runs")
        assert isinstance(ended, datetime)
        return ended

    def load(self, database: Path, **more: Any) -> None:
        load(self.sandbox, database, tables=FEW, **{**AS_NEEDED, **PRIVATE, "settings_hours": 24, **more})


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    """Loads in the default modes, with everything that makes rows change places."""
    folder = tmp_path_factory.mktemp("history")
    with pytest.MonkeyPatch.context() as monkeypatch, serve(**{**STILL_BUSINESS, "bookings": 60}) as sandbox:
        for name in ("DLT_DATA_DIR", "DLT_PROJECT_DIR"):
            monkeypatch.setenv(name, str(folder))
        till = Till(sandbox)
        bookings = till.bookings()
        till.add(description=f"Booking {bookings[2].number}")
        till.add(booking=bookings[4], description="Barzahlung", days_ago=5)
        till.add(booking=bookings[5], description=f"Booking {bookings[6].number}")
        bad = {"bookingNumber": bookings[7].number, "creationTime": "never"}
        sandbox.override(bookings[7].number, bad)
        archive = folder / "archive"
        made = History(sandbox, folder / "loaded.duckdb", archive)
        made.load(made.database, archive=str(archive))
        sandbox.advance(days=7)
        recent = [p for p in till.account.by_receipt if p.received > till.now - 20 * DAY]  # type: ignore[attr-defined]
        paid = [payment for payment in recent if payment.booking]
        till.edit(paid[1], paid[1].amount + 100)
        till.delete(paid[3])
        till.delete(till.add(days_ago=2))
        till.delete(next(payment for payment in recent if not payment.booking))
        till.move(paid[5], bookings[9])
        sandbox.touch(bookings[7].number)
        made.load(made.database, archive=str(archive))
        vanish(made, bookings[10].number)
        yield made


def vanish(history: History, number: str) -> None:
    """What a comparison does about a booking that is no more."""
    settings = settings_of(history.sandbox, archive=str(history.archive))
    session = LoadSession(settings)
    warehouse = Warehouse(open_pipeline("bookeo", target("duckdb", DATASET, history.database)), session.account_id)
    note(session, Note.BOOKINGS_VANISHED, bookings=[number], deleted_at=session.now)
    mark_deleted(warehouse, [number], session.now)
    [(customer,)] = warehouse.rows("SELECT customer_id FROM {bookings} WHERE booking_number = %s", number)
    note(session, Note.CUSTOMERS_VANISHED, customers=[customer], deleted_at=session.now)
    mark_deleted(warehouse, [customer], session.now, table=CUSTOMER.table)
    session.close()


def test_a_replay_of_all_tables_equals_the_load(first_load: Path, first_archive: Path, folder: Path) -> None:
    result = replay(first_archive, folder / "rebuilt.duckdb")
    assert_same(first_load, folder / "rebuilt.duckdb")
    assert (result.load.chunks, result.load.usage.total_requests) == (1, 0)


def test_a_replay_of_all_that_happened_equals_it_and_the_next_load_goes_on(history: History, folder: Path) -> None:
    rebuilt = folder / "rebuilt.duckdb"
    result = replay(history.archive, rebuilt, settings=PRIVATE)
    assert_same(history.database, rebuilt)
    assert (result.damaged, result.files) == ((), len(files_of(history.archive)))
    # The comparison means something only where something has happened.
    assert all(contents(rebuilt, [*FEW, "load_windows", "child_checks", "rejected_rows", "load_runs"]).values())
    for table in ("bookings", "customers"):
        assert query(rebuilt, f"SELECT count(*) FROM {DATASET}.{table} WHERE deleted_at IS NOT NULL") == [(1,)]
    opened = Archive(str(history.archive))
    kinds = {opened.read(file).facts["kind"] for file in files_of(history.archive) if file.operation == NOTES}
    assert kinds == set(Note)

    # Older answers leave alone what is newer than they are, and fill a column that is new in all else.
    with duckdb.connect(str(rebuilt)) as connection:
        connection.execute(f"UPDATE {DATASET}.bookings SET title = NULL WHERE fetched_at < ?", [history.first_load])
    assert query(rebuilt, f"SELECT count(DISTINCT title IS NULL) FROM {DATASET}.bookings") == [(2,)]
    older = replay(history.archive, rebuilt, settings=PRIVATE, until=history.first_load)
    assert_same(history.database, rebuilt)
    assert older.files > 3

    # The archive does not tell what the clocks showed: nothing after the newest change counts.
    [(newest,)] = query(rebuilt, f"SELECT max(updated_at) FROM {DATASET}.bookings")
    assert f"goes on from {newest:%Y-%m-%d %H:%M}" in result.next_load
    history.sandbox.clear_requests()
    history.load(rebuilt)
    assert asked(history.sandbox)["GET /bookings"] == 1
    # What was changed last is read and written once more.
    for table in ("bookings", "payments", "customers"):
        assert keys_of(rebuilt, table) == keys_of(history.database, table)


def test_neither_keys_nor_what_is_private_are_in_the_archive(history: History) -> None:
    opened = Archive(str(history.archive))
    secrets = [history.sandbox.api_key, history.sandbox.secret_key, PRIVATE["privacy_key"]]
    customers = [booking["customer"] for booking in history.sandbox.truth()["bookings"]]
    personal = [customer[name] for customer in customers for name in ("lastName", "emailAddress") if name in customer]
    kept = "".join(repr(opened.read(file).facts) + str(file) for file in files_of(history.archive))
    answers = [one for file in files_of(history.archive) for one in opened.read(file).answers]
    kept += "".join(one.body.decode() + repr(one.facts) for one in answers)
    assert "hmac:" in kept
    assert len(personal) > 50
    assert not [word for word in (*secrets, *personal) if word in kept]


def test_a_damaged_file_is_named_and_skipped(history: History, folder: Path, bookeo: Run) -> None:
    archive = folder / "archive"
    shutil.copytree(history.archive, archive)
    bookings = [file for file in files_of(archive) if file.operation == "bookings"]
    damaged = archive / bookings[-1].path
    damaged.write_bytes(damaged.read_bytes()[:-1])
    rebuilt = folder / "rebuilt.duckdb"
    ended = bookeo("replay", "--archive", archive, "--database", rebuilt, "--json")
    assert ended.code == 1
    said = json.loads(ended.out)
    assert said["exit_code"] == 1
    assert said["damaged"] == [ended.err.strip()]
    assert f"file {damaged} is damaged" in ended.err.replace("\n", "")
    # Everything else is there, and the next load reads again what was in the file.
    assert_same(history.database, rebuilt, LISTS | {"bookings", "customers", "load_windows", "rejected_rows"})
    assert "goes on from 2026-06-30 11:52" in said["next_load"]


def test_accounts_go_where_they_were_loaded_to(history: History, folder: Path) -> None:
    archive = folder / "archive"
    shutil.copytree(history.archive, archive)
    nothing = {"until": datetime(2000, 1, 1, tzinfo=UTC)}
    [account] = Archive(str(archive)).accounts()
    assert replay(archive, folder / "a.duckdb", **nothing).load.account is None
    Archive(str(archive)).rewrite(account, lambda kept: Kept({**kept.facts, "account": "second"}, kept.answers))
    for name in (None, "second", account):
        assert replay(archive, folder / "a.duckdb", account=name, **nothing).load.account == "second"
    with pytest.raises(SettingsError, match="no answers of an account third; it knows second"):
        replay(archive, folder / "a.duckdb", account="third")


def test_who_is_forgotten_stays_so(first_archive: Path, folder: Path) -> None:
    archive = folder / "archive"
    [account] = [path.name for path in first_archive.iterdir()]
    shutil.copytree(first_archive / account / "settings.taxes", archive / account / "settings.taxes")
    opened = Archive(str(archive))
    known = Forgotten().adding("somebody", [])
    for forgotten in (Forgotten().adding("nobody", []), known):
        note_forgotten(opened, account, forgotten.as_state())
    replay(archive, folder / "a.duckdb")
    state = open_pipeline("bookeo", target("duckdb", DATASET, folder / "a.duckdb")).state
    assert Forgotten.from_state(source_state(state)) == known


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Name the archive with --archive, or in the setting archive."),
        (("--archive", "nowhere"), "The archive nowhere cannot be read: there is no such place"),
        (("--archive", "empty"), "The archive empty holds no answers."),
        (("--archive", "empty", "--since", "soon"), "--since is 'soon'; it takes a date"),
    ],
)
def test_what_cannot_be_replayed_is_said(folder: Path, bookeo: Run, arguments: tuple[str, ...], words: str) -> None:
    (folder / "empty").mkdir()
    ended = bookeo("replay", *arguments)
    assert ended.code == 1
    assert words in ended.err.replace("\n", " ")
    assert not (folder / "bookeo.duckdb").exists()
