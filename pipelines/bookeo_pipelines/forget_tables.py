"""Takes one person out of every table of a database; figures, times and ids of bookings stay."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from bookeo.forgotten import NOT_LINKED, UNKNOWN_PERSON
from bookeo.privacy import DROP_ALL
from bookeo.privacy_json import private_text, table_nodes
from bookeo.tables import BOOKING, CUSTOMER
from bookeo_pipelines.forget_person import SHORTEST_ID, Person
from bookeo_pipelines.personal import Execute, StoredColumn, StoredTable

ROWS_THAT_GO = frozenset(item.table.name for item in CUSTOMER.lists)
"""Tables that hold nothing but what is known of customers."""
COLUMNS_THAT_STAY = {
    CUSTOMER.table.name: {"account_id", "customer_id", "creation_time", "credit_amount", "credit_currency", "source"}
    | {"fetched_at"},
    "booking_people": {"account_id", "booking_number", "position", "people_category_id", "category_index", "updated_at"}
    | {"customer_id", "_deleted"},
}
"""Of these tables' rows all else goes, personal or not: it is about nobody but the person."""
OF_BOOKINGS = frozenset(item.table.name for item in BOOKING.lists)
OF_THE_BUSINESS = frozenset({"booking_resources", "resources"})
"""Guides and rooms are the business's, whoever booked them."""
TREATED_APART = frozenset({"rejected_rows", "child_checks"})

_Values = tuple[Any, ...]


