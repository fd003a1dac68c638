"""What a table is: the words in which all tables of this package are declared.

A `Table` has `Column`s, each with the path in the API's JSON that it is read from. An `Entity` is one kind of API
object and every table it feeds: its own, one for each of its lists, and those of objects embedded in it.

Paths are dotted. A star marks a field without which a record cannot be kept: only keys have one. Much that the API
documents as always there is not: what a customer books online has no `creationAgent` (source: real answers).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Personal = Literal["name", "contact", "address", "birth", "ip", "online_id", "free_text"]
"""The classes of personal data: what kind of thing is told about a natural person."""

ColumnType = Literal["text", "bool", "bigint", "timestamp", "date", "time", "decimal", "json"]
"""dlt's data types, less those that nothing here needs: there is no float."""

Origin = Literal[
    "field",
    "local_date",
    "local_time",
    "utc_offset",
    "source_part",
    "parent",
    "position",
    "constant",
    "account",
    "fetched_at",
    "extra",
    "deleted",
    "none",
]
"""Where a column's value comes from.

`field`: the path in the record. `local_date`, `local_time`: the same, without conversion to UTC. `utc_offset`: the
minutes by which the clock that shows the time there is ahead of UTC. `source_part`: what the text there, a booking's
source, says of the column's `part`. `parent`: the column of the same name in the
entity's own table. `position`: place in the list, from 0. `constant`: said by whoever asked for the page. `extra`: what
no column declares. `deleted`: false, and true in a tombstone. `none`: not from the API, null.
"""

DECIMAL_PRECISION = 19
DECIMAL_SCALE = 4
"""Money is DECIMAL(19,4): some currencies have three decimals."""

EXTRA_FIELD = "$extra"
"""Where the tolerant reader keeps a record's undeclared fields, as JSON text, on their way to an `extra` column."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A JSON text, number or flag.

    Args:
        type: What it becomes. `json` stands for any JSON at all, kept as its text.
        personal: Class of personal information, or None.
        is_source: Whether it is the text in which a booking says where it came from: only the ids in it are personal.
    """

    type: ColumnType
    personal: Personal | None = None
    is_source: bool = False


@dataclass(frozen=True, slots=True)
class Items:
    """A JSON list whose items are alike.

    Args:
        node: What each item is.
    """

    node: Node


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a JSON object.

    Args:
        node: What its value is.
        required: The record is rejected without it.
        key: Required, and not an empty text either.
        read: False for a field that is known but goes into no column.
        table: Name of the table that this list feeds.
        entity: The kind of object embedded here, which feeds tables of its own.
    """

    node: Node
    required: bool = False
    key: bool = False
    read: bool = True
    table: str | None = None
    entity: Entity | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A JSON object.

    Args:
        fields: Its declared fields by Bookeo's name.
        has_extra: Whether undeclared fields are kept for it.
    """

    fields: Mapping[str, Field]
    has_extra: bool = False


Node = Scalar | Items | Record


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Args:
        name: Snake case of Bookeo's name.
        type: dlt data type.
        path: Where it is in the record (see the module), or `a else b` for the first that is there; empty for an item
            that is itself the value, and for columns that are not read from a field.
        description: One sentence for the data dictionary, starting with a capital, ending with a full stop.
        personal: Class of personal information, or None; its `node` says it once more of each field that is.
        origin: Where the value comes from.
        node: For a `json` column, what the JSON looks like; None stands for anything.
        default: For a `constant` column, its value when the page names none.
        part: For a `source_part` column, which part: the name of a field of `transform.source_text.BookingSource`.
    """

    name: str
    type: ColumnType
    path: str
    description: str
    personal: Personal | None = None
    origin: Origin = "field"
    node: Node | None = None
    default: str | None = None
    part: str | None = None

    @property
    def is_read(self) -> bool:
        """Whether it is read from a field of the API's record."""
        return self.origin in ("field", "local_date", "local_time", "utc_offset", "source_part")

    @property
    def json_path(self) -> str:
        """The path without stars."""
        return self.path.replace("*", "")

    @property
    def alternatives(self) -> tuple[str, ...]:
        """The paths to try in turn, with stars."""
        return tuple(self.path.split(" else "))


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A table of the destination.

    Args:
        name: Its name.
        key: Columns that tell its rows apart, `account_id` first.
        description: One or two sentences for the data dictionary.
        columns: In the order of the destination.
        source: API operations that its rows come from.
        parent: Table that its rows are lists of.
        owner: Columns that own a set of rows which is replaced whole; empty where each row stands for itself.
        version: Column that tells which of two rows with the same key is newer, or None.
        disposition: dlt's write disposition.
    """

    name: str
    key: tuple[str, ...]
    description: str
    columns: tuple[Column, ...]
    source: str
    parent: str | None = None
    owner: tuple[str, ...] = ()
    version: str | None = None
    disposition: Literal["merge", "append"] = "merge"

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        if len(set(names)) != len(names):
            raise ValueError(f"{self.name} declares a column twice")
        missing = {*self.key, *self.owner, *([self.version] if self.version else [])} - set(names)
        if missing:
            raise ValueError(f"{self.name} lacks the columns {sorted(missing)}")

    def column(self, name: str) -> Column:
        """Finds a column.

        Args:
            name: The column's name.

        Returns:
            The column.

        Raises:
            KeyError: The table has no such column.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class ListTable:
    """A list inside an object, and the table that it becomes.

    Args:
        path: Where the list is, with stars.
        table: One row for each item.
    """

    path: str
    table: Table


@dataclass(frozen=True, slots=True)
class Embedded:
    """An object inside another that feeds tables of its own.

    Args:
        path: Where it is.
        entity: What it is.
        constants: Values of its `constant` columns when it comes this way.
    """

    path: str
    entity: Entity
    constants: Mapping[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class Entity:
    """One kind of API object and all tables that it feeds.

    Args:
        name: The vendor's name of the object.
        table: Where each object becomes a row.
        lists: Tables fed by its lists.
        embedded: Objects inside it that feed further tables.
        unread: Another entity whose fields may all occur here without being new, although no column takes them.
    """

    name: str
    table: Table
    lists: tuple[ListTable, ...] = ()
    embedded: tuple[Embedded, ...] = ()
    unread: Entity | None = None

    @property
    def versions(self) -> tuple[str, ...]:
        """Fields that tell which of several records with one key is the newest, one of which must be there."""
        column = self.table.column(self.table.version) if self.table.version else None
        return column.alternatives if column is not None and column.origin == "field" else ()

    @property
    def tables(self) -> tuple[Table, ...]:
        """Every table that it feeds, its own first."""
        own = (self.table, *(item.table for item in self.lists))
        return own + tuple(table for item in self.embedded for table in item.entity.tables)
