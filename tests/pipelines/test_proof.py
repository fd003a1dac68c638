"""A load that finds nothing new does not look for what is missing, where the last one has shown that nothing was."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from cheap_loads import asked, assert_exact, load_as_needed

from bookeo import LoadSession
from bookeo.tables import LOAD_RUNS, Table
from bookeo_pipelines import phases
from bookeo_pipelines.proof import proof
from bookeo_pipelines.warehouse import Warehouse
from bookeo_sandbox import Sandbox
from loading import AS_NEEDED, load, settings_of
from truth import DATASET, query

PROOFS = f"SELECT proof FROM {DATASET}.load_runs ORDER BY started_at"


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was looked for in the warehouse since the list was cleared."""
    found: list[str] = []
    for name in ("unpaid_sums", "absent_customers", "short_histories"):
        look = getattr(phases, name)

        def noted(*arguments: Any, name: str = name, look: Any = look) -> Any:
            found.append(name)
            return look(*arguments)

        monkeypatch.setattr(phases, name, noted)
    return found


def change(database: Path, sql: str) -> None:
    with duckdb.connect(str(database)) as connection:
        connection.execute(sql)


def test_what_is_proven_is_looked_for_once(folder: Path, sandbox: Sandbox, looked: list[str]) -> None:
    database = folder / "bookeo.duckdb"
    load_as_needed(sandbox, database)
    assert {"unpaid_sums", "absent_customers", "short_histories"} == set(looked)

    looked.clear()
    result = load_as_needed(sandbox, database)
    assert not looked, "nothing was new"
    assert sum(asked(sandbox).values()) <= 3
    assert result.tables["bookings"].after == query(database, f"SELECT count(*) FROM {DATASET}.bookings")[0][0]
    first, second = query(database, PROOFS)
    assert first == second != (None,)

    one = f"SELECT min(payment_id) FROM {DATASET}.payments WHERE booking_number IS NOT NULL"
    change(database, f"DELETE FROM {DATASET}.payments WHERE payment_id = ({one})")
    load_as_needed(sandbox, database)
    assert "unpaid_sums" in looked, "somebody has deleted a row"
    assert_exact(database, sandbox, tables=["payments"])

    looked.clear()
    past = sandbox.truth()
    sandbox.advance(days=3)
    load_as_needed(sandbox, database)
    assert looked, "something was new"
    assert_exact(database, sandbox, earlier=[past])


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
    load(sandbox, database, **AS_NEEDED, max_requests=10)
    assert query(database, PROOFS) == [(None,)]


def test_the_runs_of_an_older_version_have_no_proof(
    folder: Path, sandbox: Sandbox, looked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    database = folder / "bookeo.duckdb"
    insert = Warehouse.insert
    older = replace(LOAD_RUNS, columns=tuple(column for column in LOAD_RUNS.columns if column.name != "proof"))

    def as_it_was(self: Warehouse, table: Table, row: Mapping[str, Any]) -> None:
        insert(self, older, {name: value for name, value in row.items() if name != "proof"})

    with monkeypatch.context() as before:
        before.setattr(Warehouse, "insert", as_it_was)
        load_as_needed(sandbox, database)
    looked.clear()
    result = load_as_needed(sandbox, database)
    assert looked, "without a proof"
    assert not result.notes.messages
    assert [proof is None for (proof,) in query(database, PROOFS)] == [True, False]
