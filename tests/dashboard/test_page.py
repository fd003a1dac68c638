"""`bookeo dashboard` in a browser: tiles are what SQL says, charts are drawn, and nothing leaves the machine."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import by_hand
import duckdb
import pandas as pd
import pytest
from browsing import Dashboard, Server, browsing, serving
from playwright.sync_api import expect

from bookeo.errors import SettingsError
from bookeo_pipelines.dashboard import cards
from bookeo_pipelines.dashboard.guard import POLICY
from bookeo_pipelines.dashboard.serving import serve_dashboard
from programs import find_program

FULL = sum(map(len, cards.SECTIONS.values())) - 1
"""Charts that have something to show: nobody in this business came by a campaign."""


@pytest.fixture(scope="module")
def chromium() -> str:
    """The browser; asked for first, it spares a server that nobody would look at."""
    return find_program("chromium")


@pytest.fixture(scope="module")
def server(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    database = tmp_path_factory.mktemp("shown") / "shown.duckdb"
    shutil.copy(built, database)
    with serving(database) as running:
        yield running


@pytest.fixture(scope="module")
def dashboard(chromium: str, server: Server) -> Iterator[Dashboard]:
    with browsing() as found:
        found.open(server.address)
        yield found


@pytest.fixture
def at_home(dashboard: Dashboard, server: Server, built: Path) -> Iterator[Dashboard]:
    """The page as it opens, whatever a test before did; at the end nothing was complained about or asked elsewhere."""
    if dashboard.changed:
        put(built, server.database)
        dashboard.open(server.address)
        dashboard.changed = False
    yield dashboard
    assert dashboard.errors == []
    assert dashboard.elsewhere == []


def expected(server: Server, currency: str, since: date, until: date, **chosen: str) -> dict[str, str]:
    values = by_hand.figures(server.database, currency, since, until, **chosen)
    return {label: by_hand.shown(label, value, currency) for label, value in values.items()}


def ask(database: Path, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(database), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def today(server: Server) -> date:
    [(found,)] = ask(server.database, "SELECT max(as_of_date) FROM bookeo_marts.dim_accounts")
    assert isinstance(found, date)
    return found


def test_it_opens_with_tiles_and_a_chart_of_every_figure(at_home: Dashboard, server: Server) -> None:
    since, until = by_hand.last_days(today(server), 90)
    at_home.expect_tiles(expected(server, "EUR", since, until))
    year = timedelta(days=364)
    last = expected(server, "EUR", since - year, until - year)["Revenue recognised"]
    expect(at_home.tile("Revenue recognised").locator("small")).to_have_text(f"last year {last}")
    assert at_home.drawn() == FULL
    [empty] = at_home.page.locator(".card .empty").all_inner_texts()
    assert empty.endswith("No booking of this period tells of a campaign.")
    assert at_home.cut_off() == []


def test_behind_a_chart_is_a_table_to_sort_and_to_download(
    at_home: Dashboard, server: Server, folder: Path, request: pytest.FixtureRequest
) -> None:
    card = at_home.page.locator(".card").first
    card.get_by_text("Table", exact=True).click()
    request.addfinalizer(card.get_by_text("Chart", exact=True).click)
    card.get_by_test_id("export-button").click()
    with at_home.page.expect_download() as downloaded:
        at_home.page.get_by_role("button", name="Download CSV").click()
    downloaded.value.save_as(folder / "revenue.csv")
    at_home.page.keyboard.press("Escape")
    booked = pd.read_csv(folder / "revenue.csv")["booked gross, EUR"]
    since, until = by_hand.last_days(today(server), 90)
    revenue = by_hand.figures(server.database, "EUR", since, until)["Revenue booked"]
    assert booked.sum() == pytest.approx(float(revenue))
    sort = card.locator("th", has_text="booked gross, EUR").get_by_test_id("data-table-sort-button")
    cells = card.locator('td[data-cell-id$="_booked gross, EUR"]')
    for downwards in (False, True):
        sort.click()
        expect(cells).to_have_text([f"{amount:,.2f}" for amount in sorted(booked, reverse=downwards)[:10]])
    assert at_home.cut_off() == []


def test_it_can_be_read_on_a_telephone(at_home: Dashboard) -> None:
    at_home.page.set_viewport_size({"width": 390, "height": 844})
    try:
        assert at_home.drawn() == FULL
        assert at_home.cut_off() == []
        widths = at_home.page.locator(".card").evaluate_all("all => all.map(one => one.clientWidth)")
        assert 340 < min(widths) <= max(widths) <= 390
    finally:
        at_home.page.set_viewport_size({"width": 1280, "height": 900})


def test_filters_change_the_tiles_to_what_sql_says(at_home: Dashboard, server: Server) -> None:
    since, until = by_hand.last_days(today(server), 90)
    sql = """
        SELECT product_name, account_id, account_name FROM bookeo_marts.fct_bookings
        INNER JOIN bookeo_marts.dim_products USING (account_id, product_id)
        INNER JOIN bookeo_marts.dim_accounts USING (account_id)
        WHERE currency = 'EUR' GROUP BY ALL ORDER BY count(*) DESC, 1 LIMIT 1"""
    [(product, account, name)] = ask(server.database, sql)
    at_home.choose("Product", f"{product} ({name})")
    at_home.expect_tiles(expected(server, "EUR", since, until, product=str(product)))
    at_home.choose("Product", "All products")
    at_home.choose("Currency", "USD")
    at_home.expect_tiles(expected(server, "USD", since, until))
    at_home.choose("Period", "Last 30 days")
    at_home.expect_tiles(expected(server, "USD", *by_hand.last_days(today(server), 30)))
    at_home.choose("Account", str(name))
    at_home.expect_tiles(expected(server, "EUR", *by_hand.last_days(today(server), 30), account=str(account)))
    expect(at_home.page.locator("h1")).to_have_text(str(name))


def test_one_day_of_bookings_looks_fine(at_home: Dashboard, server: Server, one_day: Path) -> None:
    at_home.changed = True
    put(one_day, server.database)
    at_home.open(server.address)
    day = today(server)
    [(currency,)] = ask(server.database, "SELECT currency FROM bookeo_marts.fct_bookings GROUP BY ALL")
    at_home.expect_tiles(expected(server, str(currency), day, day))
    expect(at_home.page.locator(".period")).to_contain_text("nothing is known of before")
    assert 5 <= at_home.drawn() < sum(map(len, cards.SECTIONS.values()))
    assert at_home.page.locator(".empty").count() >= 1
    assert at_home.cut_off() == []


def test_without_bookings_it_says_so(at_home: Dashboard, server: Server, empty: Path) -> None:
    at_home.changed = True
    put(empty, server.database)
    at_home.open(server.address)
    expect(at_home.page.locator(".nothing h1")).to_have_text("No bookings yet")
    assert at_home.page.locator(".card").count() == 0
    assert at_home.cut_off() == []


def put(database: Path, place: Path) -> None:
    """Puts another file in the place of one, as `bookeo publish` does."""
    made = place.with_suffix(".new")
    shutil.copy(database, made)
    made.replace(place)


def test_nobody_else_gets_in(server: Server) -> None:
    with pytest.raises(HTTPError, match="401"):
        urlopen(f"http://127.0.0.1:{server.port}/api/status")
    with urlopen(server.address.partition("?")[0]) as answer:
        assert "login" in answer.url
        assert answer.headers["content-security-policy"] == POLICY
    with socket.socket() as other, pytest.raises(ConnectionRefusedError):
        other.connect(("127.0.0.2", server.port))


def test_what_is_missing_is_said(folder: Path, built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    with pytest.raises(SettingsError, match=r"no database .*bookeo\.duckdb.*bookeo load"):
        serve_dashboard(None, say=said.append)
    with pytest.raises(SettingsError, match=r"no marts in .*, schema figures.*bookeo marts build"):
        serve_dashboard(built, "figures", say=said.append)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"cannot have the port {port} .*--port"):
            serve_dashboard(built, port=port, say=said.append)
    monkeypatch.setattr("bookeo_pipelines.dashboard.serving.is_there", lambda name: name != "marimo")
    with pytest.raises(SettingsError, match=r"pip install 'dlt-source-bookeo\[dashboard\]'"):
        serve_dashboard(built, say=said.append)
    assert said == []
    for name in ("BOOKEO_DASHBOARD_DATABASE", "BOOKEO_DASHBOARD_SCHEMA"):
        os.environ.pop(name, None)


def test_it_ends_even_where_nobody_reads_what_it_says(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []

    def say(text: str) -> None:
        if "ended" in text:
            raise BrokenPipeError

    for name in ("BOOKEO_DASHBOARD_DATABASE", "BOOKEO_DASHBOARD_SCHEMA"):
        monkeypatch.setenv(name, "")
    monkeypatch.setattr("bookeo_pipelines.dashboard.serving._run", lambda *_: None)
    monkeypatch.setattr(os, "_exit", ended.append)
    with pytest.raises(BrokenPipeError):
        serve_dashboard(built, say=say, browser=False)
    assert ended == [0]
