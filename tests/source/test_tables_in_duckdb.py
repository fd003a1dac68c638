"""Shaped tables through dlt into DuckDB: exact types, sets replaced whole, newest version, parquet load files."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pytest

from bookeo.schema import BOOKING, PAYMENT, PRODUCT, TABLES, Entity, dlt_columns
from bookeo.transform.dedup import LoadVersions
from bookeo.transform.shape import RawPage, Shaped, shape

DECLARED_TYPES = {
    "text": "VARCHAR",
    "bool": "BOOLEAN",
    "bigint": "BIGINT",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    "date": "DATE",
    "time": "TIME",
    "decimal": "DECIMAL(19,4)",
    "json": "JSON",
}


class Warehouse:
    """A dlt pipeline into a DuckDB file of its own."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "warehouse.duckdb"
        self.pipeline = dlt.pipeline(
            "shape_test",
            destination=dlt.destinations.duckdb(str(self.path)),
            dataset_name="bookeo",
            pipelines_dir=str(folder / "pipelines"),
        )
        self.jobs: list[str] = []

    def load(self, *batches: Shaped, tables: tuple[str, ...] | None = None, replace_sets: bool = True) -> None:
        names = tables or [*batches[0].tables, "rejected_rows"]
        resources = [
            dlt.resource(
                [batch.tables.get(name, batch.rejected) for batch in batches],
                name=name,
                columns=dlt_columns(TABLES[name], replace_sets=replace_sets),
                write_disposition=TABLES[name].disposition,
                file_format="parquet",
            )
            for name in names
        ]
        info = self.pipeline.run(resources)
        info.raise_on_failed_jobs()
        for package in info.load_packages:
            self.jobs += [job.file_path for job in package.jobs["completed_jobs"]]

    def load_options(self, *batches: Shaped) -> None:
        """Loads one of the lists of bookings only: there are eight, each takes time, and all go the same way."""
        self.load(*batches, tables=("bookings", "booking_options"))

    def query(self, sql: str) -> list[Any]:
        with duckdb.connect(str(self.path)) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            return connection.execute(sql).fetchall()


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("DLT_PROJECT_DIR", str(tmp_path))
    made = Warehouse(tmp_path)
    yield made
    made.pipeline.deactivate()


def shaped(entity: Entity, *records: Any, account: str = "A", day: int = 1, **constants: str) -> Shaped:
    body = json.dumps({"info": {"totalItems": len(records)}, "data": records}).encode()
    at = datetime(2026, 1, day, 12, 30, 15, 123456, tzinfo=UTC)
    return shape(entity, [RawPage(body, "data", constants)], account_id=account, fetched_at=at)


def booking(number: str, day: int, **changes: Any) -> dict[str, Any]:
    amount = {"amount": "123456789012345.6789", "currency": "KWD"}
    return {
        "bookingNumber": number,
        "title": "Zoë 🛶",
        "startTime": "2026-03-30T17:02:00+11:00",
        "participants": {"numbers": []},
        "creationTime": "2026-01-01T00:00:00Z",
        "lastChangeTime": f"2026-02-{day:02}T00:00:00Z",
        "creationAgent": "web",
        "productId": "P",
        "price": {"totalGross": amount, "totalNet": amount, "totalTaxes": amount, "totalPaid": amount},
        **changes,
    }


def options(*names: str) -> list[dict[str, str]]:
    return [{"id": name, "name": name, "value": "true"} for name in names]


def test_types_are_exact_and_files_are_parquet(warehouse: Warehouse) -> None:
    warehouse.load(
        shaped(BOOKING, booking("1", 1, options=options("a"), newField={"deep": [1]}), {"bookingNumber": "2"})
    )
    found = {
        (table, column): kind
        for table, column, kind in warehouse.query(
            "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'bookeo'"
        )
    }
    for table in (*BOOKING.tables, TABLES["rejected_rows"]):
        for column in table.columns:
            if (table.name, "account_id") in found:
                assert found[table.name, column.name] == DECLARED_TYPES[column.type], (table.name, column.name)
    assert ("bookings", "account_id") in found
    row = warehouse.query(
        "SELECT booking_number, title, start_time, start_date_local, start_time_local, total_gross_amount, fetched_at,"
        " extra->>'$.newField.deep[0]', canceled FROM bookeo.bookings"
    )
    assert row == [
        (
            "1",
            "Zoë 🛶",
            datetime(2026, 3, 30, 6, 2, tzinfo=UTC),
            date(2026, 3, 30),
            time(17, 2),
            Decimal("123456789012345.6789"),
            datetime(2026, 1, 1, 12, 30, 15, 123456, tzinfo=UTC),
            "1",
            None,
        )
    ]
    (rejected,) = warehouse.query(
        "SELECT table_name, raw_id, reason, raw->>'$.bookingNumber' FROM bookeo.rejected_rows"
    )
    assert rejected == ("bookings", "2", "lastChangeTime and creationTime: are missing", "2")
    data = [
        path for path in warehouse.jobs if "_dlt" not in Path(path).name and not path.endswith((".sql", ".reference"))
    ]
    assert data
    assert all(path.endswith(".parquet") for path in data)


