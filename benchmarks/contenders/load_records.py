"""The cheapest loader there can be for those who end with messages on standard output: DuckDB reads them from a pipe.

tap | python load_records.py DATABASE record
source | python load_records.py DATABASE record.data
"""

from __future__ import annotations

import sys

import duckdb
from booking_tables import BOOKING, SETTINGS, make_tables


def main() -> None:
    """Reads messages and makes the tables of their bookings."""
    database, path = sys.argv[1:]
    record = BOOKING if path == "record" else f"STRUCT(data {BOOKING})"
    with duckdb.connect(database, config=SETTINGS) as connection:
        make_tables(
            connection,
            f"SELECT {path} AS record FROM read_json('/dev/stdin', format = 'newline_delimited', "
            f"columns = {{type: 'VARCHAR', record: '{record}'}}) WHERE type = 'RECORD'",
        )


if __name__ == "__main__":
    main()
