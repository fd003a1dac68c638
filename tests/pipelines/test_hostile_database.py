"""A database whose tables and columns were named by somebody else: no name is ever run as SQL."""

from __future__ import annotations

import ast
import csv
import json
import re
from contextlib import closing
from pathlib import Path

import duckdb
import psycopg2
import pytest

from bookeo import BookeoSettings
from bookeo_pipelines.destinations.target import Target
from bookeo_pipelines.marts.snapshot import copy_marts
from bookeo_pipelines.privacy.inventory import inventory
from bookeo_pipelines.runtime.quoting import identifier, literal
from bookeo_pipelines.warehouse.load_packages import open_pipeline
from command_runs import Run
from hostile import FORMULAS, SQL, TEXTS
from postgres_server import PostgresDatabase
from stored import query

PACKAGE = Path(__file__).parents[2] / "pipelines" / "bookeo_pipelines"
NAMES = [
    *[name for name in SQL if name],
    *["%s", "%(x)s", "{bookings}", "{0}", "[/]", "a\nb", "\x1b[2J", "My Report 2026", "../../up", "*", "a%"],
    "x\" AS SELECT 1; COPY (SELECT 1) TO 'pwned_1'; --",
    "x AS SELECT 1; COPY (SELECT 1) TO 'pwned_2'; --",
    "x\"; COPY (SELECT 1) TO 'pwned_3'; SELECT \"",
]


@pytest.mark.parametrize("text", [text for text in TEXTS if "\x00" not in text], ids=ascii)
def test_quoted_names_and_texts_are_those(text: str) -> None:
    with duckdb.connect() as connection:
        answer = connection.execute(f"SELECT {literal(text)} AS {identifier(text)}")
        assert answer.description[0][0] == text
        assert answer.fetchall() == [(text,)]


@pytest.fixture
def customer(loaded: Path) -> str:
    [(customer,)] = query(loaded, "SELECT customer_id FROM bookeo_data.customers ORDER BY ALL LIMIT 1")
    return str(customer)


@pytest.fixture
def hostile(loaded: Path, customer: str) -> Path:
    """A database with tables of such names, in the schema of the marts and in schemas of such names."""
    with duckdb.connect(str(loaded)) as connection:
        [(account,)] = connection.execute("SELECT DISTINCT account_id FROM bookeo_data.customers").fetchall()
        connection.execute("CREATE SCHEMA bookeo_marts")
        connection.execute("CREATE TABLE bookeo_marts.mart_tours_by_day AS SELECT 1 AS n")
        for number, name in enumerate(NAMES):
            schema = "bookeo_marts" if number % 2 else name
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {identifier(schema)}")
            table = identifier(schema, name)
            columns = f"{identifier(name + '_email')} TEXT, {identifier(name)} TEXT, note JSON"
            connection.execute(f"CREATE TABLE {table} (account_id TEXT, customer_id TEXT, {columns})")
            row = [account, customer, "x@example.com", name]
            connection.execute(f"INSERT INTO {table} VALUES (?, ?, ?, ?, '{{}}')", row)
    return loaded


