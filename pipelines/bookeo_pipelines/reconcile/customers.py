"""Find customers who were deleted at Bookeo: those of whom no booking is left."""

from __future__ import annotations

from collections.abc import Collection

from bookeo import LoadSession
from bookeo.client.completeness import whole_list
from bookeo.errors import NotFound, WindowIncomplete
from bookeo.privacy.erasure import is_pseudonym
from bookeo_pipelines.warehouse.client import Warehouse


def deleted_customers(session: LoadSession, warehouse: Warehouse, vanished: Collection[str]) -> frozenset[str]:
    """Find the customers held who are no more.

    Bookeo deletes the bookings of a customer who is deleted, so a customer with a booking is there. Of the others each
    is asked for, unless the list of all customers costs less; only a 404 of their own counts.

    Args:
        session: The session.
        warehouse: What is held.
        vanished: Bookings that were found to have vanished, marked or not.

    Returns:
        Their ids; none where customers may not be read, or none is known to be there.

    Raises:
        BookeoError: The API cannot be asked.
    """
    if not warehouse.has("customers") or not warehouse.has("bookings") or not session.may_read("customers"):
        return frozenset()
    marked = " AND deleted_at IS NULL" if warehouse.has_column("customers", "deleted_at") else ""
    held = warehouse.rows(f"SELECT customer_id FROM {{customers}} WHERE account_id = %s{marked}", warehouse.account_id)
    bookings = warehouse.rows(
        "SELECT customer_id, booking_number FROM {bookings} WHERE account_id = %s AND deleted_at IS NULL",
        warehouse.account_id,
    )
    gone = set(vanished)
    with_bookings = {customer for customer, number in bookings if number not in gone}
    doubted = {customer for (customer,) in held if customer not in with_bookings and not is_pseudonym(customer)}
    if len(doubted) > 1 + len(held) // session.settings.items_per_page:
        pages, proven = whole_list(
            lambda page, token: session.client.customers_page(number=page, token=token), key="id"
        )
        if not proven:
            raise WindowIncomplete(
                "Incomplete: GET /customers did not return as many customers as it announced; run the same command "
                "again later.",
                operation="GET /customers",
            )
        doubted -= {str(key) for page in pages for key in page.keys("id")}
    if not doubted:
        return frozenset()
    absent = {customer for customer in doubted if not _is_there(session, customer)}
    known = sorted(customer for customer in with_bookings if customer and not is_pseudonym(customer))
    if absent and not any(_is_there(session, customer) for customer in known[:3]):
        session.notes.say(
            f"{len(absent)} customer(s) are not there, nor is any other; none is marked, as a permission may have been "
            "taken from the api key."
        )
        return frozenset()
    return frozenset(absent)


def _is_there(session: LoadSession, customer: str) -> bool:
    try:
        session.client.customer(customer)
    except NotFound:
        return False
    return True
