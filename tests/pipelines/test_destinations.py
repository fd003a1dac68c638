"""Wherever the tables are, they are the truth: at first, and after changes whose load was killed while it merged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cheap_loads import STILL_BUSINESS, assert_exact
from payments_by_hand import DAY, Till

from bookeo_pipelines.destinations.target import target
from bookeo_pipelines.share.query import ask, tables_in
from bookeo_pipelines.share.read_only import QueryRefused
from bookeo_sandbox import Sandbox, serve
from killed_load import Moment, run_and_kill
from load_rig import Rig, environment
from loading import AS_NEEDED, START
from places import Place, file_of_an_account, in_delta, in_ducklake, in_postgres
from truth import ALL_TABLES, DATASET

CHANGING = ("bookings", "booking_people", "customers", "payments")
"""Tables that the later load writes: of every type, single rows and sets. In a lake each costs a second."""
KILLED_IN_STEP = 20
"""Jobs are begun, done, and followed by others: it takes about twice as many steps to merge one package of those."""


@pytest.fixture(scope="module")
def business() -> Iterator[Sandbox]:
    with serve(**{**STILL_BUSINESS, "bookings": 24}) as running:
        yield running


@pytest.fixture
def sandbox(business: Sandbox) -> Sandbox:
    business.reset()
    return business


@pytest.fixture(params=["duckdb", "postgres", "ducklake", "delta"])
def place(request: pytest.FixtureRequest, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    if request.param == "duckdb":
        made = file_of_an_account(folder, "north")
    elif request.param == "delta":
        made = in_delta(folder)
    else:
        database = request.getfixturevalue("postgres")
        made = in_postgres(database) if request.param == "postgres" else in_ducklake(database, folder)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    return made


def test_the_tables_equal_the_truth(place: Place, folder: Path, sandbox: Sandbox) -> None:
    where = target(place.destination, DATASET, place.database).of_account("north")
    rig = Rig(folder, sandbox, target=where, start=START, window_days=31, **AS_NEEDED)
    rig.tables = None if place.destination == "postgres" else CHANGING
    assert rig.load().failure is None
    assert_exact(place, sandbox, tables=rig.tables or ALL_TABLES)

    first = sandbox.truth()
    change(sandbox)
    rig.tables = CHANGING
    death = run_and_kill(rig, Moment("load", KILLED_IN_STEP), {**environment(folder), **place.environment})
    assert death.killed, f"the load took fewer steps than it used to ({death})"
    assert rig.load().failure is None
    assert_exact(place, sandbox, tables=CHANGING, earlier=[first])


TEXTS = ["", " ", '""', "a,b", "two\nlines", "\\N", 'say "no"', "NULL"]


@pytest.mark.parametrize("name", ["duckdb", "postgres"])
def test_texts_arrive_as_they_are(
    name: str, folder: Path, sandbox: Sandbox, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = (
        in_postgres(request.getfixturevalue("postgres")) if name == "postgres" else file_of_an_account(folder, "north")
    )
    for variable, value in made.environment.items():
        monkeypatch.setenv(variable, value)
    shown = {"bookingNumber": "77", "creationTime": "2026-06-01T09:00:00+10:00", "title": "", "productName": None}
    shown["options"] = [{"id": str(index), "name": "n", "value": text} for index, text in enumerate(TEXTS)]
    sandbox.override(sandbox.truth()["bookings"][0]["bookingNumber"], shown)
    where = target(made.destination, DATASET, made.database).of_account("north")
    rig = Rig(folder, sandbox, target=where, start=START, window_days=31, payments="never", histories="never")
    rig.tables = ("bookings", "booking_options")
    assert rig.load().failure is None
    with made.reading() as connection:
        found = connection.execute(
            f"SELECT option_id, value FROM {DATASET}.booking_options WHERE booking_number = '77' ORDER BY position"
        ).fetchall()
        assert [value for _, value in found] == TEXTS
        sql = f"SELECT title, product_name FROM {DATASET}.bookings WHERE booking_number = '77'"
        assert connection.execute(sql).fetchall() == [("", None)]
    # The same in the words of whoever asks, who needs no schema and can change nothing.
    asked = ask(None, "SELECT title, product_name AS title FROM bookings WHERE booking_number = '77'", target=where)
    assert [*asked.columns, *asked.iloc[0]] == ["title", "title_1", "", None]
    assert {"bookings", "booking_options"} <= {*tables_in(where)["table"]}
    with pytest.raises(QueryRefused, match="refuses the question"):
        ask(None, "SELECT nothing FROM bookings", target=where)
    if name == "postgres":
        locked = ask(None, "SELECT current_setting('transaction_read_only') AS locked", target=where)
        assert locked["locked"].tolist() == ["on"]


def change(sandbox: Sandbox) -> None:
    """A week goes by; bookings are canceled, lists become shorter and empty, payments are corrected and taken away."""
    sandbox.advance(days=7)
    till = Till(sandbox)
    paid = [p for p in till.account.by_receipt if p.booking and p.received > till.now - 20 * DAY]  # type: ignore[attr-defined]
    till.edit(paid[0], paid[0].amount + 100)
    till.delete(paid[1])
    bookings = [*till.account.bookings.values()]
    sandbox.cancel(next(one.number for one in bookings if not one.canceled))
    shortened = next(one for one in bookings if len(one.people) > 1)
    with sandbox.business.lock:
        shortened.people = shortened.people[:1]
        shortened.cache = None
    sandbox.touch(shortened.number)
    emptied = next(one for one in bookings if one.people and one is not shortened)
    with sandbox.business.lock:
        emptied.people = ()
        emptied.cache = None
    sandbox.touch(emptied.number)
