"""Questions read the database, and nothing else; answers are exact, in any encoding."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from bookeo_pipelines.destinations.target import Target
from bookeo_pipelines.runtime.json_text import json_text
from bookeo_pipelines.share.query import ask
from bookeo_pipelines.share.read_only import QueryRefused, open_read_only
from command_runs import Run


@pytest.fixture
def database(folder: Path) -> Path:
    with duckdb.connect(str(folder / "bookeo.duckdb")) as connection:
        connection.execute("CREATE SCHEMA bookeo_data")
        connection.execute("CREATE TABLE bookeo_data.t AS SELECT range AS i, 'x' || range AS s FROM range(10)")
    (folder / "secret.csv").write_text("a,b\n1,2\n")
    return folder / "bookeo.duckdb"


WRITES = [
    "COPY bookeo_data.t TO 'bookeo.duckdb' (FORMAT csv)",
    "COPY bookeo_data.t TO 'bookeo.duckdb' (FORMAT csv, USE_TMP_FILE false)",
    "EXPLAIN ANALYZE COPY bookeo_data.t TO 'bookeo.duckdb' (FORMAT csv, USE_TMP_FILE false)",
    "EXPLAIN (ANALYZE, FORMAT json) COPY bookeo_data.t TO 'x.csv'",
    "EXPLAIN /* x */ ANALYZE COPY bookeo_data.t TO 'x.csv'",
    "COPY (PIVOT bookeo_data.t ON i) TO 'x.csv'",
    "CREATE TABLE x AS (PIVOT bookeo_data.t ON i)",
    "PIVOT bookeo_data.t ON i; CREATE TABLE x AS SELECT 1",
    "EXPORT DATABASE 'd'",
    "CREATE PERSISTENT SECRET s (TYPE S3)",
    "CREATE TEMP TABLE x AS SELECT 1",
    "ATTACH 'x.duckdb'",
    "SET enable_external_access = true",
    "RESET lock_configuration",
    "SET temp_directory = '/tmp/x'",
    "SET allowed_directories = ['/']",
    "PRAGMA enable_profiling = 'json'",
    "PRAGMA profiling_output = 'x.json'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "CALL enable_logging('QueryLog', storage = 'file', storage_path = 'logs')",
    "CHECKPOINT",
    "VACUUM",
    "DROP TABLE bookeo_data.t",
    "DELETE FROM bookeo_data.t",
    "INSERT INTO bookeo_data.t VALUES (1, 'x')",
    "SELECT 1; DROP TABLE bookeo_data.t",
    "BEGIN",
    "PREPARE x AS SELECT 1",
    "USE memory",
    "IMPORT DATABASE 'd'",
    "SELECT 1; SELECT 2",
    "",
    " -- nothing",
]
READS_FILES = [
    "SELECT * FROM 'secret.csv'",
    "SELECT * FROM read_csv('secret.csv')",
    "SELECT * FROM read_text('secret.csv')",
    "SELECT * FROM read_blob('secret.csv')",
    "SELECT * FROM sniff_csv('secret.csv')",
    "SELECT * FROM glob('*')",
]
READS = [
    "SELECT * FROM bookeo_data.t",
    "FROM bookeo_data.t LIMIT 1",
    "WITH x AS (SELECT 1 AS a) SELECT * FROM x;",
    "VALUES (1)",
    "DESCRIBE bookeo_data.t",
    "SUMMARIZE bookeo_data.t",
    "SHOW ALL TABLES",
    "PRAGMA database_list",
    "EXPLAIN SELECT 1",
    "EXPLAIN ANALYZE SELECT count(*) FROM bookeo_data.t",
    "PIVOT (SELECT i % 3 AS i FROM bookeo_data.t) ON i USING count(*)",
    "SELECT current_setting('TimeZone'), timezone('Europe/Vienna', TIMESTAMPTZ '2026-01-01')",
]


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_nothing_is_written(database: Path, folder: Path) -> None:
    before = files_in(folder)
    for sql in WRITES:
        for allow_files in (False, True):
            with pytest.raises(QueryRefused):
                ask(database, sql, allow_files=allow_files)
            assert files_in(folder) == before, sql


@pytest.mark.parametrize("sql", READS_FILES)
def test_other_files_are_read_only_where_that_is_allowed(database: Path, sql: str) -> None:
    with pytest.raises(QueryRefused, match="--allow-files"):
        ask(database, sql)
    assert len(ask(database, sql, allow_files=True))


@pytest.mark.parametrize("sql", ["SELECT * FROM 'http://127.0.0.1:9/x.csv'", "SELECT * FROM 's3://x/y.parquet'"])
def test_no_extension_is_fetched_to_reach_a_server(database: Path, sql: str) -> None:
    for allow_files in (False, True):
        with pytest.raises(QueryRefused):
            ask(database, sql, allow_files=allow_files)


@pytest.mark.parametrize("sql", READS)
def test_what_reads_is_answered(database: Path, sql: str) -> None:
    assert len(ask(database, sql))


def test_a_variable_of_the_program_is_no_table(database: Path) -> None:
    import pandas as pd

    secrets = pd.DataFrame({"key": ["x"]})
    with pytest.raises(QueryRefused, match="secrets"):
        ask(database, "SELECT * FROM secrets")
    assert len(secrets) == 1


def test_the_locks_hold_without_the_check_of_statements(database: Path, folder: Path) -> None:
    connection = open_read_only(Target(database=database))
    for sql in ("SET enable_external_access = true", "COPY (SELECT 1) TO 'x.csv'", "FROM read_text('secret.csv')"):
        with pytest.raises(duckdb.Error):
            connection.execute(sql)
    # A large question still has a place on the disk, beside the file.
    [(place,)] = connection.execute("SELECT current_setting('temp_directory')").fetchall()
    connection.close()
    assert Path(place) == database.with_name("bookeo.duckdb.tmp")
    assert not (folder / "x.csv").exists()


VALUES = {
    "1.10::DECIMAL(19,4)": "1.1000",
    "12345678901234567890123456789012345678::DECIMAL(38,0)": "12345678901234567890123456789012345678",
    "170141183460469231731687303715884105727::HUGEINT": "170141183460469231731687303715884105727",
    "0.1::DOUBLE": "0.1",
    "'NaN'::DOUBLE": '"NaN"',
    "'inf'::DOUBLE": '"Infinity"',
    "'-inf'::DOUBLE": '"-Infinity"',
    "TIMESTAMPTZ '2026-01-01 01:00:00.123456+01'": '"2026-01-01T00:00:00.123456Z"',
    "TIMESTAMP '2026-01-01 00:00:00.123456'": '"2026-01-01T00:00:00.123456"',
    "DATE '2026-01-01'": '"2026-01-01"',
    "DATE '-44-03-15'": '"0045-03-15 (BC)"',
    "DATE '290000-01-01'": '"290000-01-01"',
    "TIME '10:00:00.5'": '"10:00:00.500000"',
    "INTERVAL '2 days 3.5 seconds'": '"P2DT3.5S"',
    "INTERVAL '-90 minutes'": '"-PT5400S"',
    "INTERVAL '0 days'": '"PT0S"',
    "'9f1c8f0e-0000-4000-8000-000000000001'::UUID": '"9f1c8f0e-0000-4000-8000-000000000001"',
    r"'\xFFa'::BLOB": '"ff61"',
    "'101'::BIT": '"101"',
    "[1.50::DECIMAL(9,2), NULL]": "[1.50, null]",
    "[]": "[]",
    "{'a': 1.50::DECIMAL(9,2), 'b': {'c': [DATE '2026-01-01']}}": '{"a": 1.50, "b": {"c": ["2026-01-01"]}}',
    "MAP {1: 'a'}": '{"1": "a"}',
    "MAP {DATE '2026-01-01': TRUE}": '{"2026-01-01": true}',
    """'{"a": [1, 2.50]}'::JSON""": r'"{\"a\": [1, 2.50]}"',
    "'Zoë \U0001f600'": r'"Zo\u00eb \ud83d\ude00"',
    "NULL": "null",
    "TRUE": "true",
}


def test_every_type_is_exact_in_json(database: Path, bookeo: Run) -> None:
    columns = ", ".join(f"{sql} AS c{number}" for number, sql in enumerate(VALUES))
    row = ask(database, f"SELECT {columns}").iloc[0]
    for value, (sql, wanted) in zip(row, VALUES.items(), strict=True):
        assert json_text(value, indented=False) == wanted, sql
    outcome = bookeo("query", f"SELECT {columns}", "--json")
    assert outcome.out.isascii()
    [shown] = json.loads(outcome.out, parse_float=Decimal)
    assert [*shown.values()] == [json.loads(wanted, parse_float=Decimal) for wanted in VALUES.values()]
    assert bookeo("query", f"SELECT {columns}").code == 0


def test_json_is_laid_out_as_python_does_it() -> None:
    value = {"a": [1, 2.5, {"b": None}], "c": {}, "d": [], "e": "ë\x1b\u2028", "f": [[]], "g": True}
    assert json_text(value) == json.dumps(value, indent=2)
    assert json_text(value, indented=False) == json.dumps(value)


def test_columns_of_the_same_name(database: Path, bookeo: Run) -> None:
    shown = json.loads(bookeo("query", "SELECT 1 AS a, 2 AS a, 3 AS a_1", "--json").out)
    assert shown == [{"a": 1, "a_1": 2, "a_1_1": 3}]
    assert bookeo("query", "SELECT 1 AS a, 2 AS a").code == 0


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_any_encoding_of_the_output(database: Path, folder: Path, encoding: str) -> None:
    sql = "SELECT '\u6771\u4eac \u0160\U0001f600' AS \"n\u00e4me\""
    program = """
import sys
from bookeo_pipelines.cli.app import main
for further in ([], ["--json"]):
    sys.argv = ["bookeo", "query", sys.argv[2] if len(sys.argv) > 2 else sys.argv[1], *further]
    try:
        main()
    except SystemExit as ended:
        assert not ended.code, ended.code
"""
    done = subprocess.run(
        [sys.executable, "-c", program, sql],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        cwd=folder,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    shown = done.stdout.decode(encoding)
    assert r"\u6771\u4eac" in shown
    assert ("näme" if encoding == "cp1252" else r"n\xe4me") in shown