@dataclass(frozen=True)
class Where:
    """A condition with its values.

    Args:
        sql: The condition.
        values: What stands for its `%s`.
    """

    sql: str
    values: _Values = field(default=(), repr=False)


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
        tables = [table for table in tables if not shared or table.has("account_id")]
        self._all = [table for table in tables if not table.is_staging]
        self._staging = [table for table in tables if table.is_staging]
        self._bookings = next((t for t in self._all if t.schema == dataset and t.name == "bookings" and t.ours), None)
        self._person = person
        self.written: dict[str, None] = {}
        """Tables that were changed, as SQL names them."""

    def count(self) -> Counter[str]:
        """Counts the rows that are about the person.

        Returns:
            Rows by the table's name, with its schema where that is not the dataset's.
        """
        return Counter({self._shown(table): n for table in self._all if (n := self._rows_of(table))})

    def forget(self) -> None:
        """Takes the person out. Called again after an interruption, it does what is left."""
        for table in self._all:
            if table.name == "rejected_rows" and table.ours:
                self._forget_rejected(table)
            elif table.name == "child_checks" and table.ours:
                self._delete(table, self._checks(table))
            else:
                self._forget_rows(table)
        for table in self._all:
            if not (table.ours and table.name in TREATED_APART):
                self._forget_mentions(table)
        for table in self._staging:
            self._write(table, f"DELETE FROM {table.quoted}")

    def left(self) -> Counter[str]:
        """Counts what still names the person: rows about others with the same name, e-mail address or phone number.

        Returns:
            Rows by table and column.
        """
        found: Counter[str] = Counter()
        for table in self._all:
            columns = [column for column in table.columns if column.is_text]
            for column, rows in zip(columns, self._probe(table, columns), strict=True):
                if rows:
                    found[f"{self._shown(table)}.{column.name}"] += rows
        return found

    def _shown(self, table: StoredTable) -> str:
        same = self._bookings is not None and table.schema == self._bookings.schema
        return table.name if same else f"{table.schema}.{table.name}"

    def _rows_of(self, table: StoredTable) -> int:
        if table.name in TREATED_APART and table.ours:
            if table.name == "child_checks":
                return self._number(table, self._checks(table))
            return sum(1 for _ in self._rejected(table))
        about = self._about(table)
        return self._number(table, about) if about else 0

    def _number(self, table: StoredTable, where: Where) -> int:
        [(number,)] = self._execute(f"SELECT count(*) FROM {table.quoted} WHERE {where.sql}", *where.values)
        return int(number)

    def _delete(self, table: StoredTable, where: Where) -> None:
        self._write(table, f"DELETE FROM {table.quoted} WHERE {where.sql}", *where.values)

    def _write(self, table: StoredTable, statement: str, *values: Any) -> None:
        self.written[table.quoted] = None
        self._execute(statement, *values)

    def _account(self, table: StoredTable) -> Where:
        return Where("account_id = %s", (self._person.account_id,)) if table.has("account_id") else Where("TRUE")

    def _about(self, table: StoredTable) -> Where | None:
        """The rows about the person; None where the table has no column to know them by."""
        person, parts = self._person, list[Where]()
        if table.has("customer_id"):
            parts.append(Where("customer_id IN (%s, %s)", (person.customer_id, person.pseudonym)))
        apart = table.ours and table.name in {"bookings", *OF_THE_BUSINESS}
        if table.has("booking_number") and self._bookings and not apart:
            of_theirs = "account_id = %s AND customer_id IN (%s, %s)"
            theirs = f"SELECT booking_number FROM {self._bookings.quoted} WHERE {of_theirs}"
            values = (person.account_id, person.customer_id, person.pseudonym)
            parts.append(Where(f"booking_number IN ({theirs})", values))
        if table.ours and table.name == "booking_people":
            parts += [Where(f"{name} = %s", (person.customer_id,)) for name in ("person_id", "linked_person_id")]
            parts += self._same_people()
        if not parts:
            return None
        account = self._account(table)
        values = account.values + tuple(value for part in parts for value in part.values)
        return Where(f"{account.sql} AND ({' OR '.join(part.sql for part in parts)})", values)

    def _same_people(self) -> Iterator[Where]:
        for first, last, email, born in self._person.names:
            same = [
                *([Where("lower(email_address) = %s", (email,))] if email else []),
                *([Where("CAST(date_of_birth AS VARCHAR) = %s", (born,))] if born else []),
            ]
            sql = f"(lower(first_name) = %s AND lower(last_name) = %s AND ({' OR '.join(one.sql for one in same)}))"
            yield Where(sql, (first, last, *(value for one in same for value in one.values)))

    def _checks(self, table: StoredTable) -> Where:
        person = self._person
        return Where(
            f"{self._account(table).sql} AND (parent_id IN (%s, %s) OR position(%s IN basis) > 0)",
            (person.account_id, person.customer_id, person.pseudonym, person.customer_id),
        )

    def _forget_rows(self, table: StoredTable) -> None:
        about = self._about(table)
        if about is None or not self._number(table, about):
            return
        if table.ours and table.name in ROWS_THAT_GO:
            self._delete(table, about)
            return
        for column in table.columns:
            if column.is_text and not table.ours and column.name != "customer_id":
                self._empty(table, column, about)
        changes = [change for column in table.columns if (change := self._change(table, column)) is not None]
        if changes:
            sets = ", ".join(change.sql for change in changes)
            values = tuple(value for change in changes for value in change.values)
            self._write(table, f"UPDATE {table.quoted} SET {sets} WHERE {about.sql}", *values, *about.values)

    def _empty(self, table: StoredTable, column: StoredColumn, among: Where) -> None:
        """Takes out the texts of a column that name the person."""
        if (texts := self._texts(column)) is not None:
            self._write(
                table,
                f"UPDATE {table.quoted} SET {column.quoted} = {_nothing(column)} WHERE {among.sql} AND {texts.sql}",
                *among.values,
                *texts.values,
            )

    def _change(self, table: StoredTable, column: StoredColumn) -> Where | None:
        """What becomes of a column in the rows about the person; None if it stays."""
        name, person = column.quoted, self._person
        if column.name == "customer_id":
            sql = f"{name} = CASE WHEN {name} = %s THEN %s ELSE {name} END"
            return Where(sql, (person.customer_id, person.pseudonym))
        if table.ours and column.name == "person_id":
            marks = ", ".join(["%s"] * len(NOT_LINKED))
            sql = f"{name} = CASE WHEN {name} IN ({marks}) THEN {name} ELSE %s END"
            return Where(sql, (*sorted(NOT_LINKED), UNKNOWN_PERSON))
        if table.ours and (table.name, column.name) == ("payments", "description"):
            # It says nothing but which booking it is for, and comes again with every reading of the feed.
            return Where(f"{name} = CASE WHEN {name} = 'Booking ' || booking_number THEN {name} END")
        staying = COLUMNS_THAT_STAY.get(table.name) if table.ours else None
        if column.name in staying if staying is not None else column.personal is None:
            return None
        return Where(f"{name} = {_nothing(column)}")

    def _forget_mentions(self, table: StoredTable) -> None:
        """Takes out texts that name the person in rows about others, and the id wherever it stands."""
        person = self._person
        columns = [column for column in table.columns if column.is_text]
        for column, rows in zip(columns, self._probe(table, columns), strict=True):
            if not rows:
                continue
            if column.personal == "free_text":
                self._empty(table, column, self._account(table))
            if (there := self._id_in(column)) is not None:
                account, replaced = self._account(table), f"replace({_spelt(column)}, %s, %s)"
                self._write(
                    table,
                    f"UPDATE {table.quoted} SET {column.quoted} = CAST({replaced} AS {column.type}) "
                    f"WHERE {account.sql} AND {there.sql}",
                    *(person.customer_id, person.pseudonym),
                    *account.values,
                    *there.values,
                )

    def _probe(self, table: StoredTable, columns: Sequence[StoredColumn]) -> Sequence[int]:
        """Counts, column by column, the rows that name the person."""
        if not columns:
            return []
        named = [self._named(table, column) for column in columns]
        sums = ", ".join(f"count(CASE WHEN {one.sql} THEN 1 END)" for one in named)
        values = tuple(value for one in named for value in one.values)
        [counts] = self._execute(f"SELECT {sums} FROM {table.quoted}", *values)
        return [int(count) for count in counts]

    def _named(self, table: StoredTable, column: StoredColumn) -> Where:
        parts = [part for part in (self._id_in(column), self._texts(column)) if part is not None]
        account = self._account(table)
        values = account.values + tuple(value for part in parts for value in part.values)
        return Where(f"{account.sql} AND ({' OR '.join(part.sql for part in parts) or 'FALSE'})", values)

    def _id_in(self, column: StoredColumn) -> Where | None:
        # A short id may stand in a longer text, or as the id of something else, by chance.
        if _is_nobodys(column) or len(self._person.customer_id) < SHORTEST_ID:
            return None
        return Where(f"position(%s IN {_spelt(column)}) > 0", (self._person.customer_id,))

    def _texts(self, column: StoredColumn) -> Where | None:
        spellings = {spelling for text in self._person.texts for spelling in (text, json.dumps(text)[1:-1])}
        if not spellings or _is_nobodys(column):
            return None
        found = " OR ".join([f"position(%s IN lower({_spelt(column)})) > 0"] * len(spellings))
        return Where(f"({found})", tuple(sorted(spellings)))

    def _rejected(self, table: StoredTable) -> Iterator[tuple[str, str, str, int, str | None]]:
        person = self._person
        rows = self._execute(
            "SELECT table_name, raw_id, CAST(fetched_at AS VARCHAR), position, CAST(raw AS VARCHAR) "
            f"FROM {table.quoted} WHERE account_id = %s",
            person.account_id,
        )
        for name, raw_id, fetched_at, position, raw in rows:
            if person.forgotten.concerns(raw_id) or (raw and (person.named_in(raw) or self._tells_of(raw))):
                yield name, raw_id, fetched_at, position, raw

    def _tells_of(self, raw: str) -> bool:
        return any(self._person.forgotten.concerns(text) for text in _texts_of(json.loads(raw)))

    def _forget_rejected(self, table: StoredTable) -> None:
        person = self._person
        for name, raw_id, fetched_at, position, raw in [*self._rejected(table)]:
            left = private_text(table_nodes()[name], raw, DROP_ALL) if raw else None
            left = left.replace(person.customer_id, person.pseudonym) if left and person.customer_id in left else left
            if left and person.named_in(left):
                left = None
            self._write(
                table,
                f"UPDATE {table.quoted} SET raw = CAST(%s AS {table.column('raw').type}), raw_id = %s "
                "WHERE account_id = %s AND table_name = %s AND raw_id = %s AND CAST(fetched_at AS VARCHAR) = %s "
                "AND position = %s",
                left,
                person.pseudonym if raw_id == person.customer_id else raw_id,
                *(person.account_id, name, raw_id, fetched_at, position),
            )


def _is_nobodys(column: StoredColumn) -> bool:
    """Whether it is one of our columns in which no customer is named: product ids, currencies and the like."""
    return column.declared is not None and column.declared.personal is None and column.name != "customer_id"


def _spelt(column: StoredColumn) -> str:
    return f"CAST({column.quoted} AS VARCHAR)"


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
