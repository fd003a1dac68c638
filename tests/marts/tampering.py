"""Ways to falsify a table, each of which a check must find."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from describing import described

RECONCILED: dict[str, dict[str, list[str]]] = {
    "booked_reconciles": {
        "fct_bookings": ["gross_amount", "net_amount"],
        **{
            name: ["bookings", "standing_bookings", "gross_amount", "net_amount"]
            for name in (
                *("mart_booked_by_day", "mart_tours_by_day", "mart_sources_by_day", "mart_promotions_by_day"),
                "mart_new_and_returning_by_day",
            )
        },
    },
    "tours_reconcile": {
        "mart_tours_by_day": [
            *("tax_amount", "recognised_gross_amount", "recognised_net_amount", "paid_amount", "retained_amount"),
            *("outstanding_amount", "overpaid_amount", "paid_otherwise_amount"),
        ]
    },
    "busy_days_reconcile": {"mart_weekdays_and_seasons": ["standing_bookings", "gross_amount", "net_amount"]},
    "customers_reconcile": {
        "mart_customer_value": ["standing_bookings", "gross_amount"],
        "mart_cohorts": ["bookings", "gross_amount"],
    },
    "payments_reconcile": {
        "fct_payments": ["amount"],
        "mart_payments_by_day": ["payments", "refunds", "received_amount", "refunded_amount"],
    },
    "participants_reconcile": {
        "fct_bookings": ["participants"],
        "mart_booked_by_day": ["participants"],
        "mart_tours_by_day": ["participants"],
        "mart_weekdays_and_seasons": ["participants"],
    },
}
"""For each check that reconciles: the tables and columns that it holds to what was loaded."""
RAW = {"stg_customer_": "bookeo_data.customers", "stg_": "bookeo_data.", "int_": "bookeo_staging.int_"}


def tampered() -> Iterator[tuple[str, str]]:
    """Lists statements that falsify a table.

    Yields:
        The statement, and the check that must find it.
    """
    for name, model in described().items():
        for check, (kind, arguments) in model["tests"].items():
            table = _table(name)
            if kind == "keyed":
                yield f"INSERT INTO {table} SELECT * FROM {table} LIMIT 1", check
                if table.startswith("bookeo_data."):
                    continue
                never_null = [column for column in model["columns"] if column not in arguments.get("nullable", [])]
                yield _change(table, never_null[-1], "NULL"), check
            elif kind == "related":
                for columns in arguments.get("parents", {}).values():
                    yield _change(table, columns[-1], "'nonsense'"), check
                yield from ((_change(table, day, "DATE '1900-01-01'"), check) for day in arguments.get("days", ()))
            else:
                for column, allowed in arguments["values"].items():
                    yield _change(table, column, "'nonsense'" if isinstance(allowed[0], str) else "99"), check
    for check, tables in RECONCILED.items():
        for name, columns in tables.items():
            which = "NOT is_canceled" if name == "fct_bookings" else "true"
            for column in columns:
                least = "0.0001" if column.endswith("amount") else "1"
                yield _change(_table(name), column, f"{column} + {least}", which), check
            yield _change(_table(name), "currency", "'USD'", f"{which} AND {columns[0]} <> 0"), check
            yield f"DELETE FROM {_table(name)}", check


def _table(name: str) -> str:
    for prefix, place in RAW.items():
        if name.startswith(prefix):
            return place if place.endswith("customers") else place + name.removeprefix(prefix)
    return f"bookeo_marts.{name}"


def _change(table: str, column: str, value: Any, which: str = "true") -> str:
    row = f"SELECT rowid FROM {table} WHERE {which} AND {column} IS NOT NULL LIMIT 1"
    return f"UPDATE {table} SET {column} = {value} WHERE rowid IN ({row})"
