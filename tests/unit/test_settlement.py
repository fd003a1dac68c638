"""Payments are removed only where the API has shown that they are gone, and never many at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from bookeo import LoadNotes
from bookeo.cursor.coverage import Coverage
from bookeo.errors import ServerUnavailable
from bookeo.windows import ONE_SECOND, Window
from bookeo_pipelines.gaps.payment_repair import Settlement
from bookeo_pipelines.gaps.removal_limit import exceeds_limit
from memory_warehouse import EARLY, LATE, MemoryWarehouse, holding, payment


class Feed:
    """A payments feed that shows some payments, each at its second."""

    def __init__(self, shown: Iterable[str], *, fails: bool = False) -> None:
        self.shown = set(shown)
        self.fails = fails
        self.asked = 0

    def payments_page(self, window: Any, number: int, token: str | None) -> Any:
        # The payment's own second, and a minute over each end.
        assert (window.span, number, token) == (timedelta(minutes=2), 1, None)
        self.asked += 1
        if self.fails:
            raise ServerUnavailable("no")
        return SimpleNamespace(info=SimpleNamespace(total_pages=1), records=[{"id": one} for one in self.shown])


def session(feed: Feed, met: Collection[str] | None = None) -> Any:
    reading = SimpleNamespace(proven=Coverage((Window(EARLY - timedelta(days=1), LATE - ONE_SECOND),)))
    return SimpleNamespace(
        client=feed,
        notes=LoadNotes(),
        failure=None,
        archive=None,
        no_payment_feed=False,
        payments=reading,
        payments_met=None if met is None else set(met),
    )


def ids(warehouse: MemoryWarehouse) -> set[str]:
    return {one for (one,) in warehouse.rows("SELECT payment_id FROM {payments}")}


@pytest.mark.parametrize(
    ("gone", "held", "accepted", "exceeds"),
    [
        (20, 20, 0, False),
        (21, 420, 0, False),
        (21, 419, 0, True),
        (153, 153, 0, True),
        (153, 153, 152, True),
        (153, 153, 153, False),
        (0, 0, 0, False),
    ],
)
def test_more_than_20_and_more_than_5_percent_need_a_word(gone: int, held: int, accepted: int, exceeds: bool) -> None:
    assert exceeds_limit(gone, held, accepted) is exceeds


def test_what_the_feed_does_not_show_any_more_is_removed_or_its_booking_asked() -> None:
    warehouse = holding(payments=[payment("p1"), payment("p2", number="1"), payment("p3")])
    feed = Feed({"p3"})
    assert Settlement(session(feed, {"p3"}), warehouse).not_in_feed() == {"1": "payment p2 not in the feed"}
    assert ids(warehouse) == {"p2", "p3"}


def test_a_payment_that_is_shown_at_its_second_stays() -> None:
    warehouse = holding(payments=[payment("p1"), payment("p3")])
    assert Settlement(session(Feed({"p1", "p3"}), {"p3"}), warehouse).not_in_feed() == {}
    assert ids(warehouse) == {"p1", "p3"}


@pytest.mark.parametrize("feed", [Feed(()), Feed((), fails=True)])
def test_silence_is_not_believed_where_no_payment_is_shown(feed: Feed) -> None:
    warehouse = holding(payments=[payment("p1"), payment("p2", received_time=LATE)])
    made = session(feed, ())
    assert Settlement(made, warehouse).not_in_feed() == {}
    assert ids(warehouse) == {"p1", "p2"}
    assert bool(made.failure) is feed.fails
    assert feed.fails or any("they are kept" in message for message in made.notes.messages)


def test_another_payment_known_to_exist_makes_silence_believed() -> None:
    warehouse = holding(payments=[payment("p1"), payment("p2", received_time=LATE)])
    Settlement(session(Feed({"p2"}), ()), warehouse).not_in_feed()
    assert ids(warehouse) == {"p2"}


@pytest.mark.parametrize(("accepted", "left"), [(0, 21), (21, 0)])
def test_many_at_once_are_kept_unless_accepted(accepted: int, left: int) -> None:
    rows = [payment(f"p{n}") for n in range(21)]
    warehouse = holding(payments=[*rows, payment("q", received_time=LATE)])
    made = session(Feed({"q"}), {"q"})
    Settlement(made, warehouse, accepted).not_in_feed()
    assert len(ids(warehouse) - {"q"}) == left
    assert bool(made.notes.messages) is bool(left)
    assert left == 0 or "bookeo reconcile --fix --accept 21" in made.notes.messages[0]


def check(number: str, outcome: str = "answered") -> dict[str, Any]:
    later = LATE + timedelta(seconds=1)
    return {"resource": "payments", "parent_id": number, "basis": "b", "outcome": outcome, "checked_at": later}


def test_a_bookings_own_list_decides_what_is_linked_to_it() -> None:
    answered_with = payment("p3", number="1", fetched_at=LATE + timedelta(seconds=1))
    rows = [payment("p1", number="1"), payment("p2", number="1"), answered_with, payment("p4", number="2")]
    rows.append(payment("p5", number="1", fetched_at=LATE + timedelta(seconds=2)))
    checks = [check("1"), check("2", "not found")]
    warehouse = holding(payments=rows, child_checks=checks)
    assert Settlement(session(Feed({"p2", "p3"})), warehouse).settle_answers()
    found = dict(warehouse.rows("SELECT payment_id, booking_number FROM {payments}"))
    assert found == {"p2": None, "p3": "1", "p4": "2", "p5": "1"}, "p5 was read after the answer"
    assert not Settlement(session(Feed({"p2", "p3"})), warehouse).settle_answers(), "once"


def test_a_payment_that_is_doubted_itself_does_not_make_silence_believed() -> None:
    warehouse = holding(payments=[payment("p1", number="1"), payment("p2", number="1")], child_checks=[check("1")])
    made = session(Feed(()), {"p2"})
    assert not Settlement(made, warehouse).settle_answers()
    assert ids(warehouse) == {"p1", "p2"}
    assert any("they are kept" in message for message in made.notes.messages)


def test_the_newest_row_of_a_payment_stays() -> None:
    warehouse = holding(payments=[payment("p1", number="1", fetched_at=EARLY), payment("p1"), payment("p2")])
    settlement = Settlement(session(Feed(())), warehouse)
    assert settlement.keep_newest()
    assert warehouse.rows("SELECT payment_id, booking_number FROM {payments} ORDER BY 1") == [
        ("p1", None),
        ("p2", None),
    ]
    assert not settlement.keep_newest()


def test_many_that_are_not_shown_are_not_asked_for_one_by_one() -> None:
    feed = Feed({"p1"})
    settlement = Settlement(session(feed), holding(payments=[]))
    many = {f"p{n}": EARLY for n in range(30)}
    assert settlement.not_shown(many, 30) == many
    assert feed.asked == 0
    assert settlement.not_shown({"p1": EARLY, "p2": EARLY}, 30) == {"p2": EARLY}
