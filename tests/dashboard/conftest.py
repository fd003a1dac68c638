"""A database with marts of two businesses in two currencies, and with little or nothing booked."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from business_with_marts import built

__all__ = ["built"]


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
