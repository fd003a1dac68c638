"""Where personal data is in a database, and what the setting `privacy` makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bookeo import BookeoSettings
from bookeo.schema.model import Personal
from bookeo.settings.privacy import HASH_PREFIX, Action, Privacy, read_actions
from bookeo_pipelines.destinations.target import Target
from bookeo_pipelines.warehouse.load_packages import working_folder
from bookeo_pipelines.warehouse.personal_columns import StoredColumn, StoredTable, stored_tables
from bookeo_pipelines.warehouse.reading import Reading, reading


@dataclass(frozen=True)
class PersonalColumn:
    """A column that may hold personal data.

    Args:
        schema: Its schema.
        table: Its table.
        column: Its name.
        kind: The class of personal data.
        action: What the setting makes of this class.
        rows: Rows that hold something in it.
        otherwise: Those of them that are not as the setting says, as they were loaded before it; None where records are
            kept whole, and one cannot tell.
    """

    schema: str
    table: str
    column: str
    kind: Personal
    action: Action
    rows: int
    otherwise: int | None


@dataclass(frozen=True)
class Inventory:
    """Where personal data is.

    Args:
        target: The database.
        columns: Its columns that may hold some.
        packages: Files of load packages in dlt's working folder.
        folder: That folder.
        archive: The setting `archive`.
    """

    target: Target
    columns: list[PersonalColumn]
    packages: int
    folder: Path
    archive: str | None


def inventory(target: Target, settings: BookeoSettings) -> Inventory:
    """Looks where personal data is. Nothing is written, and the API is not asked.

    Args:
        target: The database.
        settings: The settings; keys are not needed.

    Returns:
        What there is; copies of columns in other schemas of the database are found by their names.

    Raises:
        BookeoError: The database cannot be read.
    """
    privacy = Privacy(read_actions(settings.privacy))
    with reading(target) as source:
        tables = stored_tables(source.execute)
        staging = {table.schema for table in tables if table.is_staging}
        columns = [column for table in tables for column in _columns(source, table, privacy)]
    # What only prepares a merge is of interest as long as something is in it.
    columns = [column for column in columns if column.rows or column.schema not in staging]
    folder = working_folder(target)
    packages = sum(1 for path in folder.rglob("*") if path.is_file() and "jobs" in path.parent.name)
    return Inventory(target, columns, packages, folder, settings.archive)


def _columns(source: Reading, table: StoredTable, privacy: Privacy) -> Iterator[PersonalColumn]:
    personal = [(column, column.personal) for column in table.columns if column.personal]
    if not personal:
        return
    counts = ", ".join(count for column, _ in personal for count in _counts(column))
    [found] = source.execute(f"SELECT {counts} FROM {table.quoted}")
    for index, (column, kind) in enumerate(personal):
        assert kind
        held, hashed = int(found[2 * index]), int(found[2 * index + 1])
        action = privacy.action([kind])
        otherwise = {"keep": hashed, "hash": held - hashed, "drop": held}[action]
        whole = table.ours and table.name == "rejected_rows"
        yield PersonalColumn(table.schema, table.name, column.name, kind, action, held, None if whole else otherwise)


def _counts(column: StoredColumn) -> tuple[str, str]:
    """SQL for the rows that hold something, and for those of them that hold hashes."""
    text = f"CAST({column.quoted} AS VARCHAR)"
    return (
        f"count(CASE WHEN {text} <> '' THEN 1 END)",
        f"count(CASE WHEN position('{HASH_PREFIX}' IN {text}) > 0 THEN 1 END)",
    )