def test_no_name_runs_in_any_command(hostile: Path, customer: str, bookeo: Run, folder: Path) -> None:
    before = {path.name for path in folder.iterdir()}
    found = json.loads(bookeo("pii", "--json").out)["columns"]
    assert {one["table"] for one in found} >= set(NAMES)
    assert all(one["rows"] == 1 for one in found if one["table"] in NAMES)
    assert bookeo("pii").code == 0

    copied = copy_marts(hostile)
    held = {name for (name,) in copied.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    copied.close()
    assert held == {"mart_tours_by_day", *NAMES[1::2]}

    assert bookeo("export", "--format", "csv", "--output", "out/of").code == 0
    files = [*folder.rglob("*.csv")]
    assert {path.parent for path in files} == {folder / "out" / "of"}
    assert len(files) > len(held)
    assert "My Report 2026.csv" in {path.name for path in files}

    assert bookeo("publish", "--to", "copy.duckdb").code == 0
    assert bookeo("forget", "--customer", customer, "--yes").err == ""
    for number, name in enumerate(NAMES):
        table = identifier("bookeo_marts" if number % 2 else name, name)
        [(who, email)] = query(hostile, f"SELECT customer_id, {identifier(name + '_email')} FROM {table}")
        assert (who != customer, email) == (True, None), name
    made = {path.name for path in folder.iterdir()} - before
    assert made <= {"out", "copy.duckdb", ".bookeo.duckdb.lock", ".bookeo.duckdb.holder", "dlt"}
    assert not [*folder.rglob("pwned*")]


def test_tables_of_others_in_a_shared_postgres(postgres: PostgresDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", postgres.url)
    attack = 'x"(account_id text);create table bookeo_data.pwned as select user u--'
    names = [*(name for name in NAMES if len(name.encode()) < 50), attack[:63]]
    with closing(psycopg2.connect(postgres.url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA bookeo_data; CREATE SCHEMA r; CREATE TABLE bookeo_data._dlt_loads (x text)")
        cursor.execute("CREATE TABLE r.x (account_id text, email text)")
        for name in names:
            column = identifier(f"{name[:50]}_email")
            cursor.execute(f"CREATE TABLE {identifier('r', name)} (account_id text, customer_id text, {column} text)")
    found = inventory(Target("postgres"), BookeoSettings())
    assert {column.table for column in found.columns} >= set(names)
    with closing(psycopg2.connect(postgres.url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM information_schema.tables WHERE table_name = 'pwned'")
        assert cursor.fetchall() == [(0,)]


def test_functions_of_others_in_a_shared_postgres(postgres: PostgresDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """One for varchar fits a column of dlt's better than PostgreSQL's own for text, wherever it is looked for."""
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", postgres.url)
    with closing(psycopg2.connect(postgres.url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA bookeo_data; CREATE TABLE bookeo_data.t (x varchar)")
        cursor.execute("INSERT INTO bookeo_data.t VALUES ('A')")
        cursor.execute("CREATE FUNCTION public.lower(varchar) RETURNS text LANGUAGE sql AS 'SELECT ''theirs''::text'")
        cursor.execute("SET search_path = bookeo_data, public")
        cursor.execute("SELECT lower(x) FROM t")
        assert cursor.fetchall() == [("theirs",)]
    pipeline = open_pipeline("of_postgres", Target("postgres"))
    with pipeline.sql_client() as client:
        assert client.execute_sql("SELECT lower(x) FROM t") == [("a",)]


def test_a_view_in_somebody_elses_file_reaches_nothing_else(loaded: Path, bookeo: Run, folder: Path) -> None:
    secret = folder / "secret.txt"
    secret.write_text("what nobody else may read")
    with duckdb.connect(str(loaded)) as connection:
        connection.execute("CREATE SCHEMA bookeo_marts")
        connection.execute(f"CREATE VIEW bookeo_marts.peek AS SELECT * FROM read_text({literal(secret)})")
    outcome = bookeo("export", "--format", "csv", "--tables", "peek")
    assert (outcome.code, "Permission Error" in outcome.err) == (1, True)
    assert bookeo("query", "SELECT * FROM bookeo_marts.peek").code == 1
    others = [path for path in folder.rglob("*") if path.is_file() and path != secret]
    assert not [path for path in others if b"nobody else" in path.read_bytes()]


LOSING = [
    "0491570006",
    "0049 30 901820",
    "007",
    "00.5",
    "1234567890123456",
    "1-2",
    "3/4/26",
    "10:30",
    "12E5",
    "1.50",
    "7%",
]
"""What a spreadsheet takes for numbers, days and times, so that zeros, digits or the text itself are lost."""
AS_THEY_ARE = ["a=b", "0", "7", "123456789012345", "41551N8F7E9", "1A", "0x1F", "4 adults", "10-year-olds", ""]


def test_texts_stay_what_they_are_in_a_spreadsheet(loaded: Path, bookeo: Run, folder: Path) -> None:
    texts = [*FORMULAS, *LOSING, *AS_THEY_ARE]
    with duckdb.connect(str(loaded)) as connection:
        connection.execute("CREATE SCHEMA bookeo_marts")
        connection.execute('CREATE TABLE bookeo_marts.typed ("=1+1" TEXT, note JSON, amount DECIMAL(9, 2))')
        connection.executemany("INSERT INTO bookeo_marts.typed VALUES (?, '-1', -1.50)", [[text] for text in texts])

    def exported(*options: str) -> list[list[str]]:
        assert bookeo("export", "--format", "csv", "--tables", "typed", *options).code == 0
        with (folder / "export" / "typed.csv").open(encoding="utf-8-sig", newline="") as lines:
            return [*csv.reader(lines)]

    rows = exported("--for", "excel")
    assert rows[0] == ["'=1+1", "note", "amount"]
    assert [row[0] for row in rows[1:]] == [f"'{text}" for text in (*FORMULAS, *LOSING)] + AS_THEY_ARE
    # A figure is no text; Excel takes it for a number.
    assert {tuple(row[1:]) for row in rows[1:]} == {("'-1", "-1.50")}
    assert [row[0] for row in exported()[1:]] == texts
    refused = bookeo("export", "--for", "excel")
    assert (refused.code, refused.err) == (1, "Error: --for excel is about CSV; give --format csv, too.\n")


def test_names_and_texts_are_quoted_in_one_place() -> None:
    around = []
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.name == "quoting.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            doubles = isinstance(node, ast.Call) and ast.unparse(node).endswith(
                (""".replace("'", "''")""", """.replace('"', '""')""")
            )
            if doubles or (isinstance(node, ast.JoinedStr) and quotes_by_hand(node)):
                around.append(f"{path.relative_to(PACKAGE)}:{node.lineno}")
    assert around == []


def quotes_by_hand(node: ast.JoinedStr) -> bool:
    """Whether a value stands between quotation marks of SQL: of names, or of texts in a statement."""
    text = "".join(part.value if isinstance(part, ast.Constant) else "\0" for part in node.values)  # type: ignore[misc]
    other = re.search(
        r'</?[a-z]|="\0|customer_id|pseudonym|bookeo query', text + ast.unparse(node)
    )  # of HTML, JSON or a shell
    statement = re.search(r"\b(SELECT|FROM|CREATE|COPY|ATTACH|COMMENT|SET|INSERT|DROP)\b", text)
    return bool((re.search(r'"\0"', text) and not other) or (re.search(r"'\0'", text) and statement))


def test_the_rule_finds_what_it_is_for() -> None:
    for code, by_hand in {
        "f'\"{name}\"'": True,
        "f'CREATE TABLE \"{table}\" AS FROM x'": True,
        "f\"ATTACH '{place}' AS x\"": True,
        "f'<g class=\"{kind}\">'": False,
        "f\"It is '{name}'.\"": False,
    }.items():
        [node] = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.JoinedStr)]
        assert quotes_by_hand(node) is by_hand, code
