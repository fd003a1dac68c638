"""Bookings that change and vanish between page requests, in every order that matters: nothing is missing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from invented_bookings import InventedBookings, moment, records_of, settings_like

from bookeo.client.completeness import PageKeys, distinct_keys, page_keys
from bookeo.client.pagination import ListPage
from bookeo.cursor.coverage import span
from bookeo.errors import ServerUnavailable, WindowIncomplete
from bookeo.extract.kept_pages import KeptPage, kept_page
from bookeo.extract.window_reader import WindowRead, WindowReader, windows_of
from bookeo.windows import LONGEST_ASKED, ONE_SECOND, Window
from patience import wait_until

HOUR = 3600
UNTIL = 10 * HOUR
"""The server's time when the load begins."""
LATER = UNTIL + 60
"""The server's time while pages are read."""
FAR = {"since": 0, "until": 40 * 24 * HOUR}
"""A range whose first window is far from its end, so that it need not be cut."""
LETTERS = "ABCDEFGH"


def reader_of(
    api: InventedBookings, *, since: int = 0, until: int = UNTIL, max_items: int = 100, **settings: Any
) -> WindowReader:
    values = settings_like(items_per_page=api.items_per_page, **settings)
    wanted = span(moment(since), moment(until))
    return WindowReader(api.page, values, wanted, key="bookingNumber", max_items=max_items, lookahead=0)


@pytest.fixture
def api() -> InventedBookings:
    """Eight bookings on three pages of one window, each a minute after the other."""
    made = InventedBookings(now=FAR["until"] + 60)
    for position, letter in enumerate(LETTERS):
        made.put(letter, HOUR + 60 * position)
    return made


def windows(reader: WindowReader) -> Iterator[WindowRead]:
    try:
        while (read := reader.next_window()) is not None:
            yield read
    finally:
        reader.close()


def landed(reads: list[WindowRead]) -> list[str]:
    return sorted(record["bookingNumber"] for read in reads for record in records_of(read.bodies))


def leave(api: InventedBookings, *letters: str) -> None:
    """They are changed now: the next load will find them."""
    for letter in letters:
        api.put(letter, api.now)


def on_request(api: InventedBookings, nth: int, happens: Any) -> None:
    api.before = lambda request: happens() if request == nth else None


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize(
    ("nth", "leavers"),
    [
        pytest.param(2, "C", id="the row before the page edge"),
        pytest.param(2, "A", id="the first row"),
        pytest.param(2, "D", id="the row behind the page edge"),
        pytest.param(3, "F", id="the row before the next edge"),
        pytest.param(3, "H", id="the last row"),
        pytest.param(3, "GH", id="all of the last page"),
        pytest.param(2, "DEFGH", id="all but the first page"),
        pytest.param(2, "ABCDEFGH", id="all"),
    ],
)
def test_rows_leave_while_pages_are_read(api: InventedBookings, nth: int, leavers: str, concurrency: int) -> None:
    on_request(api, nth, lambda: leave(api, *leavers))
    reads = list(windows(reader_of(api, **FAR, concurrency=concurrency)))
    # Whoever left may have been read before or not; everybody else is there, once.
    stayed = sorted(set(LETTERS) - set(leavers))
    assert landed(reads) == stayed
    assert max(read.attempts for read in reads) == 2, "the window was read again, as a whole"


@pytest.mark.parametrize("vanishing", [True, False], ids=["vanishes", "changes"])
def test_one_leaves_and_another_enters_so_that_no_total_moves(api: InventedBookings, vanishing: bool) -> None:
    # A booking that was committed late enters the last minutes while another leaves: C slips over the page edge.
    def happens() -> None:
        api.delete("A") if vanishing else leave(api, "A")
        api.put("Z", UNTIL - 30)

    on_request(api, 3, happens)
    reads = list(windows(reader_of(api)))
    # The late one came after its window was read, or it is there: the next load begins before it in either case.
    assert set("BCDEFGH") <= set(landed(reads))


