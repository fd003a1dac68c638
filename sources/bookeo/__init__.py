"""A dlt source for the Bookeo API v2: bookings, customers, payments and histories as exact tables.

import dlt
from bookeo import bookeo_source

pipeline = dlt.pipeline("bookeo", destination="duckdb", dataset_name="bookeo_data")
pipeline.run(bookeo_source())
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import dlt
from dlt.common.configuration.specs import BaseConfiguration
from dlt.extract import DltResource

from bookeo.errors import BookeoError
from bookeo.extract.archive_writer import archived
from bookeo.extract.batch import Batch, Check
from bookeo.extract.chunks import bookings_again, customers_again, customers_of, histories_of, payments_of
from bookeo.extract.listings import booking_pages, payment_feed
from bookeo.extract.reference_data import SETTINGS_ENTITIES
from bookeo.extract.session import LoadNotes, LoadSession, Progress
from bookeo.resources import child_answers, customer_list, given_parents, settings_answers, slot_answers, table_resource
from bookeo.schema import (
    BOOKING,
    CHILD_CHECKS,
    CUSTOMER,
    CUSTOMER_BOOKING,
    LOAD_WINDOWS,
    PAYMENT,
    REJECTED_ROWS,
    SLOT,
    Entity,
    Table,
)
from bookeo.settings.model import BookeoSettings, load_settings

__all__ = [
    "BookeoError",
    "BookeoSettings",
    "LoadNotes",
    "LoadSession",
    "Progress",
    "bookeo_checks",
    "bookeo_children",
    "bookeo_customers",
    "bookeo_source",
    "load_settings",
]

# The sources have an empty `spec`: else dlt fills in arguments from whatever variable has their name, such as START.
BOOKING_TABLES: tuple[Table, ...] = (BOOKING.table, *(item.table for item in BOOKING.lists))
"""The tables that come with every page of bookings."""


@dlt.source(name="bookeo", section="bookeo", max_table_nesting=0, spec=BaseConfiguration)
def bookeo_source(
    account: str | None = None,
    start: str | None = None,
    customers: str | None = None,
    payments: str | None = None,
    histories: str | None = None,
    slots: str | None = None,
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
        slots: Whether snapshots of the availability are taken: `never` or `daily`.
        session: A `LoadSession` that several sources share; made from the settings by default.

    Yields:
        One resource for each table, named like it.

    Raises:
        SettingsError: A setting is missing or out of its range.
    """
    load: LoadSession = session or LoadSession(
        load_settings(
            account=account, start=start, customers=customers, payments=payments, histories=histories, slots=slots
        )
    )
    modes = load.settings
    always: dict[str, tuple[Entity, Callable[[Batch], Iterator[Batch]]]] = {}
    if modes.customers == "always":
        always["customer_answers"] = CUSTOMER, lambda batch: customers_of(load, batch.booking_of_each_customer())
    if modes.payments == "always":
        always["payment_answers"] = PAYMENT, lambda batch: payments_of(load, dict.fromkeys(batch.booking_numbers(), ""))
    if modes.histories == "always":
        always["history_answers"] = CUSTOMER_BOOKING, lambda batch: histories_of(load, batch.customer_ids())
    with_bookings = [*BOOKING_TABLES]
    if modes.customers == "as_needed":
        with_bookings += CUSTOMER.tables
    if modes.histories == "as_needed":
        with_bookings += CUSTOMER_BOOKING.tables

    fed = {table.name for table in with_bookings} | {t.name for entity, _ in always.values() for t in entity.tables}
    bookings = booking_pages(load, frozenset(fed), calls_per_booking=len(always))
    yield bookings
    for table in (*with_bookings, LOAD_WINDOWS, REJECTED_ROWS):
        yield table_resource(load, bookings, table, replace_sets=table is not CUSTOMER_BOOKING.table)
    for name, (entity, ask) in always.items():
        yield from _answers(load, child_answers(name, bookings, ask), entity.tables)

    if modes.customers == "as_needed" and not load.chunked:
        # The runner asks its destination who is missing, once all that comes in lists is there.
        missing = child_answers(
            "missing_customer_answers", bookings, lambda batch: customers_of(load, batch.customers_not_embedded())
        )
        yield from _answers(load, missing, CUSTOMER.tables, prefix="missing_")
    if modes.payments == "as_needed":
        feed = payment_feed(load)
        yield from _answers(load, feed, PAYMENT.tables, replace_sets=False)
        yield table_resource(load, feed, LOAD_WINDOWS, name="payment_windows")

    lists = settings_answers(load)
    yield from _answers(load, lists, tuple(table for entity in SETTINGS_ENTITIES for table in entity.tables))
    if modes.slots == "daily":
        yield from _answers(load, slot_answers(load), SLOT.tables)


