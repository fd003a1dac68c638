"""Bookings by time of last change, payments by time of receipt: window after window, in order.

Page requests of a window and the first pages of the windows behind it are under way side by side; what comes out is in
order of time all the same. A window counts as read only when its pages add up (see `WindowReader`).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from bookeo.client.client import BookeoClient, BookingsQuery, ListPage
from bookeo.client.completeness import all_keys, distinct_keys, goes_on, page_or_gone
from bookeo.client.pagination import PageInfo
from bookeo.cursor.coverage import Coverage
from bookeo.cursor.window_read import WindowRead
from bookeo.errors import WindowIncomplete
from bookeo.extract.kept_pages import KeptPage, KnownRecords, kept_page
from bookeo.settings.model import BookeoSettings
from bookeo.windows import LONGEST_ASKED, PADDING, Window, floor_second, halve, padded, split_range

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
PAGES_AHEAD = 4
"""Pages that each request at once reads while others are shaped."""
WindowFetch = Callable[[Window, int, str | None], ListPage]
"""Reads a page of a window: its number, from 1, and from the second on the token of the first."""


@dataclass(frozen=True)
class _Cut:
    """The window is to be read as these parts instead; so many requests went into finding out."""

    parts: tuple[Window, ...]
    requests: int


@dataclass
class _Task:
    """A window to be read, in its place in the line; `outcome` is there once the reading was started."""

    window: Window
    outcome: Future[WindowRead | _Cut] | None = None


class WindowReader:
    """Reads all items of some ranges of time, window after window.

    A window is proven when the distinct keys on its pages are as many as `totalItems` announced, and `totalItems` was
    the same on every page. Bookings that change while pages are read leave their window and shift the rows behind them;
    such a window is read again, and after `window_attempts` readings it is halved, down to a minute. Where two readings
    in a row show the same items and do not add up all the same, it is the announcement that is wrong or missing: the
    window is handed out as unproven, and so is a minute that never adds up. A window that holds more than `max_items`
    is cut before it is read. So is one that reaches over `moving_since` and needs several pages: only after that moment
    may a booking enter a window while another leaves it, which no total would show, and the next load reads that part
    again.

    Args:
        fetch: Reads a page of a window, given the page's number and, from the second on, its token.
        key: The field by which items are told apart.
        settings: `window_days`, `window_attempts`, `items_per_page` and `concurrency` are used.
        wanted: What to ask for.
        max_items: Items that one window may hold.
        lookahead: Windows that may be read ahead of the one that is waited for.
        known_empty: Windows that are known to hold nothing; they are not asked for again.
        known: What is known of items that may be met again.
        moving_since: From when on items may still appear in a window, aware; None: `overlap_seconds` before the end.
        must_add_up: Whether a window that cannot be proven is an error.

    Raises:
        WindowIncomplete: From `next_window`, for a window that cannot be proven where it must.
    """

    def __init__(
        self,
        fetch: WindowFetch,
        settings: BookeoSettings,
        wanted: Coverage,
        *,
        key: str,
        max_items: int,
        lookahead: int | None = None,
        known_empty: frozenset[Window] = frozenset(),
        known: KnownRecords | None = None,
        moving_since: datetime | None = None,
        must_add_up: bool = False,
    ) -> None:
        self.wanted = wanted
        self._fetch = fetch
        self._key = key
        self._settings = settings
        self._max_items = max(max_items, settings.items_per_page)
        self._lookahead = settings.concurrency if lookahead is None else lookahead
        self._known_empty = known_empty
        self._known = known
        self._must_add_up = must_add_up
        self._waiting: deque[Window] = deque(windows_of(wanted, settings))
        end = wanted.windows[-1].end if wanted else floor_second(NEVER)
        # Windows have whole seconds, and what is later than any end moves nowhere.
        self._moving_since = floor_second(moving_since or end - timedelta(seconds=settings.overlap_seconds))
        self._tasks: deque[_Task] = deque()
        self._spent: dict[Window, int] = {}
        self._windows_done = 0
        self._pages_lately = 0
        self._window_threads = ThreadPoolExecutor(self._lookahead + 1, thread_name_prefix="bookeo-window")
        # One more than may ask at once: while they do, it looks at what has come.
        self._page_threads = ThreadPoolExecutor(settings.concurrency + 1, thread_name_prefix="bookeo-page")
        self._closed = threading.Event()

    @property
    def finished(self) -> bool:
        """Whether every window of the range has been handed out."""
        return not self._waiting and not self._tasks

    @property
    def windows_left(self) -> int:
        """Windows not handed out yet, as far as the cutting is known."""
        return len(self._waiting) + len(self._tasks)

    @property
    def windows_done(self) -> int:
        """Windows handed out so far."""
        return self._windows_done

    def next_window(self) -> WindowRead | None:
        """Hands out the next window of the range.

        Returns:
            The window with its pages, or None when the range is done.

        Raises:
            WindowIncomplete: The window cannot be proven, and must be.
            BookeoError: What the client raises for a request; the window stays next in line.
        """
        read = self._await_head()
        if read is not None:
            self._windows_done += 1
        return read

    def close(self) -> None:
        """Stops reading ahead; requests under way end by themselves."""
        self._closed.set()
        self._window_threads.shutdown(wait=False, cancel_futures=True)
        self._page_threads.shutdown(wait=False, cancel_futures=True)

    def _await_head(self) -> WindowRead | None:
        while True:
            self._read_ahead()
            if not self._tasks:
                return None
            reading = self._tasks[0].outcome
            assert reading is not None
            try:
                outcome = reading.result()
            except BaseException:
                # Nothing behind a failed window is worth keeping: the next reading starts from it.
                self._waiting.extendleft(t.window for t in reversed(self._tasks))
                self._tasks.clear()
                raise
            self._tasks.popleft()
            if isinstance(outcome, WindowRead):
                self._pages_lately = len(outcome.bodies)
                return outcome
            # The parts go before the windows that are being read already.
            self._spent[outcome.parts[0]] = outcome.requests
            self._tasks.extendleft(_Task(part) for part in reversed(outcome.parts))

    def _read_ahead(self) -> None:
        """Starts reading the first windows in line: as few as keep all requests busy, for a kill wastes the others.

        Where nothing limits the requests, they are to be busy while what was read is shaped, too.
        """
        unlimited = not self._settings.effective_requests_per_second
        pages = self._settings.concurrency * (PAGES_AHEAD if unlimited else 1)
        ahead = min(self._lookahead, -(-pages // max(self._pages_lately, 1)))
        while self._waiting and len(self._tasks) <= ahead:
            self._tasks.append(_Task(self._waiting.popleft()))
        for task in islice(self._tasks, ahead + 1):
            if task.outcome is None:
                task.outcome = self._start(task.window)

    def _start(self, window: Window) -> Future[WindowRead | _Cut]:
        if window in self._known_empty:
            known: Future[WindowRead | _Cut] = Future()
            known.set_result(WindowRead(window, (), frozenset(), 0, 0, 0, 0.0, None))
            return known
        return self._window_threads.submit(self._read, window)

    def _read(self, window: Window) -> WindowRead | _Cut:
        """Read one window until it adds up or cannot be proven, or tell how to cut it."""
        started = time.monotonic()
        requests = self._spent.pop(window, 0)
        known: frozenset[str] | None = None
        for attempt in range(1, max(self._settings.window_attempts, 2) + 1):
            first = self._page(window, 1, None)
            requests += first.answer.attempts
            parts = self._parts(window, first)
            if parts:
                return _Cut(parts, requests)
            info, operation, server_time = first.info, first.answer.operation, first.answer.server_time
            pages: list[KeptPage | None] = [self._kept(window, first)]
            del first  # and with it all that was parsed, while the other pages are read
            pages += self._further_pages(window, info)
            pages += self._pages_beyond(window, pages, info.token)
            requests += sum(page.requests if page else 1 for page in pages[1:])
            read = [page.keys if page else None for page in pages]
            keys = distinct_keys(read)
            filled = [page for page in pages if page and page.keys.keys]
            found = WindowRead(
                window=window,
                bodies=tuple(page.body for page in filled),
                keys=all_keys(read) if keys is None else keys,
                announced=info.total_items,
                requests=requests,
                attempts=attempt,
                seconds=time.monotonic() - started,
                server_time=server_time,
                server_times=tuple(page.server_time for page in filled),
                recent={number: mark for page in filled for number, mark in page.recent.items()},
                unchanged=frozenset[str]().union(*(page.unchanged for page in filled)),
                proven=keys is not None,
            )
            if keys is not None:
                return found
            if found.keys == known:
                return self._unproven(found, operation)
            known = found.keys
        # Shorter ones would all be asked for with the same padding.
        halves = halve(window) if window.span > PADDING else None
        return _Cut(halves, requests) if halves else self._unproven(found, operation)

    def _unproven(self, read: WindowRead, operation: str) -> WindowRead:
        if self._must_add_up:
            raise WindowIncomplete(
                f"Incomplete: {operation} announced {read.announced} items for {read.window} and returned "
                f"{len(read.keys)}, {read.attempts} times; run the same command again later.",
                operation=operation,
            )
        return read

    def _parts(self, window: Window, first: ListPage) -> tuple[Window, ...]:
        """Says into which windows this one must be cut before it is read; empty when it need not."""
        total = first.info.total_items
        if total is not None and total > self._max_items and window.span > PADDING:
            # A quarter more parts than would do if the changes were spread evenly.
            count = -(-total * 5 // (4 * self._max_items))
            seconds = int((window.end - window.start).total_seconds()) + 1
            return tuple(split_range(window.start, window.end, timedelta(seconds=max(seconds // count, 1) - 1)))
        moving = self._moving_since
        if (first.info.total_pages or 1) > 1 and window.start < moving <= window.end:
            return (Window(window.start, moving - timedelta(seconds=1)), Window(moving, window.end))
        return ()

    def _kept(self, window: Window, page: ListPage) -> KeptPage:
        known = self._known
        meets_others = known is not None and (bool(known.marks) or window.end >= known.since)
        return kept_page(page, self._key, known if meets_others else None)

    def _further_pages(self, window: Window, info: PageInfo) -> list[KeptPage | None]:
        """Fetches the pages after the first side by side; returns all in order."""
        return list(
            self._page_threads.map(
                lambda number: self._kept_page(window, number, info.token), range(2, (info.total_pages or 1) + 1)
            )
        )

    def _pages_beyond(self, window: Window, pages: Sequence[KeptPage | None], token: str | None) -> list[KeptPage]:
        """Fetch pages that were not announced, for as long as there may be some."""
        beyond: list[KeptPage] = []
        keys = [page.keys if page else None for page in pages]
        while token is not None and goes_on(keys):
            page = self._kept_page(window, len(keys) + 1, token)
            if page is None:
                break
            beyond.append(page)
            keys.append(page.keys)
        return beyond

    def _kept_page(self, window: Window, number: int, token: str | None) -> KeptPage | None:
        page = page_or_gone(lambda n, token: self._page(window, n, token), number, token)
        return None if page is None else self._kept(window, page)

    def _page(self, window: Window, number: int, token: str | None) -> ListPage:
        if self._closed.is_set():
            raise CancelledError
        return self._fetch(window, number, token)


def booking_fetch(client: BookeoClient) -> WindowFetch:
    """Reads bookings by the time of their last change, else of their creation.

    Args:
        client: The API.

    Returns:
        What a `WindowReader` needs.
    """
    return lambda window, number, token: client.bookings_page(BookingsQuery(last_updated=padded(window)), number, token)


def payment_fetch(client: BookeoClient) -> WindowFetch:
    """Reads payments by the time at which they were received.

    Args:
        client: The API.

    Returns:
        What a `WindowReader` needs.
    """
    return lambda window, number, token: client.payments_page(padded(window), number, token)


def windows_of(wanted: Coverage, settings: BookeoSettings) -> list[Window]:
    """Cut ranges into windows that the API takes.

    Args:
        wanted: The ranges.
        settings: `window_days` is used.

    Returns:
        The windows, in order.
    """
    length = min(timedelta(days=settings.window_days), LONGEST_ASKED)
    return [part for window in wanted.windows for part in split_range(window.start, window.end, length)]
