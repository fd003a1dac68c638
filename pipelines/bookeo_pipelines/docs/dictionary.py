"""The data dictionary: every table and column in words, made from the declarations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bookeo.errors import FatalError
from bookeo.schema import ENTITIES, TABLES, Column, Table
from bookeo_pipelines.docs.diagram import diagram, references
from bookeo_pipelines.runtime.atomic_file import refuse_foreign_link

DICTIONARY = "tables.md"
DIAGRAM = "tables.svg"

TYPES = {
    "text": "text",
    "bool": "boolean",
    "bigint": "bigint",
    "timestamp": "timestamp, UTC",
    "date": "date",
    "time": "time",
    "decimal": "decimal(19,4)",
    "json": "json",
}
"""What the types are called for people."""

HEAD = f"""# Tables

Every table and column that a load writes. The same descriptions are in the database, as comments of the tables and
columns. `bookeo docs` makes this page and the diagram from the declarations in the code. Tables of figures:
[marts](marts.md).

- **API field**: where the value is in Bookeo's answer. `[]` stands for each item of a list, "else" for what is taken
  if the first is missing. A dash: it is not read from a field.
- **personal**: the class of personal data, as the setting `privacy` calls it. A dash: none.
- Columns of the key are **bold**. `→` names the table in which an id is looked up, together with `account_id`.

![Tables and how they belong together]({DIAGRAM})
"""


def write_documents(folder: Path) -> list[Path]:
    """Writes the dictionary and the diagram.

    Args:
        folder: Where to; made if it is not there.

    Returns:
        The files.

    Raises:
        FatalError: They cannot be written.
    """
    made = {DICTIONARY: dictionary(), DIAGRAM: diagram()}
    try:
        refuse_foreign_link(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in made.items():
            refuse_foreign_link(folder / name)
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise FatalError(f"The documents cannot be written into {folder}: {error.strerror}.") from None
    return [folder / name for name in made]


def dictionary() -> str:
    """Describes all tables.

    Returns:
        Markdown.
    """
    return "\n".join([HEAD, *(_section(table) for table in TABLES.values())])


def _section(table: Table) -> str:
    lines = [f"## `{table.name}`", "", f"{table.description} From: {table.source}.", ""]
    lines += ["| column | type | meaning | API field | personal |", "| --- | --- | --- | --- | --- |"]
    return "\n".join([*lines, *_rows(table), ""])


def _rows(table: Table) -> Iterator[str]:
    pointed = references(table)
    for column in table.columns:
        name = f"**`{column.name}`**" if column.name in table.key else f"`{column.name}`"
        meaning = column.description
        if column.name in pointed:
            meaning += f" → [`{pointed[column.name]}`](#{pointed[column.name]})"
        cells = (name, TYPES[column.type], meaning, api_field(table, column), column.personal or "–")
        yield "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def api_field(table: Table, column: Column) -> str:
    """Says where in the API's answer a column is read from.

    Args:
        table: The table.
        column: One of its columns.

    Returns:
        Paths as Markdown, or a dash.
    """
    if column.origin == "parent" and table.parent is not None:
        return api_field(TABLES[table.parent], TABLES[table.parent].column(column.name))
    if not column.is_read:
        return "–"
    place = _PLACES.get(table.name, "")
    paths = (".".join(filter(None, (place, path))) for path in column.json_path.split(" else "))
    return " else ".join(f"`{path}`" for path in paths)


_PLACES = {item.table.name: item.path.replace("*", "") + "[]" for entity in ENTITIES.values() for item in entity.lists}
"""Where, within the object that it is in, the list is that each table is made of."""
