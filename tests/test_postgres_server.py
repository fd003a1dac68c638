"""The server that tests use is a real one, and each test has a database of its own."""

from __future__ import annotations

from postgres_server import PostgresDatabase, PostgresServer


def test_each_test_has_an_empty_database_of_its_own(postgres: PostgresDatabase, postgres_server: PostgresServer):
    tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
    assert postgres_server.run(tables, postgres.name) == "0"
    postgres_server.run("CREATE TABLE mine (id text)", postgres.name)
    other = postgres_server.create("other")
    try:
        assert postgres_server.run(tables, other.name) == "0"
    finally:
        postgres_server.drop(other.name)


def test_times_are_not_shown_in_utc_by_chance(postgres: PostgresDatabase, postgres_server: PostgresServer):
    assert postgres_server.run("SHOW timezone", postgres.name) == "Australia/Sydney"
