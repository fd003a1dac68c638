"""Pictures of the dashboard for the README, as Debian's Chromium shows it over the demonstration's business."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHROMIUM = "/usr/bin/chromium"
SIZES = {"dashboard.png": (1280, 1540), "dashboard-phone.png": (390, 844)}
"""Width and height of each picture, in pixels."""


def take(folder: Path) -> None:
    """Loads the demonstration's business, builds its marts, and takes the pictures.

    Args:
        folder: Where they go.

    Raises:
        CalledProcessError: A command failed.
    """
    from playwright.sync_api import sync_playwright

    with _served() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for name, (width, height) in SIZES.items():
            page = browser.new_context(viewport={"width": width, "height": height}).new_page()
            page.set_default_timeout(300_000)
            page.goto(address, wait_until="commit")
            page.locator(".card").first.wait_for()
            cards = page.locator(".card").count() - page.locator(".card .empty").count()
            page.locator(".card canvas").nth(cards - 1).wait_for(state="attached")
            page.wait_for_timeout(1000)  # charts take their final width
            page.screenshot(path=folder / name)
        browser.close()


@contextmanager
def _served() -> Iterator[str]:
    bookeo = str(Path(sys.executable).with_name("bookeo"))
    with tempfile.TemporaryDirectory() as folder:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SOURCES__", "DLT_"))}
        environment = kept | {"DLT_DATA_DIR": f"{folder}/dlt", "DLT_PROJECT_DIR": folder, "PYTHONUNBUFFERED": "1"}
        for words in (["demo", "--database", "bookeo.duckdb"], ["marts", "build"]):
            subprocess.run(  # noqa: S603 - our own command
                [bookeo, *words], cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL
            )
        with subprocess.Popen(  # noqa: S603 - our own command
            [bookeo, "dashboard", "--no-browser"], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
        ) as running:
            try:
                assert running.stdout is not None
                found = re.search(r"http://\S+", running.stdout.readline())
                assert found, "the dashboard does not start"
                yield found[0]
            finally:
                running.send_signal(signal.SIGINT)