def test_a_page_repeats_a_row(api: InventedBookings) -> None:
    def repeat_once(number: int, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if number == 2 and api.requests < 4:
            return [{"bookingNumber": "C", "creationTime": moment(HOUR).isoformat()}, *items[1:]]
        return items

    api.on_page = repeat_once
    reads = list(windows(reader_of(api, **FAR)))
    assert landed(reads) == list(LETTERS)
    assert reads[0].attempts == 2


def test_a_window_that_moves_three_times_is_halved(api: InventedBookings) -> None:
    leavers = iter("ABC")

    def happens(_: int) -> None:
        if api.windows and api.requests in (2, 5, 8):
            leave(api, next(leavers))

    api.before = happens
    reads = list(windows(reader_of(api, **FAR)))
    assert landed(reads) == list("DEFGH")
    first, second, third = reads
    assert first.window.start == moment(0)
    assert first.window.end + ONE_SECOND == second.window.start
    assert second.window.end + ONE_SECOND == third.window.start
    assert second.window.span <= timedelta(days=16), "half of 31 days"
    assert sum(read.requests for read in reads) == api.requests


def never_whole(number: int, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return items[1:] if number == 3 else items


def test_items_that_are_announced_and_never_come_leave_the_window_unproven(api: InventedBookings) -> None:
    api.on_page = never_whole
    read = next(windows(reader_of(api, **FAR)))
    assert landed([read]) == list("ABCDEFH"), "what comes is handed out"
    assert (read.proven, read.announced, len(read.keys), read.attempts) == (False, 8, 7, 2)


def test_where_it_must_add_up_it_is_an_error(api: InventedBookings) -> None:
    api.on_page = never_whole
    wanted = span(moment(0), moment(FAR["until"]))
    reader = WindowReader(
        api.page, settings_like(), wanted, key="bookingNumber", max_items=100, lookahead=0, must_add_up=True
    )
    with pytest.raises(WindowIncomplete, match=r"announced 8 items for .* and returned 7"):
        next(windows(reader))


@pytest.mark.parametrize("total", [None, 7, 9, 800])
def test_totals_that_are_missing_or_wrong_cost_no_row(api: InventedBookings, total: int | None) -> None:
    page = api.page

    def fetch(window: Window, number: int, token: str | None) -> ListPage:
        whole = page(window, number, token)
        if token is None and whole.info.token is None:
            return whole  # There is nothing in this one.
        return replace(whole, info=replace(whole.info, total_items=total, total_pages=None if total is None else 3))

    wanted = span(moment(0), moment(FAR["until"]))
    reader = WindowReader(fetch, settings_like(), wanted, key="bookingNumber", max_items=1000, lookahead=0)
    reads = list(windows(reader))
    assert landed(reads) == list(LETTERS)
    assert [read.proven for read in reads if read.keys] == [False]


def test_more_pages_than_announced_are_read(api: InventedBookings) -> None:
    page = api.page

    def fetch(window: Window, number: int, token: str | None) -> ListPage:
        whole = page(window, number, token)
        return replace(whole, info=replace(whole.info, total_pages=1))

    wanted = span(moment(0), moment(FAR["until"]))
    reader = WindowReader(fetch, settings_like(), wanted, key="bookingNumber", max_items=1000, lookahead=0)
    reads = list(windows(reader))
    assert landed(reads) == list(LETTERS)
    assert all(read.proven for read in reads), "they are as many as announced"


def test_a_failed_window_stays_next_in_line(api: InventedBookings) -> None:
    def fail(request: int) -> None:
        if request == 2:
            raise ServerUnavailable("no answer")

    api.before = fail
    reader = reader_of(api, **FAR)
    with pytest.raises(ServerUnavailable):
        reader.next_window()
    assert landed(list(windows(reader))) == list(LETTERS)


@pytest.mark.parametrize("max_items", [3, 4, 7])
def test_a_window_with_too_many_bookings_is_cut_before_it_is_read(api: InventedBookings, max_items: int) -> None:
    reads = list(windows(reader_of(api, max_items=max_items)))
    assert landed(reads) == list(LETTERS)
    assert all(read.announced <= max_items for read in reads)
    for one, two in pairwise(reads):
        assert one.window.end + ONE_SECOND == two.window.start


def test_the_parts_of_a_window_are_read_from_the_front_and_not_all_at_once() -> None:
    api = InventedBookings(now=LATER)
    for position in range(60):
        api.put(str(position), 500 * position)
    reader = WindowReader(
        api.page, settings_like(concurrency=2), span(moment(0), moment(UNTIL)), key="bookingNumber", max_items=3
    )
    first = reader.next_window()
    assert first is not None
    assert first.window.start == moment(0)
    assert len(set(api.windows)) <= 5, "the whole, its first part, and two ahead"
    reader.close()


def test_windows_come_in_order_however_they_are_read_ahead() -> None:
    api = InventedBookings(now=LATER)
    for day in range(-300, 0):
        api.put(str(day), day * 86_400)
    reads = list(windows(reader_of(api, since=-300 * 86_400, concurrency=8, window_days=7, max_items=5)))
    assert [read.window for read in reads] == sorted(read.window for read in reads)
    assert len(landed(reads)) == 300
    assert all(read.window.span <= timedelta(days=7) for read in reads)


@pytest.mark.parametrize(("pace", "ahead"), [(1.6, 1), (0.0, 3)])
def test_more_windows_are_read_ahead_where_nothing_limits_the_requests(pace: float, ahead: int) -> None:
    begun: set[Window] = set()
    api = InventedBookings(now=LATER)
    for day in range(-300, 0):
        api.put(str(day), day * 86_400)

    def page(window: Window, number: int, token: str | None) -> Any:
        begun.add(window)
        return api.page(window, number, token)

    settings = settings_like(concurrency=4, window_days=18, effective_requests_per_second=pace)
    wanted = span(moment(-300 * 86_400), moment(UNTIL))
    reader = WindowReader(page, settings, wanted, key="bookingNumber", max_items=100)
    try:
        # Each has six pages, which is known after the first: more than there are requests at once.
        for _ in range(6):
            assert reader.next_window()
        expected = 6 + ahead
        wait_until(lambda: len(begun) >= expected)
        time.sleep(0.1)  # were one more read ahead, it would begin now
    finally:
        reader.close()
    assert len(begun) == expected


def test_a_page_is_looked_at_while_the_next_is_asked_for(
    api: InventedBookings, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[int] = []

    def kept(page: ListPage, *arguments: Any) -> KeptPage:
        # The third of three, which is asked for by another thread, comes while the second is still looked at.
        if page.info.current_page == 2:
            wait_until(lambda: api.requests == 3)
        looked_at.append(api.requests)
        return kept_page(page, *arguments)

    monkeypatch.setattr("bookeo.extract.window_reader.kept_page", kept)
    assert landed(list(windows(reader_of(api, **FAR, concurrency=1)))) == list(LETTERS)
    assert looked_at[1:3] == [3, 3]


def test_what_is_known_to_be_empty_is_not_asked_for() -> None:
    api = InventedBookings(now=LATER)
    api.put("A", HOUR)
    start = moment(-62 * 86_400)
    empty = Window(start, start + LONGEST_ASKED)
    reader = WindowReader(
        api.page,
        settings_like(),
        span(empty.start, moment(UNTIL)),
        key="bookingNumber",
        max_items=100,
        known_empty=frozenset([empty]),
    )
    reads = list(windows(reader))
    assert reads[0].window == empty
    assert reads[0].announced == 0
    assert empty not in api.windows
    assert landed(reads) == ["A"]


def test_pages_add_up_only_if_every_total_is_the_same_and_every_key_is_there_once() -> None:
    from bookeo.client.pagination import ListPage, PageInfo
    from bookeo.http.response import Answer

    def page(total: int, *keys: str | None) -> PageKeys:
        records: list[dict[str, Any]] = [{"id": key} if key is not None else {} for key in keys]
        return page_keys(ListPage(Answer(b"", None, 1, 0.0), PageInfo(total, 2, 1), records), "id")

    assert distinct_keys([page(3, "a", "b"), page(3, "c")]) == {"a", "b", "c"}
    assert distinct_keys([page(3, "a", "b"), page(2, "c")]) is None, "the total moved"
    assert distinct_keys([page(3, "a", "b"), page(3, "b")]) is None, "one is there twice, one is missing"
    assert distinct_keys([page(3, "a", "b"), None]) is None, "a page is gone"
    assert distinct_keys([page(2, "a", None)]) == {"a"}, "a nameless item is not missing"
    assert distinct_keys([page(0)]) == set()


def test_after_a_failure_the_windows_come_in_their_order() -> None:
    api = InventedBookings(now=10 * 24 * HOUR)
    settings = settings_like(items_per_page=3, window_days=1, concurrency=4)
    wanted = span(moment(0), moment(6 * 24 * HOUR))
    failing = {windows_of(wanted, settings)[0]}

    def page(window: Window, number: int, token: str | None) -> ListPage:
        if window in failing:
            raise ServerUnavailable("down")
        return api.page(window, number, token)

    reader = WindowReader(page, settings, wanted, key="bookingNumber", max_items=100, lookahead=3)
    with pytest.raises(ServerUnavailable):
        reader.next_window()
    failing.clear()
    assert [read.window for read in windows(reader)] == windows_of(wanted, settings)


def test_a_window_whose_last_second_still_moves_is_cut_before_it(api: InventedBookings) -> None:
    settings = settings_like(items_per_page=api.items_per_page)
    wanted = span(moment(0), moment(UNTIL))
    [window] = windows_of(wanted, settings)
    reader = WindowReader(
        api.page, settings, wanted, key="bookingNumber", max_items=100, lookahead=0, moving_since=window.end
    )
    before, last = [read.window for read in windows(reader)]
    assert (before, last) == (Window(window.start, window.end - ONE_SECOND), Window(window.end, window.end))
