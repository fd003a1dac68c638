"""Eight accounts load side by side into one Postgres, and the benchmark that does so often notices what is wrong."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bookeo_sandbox import serve
from postgres_server import PostgresServer

# A file of that folder has the name of a library that others need: the folder goes behind theirs.
sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

BEFORE = os.environ.get("PYTHONPATH")

import side_by_side  # noqa: E402

# It tells its own processes where to find modules; the processes of other tests are not to hear of it.
ITS_PATH = os.environ.pop("PYTHONPATH")
if BEFORE is not None:
    os.environ["PYTHONPATH"] = BEFORE

BUSINESS = {"bookings": 6, "years": 0.25, "end": "2026-06-30", "deletions": False}
TABLES = ("bookings", "booking_participants")


@pytest.fixture(autouse=True)
def its_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", ITS_PATH)


def test_eight_accounts_load_side_by_side(postgres_server: PostgresServer) -> None:
    with serve(**BUSINESS, accounts=8) as sandbox:
        [one] = side_by_side.rounds(postgres_server, sandbox, 1, TABLES)
    assert (one.errors, one.deadlocks) == ((), 0)
    assert one.rows >= 8 * 6


def test_a_row_too_many_and_an_account_that_fails_are_noticed(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = side_by_side._counted

    def one_too_many(*given: object) -> side_by_side.Counts:
        found = counted(*given)  # type: ignore[arg-type]
        found[next(iter(found))] += 1
        return found

    monkeypatch.setattr(side_by_side, "_counted", one_too_many)
    with serve(**BUSINESS, accounts=2) as sandbox:
        sandbox.on_request(lambda request: sandbox.revoke(1))
        [one] = side_by_side.rounds(postgres_server, sandbox, 1, TABLES)
    assert any("rows, not" in error for error in one.errors)
    assert any("HTTP 40" in error or "key" in error for error in one.errors)
