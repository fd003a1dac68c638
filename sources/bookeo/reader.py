"""Bookings by time of last change, payments by time of receipt: window after window, each proven complete, in order.

Page requests of a window and the first pages of the windows behind it are under way side by side; what comes out is in
order of time all the same. A window counts as read only when its pages add up (see `WindowReader`).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from bookeo.api import BookeoClient, BookingsQuery, ListPage
from bookeo.completeness import distinct_keys, page_or_gone
from bookeo.errors import WindowIncomplete
from bookeo.kept_pages import KeptPage, kept_page
from bookeo.pages import PageInfo
from bookeo.settings import BookeoSettings
from bookeo.windows import Window, floor_second, halve, split_range

PAGES_AHEAD = 4
"""Pages that each request at once reads while others are shaped."""
WindowFetch = Callable[[Window, int, str | None], ListPage]
"""Reads a page of a window: its number, from 1, and from the second on the token of the first."""


@dataclass(frozen=True)
class WindowRead:
    """A window whose pages add up.

    Args:
        window: The range asked for, both ends inclusive.
        bodies: One answer's bytes for each page, in page order.
        keys: The distinct keys on those pages.
        announced: Items that the API announced for the window.
        requests: Requests made for the window, readings that did not add up and retries included.
        attempts: How often the window was read until it added up.
        seconds: Time from the first request for it to the last answer.
        server_time: The server's clock at the last answer, if it said so.
        server_times: The same for each of `bodies`.
        recent: Digests of the items changed in the last `overlap_seconds`, by key: the next load meets them again.
        unchanged: Numbers of the bookings that are exactly as the last load met them.
    """

    window: Window
    bodies: tuple[bytes, ...]
    keys: frozenset[str]
    announced: int
    requests: int
    attempts: int
    seconds: float
    server_time: datetime | None
    server_times: tuple[datetime | None, ...] = ()
    recent: Mapping[str, str] = field(default_factory=dict)
    unchanged: frozenset[str] = frozenset()


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
    """Reads all items of a time range, in windows that are each proven complete.

    A window is complete when the distinct keys on its pages are as many as `totalItems` announced, and
    `totalItems` was the same on every page. Bookings that change while pages are read leave their window and shift the
    rows behind them; such a window is read again, after `window_attempts` readings it is halved, and a single second
    that never adds up raises `WindowIncomplete`. A window that holds more than `max_items` is cut before it
    is read. So is one that reaches into the last `overlap_seconds` and needs several pages: only there may a
    booking enter a window while another leaves it, which no total would show, and the next load reads that part again.

    Args:
        fetch: Reads a page of a window, given the page's number and, from the second on, its token.
        key: The field by which items are told apart.
        settings: `window_days`, `window_attempts`, `items_per_page`, `concurrency` and `overlap_seconds` are used.
        since: First second asked for, aware.
        until: Last second asked for, aware.
        max_items: Items that one window may hold.
        lookahead: Windows that may be read ahead of the one that is waited for.
        known_empty: Windows that are known to hold nothing; they are not asked for again.
        known_digests: Digests of bookings that the last load met, by number.

    Raises:
        WindowIncomplete: From `next_window`, for a window that cannot be completed.
    """

    def __init__(
        self,
        fetch: WindowFetch,
        settings: BookeoSettings,
        since: datetime,
        until: datetime,
        *,
        key: str,
        max_items: int,
        lookahead: int | None = None,
        known_empty: frozenset[Window] = frozenset(),
        known_digests: Mapping[str, str] | None = None,
    ) -> None:
        self.since = since
        self.until = until
        self.position = since
        """The first second that is not in a window handed out yet."""
        self._fetch = fetch
        self._key = key
        self._settings = settings
        self._max_items = max(max_items, settings.items_per_page)
        self._lookahead = settings.concurrency if lookahead is None else lookahead
        self._known_empty = known_empty
        self._known_digests = known_digests or {}
        self._waiting: deque[Window] = deque(split_range(since, until, timedelta(days=settings.window_days)))
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
            WindowIncomplete: The window never added up, however often and finely it was read.
            BookeoError: What the client raises for a request; the window stays next in line.
        """
        read = self._await_head()
        if read is not None:
            self.position = read.window.end + timedelta(seconds=1)
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
        """Reads one window until it adds up, or says how to cut it."""
        started = time.monotonic()
        requests = self._spent.pop(window, 0)
        for attempt in range(1, self._settings.window_attempts + 1):
            first = self._page(window, 1, None)
            requests += first.answer.attempts
            parts = self._parts(window, first)
            if parts:
                return _Cut(parts, requests)
            info, operation, server_time = first.info, first.answer.operation, first.answer.server_time
            pages: list[KeptPage | None] = [self._kept(window, first)]
            del first  # and with it all that was parsed, while the other pages are read
            pages += self._further_pages(window, info)
            requests += sum(page.requests if page else 1 for page in pages[1:])
            keys = distinct_keys(None if page is None else page.keys for page in pages)
            if keys is not None:
                filled = [page for page in pages if page and page.keys.keys]
                return WindowRead(
                    window=window,
                    bodies=tuple(page.body for page in filled),
                    keys=keys,
                    announced=info.total_items,
                    requests=requests,
                    attempts=attempt,
                    seconds=time.monotonic() - started,
                    server_time=server_time,
                    server_times=tuple(page.server_time for page in filled),
                    recent={number: digest for page in filled for number, digest in page.recent.items()},
                    unchanged=frozenset[str]().union(*(page.unchanged for page in filled)),
                )
        halves = halve(window)
        if halves is None:
            raise WindowIncomplete(
                f"What {operation} gives for {window.start.isoformat()} never added up, in "
                f"{self._settings.window_attempts} readings; all before that time is loaded, run the same command "
                "again later.",
                operation=operation,
            )
        return _Cut(halves, requests)

    def _parts(self, window: Window, first: ListPage) -> tuple[Window, ...]:
        """Says into which windows this one must be cut before it is read; empty when it need not."""
        total = first.info.total_items
        if total > self._max_items and window.end > window.start:
            # A quarter more parts than would do if the changes were spread evenly.
            count = -(-total * 5 // (4 * self._max_items))
            seconds = int((window.end - window.start).total_seconds()) + 1
            return tuple(split_range(window.start, window.end, timedelta(seconds=max(seconds // count, 1) - 1)))
        recent = self._recent_start
        if first.info.total_pages > 1 and window.start < recent <= window.end:
            return (Window(window.start, recent - timedelta(seconds=1)), Window(recent, window.end))
        return ()

    @property
    def _recent_start(self) -> datetime:
        return floor_second(self.until - timedelta(seconds=self._settings.overlap_seconds))

    def _kept(self, window: Window, page: ListPage) -> KeptPage:
        meets_others = bool(self._known_digests) or window.end >= self._recent_start
        return kept_page(page, self._key, self._recent_start if meets_others else None, self._known_digests)

    def _further_pages(self, window: Window, info: PageInfo) -> list[KeptPage | None]:
        """Fetches the pages after the first side by side; returns all in order."""

        def read(number: int) -> KeptPage | None:
            page = page_or_gone(lambda n, token: self._page(window, n, token), number, info.token)
            return None if page is None else self._kept(window, page)

        return list(self._page_threads.map(read, range(2, info.total_pages + 1)))

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
    return lambda window, number, token: client.bookings_page(BookingsQuery(last_updated=window), number, token)


def payment_fetch(client: BookeoClient) -> WindowFetch:
    """Reads payments by the time at which they were received.

    Args:
        client: The API.

    Returns:
        What a `WindowReader` needs.
    """
    return lambda window, number, token: client.payments_page(window, number, token)
