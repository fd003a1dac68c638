"""For any history of changes, whatever happens between two page requests: the load ends with the truth."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from invented_bookings import InventedBookings, moment, records_of, settings_like

from bookeo.cursor.coverage import Coverage
from bookeo.cursor.ranges import SETTLING, ListReading, Wanted, next_range
from bookeo.cursor.state import LoadState
from bookeo.extract.kept_pages import KnownRecords
from bookeo.extract.window_reader import WindowReader
from bookeo.http.clocks import Clocks
from bookeo.windows import MAX_WINDOW

OVERLAP = 60
"""Seconds that a change may be committed late."""
DAY = 86_400
SPAN = 5 * DAY

numbers = st.integers(0, 11).map(str)
happenings = st.one_of(
    st.tuples(st.just("change"), numbers, st.just(0)),
    st.tuples(st.just("change"), numbers, st.just(0)),
    st.tuples(st.just("change late"), numbers, st.integers(0, OVERLAP - 1)),
    st.tuples(st.just("pay"), numbers, st.just(0)),
    st.tuples(st.just("delete"), numbers, st.just(0)),
    st.tuples(st.just("wait"), numbers, st.integers(1, 30)),
)


class Warehouse:
    """What a destination holds after loads that are cut off after some windows, and the state that goes with it."""

    def __init__(self, api: InventedBookings, reader_settings: Any) -> None:
        self.api = api
        self.settings = reader_settings
        self.rows: dict[str, tuple[int, str]] = {}
        self.stored: dict[str, Any] = {}
        self.asked = Coverage()

    def load(self, windows: int | None = None) -> bool:
        """Loads; killed after some windows, where a number is given. Tells whether it came to the end."""
        now = moment(self.api.now)
        clocks = Clocks(now, now, now, now)
        wanted = Wanted(frozenset({"bookings"}), moment(0), overlap_seconds=OVERLAP)
        state = LoadState.from_source(self.stored)
        decided = next_range(state, "bookings", wanted, clocks)
        reading = ListReading("bookings", decided, state.bookings.known_digests(wanted.tables))
        reader = WindowReader(
            self.api.page,
            self.settings,
            decided.asked,
            key="bookingNumber",
            max_items=self.settings.max_items,
            lookahead=self.settings.lookahead,
            known=KnownRecords(now - SETTLING, reading.marks, b"key"),
            moving_since=now - timedelta(seconds=OVERLAP),
        )
        self.asked, handed_out = decided.asked, Coverage()
        try:
            while True:
                if windows == 0:
                    return False
                windows = None if windows is None else windows - 1
                read = reader.next_window()
                if read is None:
                    break
                assert not handed_out & Coverage.of([read.window]), "no second is read twice"
                handed_out |= Coverage.of([read.window])
                # A window is a package here: its rows, its coverage and its marks land together.
                for record in records_of(read.bodies):
                    if record["bookingNumber"] not in read.unchanged:
                        self.rows[record["bookingNumber"]] = (int(record["title"]), record["productId"])
                reading.read([read])
                reading.land(state, clocks, [read], None, ended=reader.finished)
                state.write_to(self.stored)
        finally:
            reader.close()
        assert handed_out == decided.asked, "every second that was wanted is read"
        return not reading.unproven


@st.composite
def worlds(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "order": draw(st.sampled_from(["number", "created", "updated"])),
        "past": draw(st.lists(st.tuples(numbers, st.integers(0, SPAN)), min_size=4, max_size=16)),
        "clustered": draw(st.booleans()),
        "items_per_page": draw(st.integers(1, 5)),
        "window_days": draw(st.sampled_from([1, 2, 31])),
        "window_attempts": draw(st.integers(1, 3)),
        "concurrency": draw(st.sampled_from([1, 1, 4])),
        "lookahead": draw(st.integers(0, 3)),
        "max_items": draw(st.sampled_from([1, 4, 100, 100])),
        "runs": draw(
            st.lists(
                st.tuples(
                    st.lists(st.tuples(st.integers(1, 14), happenings), max_size=8),
                    st.one_of(st.none(), st.none(), st.integers(0, 6)),
                    st.integers(0, 3 * OVERLAP),
                ),
                min_size=1,
                max_size=5,
            )
        ),
    }


def happen(api: InventedBookings, what: tuple[str, str, int]) -> None:
    kind, number, seconds = what
    if kind == "wait":
        api.now += seconds
    elif kind == "delete":
        api.delete(number)
    elif kind == "pay":
        # A payment need not move the booking's time of change.
        if number in api.bookings:
            api.bookings[number]["paid"] = api.bookings[number].get("paid", 0) + 1
    elif kind == "change":
        api.put(number, api.now)
    else:
        late = max(api.now - seconds, api.bookings.get(number, {"updated": 0})["updated"])
        api.put(number, late)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(worlds())
def test_whatever_changes_between_two_pages_nothing_is_missing_and_the_newest_version_wins(
    world: dict[str, Any],
) -> None:
    api = InventedBookings(order=world["order"], items_per_page=world["items_per_page"], now=SPAN)
    for number, second in world["past"]:
        # Clustered in few seconds, they make windows that cannot be cut any further.
        api.put(number, max(second % 3 + 2 * DAY if world["clustered"] else second, 0))
    knobs = ("items_per_page", "window_days", "window_attempts", "concurrency", "lookahead", "max_items")
    warehouse = Warehouse(api, settings_like(overlap_seconds=OVERLAP, **{name: world[name] for name in knobs}))

    for schedule, killed_after, pause in world["runs"]:
        first = api.requests
        pending = sorted(schedule, key=lambda item: item[0])

        def before(request: int, first: int = first, pending: list[Any] = pending) -> None:
            while pending and request - first >= pending[0][0]:
                happen(api, pending.pop(0)[1])

        api.before = before
        warehouse.load(killed_after)
        api.before = None
        api.now += pause
        for _, what in pending:
            happen(api, what)
    assert warehouse.load(), "nothing changes any more, so the load comes to its end, and all of it is proven"

    assert {number: warehouse.rows[number][0] for number in api.bookings if number in warehouse.rows} == api.versions()
    met = {number for number, booking in api.bookings.items() if moment(booking["updated"]) in warehouse.asked}
    assert all(warehouse.rows[number][1] == str(api.bookings[number].get("paid", 0)) for number in met)
    assert all(window.span <= MAX_WINDOW for window in api.windows)
    assert all(window.span <= timedelta(days=world["window_days"]) for window in api.windows)
