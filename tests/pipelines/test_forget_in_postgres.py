"""In PostgreSQL, nobody who is forgotten is left in the tables or in the files that they are kept in."""

from __future__ import annotations

from collections import Counter

import pytest

from bookeo_pipelines.destinations.target import target
from bookeo_pipelines.load.runner import LoadRequest, run_load
from bookeo_pipelines.privacy.erasure import planned_erasure
from bookeo_pipelines.privacy.subjects import Subject
from bookeo_pipelines.runtime.quoting import identifier
from bookeo_sandbox import Sandbox, serve
from loading import SMALL, settings_of
from postgres_server import PostgresDatabase, PostgresServer

FOREIGN = ("a%s", "%", "%%", "%(x)s", "{bookings}", 'x"; DROP TABLE bookeo_data.bookings; --', "it's", "A b")
FILES = """
    SELECT count(*) FROM pg_class, LATERAL pg_read_binary_file(pg_relation_filepath(oid)) AS content
    WHERE relkind IN ('r', 't') AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
      AND pg_relation_filepath(oid) IS NOT NULL AND position('{}'::bytea IN content) > 0
"""


def test_a_customer_is_forgotten(
    postgres: PostgresDatabase, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", postgres.url)
    with serve(**{**SMALL, "bookings": 20}) as sandbox:
        customer, address = _customer(sandbox)
        where = target("postgres", "bookeo_data", None)
        settings = settings_of(sandbox, histories="never", payments="never")
        result = run_load(LoadRequest(settings, where, tables=("bookings", "booking_people", "customers")))
    assert result.failure is None
    figures = "SELECT count(*), count(DISTINCT customer_id), sum(total_gross_amount) FROM bookeo_data.bookings"
    before = postgres_server.run(figures, postgres.name)
    # What they had removed themselves lies on as a row that nobody sees, in a table that is not written to any more.
    gone = "0491 570 156"
    phones = "bookeo_data.customer_phone_numbers"
    row = f"SELECT account_id, '{customer}', '{gone}' FROM bookeo_data.customers LIMIT 1"
    postgres_server.run(f"CREATE TABLE {phones} (account_id text, customer_id text, number text)", postgres.name)
    postgres_server.run(f"INSERT INTO {phones} {row}", postgres.name)
    postgres_server.run(f"DELETE FROM {phones}", postgres.name)
    # Tables of others, whose names are no SQL, and no marks of parameters.
    for name in FOREIGN:
        table, columns = identifier("public", name), f"account_id, customer_id, {identifier(f'{name}_email')}"
        held = (
            f"SELECT account_id, customer_id, '{address}' FROM bookeo_data.customers WHERE customer_id = '{customer}'"
        )
        postgres_server.run(f"CREATE TABLE {table} ({columns.replace(',', ' text,')} text)", postgres.name)
        postgres_server.run(f"INSERT INTO {table} {held}", postgres.name)
    postgres_server.run("CHECKPOINT", postgres.name)
    for sign in (address, gone):
        assert int(postgres_server.run(FILES.format(sign), postgres.name)) > 0
    with planned_erasure(where, Subject(customer)) as planned:
        assert planned.rows["customers"] == 1
        assert not planned.execute().left
    postgres_server.run("CHECKPOINT", postgres.name)
    for sign in (customer, address, gone):
        assert postgres_server.run(FILES.format(sign), postgres.name) == "0"
    assert postgres_server.run(figures, postgres.name) == before
    for name in FOREIGN:
        emails = f"SELECT count({identifier(f'{name}_email')}), count(*) FROM {identifier('public', name)}"
        assert postgres_server.run(emails, postgres.name) == "0|1", name


def _customer(sandbox: Sandbox) -> tuple[str, str]:
    truth = sandbox.truth()
    [(customer, _)] = Counter(booking["customerId"] for booking in truth["bookings"]).most_common(1)
    return customer, next(one["emailAddress"] for one in truth["customers"] if one["id"] == customer)
