"""The floor: DuckDB reads the same pages from disk, where nobody asks, proves, merges or remembers anything.

python read_json.py JOB.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import duckdb
from booking_tables import BOOKING, SETTINGS, make_tables


def main() -> None:
    """Reads the pages of a job and makes their tables."""
    job = json.loads(Path(sys.argv[1]).read_text())
    with duckdb.connect(job["database"], config=SETTINGS) as connection:
        make_tables(
            connection,
            f"SELECT unnest(data) AS record FROM read_json('{job['pages']}/*.json', format = 'unstructured', "
            f"columns = {{data: '{BOOKING}[]'}})",
        )


if __name__ == "__main__":
    main()
