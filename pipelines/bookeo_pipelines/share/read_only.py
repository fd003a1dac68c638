"""DuckDB files opened so that SQL can read what is in them, and neither change anything nor reach anything else.

DuckDB runs SQL with all rights of its user: a file that is attached for reading only can still be overwritten by
`COPY ... TO` its path, and a view in it may read any other file. Three locks are needed: the file is opened for reading
only, access to everything else is off and cannot be switched on again, and a statement from outside must be one that
only reads.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bookeo.errors import SettingsError
from bookeo_pipelines.destinations.target import Target, database_errors
from bookeo_pipelines.runtime.quoting import identifier, literal
from bookeo_pipelines.warehouse.access import require_database

NO_EXTENSIONS = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    # Else a name that is no table's is looked up among the variables of the Python program.
    "python_enable_replacements": False,
}
"""How DuckDB is started; these cannot be set later."""
_READING_PIVOT = re.compile(r"\s*(PIVOT|PIVOT_WIDER|SELECT|FROM)\b", re.IGNORECASE)
_READING_PRAGMA = re.compile(
    r"\s*PRAGMA\s+(collations|database_list|database_size|functions|metadata_info|platform|show|show_tables"
    r"|show_tables_expanded|storage_info|table_info|user_agent|version)\b",
    re.IGNORECASE,
)
_EXPLAIN = re.compile(r"\s*EXPLAIN\s*(ANALYZE\b\s*)?(\([^()]*\)\s*)?", re.IGNORECASE)


class QueryRefused(SettingsError):
    """The database does not understand the question, or it is none.

    Args:
        message: One sentence.
        details: Lines that the database adds: the place in the SQL, and what may have been meant.
    """

    def __init__(self, message: str, details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.details = tuple(details)


def open_read_only(
    target: Target, *, folders: Sequence[Path] = (), any_files: bool = False, search: Sequence[str] = ()
) -> Any:
    """Open a DuckDB file for reading.

    DuckDB spills to `<file>.tmp`, on the disk of the data and with its protection.

    Args:
        target: The DuckDB file.
        folders: Folders that `COPY` may write to.
        any_files: Whether SQL may read other files (`read_csv` and the like).
        search: Schemas whose tables need not be named with their schema, as far as there are such.

    Returns:
        The connection, in which times are in UTC.

    Raises:
        SettingsError: There is no such file.
        DatabaseBusy: Another program is writing to it.
        DatabaseUnusable: It is not a DuckDB file.
    """
    import duckdb

    require_database(target)
    with database_errors(target):
        connection = duckdb.connect(str(target.database), read_only=True, config=dict(NO_EXTENSIONS))
    try:
        connection.execute("SET TimeZone = 'UTC'")
        _search_in(connection, search)
        seal(connection, folders=folders, any_files=any_files)
    except BaseException:
        connection.close()
        raise
    return connection


def _search_in(connection: Any, schemas: Sequence[str]) -> None:
    there = {name for (name,) in connection.execute("SELECT schema_name FROM duckdb_schemas()").fetchall()}
    found = ",".join(identifier(name) for name in schemas if name in there)
    if found:
        connection.execute(f"SET search_path = {literal(found)}")


def seal(connection: Any, *, folders: Sequence[Path] = (), any_files: bool = False) -> None:
    """Take from a connection all access to anything but the databases that are attached to it; for good.

    Args:
        connection: The connection.
        folders: Folders that it may read and write.
        any_files: Whether it may read and write any file.
    """
    if not any_files:
        allowed = ", ".join(literal(f"{folder.resolve()}/") for folder in folders)
        connection.execute(f"SET allowed_directories = [{allowed}]")
        connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def check_question(sql: str) -> None:
    """Make sure that SQL from outside is one statement that only reads.

    Args:
        sql: The SQL.

    Raises:
        QueryRefused: It is none, several, or one that may change something.
    """
    import duckdb

    try:
        statements = duckdb.extract_statements(sql)
    except duckdb.Error as error:
        raise QueryRefused(f"DuckDB refuses the question: {first_line(error)}", further_lines(error)) from None
    kinds = [_kind(statement) for statement in statements]
    if len(kinds) > 1 and not any(statement.query for statement in statements):
        # A PIVOT without a list of values: DuckDB itself makes a temporary type for it first.
        kinds = [kind for kind in kinds if kind != "CREATE"]
    if not kinds:
        raise QueryRefused("The question is empty; give one SQL statement, such as SELECT.")
    if len(kinds) > 1:
        raise QueryRefused(f"These are {len(kinds)} statements; ask one question at a time.")
    if kinds == ["EXPLAIN"]:
        # EXPLAIN ANALYZE carries out what it explains.
        check_question(_EXPLAIN.sub("", sql, count=1))
    elif kinds != ["SELECT"]:
        raise QueryRefused(
            f"bookeo query is read-only: it takes SELECT, DESCRIBE, SHOW, SUMMARIZE and EXPLAIN, not {kinds[0]}."
        )


def _kind(statement: Any) -> str:
    """Name what a statement is; what DuckDB 2 tells less about is SELECT where its text begins as one that reads."""
    reading = {"MULTI": _READING_PIVOT, "PRAGMA": _READING_PRAGMA}.get(statement.type.name)
    return "SELECT" if reading is not None and reading.match(statement.query) else str(statement.type.name)


def check_select(sql: str, dialect: str) -> None:
    """Make sure that SQL for another database than DuckDB is one SELECT.

    Args:
        sql: The SQL.
        dialect: dlt's name of the destination.

    Raises:
        QueryRefused: It is none, or not one.
    """
    import sqlglot
    from sqlglot import exp

    dialects = {"postgres": "postgres", "bigquery": "bigquery", "snowflake": "snowflake", "redshift": "redshift"}
    try:
        statements = [found for found in sqlglot.parse(sql, dialect=dialects.get(dialect, "duckdb")) if found]
    except sqlglot.errors.SqlglotError as error:
        raise QueryRefused(f"The question is not understood: {first_line(error)}") from None
    if not statements:
        raise QueryRefused("The question is empty; give one SQL statement, such as SELECT.")
    if len(statements) > 1:
        raise QueryRefused(f"These are {len(statements)} statements; ask one question at a time.")
    [statement] = statements
    # A SELECT can write, too: WITH x AS (DELETE ...), SELECT ... INTO.
    writing = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Into, exp.Lock, exp.Command)
    if not isinstance(statement, exp.Query) or any(statement.find(kind) for kind in writing):
        raise QueryRefused("bookeo query is read-only: it takes SELECT.")


def further_lines(error: BaseException) -> list[str]:
    """Return what an error of DuckDB says after its first line.

    Args:
        error: The error.

    Returns:
        The lines that hold something: hints, and the place in the SQL with a mark below it.
    """
    return [line for line in str(error).splitlines()[1:] if line.strip()]


def first_line(error: BaseException) -> str:
    """Return what an error of DuckDB says, without the excerpt of the SQL that follows.

    Args:
        error: The error.

    Returns:
        One line.
    """
    return next(iter(str(error).splitlines()), type(error).__name__)
