"""What is sent to warehouses that no test can reach: SQL that does what it must, files that hold what they must.

Each merge is turned into DuckDB's SQL and run there. That shows what it means, not that its warehouse takes it.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dlt
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlglot
from dlt.common.destination.utils import verify_supported_data_types
from dlt.common.schema import Schema
from dlt.common.schema.utils import new_table
from dlt.common.storages.load_package import ParsedLoadJobFileName
from sqlglot import exp

from bookeo.errors import SettingsError
from bookeo.schema import TABLES, arrow_schema, dlt_columns
from bookeo_pipelines.destinations.registry import KINDS
from bookeo_pipelines.destinations.target import target
from bookeo_pipelines.gaps import customers as missing
from bookeo_pipelines.gaps import payments as payment_gaps
from bookeo_pipelines.gaps.payment_links import WarehouseLinks
from bookeo_pipelines.gaps.payment_repair import remove_payments, unlink_payments
from bookeo_pipelines.warehouse.client import Warehouse
from bookeo_pipelines.warehouse.comments import describe_tables
from bookeo_pipelines.warehouse.deletions import mark_deleted
from command_runs import Run
from isolation import write_secrets
from truth import DATASET

DOCUMENT = Path(__file__).parents[2] / "docs" / "destinations.md"
NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
UNREACHED = ("motherduck", "bigquery", "snowflake", "redshift", "clickhouse")
"""It takes an account to load into these."""
DIALECTS = {"motherduck": "duckdb"}
TYPES = {
    "motherduck": "VARCHAR BOOLEAN BIGINT TIMESTAMP_WITH_TIME_ZONE DATE TIME DECIMAL(19,4) JSON",
    "bigquery": "STRING BOOL INT64 TIMESTAMP DATE TIME NUMERIC(19,4) JSON",
    "snowflake": "VARCHAR BOOLEAN NUMBER(19,0) TIMESTAMP_LTZ(6) DATE TIME NUMBER(19,4) VARIANT",
    "redshift": "varchar(max) boolean bigint timestamp_with_time_zone date time_without_time_zone numeric(19,4) super",
    "clickhouse": "String Boolean Int64 DateTime64(6,'UTC') Date String Decimal(19,4) String",
}
KINDS_OF_TYPES = ("text", "bool", "bigint", "timestamp", "date", "time", "decimal", "json")
FILES = {
    "postgres": "csv",
    "motherduck": "parquet",
    "bigquery": "jsonl",
    "snowflake": "parquet",
    "redshift": "insert_values",
}


@pytest.fixture(autouse=True)
def _documented_settings(folder: Path, reread_settings: Callable[[], None]) -> None:
    settings = re.findall(r"^```toml\n(.*?)^```", DOCUMENT.read_text(), flags=re.DOTALL | re.MULTILINE)
    write_secrets(folder, "\n".join(settings))
    reread_settings()


@pytest.mark.parametrize("name", [name for name in KINDS if name != "duckdb"])
def test_the_documented_settings_are_understood(name: str) -> None:
    where = target(name, DATASET, None)
    assert where.place
    assert "password" not in where.place
    assert f"`{name}`" in DOCUMENT.read_text()


def client_of(name: str) -> Any:
    """dlt's client, which has not connected to anything."""
    schema = Schema("bookeo")
    for table in TABLES.values():
        columns = list(dlt_columns(table).values())
        made = new_table(table.name, write_disposition=table.disposition, columns=columns)
        schema.update_table({**made, "description": table.description})
    destination = target(name, DATASET, None).dlt_destination("bookeo_north")
    return destination.client(schema, destination.spec()._bind_dataset_name(dataset_name=DATASET))


@pytest.mark.parametrize("name", UNREACHED)
def test_tables_are_made_with_exact_types(name: str) -> None:
    client = client_of(name)
    types = dict(zip(KINDS_OF_TYPES, TYPES[name].split(), strict=True))
    for table in TABLES.values():
        prepared = client.prepare_load_table(table.name)
        [made, *_] = client._get_table_update_sql(table.name, list(prepared["columns"].values()), False)
        statement = sqlglot.parse_one(made, read=DIALECTS.get(name, name))
        assert isinstance(statement, exp.Create)
        found = {column.name.lower() for column in statement.find_all(exp.ColumnDef)}
        columns = dlt_columns(table)
        assert found == columns.keys()
        for column, hints in columns.items():
            [line] = re.findall(rf"^[`\"]{column}[`\"] +(.*)$", made, flags=re.MULTILINE | re.IGNORECASE)
            kind = types[str(hints["data_type"])]
            wanted = f"Nullable({kind})" if name == "clickhouse" and hints.get("nullable", True) else kind
            assert line.replace(" ", "_").startswith(wanted.replace(" ", "_")), (table.name, column, line)
            if name in ("bigquery", "snowflake"):
                assert table.column(column).description.split("'")[0] in line


