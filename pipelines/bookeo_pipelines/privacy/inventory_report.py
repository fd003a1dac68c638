"""The inventory of personal data, for people and for programs."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from bookeo_pipelines.privacy.inventory import Inventory
from bookeo_pipelines.runtime.terminal import Terminal


def inventory_as_json(found: Inventory) -> dict[str, Any]:
    """Makes the inventory JSON-able.

    Args:
        found: The inventory.

    Returns:
        Counts and names only.
    """
    return {
        "database": found.target.description,
        "columns": [
            {
                "schema": column.schema,
                "table": column.table,
                "column": column.column,
                "class": column.kind,
                "privacy": column.action,
                "rows": column.rows,
                "rows_loaded_otherwise": column.otherwise,
            }
            for column in found.columns
        ],
        "working_folder": str(found.folder),
        "files_of_load_packages": found.packages,
        "archive": found.archive,
    }


def print_inventory(console: Terminal, found: Inventory) -> None:
    """Prints the inventory.

    Args:
        console: Where to print.
        found: The inventory.
    """
    table = Table(title=f"Personal data in {found.target.description}", title_justify="left")
    for name in ("table", "column", "class", "privacy"):
        table.add_column(name)
    for name in ("rows", "otherwise"):
        table.add_column(name, justify="right")
    for column in found.columns:
        shown = column.table if column.schema == found.target.dataset else f"{column.schema}.{column.table}"
        otherwise = f"{column.otherwise:,}" if column.otherwise else ""
        table.add_row(shown, column.column, column.kind, column.action, f"{column.rows:,}", otherwise)
    console.print(table)
    if any(column.otherwise for column in found.columns):
        console.print(
            "otherwise: rows loaded before the setting privacy was as it is; they are so once they are read again "
            "(bookeo reset).",
            soft_wrap=True,
        )
    console.print(f"Load packages in {found.folder}: {found.packages:,} file(s).", soft_wrap=True)
    if found.archive:
        console.print(f"Archive: {found.archive}", soft_wrap=True)
