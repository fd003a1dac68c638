"""Sets of time intervals behave like sets of seconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bookeo.cursor.coverage import Coverage, begun_earlier, intersection, span
from bookeo.windows import ONE_SECOND, Window

START = datetime(2026, 1, 1, tzinfo=UTC)
SECONDS = 40

windows = st.tuples(st.integers(0, SECONDS), st.integers(0, SECONDS)).map(
    lambda ends: Window(at(min(ends)), at(max(ends)))
)
sets = st.lists(windows, max_size=6).map(Coverage.of)


def at(second: int) -> datetime:
    return START + timedelta(seconds=second)


def seconds(covered: Coverage) -> set[int]:
    return {second for second in range(-SECONDS, 2 * SECONDS) if at(second) in covered}


def is_normal(covered: Coverage) -> bool:
    ends = covered.windows
    return all(one.end + ONE_SECOND < two.start for one, two in pairwise(ends))


@given(sets, sets)
def test_operations_are_those_of_sets_of_seconds(one: Coverage, other: Coverage) -> None:
    for found, expected in (
        (one | other, seconds(one) | seconds(other)),
        (one & other, seconds(one) & seconds(other)),
        (one - other, seconds(one) - seconds(other)),
    ):
        assert seconds(found) == expected
        assert is_normal(found)


@given(st.lists(windows, max_size=6), st.randoms())
def test_the_order_in_which_windows_come_does_not_matter(found: list[Window], random: object) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert Coverage.of(shuffled) == Coverage.of(found)
    assert Coverage.of(found) == Coverage.of(Coverage.of([window]).windows[0] for window in found)


@given(sets, st.integers(-1, SECONDS + 1))
def test_what_is_reached_without_a_gap(covered: Coverage, second: int) -> None:
    reached = covered.reached(at(second))
    if at(second) not in covered:
        assert reached is None
    else:
        assert reached is not None
        assert seconds(span(at(second), reached)) <= seconds(covered)
        assert reached + ONE_SECOND not in covered


@given(sets, st.integers(-1, SECONDS + 1))
def test_cutting_off_what_is_later(covered: Coverage, second: int) -> None:
    assert seconds(covered.until(at(second))) == {one for one in seconds(covered) if one <= second}


@given(sets, st.integers(0, 10))
def test_beginning_earlier_never_passes_the_floor(covered: Coverage, overlap: int) -> None:
    expected = set(seconds(covered))
    for window in covered.windows:
        first = int((window.start - START).total_seconds())
        expected |= set(range(min(max(first - overlap, 3), first), first))
    assert seconds(begun_earlier(covered, overlap, at(3))) == expected


@given(sets)
def test_the_state_brings_back_what_was_written(covered: Coverage) -> None:
    assert Coverage.from_state(covered.as_state()) == covered


def test_intersections_and_spans() -> None:
    assert intersection([]) == Coverage()
    assert seconds(intersection([span(at(0), at(9)), span(at(5), at(12)), span(at(7), at(7))])) == {7}
    assert span(at(2), at(1)) == Coverage()
    assert not Coverage()
    assert begun_earlier(span(at(5), at(6)), 10.0**12, datetime.min.replace(tzinfo=UTC)).windows[0].end == at(6)
