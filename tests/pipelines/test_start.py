"""What a load does not need is not imported: it would take longer than to find that nothing is new."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bookeo_sandbox import Sandbox
from truth import DATASET, query

RUN = """
import sys
from bookeo_pipelines.cli.app import main
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
print(*sorted(name for name in sys.modules if "." not in name))
import pandas
"""
NEEDLESS = {"IPython", "altair", "dagster", "dbt", "marimo", "matplotlib", "numpy", "pandas", "pyiceberg", "sqlalchemy"}


def test_a_load_imports_nothing_that_it_does_not_need(folder: Path, keys: Sandbox) -> None:
    database = folder / "bookeo.duckdb"
    command = [sys.executable, "-c", RUN, "load", "--database", str(database)]
    done = subprocess.run(command, cwd=folder, env=os.environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    imported = set(done.stdout.splitlines()[-1].split())
    assert {"bookeo", "dlt", "duckdb", "pyarrow"} <= imported
    assert not imported & NEEDLESS
    assert query(database, f"SELECT count(*) FROM {DATASET}.load_runs") == [(1,)]
