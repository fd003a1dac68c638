"""Only a customer of whom no booking is left, and whose own answer is a 404, counts as deleted."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest

from bookeo import LoadNotes
from bookeo.errors import NotFound, PermissionMissing
from bookeo_pipelines.reconcile.customers import deleted_customers
from memory_warehouse import EARLY, LATE, MemoryWarehouse, booking, holding


class Customers:
    """The customers that the API shows, one by one and in their list."""

    def __init__(self, there: Iterable[str]) -> None:
        self.there = set(there)
        self.asked: list[str] = []

    def customer(self, customer: str) -> None:
        self.asked.append(customer)
        if customer not in self.there:
            raise NotFound("no")

    def customers_page(self, number: int, token: str | None) -> Any:
        self.asked.append("the list")
        assert (number, token) == (1, None)
        info = SimpleNamespace(total_pages=1, total_items=len(self.there), token=None)
        return SimpleNamespace(info=info, keys=lambda _: sorted(self.there), answer=SimpleNamespace(operation="list"))


def session(client: Customers, *, allowed: bool = True) -> Any:
    settings = SimpleNamespace(items_per_page=100)
    return SimpleNamespace(client=client, settings=settings, notes=LoadNotes(), may_read=lambda _: allowed)


def customers(*names: str, **more: Any) -> list[dict[str, Any]]:
    return [{"customer_id": name, "fetched_at": EARLY, **more} for name in names]


def held() -> MemoryWarehouse:
    """Ann has a booking; bob's was marked, eve's is found to have vanished just now, and dan never had one."""
    bookings = [booking("1"), booking("2", customer="bob", deleted_at=LATE), booking("3", customer="eve")]
    return holding(customers=customers("ann", "bob", "eve"), bookings=bookings)


def test_customers_without_a_booking_are_asked_for() -> None:
    client = Customers({"ann", "eve"})
    assert deleted_customers(session(client), held(), {"3"}) == {"bob"}
    assert sorted(client.asked) == ["ann", "bob", "the list"], "ann shows that customers are shown"


def test_who_has_a_booking_or_is_marked_is_not_asked_for() -> None:
    warehouse = held()
    warehouse.add("customers", *customers("old", deleted_at=LATE))
    client = Customers({"ann", "bob"})
    assert deleted_customers(session(client), warehouse, ()) == frozenset()
    assert client.asked == ["bob"]


def test_nobody_is_marked_where_nobody_is_shown() -> None:
    made = session(Customers(()))
    assert deleted_customers(made, held(), {"3"}) == frozenset()
    assert any("none is marked" in message for message in made.notes.messages)
    assert deleted_customers(session(Customers(()), allowed=False), held(), {"3"}) == frozenset()
    assert deleted_customers(session(Customers(())), holding(customers=customers("bob")), ()) == frozenset()


def test_many_are_looked_up_in_the_list_of_all() -> None:
    warehouse = held()
    warehouse.add("customers", *customers(*(f"c{n:02}" for n in range(20))))
    client = Customers({"ann", *(f"c{n:02}" for n in range(19))})
    assert deleted_customers(session(client), warehouse, ()) == {"bob", "c19"}
    assert sorted(client.asked) == ["ann", "bob", "c19", "the list"]


def test_another_error_is_not_taken_for_a_404() -> None:
    client = Customers({"ann"})
    client.customer = lambda _: (_ for _ in ()).throw(PermissionMissing("no"))  # type: ignore[method-assign]
    with pytest.raises(PermissionMissing):
        deleted_customers(session(client), held(), ())
