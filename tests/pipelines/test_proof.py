"""A load that finds nothing new does not look for what is missing, where the last one has shown that nothing was."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from cheap_loads import STILL_BUSINESS, asked, assert_exact, first_load_of_still_business, load_as_needed

from bookeo import LoadSession
from bookeo.schema import LOAD_RUNS, Table
from bookeo_pipelines.destinations.target import target
from bookeo_pipelines.load import child_requests as asking
from bookeo_pipelines.load.completeness_proof import proof
from bookeo_pipelines.load.runner import LoadRequest, LoadResult
from bookeo_pipelines.reconcile.runner import run_reconcile
from bookeo_pipelines.warehouse.client import Warehouse
from bookeo_sandbox import Sandbox, serve
from loading import AS_NEEDED, settings_of
from truth import DATASET, query

PROOFS = f"SELECT proof FROM {DATASET}.load_runs ORDER BY started_at"
TABLES = ("bookings", "customers", "customer_bookings", "payments")
"""Tables whose rows tell what is missing; the others only take time."""

Looks = dict[str, list[Any]]


def load_proven(sandbox: Sandbox, database: Path, **values: Any) -> LoadResult:
    """Loads the tables that proofs are about."""
    return load_as_needed(sandbox, database, tables=TABLES, **values)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with serve(**STILL_BUSINESS) as running:
        yield running


@pytest.fixture(scope="module")
def first_proven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database after a first load; not to be changed."""
    return first_load_of_still_business(tmp_path_factory.mktemp("first"), TABLES)


@pytest.fixture
def proven(first_proven: Path, folder: Path) -> Path:
    """A copy of it; its last load has proven that nothing is missing."""
    database = folder / "bookeo.duckdb"
    shutil.copy(first_proven, database)
    return database


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> Looks:
    """What was looked for in the warehouse since this was cleared, each time with what it was limited to."""
    found: Looks = {}
    for name in ("unpaid_sums", "absent_customers", "short_histories"):
        look = getattr(asking, name)

        def noted(warehouse: Warehouse, limit: Any = None, name: str = name, look: Any = look) -> Any:
            found.setdefault(name, []).append(limit)
            return look(warehouse, limit)

        monkeypatch.setattr(asking, name, noted)
    return found


def looked_at_everything(looked: Looks) -> bool:
    """Whether all rows were looked at; else, only those that were read since the last load."""
    limits = {name: found[0] is not None for name, found in looked.items()}
    assert limits.keys() == {"unpaid_sums", "absent_customers", "short_histories"}
    assert len(set(limits.values())) == 1
    return not any(limits.values())


def change(database: Path, sql: str) -> None:
    with duckdb.connect(str(database)) as connection:
        connection.execute(sql)


def proofs(database: Path) -> list[Any]:
    return [proof for (proof,) in query(database, PROOFS)]


def test_what_is_proven_is_looked_for_once(folder: Path, sandbox: Sandbox, looked: Looks) -> None:
    database = folder / "bookeo.duckdb"
    load_proven(sandbox, database)
    assert looked_at_everything(looked)

    looked.clear()
    result = load_proven(sandbox, database)
    assert not looked, "nothing was new"
    assert sum(asked(sandbox).values()) <= 3
    [(bookings,)] = query(database, f"SELECT count(*) FROM {DATASET}.bookings")
    assert result.tables["bookings"].after == bookings
    first, second = proofs(database)
    assert first == second is not None

    past = sandbox.truth()
    sandbox.advance(days=3)
    load_proven(sandbox, database)
    assert not looked_at_everything(looked), "only what was new"
    assert all(limit is not None for limits in looked.values() for limit in limits)
    assert 0 < len(looked["unpaid_sums"][0]) < bookings / 2
    assert_exact(database, sandbox, tables=TABLES, earlier=[past])

    looked.clear()
    one = f"SELECT min(payment_id) FROM {DATASET}.payments WHERE booking_number IS NOT NULL"
    change(database, f"DELETE FROM {DATASET}.payments WHERE payment_id = ({one})")
    load_proven(sandbox, database)
    assert looked_at_everything(looked), "somebody has deleted a row"
    assert_exact(database, sandbox, tables=["payments"], earlier=[past])
    assert proofs(database)[-1] is None, "a booking was asked for its payments, which may have been another's"

    looked.clear()
    load_proven(sandbox, database)
    assert looked_at_everything(looked)
    assert proofs(database)[-1] is not None


