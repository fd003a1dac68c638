"""How names and texts are written into SQL: the one place, for what stands in a database was named by anybody.

DuckDB and PostgreSQL quote alike. Values of rows are never written into SQL; they are parameters.
"""

from __future__ import annotations


def identifier(*names: str) -> str:
    """Quote an identifier.

    Args:
        *names: The name of a column, or those of a database, schema and table, from the outermost on.

    Returns:
        SQL that names it, whatever the names hold.
    """
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def literal(text: object) -> str:
    """Quote a text that a statement takes no parameter for: a path, a comment, a setting.

    Args:
        text: The text, or a path.

    Returns:
        An SQL string literal.
    """
    return "'" + str(text).replace("'", "''") + "'"


def unmarked(sql: str) -> str:
    """Keep percent signs in quoted SQL from being read as marks of parameters (`%s`).

    Args:
        sql: A quoted identifier.

    Returns:
        The same for a statement with parameters.
    """
    return sql.replace("%", "%%")
