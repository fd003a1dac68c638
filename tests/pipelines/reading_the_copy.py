"""Reads a published copy again and again until a file says stop; a program of its own, as a BI tool is.

    python reading_the_copy.py COPY STOP

Prints each state that it sees as a line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import duckdb

STATE = """
    SELECT (SELECT count(*) FROM bookeo_data.bookings),
           (SELECT sum(hash(b)) FROM bookeo_data.bookings AS b)::VARCHAR,
           (SELECT sum(hash(w)) FROM bookeo_data.load_windows AS w)::VARCHAR"""
"""What differs between any two states."""


def main() -> None:
    copy, stop = Path(sys.argv[1]), Path(sys.argv[2])
    last = None
    while not stop.exists():
        with duckdb.connect(str(copy), read_only=True) as connection:
            state = connection.execute(STATE).fetchone()
            time.sleep(0.2)  # the copy stays open, and is perhaps replaced meanwhile
            assert connection.execute(STATE).fetchone() == state, "it changed while it was open"
        if state != last:
            print(json.dumps(state), flush=True)
            last = state


if __name__ == "__main__":
    main()