HELD, STAGED = "held", "staged"
OPTIONS = {
    HELD: [("A", "1", 0, "old", 1), ("A", "1", 1, "old", 1), ("A", "2", 0, "old", 1), ("B", "1", 0, "old", 1)],
    STAGED: [("A", "1", 0, "newer", 2), ("A", "1", 0, "newest", 3), ("A", "2", 0, None, 2), ("A", "3", 0, "new", 2)],
}
"""Options of bookings, and the day of each: the first has fewer now, the second has none, the third is new."""


@pytest.mark.parametrize("name", UNREACHED)
def test_a_merge_replaces_sets_keeps_the_newest_and_takes_away_what_is_gone(name: str) -> None:
    client = client_of(name)
    columns = ("account_id", "booking_number", "position", "name", "updated_at")
    [job] = client._create_merge_followup_jobs([client.prepare_load_table("booking_options")])
    lines = Path(job._file_path).read_text().splitlines()
    statements = [sqlglot.parse_one(line, read=DIALECTS.get(name, name)) for line in lines]
    places = {(one.catalog, one.db, one.name) for one in statements[-1].find_all(exp.Table)}
    with duckdb.connect() as connection:
        for catalog in {catalog for catalog, *_ in places if catalog}:
            connection.execute(f"ATTACH ':memory:' AS {catalog}")
        for catalog, schema, table in places:
            staged = "staging" in (schema + table).lower()
            assert ("north" in (schema + table).lower()) == staged, "each account has its own"
            rows = [dict(zip(columns, row, strict=True)) for row in OPTIONS[STAGED if staged else HELD]]
            for row in rows:
                row |= {"updated_at": datetime(2026, 1, row["updated_at"], tzinfo=UTC), "_deleted": row["name"] is None}
            given = pa.Table.from_pylist(rows, schema=arrow_schema(TABLES["booking_options"]))
            place = ".".join(filter(None, (catalog, schema)))
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {place}; CREATE TABLE {place}.{table} AS FROM given")
            assert given.num_rows == 4
            if not staged:
                merged = f"{place}.{table}"
        for statement in statements:
            connection.execute(statement.sql(dialect="duckdb"))
        found = connection.execute(f"SELECT {', '.join(columns[:4])} FROM {merged} ORDER BY ALL").fetchall()
    assert found == [("A", "1", 0, "newest"), ("A", "3", 0, "new"), ("B", "1", 0, "old")]


ROW: dict[str, Any] = {
    "account_id": "A",
    "booking_number": "1",
    "title": 'Zoë\'s "🛶", C:\\tour\nat; {noon}',
    "updated_at": datetime(2026, 2, 1, tzinfo=UTC),
    "fetched_at": datetime(2026, 1, 1, 12, 30, 15, 123456, tzinfo=UTC),
    "start_date_local": date(2026, 3, 30),
    "start_time_local": time(17, 2),
    "canceled": False,
    "total_gross_amount": Decimal("-123456789012345.6789"),
    "total_gross_currency": "KWD",
    "extra": '{"name":"it\'s","price":1.50}',
}


@pytest.mark.parametrize("name", ["postgres", *UNREACHED])
def test_load_files_hold_every_value_as_it_was(name: str, folder: Path) -> None:
    table = TABLES["bookings"]
    given = pa.Table.from_pylist([ROW], schema=arrow_schema(table))
    destination = target(name, DATASET, None).dlt_destination("bookeo")
    pipeline = dlt.pipeline("bookeo", destination=destination, dataset_name=DATASET, pipelines_dir=str(folder))
    columns, disposition = dlt_columns(table), table.disposition
    pipeline.extract(dlt.resource([given], name="bookings", columns=columns, write_disposition=disposition))
    pipeline.normalize()
    [file] = folder.rglob("new_jobs/bookings.*")
    job = ParsedLoadJobFileName.parse(file.name)
    assert job.file_format == FILES.get(name, "parquet")
    client = client_of(name)
    prepared = [client.prepare_load_table(one) for one in TABLES]
    jobs = [job._replace(table_name=one) for one in TABLES]
    assert verify_supported_data_types(prepared, jobs, client.capabilities, name) == []
    [row] = rows_in(file, given)
    assert {column: value for column, value in row.items() if value is not None} == ROW


def rows_in(file: Path, like: pa.Table) -> list[dict[str, Any]]:
    """What a load file holds, in the types that it was made of."""
    if file.suffix == ".parquet":
        found = pq.read_table(file)
        assert found.schema.remove_metadata().types == like.schema.types
        return found.to_pylist()
    text = gzip.decompress(file.read_bytes()).decode()
    empty = like.slice(0, 0)
    assert empty.num_rows == 0
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'; CREATE TABLE rows AS FROM empty")
        if ".insert_values" in file.name:
            statement = sqlglot.parse_one(text.replace("{}", "rows", 1), read="redshift")
            connection.execute(statement.sql(dialect="duckdb"))
        elif ".csv" in file.name:
            plain = file.with_suffix("")
            plain.write_text(text)
            connection.execute(f"COPY rows FROM '{plain}' (HEADER, FORMAT csv)")
        else:
            for line in text.splitlines():
                row = json.loads(line)
                assert not [value for value in row.values() if isinstance(value, float)]
                marks = ", ".join("?" * len(row))
                connection.execute(f"INSERT INTO rows ({', '.join(row)}) VALUES ({marks})", [*row.values()])
        return connection.execute("FROM rows").to_arrow_table().to_pylist()