def test_days_of_loads_that_look_only_at_what_is_new_are_exact(folder: Path, looked: Looks) -> None:
    database = folder / "bookeo.duckdb"
    earlier: list[Mapping[str, Any]] = []
    limited = 0
    with serve(**{**STILL_BUSINESS, "deletions": True}) as sandbox:
        load_proven(sandbox, database)
        for hours in (1, 24, 24 * 7, 2, 24):
            earlier.append(sandbox.truth())
            sandbox.advance(hours=hours)
            looked.clear()
            load_proven(sandbox, database)
            limited += bool(looked) and not looked_at_everything(looked)
            assert_exact(database, sandbox, tables=TABLES, earlier=earlier)
    assert limited > 2


def test_a_booking_that_loses_a_payment_is_looked_at(proven: Path, sandbox: Sandbox, looked: Looks) -> None:
    database = proven
    [(payment, loser)] = query(
        database,
        f"SELECT max_by(p.payment_id, p.received_time), max(b.booking_number) FROM {DATASET}.payments p, "
        f"{DATASET}.bookings b WHERE p.linked_by = 'description' AND b.booking_number <> p.booking_number",
    )
    change(database, f"UPDATE {DATASET}.payments SET booking_number = '{loser}' WHERE payment_id = '{payment}'")
    looked.clear()
    sandbox.advance(hours=25)
    load_proven(sandbox, database, payments_again_days=31)
    assert not looked_at_everything(looked)
    assert loser in looked["unpaid_sums"][0]
    assert_exact(database, sandbox, tables=["payments"])


@pytest.mark.parametrize("why", ["a row was written since", "another clock is ahead", "a comparison has mended"])
def test_a_proof_that_cannot_be_relied_on(why: str, proven: Path, sandbox: Sandbox, looked: Looks) -> None:
    database = proven
    if why == "a comparison has mended":
        run_reconcile(LoadRequest(settings_of(sandbox, **AS_NEEDED), target("duckdb", DATASET, database)), fix=True)
    elif why == "another clock is ahead":
        change(database, f"UPDATE {DATASET}.load_runs SET ended_at = ended_at + INTERVAL 1 HOUR")
    else:
        one = f"SELECT min(booking_number) FROM {DATASET}.bookings"
        later = f"SELECT max(ended_at) + INTERVAL 1 SECOND FROM {DATASET}.load_runs"
        change(database, f"UPDATE {DATASET}.bookings SET fetched_at = ({later}) WHERE booking_number = ({one})")
    looked.clear()
    load_proven(sandbox, database)
    assert looked_at_everything(looked)


def test_a_proof_is_of_rows_settings_and_permissions(sandbox: Sandbox) -> None:
    def proof_of(tables: Collection[str] = ("bookings",), held: Mapping[str, int] | None = None, **modes: Any) -> str:
        session = LoadSession(settings_of(sandbox, **{**AS_NEEDED, **modes}))
        return proof(session, tables, {"bookings": 5, "payments": 2} if held is None else held)

    others = [
        proof_of(("bookings", "payments")),
        proof_of(held={"bookings": 5, "payments": 1}),
        proof_of(held={"bookings": 5}),
        proof_of(payments="never"),
        proof_of(customers="never"),
        proof_of(histories="always"),
    ]
    same = proof_of(held={"payments": 2, "bookings": 5, "load_windows": 9, "products": 3})
    assert proof_of() == same
    sandbox.permissions(["bookings_r_all"])
    assert len({same, *others, proof_of()}) == len(others) + 2


def test_a_load_that_ended_early_has_proven_nothing(folder: Path, sandbox: Sandbox) -> None:
    database = folder / "bookeo.duckdb"
    assert load_proven(sandbox, database, max_requests=5).failure is not None
    assert query(database, PROOFS) == [(None,)]


def test_the_runs_of_an_older_version_have_no_proof(
    folder: Path, sandbox: Sandbox, looked: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = folder / "bookeo.duckdb"
    insert = Warehouse.insert
    older = replace(LOAD_RUNS, columns=tuple(column for column in LOAD_RUNS.columns if column.name != "proof"))

    def as_it_was(self: Warehouse, table: Table, row: Mapping[str, Any]) -> None:
        insert(self, older, {name: value for name, value in row.items() if name != "proof"})

    with monkeypatch.context() as before:
        before.setattr(Warehouse, "insert", as_it_was)
        load_proven(sandbox, database)
    looked.clear()
    result = load_proven(sandbox, database)
    assert looked, "without a proof"
    assert not result.notes.messages
    assert [proof is None for (proof,) in query(database, PROOFS)] == [True, False]
