"""Takes one person out of every table of a database; figures, times and ids of bookings stay."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from bookeo.forgotten import NOT_LINKED, UNKNOWN_PERSON
from bookeo.privacy import DROP_ALL
from bookeo.privacy_json import private_text, table_nodes
from bookeo.tables import CUSTOMER
from bookeo_pipelines.forget_person import Person
from bookeo_pipelines.forget_where import Where, Whereabouts, spelt
from bookeo_pipelines.personal import Execute, StoredColumn, StoredTable

ROWS_THAT_GO = frozenset(item.table.name for item in CUSTOMER.lists)
"""Tables that hold nothing but what is known of customers."""
COLUMNS_THAT_STAY = {
    CUSTOMER.table.name: {"account_id", "customer_id", "creation_time", "source", "fetched_at"}
    | {"credit_amount", "credit_currency"},
    "booking_people": {"account_id", "booking_number", "position", "person_id", "people_category_id", "category_index"}
    | {"updated_at", "_deleted"},
}
"""Of these tables' rows all else goes, personal or not: it is about nobody but the person."""
REJECTED, CHECKS = "rejected_rows", "child_checks"


class Tables:
    """The tables of a database, and one person in them.

    Args:
        execute: Asks the database and writes to it.
        tables: Its tables. On a server, which others use, too, only those count that have an account's id.
        dataset: The dataset that is loaded.
        person: Who is to be forgotten.
        shared: Whether others use the database, too.
    """

    def __init__(
        self, execute: Execute, tables: Sequence[StoredTable], dataset: str, person: Person, *, shared: bool = False
    ) -> None:
        self._execute = execute
        self._person = person
        self._dataset = dataset
        tables = [table for table in tables if not shared or table.has("account_id")]
        self._all = [table for table in tables if not table.is_staging]
        self._staging = [table for table in tables if table.is_staging]
        bookings = next((t for t in self._all if t.schema == dataset and t.name == "bookings" and t.ours), None)
        self._where = Whereabouts(person, bookings)
        self.written: dict[str, None] = {}
        """Tables that were changed, as SQL names them."""

    def count(self) -> Counter[str]:
        """Counts the rows that are about the person.

        Returns:
            Rows by the table's name, with its schema where that is not the dataset's.
        """
        return Counter({self._shown(table): rows for table in self._all if (rows := self._rows_of(table))})

    def forget(self) -> None:
        """Takes the person out. Called again after an interruption, it does what is left."""
        for table in self._all:
            if table.ours and table.name == REJECTED:
                self._forget_rejected(table)
            elif table.ours and table.name == CHECKS:
                self._delete(table, self._where.checks(table))
            else:
                self._forget_rows(table)
        # Once all rows about the person are found, for those are found by the id.
        for table in self._all:
            if not (table.ours and table.name in (REJECTED, CHECKS)):
                self._forget_mentions(table)
        for table in self._staging:
            self._delete(table, Where("TRUE"))

    def left(self) -> Counter[str]:
        """Counts what still names the person: rows about others with the same name, e-mail address or phone number.

        Returns:
            Rows by table and column.
        """
        found: Counter[str] = Counter()
        for table in self._all:
            for column, rows in self._naming(table):
                found[f"{self._shown(table)}.{column.name}"] += rows
        return found

    def _shown(self, table: StoredTable) -> str:
        return table.name if table.schema == self._dataset else f"{table.schema}.{table.name}"

    def _rows_of(self, table: StoredTable) -> int:
        if table.ours and table.name == REJECTED:
            return sum(1 for _ in self._rejected(table))
        where = self._where.checks(table) if table.ours and table.name == CHECKS else self._where.rows(table)
        if where is None:
            return 0
        [(number,)] = self._execute(f"SELECT count(*) FROM {table.quoted} WHERE {where.sql}", *where.values)
        return int(number)

    def _delete(self, table: StoredTable, where: Where) -> None:
        self._write(table, f"DELETE FROM {table.quoted} WHERE {where.sql}", where.values)

    def _update(self, table: StoredTable, sets: Sequence[Where], where: Where) -> None:
        changes = ", ".join(one.sql for one in sets)
        values = tuple(value for one in (*sets, where) for value in one.values)
        self._write(table, f"UPDATE {table.quoted} SET {changes} WHERE {where.sql}", values)

    def _write(self, table: StoredTable, statement: str, values: Sequence[Any]) -> None:
        self.written[table.quoted] = None
        self._execute(statement, *values)

    def _forget_rows(self, table: StoredTable) -> None:
        about = self._where.rows(table)
        if about is None or not self._rows_of(table):
            return
        if table.ours and table.name in ROWS_THAT_GO:
            self._delete(table, about)
            return
        for column in table.columns:
            if column.is_text and not table.ours and column.name != "customer_id":
                self._empty(table, column, about)
        changes = [change for column in table.columns if (change := self._change(table, column)) is not None]
        if changes:
            self._update(table, changes, about)

    def _empty(self, table: StoredTable, column: StoredColumn, among: Where) -> None:
        """Takes out the texts of a column that name the person."""
        if (texts := self._where.texts_in(column)) is not None:
            self._update(table, [Where(f"{column.quoted} = {_nothing(column)}")], among & texts)

    def _change(self, table: StoredTable, column: StoredColumn) -> Where | None:
        """What becomes of a column in the rows about the person; None if it stays."""
        name, person = column.quoted, self._person
        staying = COLUMNS_THAT_STAY.get(table.name) if table.ours else None
        if column.name == "customer_id" and (staying is None or column.name in staying):
            sql = f"{name} = CASE WHEN {name} = %s THEN %s ELSE {name} END"
            return Where(sql, (person.customer_id, person.pseudonym))
        if table.ours and column.name == "person_id":
            marks = ", ".join(["%s"] * len(NOT_LINKED))
            sql = f"{name} = CASE WHEN {name} IN ({marks}) THEN {name} ELSE %s END"
            return Where(sql, (*sorted(NOT_LINKED), UNKNOWN_PERSON))
        if table.ours and (table.name, column.name) == ("payments", "description"):
            # It says nothing but which booking it is for, and comes again with every reading of the feed.
            return Where(f"{name} = CASE WHEN {name} = 'Booking ' || booking_number THEN {name} END")
        if column.name in staying if staying is not None else column.personal is None:
            return None
        return Where(f"{name} = {_nothing(column)}")

    def _forget_mentions(self, table: StoredTable) -> None:
        """Takes out texts that name the person in rows about others, and the id wherever it stands."""
        for column, _ in self._naming(table):
            account = self._where.account(table)
            if column.personal == "free_text":
                self._empty(table, column, account)
            if (there := self._where.id_in(column)) is not None:
                renamed = f"{column.quoted} = CAST(replace({spelt(column)}, %s, %s) AS {column.type})"
                values = (self._person.customer_id, self._person.pseudonym)
                self._update(table, [Where(renamed, values)], account & there)

    def _naming(self, table: StoredTable) -> list[tuple[StoredColumn, int]]:
        """The columns that name the person, and in how many rows."""
        columns = [column for column in table.columns if column.is_text]
        if not columns:
            return []
        named = [self._where.named(table, column) for column in columns]
        sums = ", ".join(f"count(CASE WHEN {one.sql} THEN 1 END)" for one in named)
        values = (value for one in named for value in one.values)
        [counts] = self._execute(f"SELECT {sums} FROM {table.quoted}", *values)
        return [(column, int(count)) for column, count in zip(columns, counts, strict=True) if count]

    def _rejected(self, table: StoredTable) -> Iterator[tuple[str, str, str, int, str | None]]:
        rows = self._execute(
            "SELECT table_name, raw_id, CAST(fetched_at AS VARCHAR), position, CAST(raw AS VARCHAR) "
            f"FROM {table.quoted} WHERE account_id = %s",
            self._person.account_id,
        )
        for name, raw_id, fetched_at, position, raw in rows:
            if self._person.forgotten.concerns(raw_id) or (raw and self._tells_of(raw)):
                yield name, raw_id, fetched_at, position, raw

    def _tells_of(self, raw: str) -> bool:
        person = self._person
        return person.named_in(raw) or any(person.forgotten.concerns(text) for text in _texts_of(json.loads(raw)))

    def _forget_rejected(self, table: StoredTable) -> None:
        person, kind = self._person, table.column("raw").type
        for name, raw_id, fetched_at, position, raw in [*self._rejected(table)]:
            left = private_text(table_nodes()[name], raw, DROP_ALL) if raw else None
            left = left.replace(f'"{person.customer_id}"', f'"{person.pseudonym}"') if left else None
            treated = None if left and person.named_in(left) else left
            this = "table_name = %s AND raw_id = %s AND position = %s AND CAST(fetched_at AS VARCHAR) = %s"
            self._update(
                table,
                [
                    Where(f"raw = CAST(%s AS {kind})", (treated,)),
                    Where("raw_id = %s", (person.forgotten.known(raw_id) or raw_id,)),
                ],
                self._where.account(table) & Where(this, (name, raw_id, position, fetched_at)),
            )


def _nothing(column: StoredColumn) -> str:
    # What the API must send is never null, as where it comes again from an answer without it.
    required = column.declared is not None and column.declared.path.endswith("*")
    return "''" if column.is_text and (required or not column.nullable) else "NULL"


def _texts_of(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts_of(item)
