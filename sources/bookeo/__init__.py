"""A dlt source for the Bookeo API v2: bookings, customers, payments and histories as exact tables.

    import dlt
    from bookeo import bookeo_source

    pipeline = dlt.pipeline("bookeo", destination="duckdb", dataset_name="bookeo")
    pipeline.run(bookeo_source())
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import dlt
from dlt.extract import DltResource

from bookeo.errors import BookeoError
from bookeo.extract import Batch, customers_of, histories_of, payments_of
from bookeo.resources import booking_pages, child_answers, settings_answers, table_resource
from bookeo.session import LoadNotes, LoadSession, Progress
from bookeo.settings import BookeoSettings, ChildMode, load_settings
from bookeo.settings_lists import SETTINGS_ENTITIES
from bookeo.tables import BOOKING, CUSTOMER, CUSTOMER_BOOKING, LOAD_WINDOWS, PAYMENT, REJECTED_ROWS, Entity, Table

__all__ = [
    "BookeoError",
    "BookeoSettings",
    "LoadNotes",
    "LoadSession",
    "Progress",
    "bookeo_source",
    "load_settings",
]

BOOKING_TABLES: tuple[Table, ...] = (BOOKING.table, *(item.table for item in BOOKING.lists))
"""The tables that come with every page of bookings."""


@dlt.source(name="bookeo", section="bookeo", max_table_nesting=0)
def bookeo_source(
    account: str | None = None,
    start: str | None = None,
    customers: str | None = None,
    payments: str | None = None,
    histories: str | None = None,
    session: Any = None,
) -> Iterator[DltResource]:
    """Bookings changed since the last load, with their customers, payments and histories, and the account's lists.

    Whatever is not given is read from the settings of `[sources.bookeo]`, see `BookeoSettings`.

    Args:
        account: Name of an entry of `[[sources.bookeo.accounts]]`.
        start: ISO date or time (UTC) at which a first load begins.
        customers: How customers are read: `always`, `as_needed` or `never`.
        payments: How payments are read: the same.
        histories: How customers' booking histories are read: the same.
        session: A `LoadSession` that several sources share; made from the settings by default.

    Yields:
        One resource for each table, named like it.

    Raises:
        SettingsError: A setting is missing or out of its range.
    """
    load: LoadSession = session or LoadSession(
        load_settings(account=account, start=start, customers=customers, payments=payments, histories=histories)
    )
    modes = load.settings
    always: dict[str, tuple[Entity, Callable[[Batch], Iterator[Batch]]]] = {}
    if modes.customers == "always":
        always["customer_answers"] = CUSTOMER, lambda batch: customers_of(load, batch.booking_of_each_customer())
    if modes.payments == "always":
        always["payment_answers"] = PAYMENT, lambda batch: payments_of(load, batch.booking_numbers())
    if modes.histories == "always":
        always["history_answers"] = CUSTOMER_BOOKING, lambda batch: histories_of(load, batch.customer_ids())
    embedded = CUSTOMER.tables if modes.customers == "as_needed" else ()
    called = tuple(table for entity, _ in always.values() for table in entity.tables)

    fed = frozenset(table.name for table in (*BOOKING_TABLES, *embedded, *called))
    bookings = booking_pages(load, fed, calls_per_booking=len(always))
    yield bookings
    for table in (*BOOKING_TABLES, *embedded, LOAD_WINDOWS, REJECTED_ROWS):
        yield table_resource(load, bookings, table)

    for name, (entity, ask) in always.items():
        yield from _entity_resources(load, child_answers(name, bookings, ask), entity.tables)

    lists = settings_answers(load)
    yield from _entity_resources(load, lists, tuple(table for entity in SETTINGS_ENTITIES for table in entity.tables))


def _entity_resources(load: LoadSession, answers: DltResource, tables: tuple[Table, ...]) -> Iterator[DltResource]:
    """The hidden resource that asks, one for each table, and one for the records among them that do not fit."""
    yield answers
    for table in tables:
        yield table_resource(load, answers, table)
    yield table_resource(load, answers, REJECTED_ROWS, name=f"{answers.name.removesuffix('_answers')}_rejected_rows")