@dlt.source(name="bookeo", section="bookeo", max_table_nesting=0, spec=BaseConfiguration)
def bookeo_children(session: Any, asked: Mapping[str, Mapping[str, str]]) -> Iterator[DltResource]:
    """Payments, histories and bookings asked for one by one, because somebody found that they do not add up.

    Args:
        session: The `LoadSession`.
        asked: What is wanted: under `payments` the numbers of bookings whose payments are, each with the figures that
            did not add up; under `histories` ids of customers whose histories are, under `bookings` numbers of bookings
            that are themselves, under `customers` numbers of bookings whose customers are, likewise.

    Yields:
        One resource for each table; `child_checks` remembers what was asked for which figures.
    """
    load: LoadSession = session
    wanted: dict[str, tuple[tuple[Table, ...], Callable[[], Iterator[Batch]]]] = {
        "payment_answers": (PAYMENT.tables, lambda: payments_of(load, asked.get("payments", {}))),
        "history_answers": (CUSTOMER_BOOKING.tables, lambda: histories_of(load, asked.get("histories", {}))),
        "booking_answers": (BOOKING.tables, lambda: bookings_again(load, asked.get("bookings", {}))),
        "customer_answers": (CUSTOMER.tables, lambda: customers_again(load, asked.get("customers", {}))),
    }
    for name, (tables, ask) in wanted.items():
        answers = given_parents(load, name, ask)
        # A payment may be held without its booking: rows are replaced one by one, and the runner settles what is left.
        # Customers come with bookings, too: the resources of one table need different names.
        prefix = "again_" if name == "booking_answers" else ""
        yield from _answers(load, answers, tables, prefix=prefix, replace_sets=name != "payment_answers")
        yield table_resource(load, answers, CHILD_CHECKS, name=name.replace("answers", "checks"))
        if name == "booking_answers":
            # A booking is a part of its customer's history, never the whole of it.
            table = CUSTOMER_BOOKING.table
            yield table_resource(load, answers, table, name=f"again_{table.name}", replace_sets=False)


@dlt.source(name="bookeo", section="bookeo", max_table_nesting=0)
def bookeo_checks(session: Any, entity: Entity, checks: Sequence[Check]) -> Iterator[DltResource]:
    """Outcomes of questions that need not be asked, so that `child_checks` remembers them as well.

    Args:
        session: The `LoadSession`.
        entity: What would be asked for.
        checks: The parents and the outcomes.

    Yields:
        The resource of `child_checks`.
    """
    load: LoadSession = session

    def outcomes() -> Iterator[Batch]:
        yield archived(load, Batch(load, entity, (), checks=checks), f"checks of {entity.table.name}")

    answers = given_parents(load, "given_answers", outcomes)
    yield answers
    yield table_resource(load, answers, CHILD_CHECKS, name="given_checks")


@dlt.source(name="bookeo", section="bookeo", max_table_nesting=0, spec=BaseConfiguration)
def bookeo_customers(session: Any) -> Iterator[DltResource]:
    """All customers, for what changed without a booking changing: 100 a page.

    Args:
        session: The `LoadSession`.

    Yields:
        One resource for each table of customers.
    """
    load: LoadSession = session
    yield from _answers(load, customer_list(load), CUSTOMER.tables)


def _answers(
    load: LoadSession,
    answers: DltResource,
    tables: tuple[Table, ...],
    *,
    prefix: str = "",
    replace_sets: bool = True,
) -> Iterator[DltResource]:
    """The hidden resource that asks, one for each table, and one for the records among them that do not fit."""
    yield answers
    for table in tables:
        yield table_resource(load, answers, table, name=prefix + table.name, replace_sets=replace_sets)
    yield table_resource(load, answers, REJECTED_ROWS, name=f"{answers.name.removesuffix('_answers')}_rejected_rows")
