"""In which rows a person is: theirs, wherever they stand, and nobody else's."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from bookeo.privacy.mentions import SHORTEST_WORD
from bookeo_pipelines.privacy.conditions import Whereabouts, any_of
from bookeo_pipelines.privacy.subject import Person
from bookeo_pipelines.warehouse.personal_columns import StoredColumn, StoredTable

ANN = Person("A", "ann", "forgotten-1", names=(("ann", "lee", "ann@example.test", "1990-02-03"),))
PEOPLE = {
    "person_id": "",
    "linked_person_id": "",
    "first_name": "Ann",
    "last_name": "Lee",
    "email_address": None,
    "date_of_birth": None,
}


def stored(name: str, *columns: str, ours: bool = True) -> StoredTable:
    return StoredTable("main", name, tuple(StoredColumn(c, "VARCHAR", True, None) for c in columns), ours, False)


BOOKINGS = stored("bookings", "account_id", "booking_number", "customer_id")


def found(table: StoredTable, *rows: dict[str, Any], person: Person = ANN) -> list[int]:
    """Which of the rows are about the person; booking 1 is Ann's, 2 somebody else's."""
    condition = Whereabouts(person, BOOKINGS).rows(table)
    if condition is None:
        return []
    connection = duckdb.connect()
    connection.execute("CREATE TABLE bookings AS FROM (VALUES ('A', '1', 'ann'), ('A', '2', 'bob'), ('B', '2', 'ann')) "
                       "t(account_id, booking_number, customer_id)")  # fmt: skip
    if table.name != "bookings":
        columns = [column.name for column in table.columns]
        connection.execute(
            f"CREATE TABLE {table.name} (position INTEGER, {', '.join(f'{c} VARCHAR' for c in columns)})"
        )
        for position, row in enumerate(rows):
            values = [position, *(row.get(c) for c in columns)]
            connection.execute(f"INSERT INTO {table.name} VALUES ({', '.join('?' * len(values))})", values)
    else:
        connection.execute("ALTER TABLE bookings ADD COLUMN position INTEGER")
        connection.execute("UPDATE bookings SET position = rowid")
    sql = f"SELECT position FROM {table.quoted} WHERE {condition.sql} ORDER BY 1".replace("%s", "?")
    return [position for (position,) in connection.execute(sql, list(condition.values)).fetchall()]


@pytest.mark.parametrize(
    ("row", "is_ann"),
    [
        ({"email_address": "ANN@example.test"}, True),
        ({"date_of_birth": "1990-02-03"}, True),
        ({"person_id": "ann", "first_name": None}, True),
        ({"linked_person_id": "ann", "first_name": None}, True),
        ({"booking_number": "1", "first_name": "Eve"}, True),
        ({}, False),
        ({"email_address": "other@example.test", "date_of_birth": "1991-02-03"}, False),
        ({"email_address": "ann@example.test", "first_name": "Eve"}, False),
        ({"email_address": "ann@example.test", "last_name": "Li"}, False),
        ({"email_address": "ann@example.test", "account_id": "B"}, False),
        ({"person_id": "bob", "first_name": "Eve"}, False),
    ],
)
def test_a_participant_is_known_by_name_and_address_or_day_of_birth(row: dict[str, Any], is_ann: bool) -> None:
    table = stored("booking_people", "account_id", "booking_number", *PEOPLE)
    assert found(table, {"account_id": "A", "booking_number": "2", **PEOPLE, **row}) == ([0] if is_ann else [])


def test_a_name_alone_is_nobodys() -> None:
    table = stored("booking_people", "account_id", "booking_number", *PEOPLE)
    nameless = Person("A", "ann", "forgotten-1", names=(("ann", "lee", None, None),))
    assert found(table, {"account_id": "A", "booking_number": "2", **PEOPLE}, person=nameless) == []


@pytest.mark.parametrize(
    ("name", "ours", "expected"),
    [
        ("booking_options", True, [0]),
        ("booking_resources", True, []),
        ("resources", True, []),
        ("booking_resources", False, [0]),
    ],
)
def test_guides_and_rooms_of_their_bookings_are_the_businesss(name: str, ours: bool, expected: list[int]) -> None:
    table = stored(name, "account_id", "booking_number", "name", ours=ours)
    rows = [
        {"account_id": account, "booking_number": number} for account, number in (("A", "1"), ("A", "2"), ("B", "1"))
    ]
    assert found(table, *rows) == expected


def test_a_booking_is_theirs_by_its_customer_under_either_name() -> None:
    assert found(BOOKINGS) == [0]
    table = stored("payments", "account_id", "customer_id", "booking_number")
    whose = [("ann", None), ("forgotten-1", None), ("bob", "1"), ("bob", "2"), (None, None)]
    rows = [{"account_id": "A", "customer_id": customer, "booking_number": number} for customer, number in whose]
    assert found(table, *rows) == [0, 1, 2]


def test_a_table_that_knows_nobody_has_no_condition() -> None:
    assert Whereabouts(ANN, BOOKINGS).rows(stored("products", "account_id", "name")) is None
    assert Whereabouts(ANN, None).rows(stored("booking_options", "account_id", "booking_number")) is None
    assert any_of([]).sql == "FALSE"


@pytest.mark.parametrize(
    ("length", "text", "stands"),
    [
        (SHORTEST_WORD - 1, "{id}", True),
        (SHORTEST_WORD - 1, "see {id}", False),
        (SHORTEST_WORD, "see {id}!", True),
        (SHORTEST_WORD, "nobody", False),
    ],
)
def test_a_short_id_is_only_known_where_it_stands_alone(length: int, text: str, stands: bool) -> None:
    person = Person("A", "4" * length, "forgotten-1")
    assert person.id_stands_in(text.format(id=person.customer_id)) is stands
