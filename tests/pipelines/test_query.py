"""Questions read the database, and nothing else; answers are exact, in any encoding."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from bookeo_pipelines.destinations.target import Target
from bookeo_pipelines.runtime.json_text import json_text
from bookeo_pipelines.runtime.terminal import Terminal
from bookeo_pipelines.share.answer import print_rows
from bookeo_pipelines.share.query import ask
from bookeo_pipelines.share.read_only import QueryRefused, check_select, open_read_only
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


def test_tables_need_no_schema(database: Path) -> None:
    with duckdb.connect(str(database)) as connection:
        connection.execute("CREATE SCHEMA bookeo_marts")
        connection.execute("CREATE TABLE bookeo_marts.m AS SELECT 1 AS one")
    assert ask(database, "SELECT count(*) AS n FROM t, m")["n"].tolist() == [10]
    other = Target(database=database, dataset="bookeo_marts")
    assert ask(None, "SELECT one FROM m", target=other)["one"].tolist() == [1]


def test_what_duckdb_proposes_is_shown(database: Path, bookeo: Run) -> None:
    outcome = bookeo("query", "SELECT * FROM bookeo_data.tt")
    assert outcome.code == 1
    assert "DuckDB refuses the question: Catalog Error: Table with name tt does not exist!" in outcome.err
    assert "Did you mean" in outcome.err
    assert "LINE 1: SELECT * FROM bookeo_data.tt" in outcome.err


def test_csv_has_all_rows_and_all_digits(database: Path, bookeo: Run) -> None:
    sql = """SELECT range AS i, CASE range WHEN 0 THEN '' WHEN 1 THEN NULL ELSE 'a,"b' END AS s,
        1.1::DECIMAL(19,4) AS m,
        TIMESTAMPTZ '2026-01-01 00:00:00Z' AS t FROM range(150)"""
    lines = bookeo("query", sql, "--csv").out.splitlines()
    assert len(lines) == 151
    assert lines[:4] == [
        "i,s,m,t",
        '0,"",1.1000,2026-01-01T00:00:00Z',
        "1,,1.1000,2026-01-01T00:00:00Z",
        '2,"a,""b",1.1000,2026-01-01T00:00:00Z',
    ]
    assert "Give --csv or --json, not both." in bookeo("query", "SELECT 1", "--csv", "--json").err


def test_a_pipe_gets_all_rows_and_all_columns(database: Path, bookeo: Run) -> None:
    columns = ", ".join(f"repeat('x', 30) AS column_{number}" for number in range(12))
    out = bookeo("query", f"SELECT range AS i, {columns} FROM range(150)").out
    assert out.count("x" * 30) == 150 * 12
    assert "column_11" in out
    assert "more" not in out


def terminal(width: int) -> Terminal:
    return Terminal(file=io.StringIO(), force_terminal=True, width=width, color_system=None)


def test_a_terminal_gets_the_columns_that_fit_and_the_names_of_the_rest(database: Path) -> None:
    rows = ask(database, "SELECT range AS i, repeat('x', 30) AS a, repeat('y', 30) AS b FROM range(150)")
    console = terminal(60)
    print_rows(console, rows)
    out = console.file.getvalue()
    assert "x" * 30 in out
    assert "y" not in out.partition("... and")[0]
    assert "... and 1 more columns: b. --vertical shows all." in out
    assert "... and 50 more rows; --csv and --json give all." in out
    console = terminal(60)
    print_rows(console, rows.head(2), vertical=True)
    assert console.file.getvalue().splitlines()[:4] == ["Row 1", "i  0", f"a  {'x' * 30}", f"b  {'y' * 30}"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [("74912.3400", "74912.34"), ("100.0000", "100.00"), ("0.1250", "0.125"), ("1E+3", "1E+3"), ("-5.5", "-5.5")],
)
def test_money_is_shown_without_padding(value: str, shown: str) -> None:
    console = terminal(60)
    print_rows(console, pd.DataFrame({"m": [Decimal(value)]}, dtype=object), vertical=True)
    assert console.file.getvalue().splitlines()[1] == f"m  {shown}"


def test_a_question_from_a_file_or_from_standard_input(
    database: Path, folder: Path, bookeo: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "question.sql").write_text("SELECT 41 + 1 AS answer")
    assert json.loads(bookeo("query", "--file", "question.sql", "--json").out) == [{"answer": 42}]
    assert "cannot be read: No such file" in bookeo("query", "-f", "none.sql").err
    for arguments in ((), ("-",)):
        monkeypatch.setattr("sys.stdin", io.StringIO("SELECT 42 AS answer;"))
        assert json.loads(bookeo("query", *arguments, "--json").out) == [{"answer": 42}]


def test_tables_are_listed(database: Path, bookeo: Run) -> None:
    assert json.loads(bookeo("tables", "--json").out) == [{"schema": "bookeo_data", "table": "t", "columns": 2}]


def test_a_shell_answers_each_question_and_goes_on_after_an_error(
    database: Path, bookeo: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = "SELECT 40\n + 2 AS answer;\nSELECT nothing;\n.tables\nSELECT count(*) AS n FROM t"
    monkeypatch.setattr("sys.stdin", io.StringIO(asked))
    outcome = bookeo("shell")
    assert outcome.code == 0
    assert all(word in outcome.out for word in ("answer", "42", "bookeo_data", " 10 "))
    assert "Error: DuckDB refuses the question" in outcome.err


SELECTS = ["SELECT 1", "WITH a AS (SELECT 1) SELECT * FROM a", "SELECT 1 UNION ALL SELECT 2", "SELECT 1;"]
NO_SELECTS = [
    "",
    "SELECT 1; SELECT 2",
    "SELECT 1; SET default_transaction_read_only = off",
    "COMMIT",
    "DELETE FROM t",
    "WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a",
    "SELECT * INTO u FROM t",
    "SELECT * FROM t FOR UPDATE",
    "COPY t TO PROGRAM 'cat'",
    "DO $$ BEGIN END $$",
    "CALL p()",
    "SELECT (",
]


@pytest.mark.parametrize("sql", SELECTS)
def test_other_databases_take_a_select(sql: str) -> None:
    check_select(sql, "postgres")


@pytest.mark.parametrize("sql", NO_SELECTS)
def test_other_databases_take_nothing_else(sql: str) -> None:
    with pytest.raises(QueryRefused):
        check_select(sql, "postgres")
