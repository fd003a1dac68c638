"""A database with marts of two businesses in two currencies, and with little or nothing booked."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import duckdb
import pytest
from filelock import FileLock

from bookeo_pipelines.dbt_project import run_dbt
from bookeo_pipelines.destination import target
from bookeo_pipelines.marts import Schemas
from bookeo_sandbox import serve
from isolation import forget_settings, isolate
from loading import AS_NEEDED, load
from truth import DATASET

BUSINESS = {"bookings": 60, "years": 1.4, "end": "2026-06-30", "accounts": 2, "currencies": ("EUR", "USD")}


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with marts, made once for all workers; not to be changed."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    database = folder / "dashboard.duckdb"
    with FileLock(folder / "dashboard.making"):
        if not database.exists():
            build(tmp_path_factory.mktemp("building")).replace(database)
    return database


def build(folder: Path) -> Path:
    """Loads two businesses into a database, and builds its marts."""
    database = folder / "built.duckdb"
    with pytest.MonkeyPatch.context() as monkeypatch:
        isolate(monkeypatch, folder)
        with serve(**BUSINESS) as running:
            second = {"name": "second", "api_key": running.accounts[1].api_key}
            monkeypatch.setenv("SOURCES__BOOKEO__ACCOUNTS", json.dumps([second]))
            forget_settings()
            for number, name in enumerate((None, "second")):
                load(
                    running, database, account=number, account_name=name, start="2025-02-01", slots="daily", **AS_NEEDED
                )
        where = target("duckdb", DATASET, database)
        # The marts' own checks have tests of their own.
        assert run_dbt(where, ["run"], Schemas().variables(where)).success
    forget_settings()
    return database


@pytest.fixture(scope="session")
def empty(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same where nothing was booked; not to be changed."""
    database = tmp_path_factory.mktemp("marts") / "empty.duckdb"
    shutil.copy(built, database)
    with duckdb.connect(str(database)) as connection:
        for (table,) in connection.execute(TABLES).fetchall():
            if table != "dim_accounts":
                connection.execute(f"DELETE FROM bookeo_marts.{table}")
        connection.execute("UPDATE bookeo_marts.dim_accounts SET main_currency = NULL")
    return database


@pytest.fixture(scope="session")
def one_day(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same where all was booked on one day, which is today; not to be changed."""
    database = tmp_path_factory.mktemp("marts") / "one_day.duckdb"
    shutil.copy(built, database)
    with duckdb.connect(str(database)) as connection:
        [(account, day)] = connection.execute(BUSIEST).fetchall()
        held = {"account_id": account, "booked_date": day, "received_date": day}
        for (table,) in connection.execute(TABLES).fetchall():
            columns = {name for name, *_ in connection.execute(f"DESCRIBE bookeo_marts.{table}").fetchall()}
            of_the_day = [f"{name} = '{value}'" for name, value in held.items() if name in columns]
            if "tour_date" in columns and "booked_date" not in columns:
                of_the_day.append(f"tour_date = '{day}'")
            if of_the_day:
                connection.execute(f"DELETE FROM bookeo_marts.{table} WHERE NOT ({' AND '.join(of_the_day)})")
        connection.execute("UPDATE bookeo_marts.dim_accounts SET as_of_date = ?", [day])
    return database


TABLES = "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'bookeo_marts'"
BUSIEST = """
    SELECT account_id, booked_date FROM bookeo_marts.fct_bookings WHERE NOT is_canceled
    GROUP BY ALL ORDER BY count(*) DESC, 1, 2 LIMIT 1"""