class Recorder:
    """A client that is asked, and has nothing to say.

    Args:
        client: The warehouse's own, for the names of its tables.
    """

    def __init__(self, client: Any) -> None:
        self.said: list[str] = []
        self.sql_client = self
        self.make_qualified_table_name = client.sql_client.make_qualified_table_name
        self.escape_column_name = client.sql_client.escape_column_name
        self.begin_transaction = nullcontext

    def execute_sql(self, sql: str, *values: Any) -> list[Any]:
        assert sql.count("%s") == len(values)
        self.said.append(sql)
        return []

    def pipeline(self, name: str, client: Any) -> Any:
        """As much of a pipeline as is needed to be asked."""
        return SimpleNamespace(
            destination=SimpleNamespace(destination_name=name),
            default_schema=client.schema,
            sql_client=lambda: nullcontext(self),
            destination_client=lambda: nullcontext(self),
        )


@pytest.mark.parametrize("name", UNREACHED)
def test_questions_and_corrections_are_understood(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = client_of(name)
    recorder = Recorder(client)
    warehouse = Warehouse(recorder.pipeline(name, client), "A")
    monkeypatch.setattr(Warehouse, "tables", frozenset(TABLES))
    for ask in (
        payment_gaps.unpaid_sums,
        payment_gaps.all_paid,
        payment_gaps.cancelling_out,
        payment_gaps.doubled_payments,
        missing.absent_customers,
        missing.short_histories,
    ):
        ask(warehouse)
    for ask in (missing.absent_customers, missing.short_histories):
        ask(warehouse, NOW)
    payment_gaps.unpaid_sums(warehouse, ["1", "2"])
    payment_gaps.read_since(warehouse, ["1"], NOW)
    payment_gaps.paid_since(warehouse, NOW, NOW, NOW)
    payment_gaps.held_bookings(warehouse, ["1"])
    missing.not_yet_asked(warehouse, "payments", {"1": "paid"})
    WarehouseLinks(warehouse).customers_of(["1", "2"])
    warehouse.row_counts()
    remove_payments(warehouse, ["p"])
    unlink_payments(warehouse, ["p"])
    mark_deleted(warehouse, ["1"], NOW)
    assert len(recorder.said) == 20
    dialect = DIALECTS.get(name, name)
    with duckdb.connect() as connection:
        made: set[str] = set()
        for sql in recorder.said:
            statement = sqlglot.parse_one(sql.replace("%s", "NULL"), read=dialect)
            for place in statement.find_all(exp.Table):
                table = next(one for one in TABLES if place.name.lower().endswith(one))
                place.replace(exp.to_table(table, alias=place.alias or None))
                if table not in made:
                    made.add(table)
                    empty = arrow_schema(TABLES[table]).empty_table()
                    assert empty.num_rows == 0
                    connection.execute(f"CREATE TABLE {table} AS FROM empty")
            connection.execute(statement.sql(dialect="duckdb"))


def test_motherduck_is_told_what_tables_and_columns_mean() -> None:
    client = client_of("motherduck")
    recorder = Recorder(client)
    describe_tables(recorder.pipeline("motherduck", client), ["taxes"])
    with duckdb.connect() as connection:
        connection.execute("ATTACH ':memory:' AS bookeo; CREATE SCHEMA bookeo.bookeo_data")
        columns = ", ".join(f"{column} VARCHAR" for column in dlt_columns(TABLES["taxes"]))
        connection.execute(f"CREATE TABLE bookeo.bookeo_data.taxes ({columns})")
        connection.execute(recorder.said[0])
        found = dict(
            connection.execute(
                "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'taxes'"
            ).fetchall()
        )
    assert {column.name: found[column.name] for column in TABLES["taxes"].columns} == {
        column.name: column.description for column in TABLES["taxes"].columns
    }


def test_plain_files_are_refused_and_why(bookeo: Run) -> None:
    ended = bookeo("load", "--destination", "filesystem")
    assert ended.code == 1
    assert "dlt turns every merge into an append there" in " ".join(ended.err.split())
    assert "Use --destination delta" in " ".join(ended.err.split())


def test_what_is_missing_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch, reread_settings: Callable[[], None]
) -> None:
    write_secrets(folder, "")
    reread_settings()
    with pytest.raises(SettingsError, match=r"lacks .*put them under \[destination.snowflake.credentials\]"):
        target("snowflake", DATASET, None)
    with pytest.raises(SettingsError, match="There is no destination 'nowhere'; there are duckdb, postgres"):
        target("nowhere", DATASET, None)
    monkeypatch.setattr("bookeo_pipelines.destinations.registry.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"pip install 'dlt-source-bookeo\[clickhouse\]'"):
        target("clickhouse", DATASET, None)
