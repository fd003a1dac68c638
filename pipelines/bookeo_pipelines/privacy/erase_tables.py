"""Remove people from every table of a database; figures, times and ids of bookings stay."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from bookeo.privacy.erasure import NOT_LINKED, UNKNOWN_PERSON
from bookeo.privacy.records import private_text, table_nodes
from bookeo.schema import CUSTOMER
from bookeo.settings.privacy import DROP_ALL
from bookeo_pipelines.privacy.conditions import (
    Where,
    Whereabouts,
    any_of,
    candidates,
    is_about_nobody,
    same_full_name,
    spelt,
)
from bookeo_pipelines.privacy.subject import People, Person, texts_of
from bookeo_pipelines.warehouse.personal_columns import Execute, StoredColumn, StoredTable

ROWS_THAT_GO = frozenset(item.table.name for item in CUSTOMER.lists)
"""Tables that hold nothing but what is known of customers."""
COLUMNS_THAT_STAY = {
    CUSTOMER.table.name: {"account_id", "customer_id", "creation_time", "source", "fetched_at"}
    | {"credit_amount", "credit_currency"},
    "booking_people": {"account_id", "booking_number", "position", "person_id", "people_category_id", "category_index"}
    | {"updated_at", "_deleted"},
}
"""Of these tables' rows all else goes, personal or not: it is about nobody but the person."""
REJECTED, CHECKS, PARTICIPANTS = "rejected_rows", "child_checks", "booking_people"
TRUE = Where("TRUE")


