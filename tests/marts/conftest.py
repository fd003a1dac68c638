"""The marts of the invented businesses, built once for all tests: in a DuckDB file and in PostgreSQL."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

import duckdb
import pytest

if TYPE_CHECKING:
    from built_marts import Built
    from mart_world import World

    from postgres_server import PostgresServer


READERS = """
    CREATE ROLE marts_reader;
    CREATE VIEW public.booked AS SELECT booked_date, gross_amount FROM bookeo_marts.mart_booked_by_day;
    CREATE VIEW public.received AS SELECT received_time, amount FROM bookeo_staging.stg_payments;
    GRANT SELECT ON bookeo_marts.mart_booked_by_day, bookeo_staging.stg_payments TO marts_reader;
    CREATE INDEX booked_date ON bookeo_marts.mart_booked_by_day (booked_date);
"""
"""What those who read the marts have made of them between the two builds in PostgreSQL."""


@pytest.fixture(scope="session")
def worlds() -> list[World]:
    from mart_world import invent

    return invent()


@pytest.fixture(scope="session")
def in_duckdb(worlds: list[World], tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Built twice: when some tables are empty and some were never loaded, and when all are full."""
    from built_marts import build, rows_in
    from mart_world import EMPTY, LOADED, write_tables

    folder = tmp_path_factory.mktemp("marts")
    database, file = folder / "tours.duckdb", folder / "table.csv"

    def write(tables: tuple[str, ...], worlds: list[World]) -> None:
        with duckdb.connect(str(database)) as connection:

            def copy_in(table: str, columns: str, text: str) -> None:
                file.write_text(text)
                connection.execute(f"COPY {table} ({columns}) FROM '{file}' (AUTO_DETECT false, QUOTE '\"')")

            write_tables("duckdb", tables, worlds, connection.execute, copy_in)

    write(EMPTY, [])
    options = ["--database", str(database)]
    empty = build(options, rows_in(database), DLT_DATA_DIR=str(folder / "dlt")).counts
    write(LOADED, worlds)
    return build(options, rows_in(database), empty, DLT_DATA_DIR=str(folder / "dlt"))


@pytest.fixture(scope="session")
def in_postgres(
    worlds: list[World], postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Built]:
    """Built twice: when nothing was ever loaded, and when all tables are full.

    Database and user have names that look like numbers, and a parameter is given that only PostgreSQL's library knows.
    """
    import psycopg2
    from built_marts import build, count, rows_from
    from mart_world import LOADED, write_tables

    from bookeo_pipelines.destinations.target import target
    from bookeo_pipelines.marts.build import Schemas
    from bookeo_pipelines.marts.dbt import run_dbt
    from command_here import environment

    database = postgres_server.create("2026")
    postgres_server.run("CREATE ROLE \"007\" SUPERUSER LOGIN PASSWORD 'p{{ss}}'; CREATE ROLE analyst SUPERUSER")
    url = f"postgresql://007:p%7B%7Bss%7D%7D@{database.host}:{database.port}/2026"
    variables = {
        "DLT_DATA_DIR": str(tmp_path_factory.mktemp("postgres")),
        "DESTINATION__POSTGRES__CREDENTIALS": f"{url}?options=-crole%3Danalyst",
    }
    options = ["--destination", "postgres"]
    with environment(variables):  # without the checks, which take as long again and are passed in DuckDB
        where = target("postgres", "bookeo_data", None)
        assert run_dbt(where, ["run"], Schemas().variables(where)).success
    empty = count(rows_from(url))
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute(READERS)

        def copy_in(table: str, columns: str, text: str) -> None:
            cursor.copy_expert(f"COPY {table} ({columns}) FROM STDIN (FORMAT csv)", io.StringIO(text))

        write_tables("postgres", LOADED, worlds, cursor.execute, copy_in)
    connection.close()
    yield build(options, rows_from(url), empty, **variables)
    postgres_server.drop("2026")


@pytest.fixture(params=["duckdb", "postgres"])
def built(request: pytest.FixtureRequest) -> Built:
    found: Built = request.getfixturevalue(f"in_{request.param}")
    return found
