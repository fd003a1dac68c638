"""Exported files hold what the tables hold, exactly; and either all are put in place, or none."""

from __future__ import annotations

import csv
import json
import stat
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bookeo.schema import TABLES
from bookeo_pipelines.outcomes import ExitCode
from command_runs import Run
from stored import query

FATAL = int(ExitCode.FATAL)


def test_parquet_of_everything(bookeo: Run, loaded: Path, folder: Path) -> None:
    with duckdb.connect(str(loaded)) as connection:
        connection.execute("CREATE SCHEMA bookeo_marts")
        connection.execute(
            "CREATE TABLE bookeo_marts.fct_payments AS SELECT payment_id, amount FROM bookeo_data.payments"
        )
    outcome = bookeo("export", "--output", "files/of/today", "--json")
    assert outcome.code == 0
    exported = json.loads(outcome.out)
    held = {
        name for (name,) in query(loaded, "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'bookeo_data'")
    }
    assert [one["table"] for one in exported] == [*(name for name in TABLES if name in held), "fct_payments"]
    for one in exported:
        rows = pq.read_table(one["file"])
        schema = "bookeo_data" if one["table"] in TABLES else "bookeo_marts"
        # Everything but its order: a database and its copy give the same files.
        held_now = query(loaded, f"SELECT count(*) FROM {schema}.{one['table']}")[0][0]
        # The export itself is noted when it is done.
        assert rows.num_rows == one["rows"] == held_now - (one["table"] == "data_copies")
        for field in rows.schema:
            assert not pa.types.is_floating(field.type), f"{one['table']}.{field.name}"
            assert not pa.types.is_binary(field.type), f"{one['table']}.{field.name}"
        assert stat.S_IMODE(Path(one["file"]).stat().st_mode) == 0o600
    bookings = pq.read_table(folder / "files/of/today/bookings.parquet")
    assert bookings.schema.field("total_gross_amount").type == pa.decimal128(19, 4)
    assert str(bookings.schema.field("start_time").type) == "timestamp[us, tz=UTC]"
    columns = ("booking_number", "start_time", "start_date_local", "total_gross_amount", "canceled", "title")
    wanted = query(loaded, f"SELECT {', '.join(columns)} FROM bookeo_data.bookings")
    assert sorted(zip(*(bookings[name].to_pylist() for name in columns), strict=True)) == sorted(wanted)


def test_csv_of_some_tables(bookeo: Run, loaded: Path, folder: Path) -> None:
    outcome = bookeo("export", "--format", "csv", "--tables", "payments, bookings")
    assert outcome.code == 0
    assert "export/payments.csv" in outcome.out
    assert {path.name for path in (folder / "export").iterdir()} == {"payments.csv", "bookings.csv"}
    assert (folder / "export" / "payments.csv").read_bytes().startswith(b"\xef\xbb\xbfaccount_id,payment_id,")
    with (folder / "export" / "payments.csv").open(encoding="utf-8-sig", newline="") as lines:
        found = {row["payment_id"]: row for row in csv.DictReader(lines)}
    wanted = query(loaded, "SELECT payment_id, amount, received_time, description FROM bookeo_data.payments")
    assert len(found) == len(wanted) > 50
    for payment, amount, received, description in wanted:
        assert Decimal(found[payment]["amount"]) == amount
        assert found[payment]["received_time"] == f"{received:%Y-%m-%d %H:%M:%S}"
        assert found[payment]["description"] == (description or "")


def test_all_files_or_none(bookeo: Run, loaded: Path, folder: Path) -> None:
    (folder / "export" / "payments.parquet").mkdir(parents=True)  # a folder, where a file is to be put
    (folder / "export" / "bookings.parquet").write_text("of yesterday")
    outcome = bookeo("export", "--tables", "bookings,payments")
    assert outcome.code == FATAL
    assert outcome.err.startswith("Error: The files in export cannot be written: ")
    assert (folder / "export" / "bookings.parquet").read_text() == "of yesterday"
    assert {path.name for path in (folder / "export").iterdir()} == {"payments.parquet", "bookings.parquet"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--tables", "bookings,nonsense"), "There is no table nonsense; there are: bookings, "),
        (("--tables", ","), "There is no table to export; there are: bookings, "),
        (("--format", "xls"), "--format is 'xls'; it takes parquet or csv."),
        (("--database", "none.duckdb"), "There is no database none.duckdb"),
        (("--dataset", "other"), "There is no table to export; there are: none."),
        (("--output", "bookeo.duckdb"), "The files in bookeo.duckdb cannot be written: File exists."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bad_input(bookeo: Run, loaded: Path, folder: Path, arguments: tuple[str, ...], words: str) -> None:
    before = loaded.read_bytes()
    outcome = bookeo("export", *arguments)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (FATAL, "", 1)
    assert words in outcome.err
    assert loaded.read_bytes() == before
    assert not list(folder.glob("export/*"))
