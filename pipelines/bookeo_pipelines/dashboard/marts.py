"""The copy of the marts that the dashboard asks, taken anew when the file has changed."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from bookeo_pipelines.destinations.target import DatabaseBusy, default_database
from bookeo_pipelines.marts.build import MARTS_SCHEMA
from bookeo_pipelines.marts.snapshot import copy_marts
from bookeo_pipelines.share.read_only import seal

DATABASE_VARIABLE = "BOOKEO_DASHBOARD_DATABASE"
"""Environment variable that names the DuckDB file; else it is `bookeo.duckdb` in the current folder."""
SCHEMA_VARIABLE = "BOOKEO_DASHBOARD_SCHEMA"
"""Environment variable that names the schema of the marts, where it is not `bookeo_marts`."""


class Marts:
    """Answers questions to the copy; several sessions may ask at once.

    Args:
        connection: A DuckDB connection to the copy.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def rows(self, sql: str, **values: Any) -> pd.DataFrame:
        """Asks a question.

        Args:
            sql: The question; `$name` stands for a value.
            **values: The values; those that the question does not mention are left out.

        Returns:
            The answer; money as Decimal.
        """
        used = {name: value for name, value in values.items() if f"${name}" in sql}
        with self._connection.cursor() as cursor:
            answer = cursor.execute(sql, used)
            names = [column[0] for column in answer.description]
            return pd.DataFrame(answer.fetchall(), columns=names, dtype=object)

    def row(self, sql: str, **values: Any) -> dict[str, Any]:
        """Asks a question that has one row for an answer.

        Args:
            sql: The question.
            **values: The values.

        Returns:
            The row by the names of its columns.
        """
        [row] = self.rows(sql, **values).to_dict("records")
        return {str(name): value for name, value in row.items()}


@dataclass(frozen=True)
class Choices:
    """What there is to choose from.

    Args:
        accounts: Account ids by name.
        currencies: Account id and ISO 4217 code of each pair that there is, that of most bookings first.
        products: Account id and product id by name.
        first: First day of which anything is known; None, as the others, where nothing was ever loaded.
        last: Last day of which anything is known, today or later.
        today: The day up to which was loaded.
        as_of: The moment up to which was loaded.
    """

    accounts: dict[str, str]
    currencies: tuple[tuple[str, str], ...]
    products: dict[str, tuple[str, str]]
    first: date | None
    last: date | None
    today: date | None
    as_of: datetime | None

    def currencies_of(self, account_id: str | None) -> list[str]:
        """Lists currencies.

        Args:
            account_id: An account; None for all.

        Returns:
            Its currencies, that of most bookings first.
        """
        return list(dict.fromkeys(code for account, code in self.currencies if account_id in (account, None)))

    def products_of(self, account_id: str | None) -> dict[str, tuple[str, str]]:
        """Lists products.

        Args:
            account_id: An account; None for all.

        Returns:
            Account id and product id by name.
        """
        return {name: ids for name, ids in self.products.items() if account_id in (ids[0], None)}


def read_choices(marts: Marts) -> Choices:
    """Finds out what there is to choose from.

    Args:
        marts: The copy.

    Returns:
        Accounts, currencies, products and days.
    """
    accounts = marts.rows("""
        SELECT account_id, account_name AS name, account_id AS id FROM dim_accounts ORDER BY lower(name), account_id""")
    currencies = marts.rows(
        "SELECT account_id, currency FROM fct_bookings GROUP BY ALL ORDER BY count(*) DESC, currency, account_id"
    )
    products = marts.rows("""
        SELECT account_id, product_id, product_name AS name, account_name, product_id AS id
        FROM dim_products INNER JOIN dim_accounts USING (account_id) ORDER BY lower(name), account_name, product_id""")
    days = marts.row("""
        WITH loaded AS (SELECT max(as_of_date) AS today, max(as_of) AS as_of FROM dim_accounts),
        booked AS (SELECT min(least(booked_date, tour_date)) AS first, max(tour_date) AS last FROM fct_bookings)
        SELECT today, as_of, least(first, today) AS first, greatest(last, today) AS last FROM loaded, booked
    """)
    return Choices(
        accounts={name: key for name, (key,) in _by_name(accounts).items()},
        currencies=tuple(currencies.itertuples(index=False, name=None)),
        products={name: (account, product) for name, (account, product) in _by_name(products).items()},
        first=days["first"],
        last=days["last"],
        today=days["today"],
        as_of=days["as_of"],
    )


def _by_name(rows: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    """Gives ids by name; a name that several share is followed by what tells them apart.

    Args:
        rows: `name`, columns of ids, which end with `_id`, and others that are added to the name as far as need be.

    Returns:
        The ids of each row by a name of its own.
    """
    names = rows["name"]
    for column in rows.columns.drop("name"):
        if not column.endswith("_id"):
            names = names.where(~names.duplicated(keep=False), names + " (" + rows[column] + ")")
    ids = rows.filter(regex="_id$").itertuples(index=False, name=None)
    return dict(zip(names, ids, strict=True))


_taken: dict[tuple[Path, str], tuple[object, Marts]] = {}
_taking = threading.Lock()


def open_marts() -> tuple[Marts, bool]:
    """Gives the marts of the file that the environment names, copied anew if the file has changed.

    Returns:
        The marts, and whether a newer state is being written meanwhile.

    Raises:
        SettingsError: There is no such file, or no marts in it.
        DatabaseBusy: Somebody is loading into it, and nothing was copied before.
    """
    path = Path(os.environ.get(DATABASE_VARIABLE) or default_database()).resolve()
    schema = os.environ.get(SCHEMA_VARIABLE) or MARTS_SCHEMA
    with _taking:
        before = _taken.get((path, schema))
        mark = _mark(path)
        if before is not None and before[0] == mark:
            return before[1], False
        try:
            connection = copy_marts(path, schema)
            seal(connection)
            marts = Marts(connection)
        except DatabaseBusy:
            if before is None:
                raise
            return before[1], True
        _taken[path, schema] = mark, marts
        return marts, False


def _mark(path: Path) -> object:
    """Changes whenever the file does; what a program has written last may stand in the second file."""
    files = [file.stat() for file in (path, path.with_name(f"{path.name}.wal")) if file.exists()]
    return [(file.st_ino, file.st_size, file.st_mtime_ns) for file in files]
