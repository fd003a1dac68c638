"""How much of a request limit a first load uses: its time to requests / limit, and the 429s that it draws.

    python benchmarks/pace.py --bookings 20000 --limit 1.6

The sandbox keeps a true limit, as strict as one can be: no two requests closer together than it says.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import time
from contextlib import chdir
from pathlib import Path

# A file of this folder is called like a library.
sys.path.pop(0)
os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")


def main() -> None:
    """Loads once and prints one line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bookings", type=int, default=20_000)
    parser.add_argument("--limit", type=float, default=1.6, help="requests per second (default: %(default)s)")
    options = parser.parse_args()

    from bookeo import load_settings
    from bookeo_pipelines.destinations.target import Target
    from bookeo_pipelines.load.runner import LoadRequest, run_load
    from bookeo_sandbox import serve

    logging.getLogger("dlt").disabled = True
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        os.environ["DLT_DATA_DIR"] = folder
        with serve(bookings=options.bookings, end="2026-06-30") as sandbox:
            sandbox.rate_limit(options.limit)
            settings = load_settings(
                base_url=sandbox.base_url,
                api_key=sandbox.api_key,
                secret_key=sandbox.secret_key,
                start="2023-07-01",
                requests_per_second=1.6,
            )
            started = time.monotonic()
            result = run_load(LoadRequest(settings, Target(database=Path(folder) / "pace.duckdb")))
            seconds = time.monotonic() - started
        assert result.failure is None, result.failure
        usage = result.usage
        least = usage.total_requests / options.limit
        print(
            f"{result.tables['bookings'].after:,} bookings: {usage.total_requests} requests in {seconds:.1f} s, "
            f"{seconds / least:.3f} x the {least:.1f} s that the limit asks for; {usage.throttled} times 429"
        )


if __name__ == "__main__":
    main()
