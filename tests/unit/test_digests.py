"""By which time a record is listed, and when it is met exactly as before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bookeo.cursor.digests import changed_at, mark_of, time_of

CHANGED, RECEIVED, CREATED = "2026-01-03T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("record", "day"),
    [
        ({"lastChangeTime": CHANGED, "receivedTime": RECEIVED, "creationTime": CREATED}, 3),
        ({"receivedTime": RECEIVED, "creationTime": CREATED}, 2),
        ({"receivedTime": RECEIVED}, 2),
        ({"lastChangeTime": None, "receivedTime": None, "creationTime": CREATED}, 1),
    ],
)
def test_a_change_counts_before_a_receipt_and_that_before_the_making(record: dict[str, str | None], day: int) -> None:
    assert time_of(record) == datetime(2026, 1, day, tzinfo=UTC)


def test_a_mark_changes_with_every_field_and_the_key_but_not_with_their_order() -> None:
    at = datetime(2026, 1, 1, 0, 0, 7, tzinfo=UTC)
    mark = mark_of({"a": 1, "b": 2}, at, b"k")
    assert mark == mark_of({"b": 2, "a": 1}, at, b"k")
    others = {mark_of({"a": 1, "b": 3}, at, b"k"), mark_of({"a": 1}, at, b"k"), mark_of({"a": 1, "b": 2}, at, b"l")}
    assert len({mark, *others, mark_of({"a": 1, "b": 2}, at + timedelta(seconds=1), b"k")}) == 5
    assert changed_at(mark) == at