class Tables:
    """The tables of a database, and some people in them.

    Args:
        execute: Asks the database and writes to it.
        tables: Its tables. On a server, which others use, too, only those count that have an account's id.
        dataset: The dataset that is loaded.
        people: Who is to be forgotten.
        shared: Whether others use the database, too.
    """

    def __init__(
        self, execute: Execute, tables: Sequence[StoredTable], dataset: str, people: People, *, shared: bool = False
    ) -> None:
        self._execute = execute
        self._people = people
        self._dataset = dataset
        tables = [table for table in tables if not shared or table.has("account_id")]
        self._all = [table for table in tables if not table.is_staging]
        self._staging = [table for table in tables if table.is_staging]
        bookings = next((t for t in self._all if t.schema == dataset and t.name == "bookings" and t.ours), None)
        self._where = {person: Whereabouts(person, bookings) for person in people.each}
        self._names_someone = lru_cache(10_000)(people.named_in)

    @property
    def all_quoted(self) -> list[str]:
        """All these tables, as SQL names them."""
        return [table.quoted for table in (*self._all, *self._staging)]

    def count(self) -> Counter[str]:
        """Count the rows that are about the people.

        Returns:
            Rows by the table's name, with its schema where that is not the dataset's.
        """
        return Counter({self.name(table): rows for table in self._all if (rows := self._rows_of(table))})

    def forget(self) -> None:
        """Remove the people. Called again after an interruption, it does what is left."""
        for table in self._all:
            if table.ours and table.name == REJECTED:
                self._forget_rejected(table)
            else:
                for person in self._where:
                    self._forget_rows(table, person)
        # Once all rows about the people are found, for those are found by their ids.
        for table in self._all:
            if not (table.ours and table.name in (REJECTED, CHECKS)):
                self._forget_mentions(table)
        for table in self._staging:
            self._delete(table, Where("TRUE"))

    def left(self) -> Counter[str]:
        """Count what still names the people: rows about others with the same name, address or number.

        Returns:
            Rows by table and column; participants who share first and last name, but nothing else, are others, too.
        """
        found: Counter[str] = Counter()
        for table in self._all:
            for column, texts in self._mentions(table, TRUE):
                found[f"{self.name(table)}.{column.name}"] += sum(texts.values())
            if table.ours and table.name == PARTICIPANTS:
                namesakes = any_of([where for person in self._where for where in same_full_name(person)])
                found[f"{self.name(table)}, first and last name"] += self._count(table, namesakes)
        return +found

    def rows(self, table: StoredTable) -> Iterator[dict[str, Any]]:
        """Read the rows about the people.

        Args:
            table: One of `tables`.

        Yields:
            Values by the names of the columns.
        """
        if table.ours and table.name == REJECTED:
            yield from (
                {"table_name": name, "raw_id": raw_id, "fetched_at": at, "raw": raw}
                for name, raw_id, at, _, raw in self._rejected(table)
            )
            return
        names = [column.name for column in table.columns]
        for where in self._about(table):
            columns = ", ".join(column.quoted for column in table.columns)
            for row in self._execute(f"SELECT {columns} FROM {table.quoted} WHERE {where.sql}", *where.values):
                yield dict(zip(names, row, strict=True))

    def mentions(self, table: StoredTable) -> dict[str, list[str]]:
        """Read the free texts that name the people, of whomever the rows are.

        Args:
            table: One of `tables`.

        Returns:
            Distinct texts by column.
        """
        return {
            column.name: sorted(texts)
            for column, texts in self._mentions(table, TRUE)
            if column.personal == "free_text"
        }

    @property
    def tables(self) -> Sequence[StoredTable]:
        """All tables in which somebody may be; those in which merges are prepared are left out."""
        return self._all

    def name(self, table: StoredTable) -> str:
        """Return a table's name, with its schema where that is not the dataset's."""
        return table.name if table.schema == self._dataset else f"{table.schema}.{table.name}"

    def _about(self, table: StoredTable) -> list[Where]:
        checks = table.ours and table.name == CHECKS
        found = (where.checks(table) if checks else where.rows(table) for where in self._where.values())
        return [where for where in found if where is not None]

    def _rows_of(self, table: StoredTable) -> int:
        if table.ours and table.name == REJECTED:
            return sum(1 for _ in self._rejected(table))
        return sum(self._count(table, where) for where in self._about(table))

    def _count(self, table: StoredTable, where: Where) -> int:
        [(number,)] = self._execute(f"SELECT count(*) FROM {table.quoted} WHERE {where.sql}", *where.values)
        return int(number)

    def _account(self, table: StoredTable) -> Where:
        return Where("account_id = %s", (self._people.account_id,)) if table.has("account_id") else TRUE

    def _delete(self, table: StoredTable, where: Where) -> None:
        self._execute(f"DELETE FROM {table.quoted} WHERE {where.sql}", *where.values)

    def _update(self, table: StoredTable, sets: Sequence[Where], where: Where) -> None:
        changes = ", ".join(one.sql for one in sets)
        values = tuple(value for one in (*sets, where) for value in one.values)
        self._execute(f"UPDATE {table.quoted} SET {changes} WHERE {where.sql}", *values)

    def _forget_rows(self, table: StoredTable, person: Person) -> None:
        checks = table.ours and table.name == CHECKS
        about = self._where[person].checks(table) if checks else self._where[person].rows(table)
        if about is None or not self._count(table, about):
            return
        if checks or (table.ours and table.name in ROWS_THAT_GO):
            self._delete(table, about)
            return
        if not table.ours:
            for column, texts in [*self._mentions(table, about)]:
                if column.name != "customer_id":
                    self._empty(table, column, texts, about)
        changes = [change for column in table.columns if (change := self._change(table, column, person)) is not None]
        if changes:
            self._update(table, changes, about)

    def _empty(self, table: StoredTable, column: StoredColumn, texts: Iterable[str], among: Where) -> None:
        """Remove texts of a column, where they stand in some rows."""
        for text in texts:
            here = among & Where(f"{spelt(column)} = %s", (text,))
            self._update(table, [Where(f"{column.quoted} = {_nothing(column)}")], here)

    def _change(self, table: StoredTable, column: StoredColumn, person: Person) -> Where | None:
        """Return what becomes of a column in the rows about a person; None if it stays."""
        name = column.quoted
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
        if table.ours and (table.name, column.name) == ("bookings", "source"):
            # As a version of before left it, with click ids; one that was parsed has them in a column of their own.
            parsed = " OR source_name IS NOT NULL" if table.has("source_name") else ""
            return Where(f"{name} = CASE WHEN position('=' IN {name}) = 0{parsed} THEN {name} END")
        if column.name in staying if staying is not None else column.personal is None:
            return None
        return Where(f"{name} = {_nothing(column)}")

    def _forget_mentions(self, table: StoredTable) -> None:
        """Remove texts that name the people from rows about others, and the ids wherever they stand."""
        account = self._account(table)
        for column, texts in [*self._mentions(table, TRUE)]:
            if column.personal == "free_text":
                self._empty(table, column, texts, account)
                continue
            for person in self._people.each:
                for text in filter(person.id_stands_in, texts):
                    renamed = f"{column.quoted} = CAST(replace({spelt(column)}, %s, %s) AS {column.type})"
                    values = (person.customer_id, person.pseudonym)
                    here = account & Where(f"{spelt(column)} = %s", (text,))
                    self._update(table, [Where(renamed, values)], here)

    def _mentions(self, table: StoredTable, among: Where) -> Iterator[tuple[StoredColumn, dict[str, int]]]:
        """Find the texts that name one of the people: by column, in how many rows each stands."""
        for column in table.columns:
            if not column.is_text or is_about_nobody(column):
                continue
            where = self._account(table) & among & candidates(column, self._people)
            sql = f"SELECT {spelt(column)}, count(*) FROM {table.quoted} WHERE {where.sql} GROUP BY 1"
            texts = {text: int(rows) for text, rows in self._execute(sql, *where.values) if self._names(column, text)}
            if texts:
                yield column, texts

    def _names(self, column: StoredColumn, text: str | None) -> bool:
        if not text:
            return False
        if column.type.lower().startswith("json"):
            return texts_of(json.loads(text), self._names_someone)
        return self._names_someone(text)

    def _rejected(self, table: StoredTable) -> Iterator[tuple[str, str, str, int, str | None]]:
        rows = self._execute(
            "SELECT table_name, raw_id, CAST(fetched_at AS VARCHAR), position, CAST(raw AS VARCHAR) "
            f"FROM {table.quoted} WHERE account_id = %s",
            self._people.account_id,
        )
        for name, raw_id, fetched_at, position, raw in rows:
            if self._concerns(raw_id) or (raw and texts_of(json.loads(raw), self._tells_of)):
                yield name, raw_id, fetched_at, position, raw

    def _concerns(self, text: Any) -> bool:
        return any(text in (p.customer_id, p.pseudonym) or text in p.owned for p in self._people.each)

    def _tells_of(self, text: str) -> bool:
        return self._names_someone(text) or self._concerns(text)

    def _forget_rejected(self, table: StoredTable) -> None:
        kind, forgotten = table.column("raw").type, self._people.forgotten
        for name, raw_id, fetched_at, position, raw in [*self._rejected(table)]:
            left = private_text(table_nodes()[name], raw, DROP_ALL) if raw else None
            if left:
                for person in self._people.each:
                    left = left.replace(f'"{person.customer_id}"', f'"{person.pseudonym}"')
            treated = None if left and texts_of(json.loads(left), self._names_someone) else left
            this = "table_name = %s AND raw_id = %s AND position = %s AND CAST(fetched_at AS VARCHAR) = %s"
            self._update(
                table,
                [
                    Where(f"raw = CAST(%s AS {kind})", (treated,)),
                    Where("raw_id = %s", (forgotten.known(raw_id) or raw_id,)),
                ],
                self._account(table) & Where(this, (name, raw_id, position, fetched_at)),
            )


def _nothing(column: StoredColumn) -> str:
    # What the API must send is never null, as where it comes again from an answer without it.
    required = column.declared is not None and column.declared.path.endswith("*")
    return "''" if column.is_text and (required or not column.nullable) else "NULL"