def test_a_list_that_becomes_shorter_and_then_empty_is_so_in_the_destination(warehouse: Warehouse) -> None:
    ask = "SELECT booking_number, position, option_id FROM bookeo.booking_options ORDER BY ALL"
    other = [("2", 0, "x")]
    warehouse.load_options(
        shaped(BOOKING, booking("1", 1, options=options("a", "b", "c")), booking("2", 1, options=options("x")))
    )
    assert warehouse.query(ask) == [("1", 0, "a"), ("1", 1, "b"), ("1", 2, "c"), *other]
    warehouse.load_options(shaped(BOOKING, booking("1", 2, options=options("c"))))
    assert warehouse.query(ask) == [("1", 0, "c"), *other]
    warehouse.load_options(shaped(BOOKING, booking("1", 3)))
    assert warehouse.query(ask) == other
    assert warehouse.query("SELECT count(*) FROM bookeo.bookings") == [(2,)]


@pytest.mark.parametrize("newest_first", [True, False])
def test_the_newest_version_wins_within_a_load(warehouse: Warehouse, newest_first: bool) -> None:
    batches = [
        shaped(BOOKING, booking("1", 1, title="old", options=options("a"))),
        shaped(BOOKING, booking("1", 2, title="new", options=options("b"))),
    ]
    warehouse.load_options(*(reversed(batches) if newest_first else batches))
    assert warehouse.query("SELECT title FROM bookeo.bookings") == [("new",)]
    assert warehouse.query("SELECT position, option_id FROM bookeo.booking_options") == [(0, "b")]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (0, 2, 2)])
def test_rows_of_an_older_version_do_not_survive_in_the_same_load(warehouse: Warehouse, order: tuple[int, ...]) -> None:
    versions = LoadVersions(BOOKING)
    batches = [
        shaped(BOOKING, booking("1", 1, options=options("a", "b", "c")), booking("2", 1, options=options("x", "y"))),
        shaped(BOOKING, booking("1", 2), booking("2", 2, options=options("x", "z"))),
        shaped(BOOKING, booking("1", 3, options=options("d", "e")), booking("2", 3)),
    ]
    warehouse.load_options(*(versions.add(batches[index]) for index in order))
    ask = "SELECT booking_number, position, option_id FROM bookeo.booking_options ORDER BY ALL"
    assert warehouse.query(ask) == [("1", 0, "d"), ("1", 1, "e")]


def test_payments_read_twice_in_a_load_are_those_of_the_last_reading(warehouse: Warehouse) -> None:
    versions = LoadVersions(PAYMENT)
    one = {"booking_number": "1", "linked_by": "endpoint"}
    warehouse.load(
        versions.add(shaped(PAYMENT, payment("p"), payment("q"), **one)),
        versions.add(shaped(PAYMENT, payment("q", "2"), **one)),
    )
    assert warehouse.query("SELECT payment_id FROM bookeo.payments") == [("q",)]


def payment(identity: str, amount: str = "1.001") -> dict[str, Any]:
    return {
        "id": identity,
        "creationTime": "2026-01-01T00:00:00Z",
        "receivedTime": "2026-01-01T00:00:00Z",
        "reason": "Deposit",
        "amount": {"amount": amount, "currency": "KWD"},
        "paymentMethod": "cash",
    }


def test_a_bookings_payments_are_replaced_as_a_set_and_the_feeds_one_by_one(warehouse: Warehouse) -> None:
    ask = "SELECT booking_number, payment_id, amount FROM bookeo.payments ORDER BY ALL"
    one = {"booking_number": "1", "linked_by": "endpoint"}
    warehouse.load(shaped(PAYMENT, payment("p"), payment("q"), **one))
    warehouse.load(shaped(PAYMENT, payment("q", "2"), **one, day=2))
    assert warehouse.query(ask) == [("1", "q", Decimal(2))]
    warehouse.load(shaped(PAYMENT, payment("r"), day=3), replace_sets=False)
    warehouse.load(
        shaped(PAYMENT, payment("s"), booking_number="1", linked_by="description", day=3), replace_sets=False
    )
    warehouse.load(shaped(PAYMENT, payment("r", "7"), day=4), replace_sets=False)
    assert warehouse.query(ask) == [
        ("1", "q", Decimal(2)),
        ("1", "s", Decimal("1.001")),
        (None, "r", Decimal(7)),
    ]
    warehouse.load(shaped(PAYMENT, **one, day=5))
    assert warehouse.query(ask) == [(None, "r", Decimal(7))]


def test_settings_are_replaced_for_their_account_only(warehouse: Warehouse) -> None:
    def product(name: str) -> dict[str, Any]:
        return {"productId": name, "type": "fixed", "bookingLimits": [{"min": 1}]}

    warehouse.load(shaped(PRODUCT, product("p"), product("q"), account="A"), shaped(PRODUCT, product("p"), account="B"))
    warehouse.load(shaped(PRODUCT, product("q"), account="A", day=2))
    ask = "SELECT account_id, product_id FROM bookeo.{} ORDER BY ALL"
    assert warehouse.query(ask.format("products")) == [("A", "q"), ("B", "p")]
    assert warehouse.query(ask.format("product_limits")) == [("A", "q"), ("B", "p")]
    warehouse.load(shaped(PRODUCT, account="A", day=3))
    assert warehouse.query(ask.format("products")) == [("B", "p")]
    assert warehouse.query(ask.format("product_limits")) == [("B", "p")]
