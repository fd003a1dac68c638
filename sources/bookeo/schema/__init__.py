"""Every table of the destination, declared once.

Names, types, keys, descriptions, paths in the API's JSON and what is personal all come from here: the shaping, dlt's
hints, the data dictionary and the privacy settings read the same declarations.
"""

from __future__ import annotations

from bookeo.schema.arrow_and_dlt import arrow_schema, dlt_columns
from bookeo.schema.bookings import BOOKING, CUSTOMER_BOOKING
from bookeo.schema.customers import CUSTOMER
from bookeo.schema.ledger import CHILD_CHECKS, DATA_COPIES, LOAD_RUNS, LOAD_WINDOWS, REJECTED_ROWS
from bookeo.schema.model import Column, Embedded, Entity, ListTable, Table
from bookeo.schema.payments import PAYMENT
from bookeo.schema.reference_data import BUSINESS, PEOPLE_CATEGORY, PRODUCT, RESOURCE_TYPE, TAX
from bookeo.schema.slots import SLOT

ENTITIES: dict[str, Entity] = {
    entity.name: entity
    for entity in (
        *(BOOKING, CUSTOMER, PAYMENT, CUSTOMER_BOOKING, SLOT),
        *(PRODUCT, PEOPLE_CATEGORY, RESOURCE_TYPE, TAX, BUSINESS),
    )
}
"""Every kind of API object by the vendor's name."""

SETTINGS_ENTITIES: tuple[Entity, ...] = (PRODUCT, PEOPLE_CATEGORY, RESOURCE_TYPE, TAX, BUSINESS)
"""What `/settings` tells, replaced whole for an account."""

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        *(table for entity in ENTITIES.values() for table in entity.tables),
        LOAD_RUNS,
        LOAD_WINDOWS,
        CHILD_CHECKS,
        DATA_COPIES,
        REJECTED_ROWS,
    )
}
"""Every table by name."""

__all__ = [
    "BOOKING",
    "BUSINESS",
    "CHILD_CHECKS",
    "CUSTOMER",
    "CUSTOMER_BOOKING",
    "DATA_COPIES",
    "ENTITIES",
    "LOAD_RUNS",
    "LOAD_WINDOWS",
    "PAYMENT",
    "PEOPLE_CATEGORY",
    "PRODUCT",
    "REJECTED_ROWS",
    "RESOURCE_TYPE",
    "SETTINGS_ENTITIES",
    "SLOT",
    "TABLES",
    "TAX",
    "Column",
    "Embedded",
    "Entity",
    "ListTable",
    "Table",
    "arrow_schema",
    "dlt_columns",
]
