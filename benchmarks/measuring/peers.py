"""Who takes part: how each is started, and where what it made is to be found."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb

from measuring.answers import CUSTOMER_LISTS, LISTS, Truth
from measuring.process import Unfit

BENCHMARKS = Path(__file__).parents[1]
CONTENDERS = BENCHMARKS / "contenders"
VENVS = BENCHMARKS / ".venvs"
BIN = Path(sys.executable).parent
TABLES = ("bookings", "customers", *LISTS, *CUSTOMER_LISTS)


@dataclass(frozen=True)
class Contender:
    """Somebody who loads the bookings into a DuckDB file.

    Args:
        name: Who.
        command: Shell command; `$JOB` is a file that says what to load, `$DATABASE` the DuckDB file.
        schema: Schema of its tables.
        gross: Column of `bookings` with the total.
        tables: Its names of the tables that it has.
        budgeted: Whether it is left out where it takes too long.
    """

    name: str
    command: str
    schema: str = "main"
    gross: str = "totalGrossAmount"
    tables: Mapping[str, str] = field(default_factory=lambda: {name: name for name in TABLES})
    budgeted: bool = True

    def check(self, database: Path, truth: Truth) -> None:
        """Compares what was made with what the pages hold.

        Args:
            database: The DuckDB file.
            truth: What must be there.

        Raises:
            Unfit: A table has another number of rows, or the totals another sum.
        """
        with duckdb.connect(str(database), read_only=True) as connection:

            def ask(what: str, table: str) -> object:
                row = connection.execute(f"SELECT {what} FROM {self.schema}.{self.tables[table]}").fetchone()
                return row[0] if row else None

            found = {table: ask("count(*)", table) for table in self.tables}
            gross = ask(f"sum(CAST({self.gross} AS DECIMAL(19, 4)))", "bookings")
        expected = {table: truth.rows[table] for table in self.tables}
        if found != expected or gross != truth.gross:
            raise Unfit(f"other rows or totals: {found}, {gross} instead of {expected}, {truth.gross}")


def environment(folder: Path) -> dict[str, str]:
    """Makes an environment in which nothing of the caller's settings is left and no library calls home.

    Args:
        folder: Where to work.

    Returns:
        Variables.
    """
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
    return kept | {
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "ERROR",
        "DLT_DATA_DIR": str(folder / "dlt"),
        "DLT_PROJECT_DIR": str(folder),
    }


def _python(script: str, *arguments: str) -> str:
    return " ".join((f"exec {sys.executable}", str(CONTENDERS / script), "$JOB", *arguments))


def _piped(command: str, records: str) -> str:
    return f"set -o pipefail; {command} | {sys.executable} {CONTENDERS / 'load_records.py'} $DATABASE {records}"


_REST_API = {
    "bookings": "bookings",
    "booking_participants": "bookings__participants__numbers",
    "booking_people": "bookings__participants__details",
    "booking_options": "bookings__options",
    "booking_resources": "bookings__resources",
    "booking_taxes": "bookings__price__taxes",
    "booking_price_adjustments": "bookings__price_adjustments",
    "booking_coupons": "bookings__coupon_codes",
}
"""Customers stay inside the bookings, one for each."""
_REST_API_COLUMNS = {"schema": "bookeo", "gross": "price__total_gross__amount", "tables": _REST_API}

OURS = Contender(
    "bookeo",
    f"exec {BIN / 'bookeo'} load --database $DATABASE --tables {','.join(TABLES)}",
    schema="bookeo_data",
    gross="total_gross_amount",
    budgeted=False,
)
OURS_WHOLE = replace(OURS, command=f"exec {BIN / 'bookeo'} load --database $DATABASE")
"""With all that it loads by default: payments, histories and small lists, too."""
FLOOR = Contender("floor: DuckDB read_json", _python("read_json.py"), budgeted=False)
REST_API = Contender("dlt rest_api", _python("with_rest_api.py"), **_REST_API_COLUMNS)  # type: ignore[arg-type]
REST_API_PARQUET = Contender(
    "dlt rest_api, parquet",
    _python("with_rest_api.py", "parquet"),
    **_REST_API_COLUMNS,  # type: ignore[arg-type]
)
SCRIPT = Contender("requests + pandas", _python("with_a_script.py"), gross="price_totalGross_amount")
AIRBYTE = Contender(
    "Airbyte low-code, airbyte-cdk",
    _piped(
        f"{VENVS / 'airbyte/bin/source-declarative-manifest'} read --config $JOB "
        f"--catalog {CONTENDERS / 'with_airbyte.catalog.json'} --manifest-path {CONTENDERS / 'with_airbyte.yaml'}",
        "record.data",
    ),
)
SINGER = Contender(
    "Singer tap, singer-sdk",
    _piped(f"{VENVS / 'singer/bin/python'} {CONTENDERS / 'with_singer.py'} --config $JOB", "record"),
)
ALL = (OURS, FLOOR, SINGER, AIRBYTE, SCRIPT, REST_API_PARQUET, REST_API)
