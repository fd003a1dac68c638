"""The dashboard in a browser: `bookeo dashboard` as a process of its own, and Debian's Chromium looking at it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Locator, Page, expect, sync_playwright

from patience import PATIENCE
from programs import find_program

ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage"]
"""For root, and for a container with little or nothing at /dev/shm."""


@dataclass
class Server:
    """A dashboard that is being served.

    Args:
        address: Where, with the key.
        database: The DuckDB file.
    """

    address: str
    database: Path

    @property
    def port(self) -> int:
        return urlsplit(self.address).port or 0


@contextmanager
def serving(database: Path) -> Iterator[Server]:
    """Runs `bookeo dashboard`, and ends it as Ctrl-C does."""
    program = Path(sys.executable).with_name("bookeo")
    command = [str(program), "dashboard", "--no-browser", "--database", str(database)]
    homes = {
        name: str(database.parent / "home") for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")
    }
    environment = os.environ | homes | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as running:
        try:
            assert running.stdout is not None
            said = running.stdout.readline() + running.stdout.readline()
            found = re.search(
                r"The dashboard of (.*) is at (http://127\.0\.0\.1:\d+/\?access_token=\S+)\nCtrl-C ends it\.", said
            )
            assert found, said + running.stdout.read()
            yield Server(found[2], database)
            running.send_signal(signal.SIGINT)
            rest = running.stdout.read()
            assert (running.wait(PATIENCE), rest) == (0, "The dashboard has ended.\n")
        finally:
            running.kill()


@dataclass
class Dashboard:
    """The page.

    Args:
        page: Playwright's page.
        errors: What the browser complained about.
        elsewhere: Requests to other places than this machine.
        changed: Whether it shows something else than when it was opened first.
    """

    page: Page
    errors: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    changed: bool = False

    def open(self, address: str) -> None:
        """Opens the page, and waits until all is drawn."""
        self.page.goto(address, wait_until="commit")
        self.page.locator(".dashboard .card, .dashboard .nothing").first.wait_for()
        self.drawn()

    def drawn(self) -> int:
        """Waits until every card that has something to show has its chart, and counts the charts that are not blank."""
        cards = self.page.locator(".dashboard .card")
        pictures = cards.locator("canvas.marks")
        expect(pictures).to_have_count(cards.count() - cards.locator(".empty").count())
        return sum(pictures.evaluate_all(NOT_BLANK))

    def choose(self, filter_name: str, option: str) -> None:
        """Chooses something in one of the filters."""
        self.changed = True
        self.page.locator(f'marimo-dropdown[data-label*="{filter_name}"] select').select_option(label=option)

    def tile(self, label: str) -> Locator:
        return self.page.locator(".tile", has=self.page.get_by_text(label, exact=True))

    def expect_tiles(self, values: dict[str, str]) -> None:
        """Waits until tiles show these values."""
        for label, value in values.items():
            expect(self.tile(label).locator("strong"), label).to_have_text(value)

    def cut_off(self) -> list[str]:
        """What is wider than its place and cannot be scrolled there, and the charts that reach over their edges."""
        charts = self.page.locator(".dashboard .card canvas.marks").evaluate_all(OVER_THE_EDGE)
        return [*self.page.evaluate(WIDER), *charts]


NOT_BLANK = """all => all.map(one => one.width > 200
    && one.getContext('2d').getImageData(0, 0, one.width, one.height).data.some(value => value))"""
WIDER = """() => {
    const found = [];
    const search = (root, which) => root.querySelectorAll(which).forEach(one => {
        const scrolls = root !== document && /auto|scroll/.test(getComputedStyle(one).overflowX);
        const wider = one.clientWidth && one.scrollWidth > one.clientWidth + 1;
        if (wider && !scrolls) found.push(one.outerHTML.slice(0, 90));
        if (one.shadowRoot) search(one.shadowRoot, '*');
    });
    search(document, 'html, body, #App, #App > *, .dashboard, .dashboard *');
    return found;
}"""
"""A table may be scrolled in its place, which is a shadow root; the page itself may not."""
OVER_THE_EDGE = """all => all.filter(one => [0, one.width - 1].some(x => one.getContext('2d')
        .getImageData(x, 0, 1, one.height).data.some(value => value)))
    .map(one => `chart ${one.closest('[aria-label]')?.ariaLabel ?? one.parentElement.outerHTML.slice(0, 200)}`)"""


@contextmanager
def browsing(width: int = 1280, height: int = 900) -> Iterator[Dashboard]:
    """Starts the browser."""
    chromium = find_program("chromium")
    expect.set_options(timeout=PATIENCE * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        # West of Greenwich a day that is taken for midnight in UTC would be the day before.
        context = browser.new_context(viewport={"width": width, "height": height}, timezone_id="America/Los_Angeles")
        page = context.new_page()
        page.set_default_timeout(PATIENCE * 1000)
        found = Dashboard(page)
        page.on("console", lambda said: found.errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: found.errors.append(str(error)))
        page.on("request", lambda asked: _note(asked, found))
        page.on("websocket", lambda socket: _note(socket, found))
        yield found
        browser.close()


def _note(asked: Any, found: Dashboard) -> None:
    where = urlsplit(asked.url)
    if where.scheme not in ("data", "blob") and where.hostname != "127.0.0.1":
        found.elsewhere.append(asked.url)
