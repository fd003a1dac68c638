"""What the dashboard shows, without its page: every figure adds up to the bookings."""

from __future__ import annotations

import threading
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import by_hand
import duckdb
import pandas as pd
import pytest

from bookeo.errors import SettingsError
from bookeo_pipelines.dashboard import cards, customers, figures, tiles
from bookeo_pipelines.dashboard.marts import DATABASE_VARIABLE, Choices, Marts, open_marts, read_choices
from bookeo_pipelines.dashboard.selection import Selection, default_step, periods
from bookeo_pipelines.destinations.target import DatabaseBusy
from bookeo_pipelines.marts.snapshot import copy_marts
from bookeo_pipelines.warehouse.lock import LoadRunning, one_at_a_time
from patience import PATIENCE, wait_until

CARDS = [card for of_section in cards.SECTIONS.values() for card in of_section]


@pytest.fixture(scope="module")
def marts(built: Path) -> Marts:
    return Marts(copy_marts(built))


@pytest.fixture(scope="module")
def choices(marts: Marts) -> Choices:
    return read_choices(marts)


@pytest.fixture(scope="module")
def year(choices: Choices) -> Selection:
    """A year of the business that books in EUR, by week."""
    assert choices.today is not None
    return Selection("EUR", choices.today - timedelta(days=364), choices.today, choices.today, step="week")


def test_there_is_something_to_choose_from(choices: Choices) -> None:
    assert set(choices.currencies_of(None)) == {"EUR", "USD"}
    assert len(choices.accounts) == 2
    for account in choices.accounts.values():
        assert len(choices.currencies_of(account)) == 1
        assert 0 < len(choices.products_of(account)) < len(choices.products_of(None))
    assert choices.first is not None
    assert choices.today in (date(2026, 6, 30), date(2026, 7, 1))


@pytest.mark.parametrize("currency", ["EUR", "USD"])
@pytest.mark.parametrize("with_product", [False, True])
def test_tiles_are_what_the_bookings_say(
    currency: str, with_product: bool, marts: Marts, choices: Choices, built: Path
) -> None:
    assert choices.today is not None
    since, until = by_hand.last_days(choices.today, 90)
    product = marts.row(_BUSIEST, currency=currency) if with_product else {"name": None, "account": None, "id": None}
    chosen = Selection(currency, since, until, choices.today, product["account"], product["id"])
    made = {tile.label: tile for tile in tiles.tiles(marts, chosen, compared=True)}
    for moved, name in ((timedelta(0), "value"), (timedelta(days=364), "last_year")):
        truth = by_hand.figures(built, currency, since - moved, until - moved, product["name"])
        for label, value in truth.items():
            if name == "last_year" and label == "Outstanding today":
                continue
            found = getattr(made[label], name)
            # A sum over no rows at all is no figure; one over rows that do not count is 0.
            assert found == pytest.approx(value) or not (found or value), (label, name)
            if label.startswith("Revenue") and found:
                assert isinstance(found, Decimal)


_BUSIEST = """
    SELECT product_name AS name, account_id AS account, product_id AS id
    FROM fct_bookings INNER JOIN dim_products USING (account_id, product_id)
    WHERE currency = $currency GROUP BY ALL ORDER BY count(*) DESC, 1, 2 LIMIT 1"""


@pytest.mark.parametrize("step", ["day", "week", "month"])
def test_figures_by_time_add_up_and_miss_no_step(step: str, marts: Marts, year: Selection) -> None:
    chosen = Selection("EUR", year.since, year.until, year.today, step=step)
    now = tiles.figures(marts, chosen)
    revenue = figures.revenue(marts, chosen)
    assert revenue["booked_gross_amount"].sum() == now["booked_amount"]
    assert revenue["recognised_gross_amount"].sum() == now["recognised_amount"]
    frequency = {"day": "D", "week": "W-MON", "month": "MS"}[step]
    assert revenue["period"].is_unique
    begins = pd.to_datetime(revenue["period"])
    assert list(begins) == list(pd.date_range(begins.iloc[0], year.until, freq=frequency))
    assert figures.seats(marts, chosen)["seats"].sum() == now["seats"]
    rates = figures.cancelations(marts, chosen)
    assert rates["canceled_bookings"].sum() / rates["bookings"].sum() == pytest.approx(float(now["canceled"]))
    assert customers.new_and_returning(marts, chosen)["gross_amount"].sum() == now["booked_amount"]


def test_mixes_add_up(marts: Marts, year: Selection) -> None:
    now = tiles.figures(marts, year)
    for mix in (figures.sources(marts, year), figures.promotions(marts, year)):
        assert mix["gross_amount"].sum() == now["booked_amount"]
        assert float(mix["gross_rate"].sum()) == pytest.approx(1, abs=1e-4)
        assert list(mix["gross_amount"]) == sorted(mix["gross_amount"], reverse=True)
    lead = figures.lead_times(marts, year)
    assert tuple(lead["lead_time"]) == figures.LEAD_TIMES
    assert lead["bookings"].sum() == now["bookings"]
    assert lead["gross_amount"].sum() == now["booked_amount"]
    paid = marts.row(
        "SELECT sum(amount) AS total, sum(amount) FILTER ("
        "WHERE payment_method NOT IN ('existingCredit', 'moneyVoucher', 'accountCredit')) AS amount FROM fct_payments "
        "WHERE currency = 'EUR' AND received_date BETWEEN $since AND $until",
        **year.values,
    )
    methods = figures.payment_methods(marts, year)
    assert methods["kept_amount"].sum() == paid["amount"]
    assert methods["not_money_amount"].sum() == paid["total"] - paid["amount"] != 0
    assert (
        figures.outstanding(marts, year)["outstanding_amount"].sum()
        == tiles.outstanding(marts, year)["outstanding_amount"]
    )


def test_of_many_sources_the_rare_ones_are_shown_together() -> None:
    with duckdb.connect() as connection:
        connection.execute("""
            CREATE TABLE fct_bookings AS
            SELECT 'a' AS account_id, 'p' AS product_id, 'EUR' AS currency, DATE '2026-03-01' AS booked_date,
                   'site ' || number AS source, if(number < 2, 'spring', 'none') AS campaign, 'new' AS customer_kind,
                   number = 33 AS is_canceled, 2 AS seats, (100 - number)::DECIMAL(19, 4) AS gross_amount
            FROM range(34) AS numbers(number)""")
        held = Marts(connection)
        day = date(2026, 3, 1)
        chosen = Selection("EUR", day, day, day)
        mix = figures.sources(held, chosen)
        assert list(mix["source"]) == [*(f"site {number}" for number in range(30)), "other (4)"]
        assert dict(mix.iloc[-1]) == {
            "source": "other (4)",
            "bookings_made": 4,
            "canceled_bookings": 1,
            "bookings": 3,
            "new_customer_bookings": 3,
            "seats": 6,
            "gross_amount": Decimal(70 + 69 + 68),
            "gross_rate": mix.iloc[-1]["gross_rate"],
        }
        [card] = [card for card in CARDS if card.title == "Campaigns"]
        frame, chart = cards.asked(card, held, chosen)
        assert list(frame["campaign"]) == ["none", "spring"]
        assert "Campaigns, EUR" in str(chart.to_dict()["title"])
        connection.execute("UPDATE fct_bookings SET campaign = 'none'")
        assert figures.campaigns(held, chosen).empty


def test_weekdays_and_seasons_add_up(marts: Marts, year: Selection) -> None:
    week = figures.weekdays(marts, year)
    assert list(week["weekday"])[::6] == ["Monday", "Sunday"]
    assert week["days"].sum() == 365
    total = marts.row("SELECT sum(gross_amount) AS gross FROM fct_bookings WHERE currency = 'EUR' AND NOT is_canceled")
    toured = figures.seasons(marts, year)
    assert toured["gross_amount"].sum() == total["gross"]
    for row in week.to_dict("records"):
        assert abs(row["gross_per_day_amount"] * row["days"] - row["gross_amount"]) <= Decimal("0.005") * row["days"]


def test_customers_who_come_back_are_counted_over_all_cohorts(marts: Marts, year: Selection) -> None:
    value = customers.lifetime_value(marts, year)
    sql = """
        SELECT sum(gross_amount) AS gross, count(DISTINCT customer_id) AS customers FROM fct_bookings
        WHERE currency = 'EUR' AND NOT is_canceled AND customer_id IN (
            SELECT customer_id FROM fct_bookings WHERE currency = 'EUR' AND NOT is_canceled
            GROUP BY customer_id HAVING year(min(booked_date)) = 2025)
          AND datediff('month', (SELECT min(b.booked_date) FROM fct_bookings AS b WHERE NOT b.is_canceled
            AND b.customer_id = fct_bookings.customer_id AND b.currency = 'EUR'), booked_date) <= 3"""
    truth = marts.row(sql)
    [row] = value[(value["first_booked_in"] == "2025") & (value["months_since"] == 3)].to_dict("records")
    assert (row["cumulative_gross_amount"], row["customers"]) == (truth["gross"], truth["customers"])
    assert row["lifetime_value_amount"] == round(truth["gross"] / truth["customers"], 2)
    back = customers.retention(marts, year)
    assert set(back["months_since"]) <= set(range(1, 13))
    assert (back["active_customers"] <= back["customers"]).all()


def test_pace_ends_with_what_took_place(marts: Marts, year: Selection) -> None:
    pace = customers.booking_pace(marts, year)
    assert list(pace["days_before"]) == sorted(pace["days_before"], reverse=True)
    last = pace.iloc[-1]
    assert last["days_before"] == 0
    sql = """
        SELECT count(*) AS bookings FROM fct_bookings WHERE currency = 'EUR' AND tour_date BETWEEN $since AND $today
          AND booked_date <= tour_date AND (NOT is_canceled OR canceled_date > tour_date)"""
    assert last["bookings"] == marts.row(sql, **year.values)["bookings"]
    ahead = customers.on_the_books(marts, year)
    assert (pd.to_datetime(ahead["week"]) > pd.Timestamp(year.today) - pd.Timedelta(days=7)).all()
    free = customers.occupancy_ahead(marts, year)
    assert len(free) > 10
    assert (free["capacity"] - free["seats_booked"] == free["seats_free"]).all()


@pytest.mark.parametrize("which", ["built", "one_day"])
def test_every_figure_is_drawn_with_title_and_unit(which: str, request: pytest.FixtureRequest) -> None:
    database = request.getfixturevalue(which)
    marts = Marts(copy_marts(database))
    choices = read_choices(marts)
    assert choices.first is not None
    assert choices.last is not None
    assert choices.today is not None
    first = next(iter(periods(choices.today, choices.first, choices.last).values()))
    chosen = Selection(choices.currencies[0][1], *first, choices.today, step=default_step(*first))
    drawn = 0
    for card in CARDS:
        frame, chart = cards.asked(card, marts, chosen)
        rows, written, stand = cards.table(frame, chosen)
        assert len(set(rows.columns)) == len(frame.columns)
        assert set(written) <= set(stand) <= set(rows.columns) or frame.empty
        amounts = [name for name in rows.columns if name.endswith(f", {chosen.currency}")]
        assert len(amounts) == sum(name.endswith("_amount") for name in frame.columns)
        if chart is None:
            continue
        drawn += 1
        made = chart.to_dict()
        assert made["title"]["text"]
        assert made["title"]["subtitle"]
        assert "editor" not in str(made["usermeta"]) or made["usermeta"]["embedOptions"]["actions"]["editor"] is False
        if "amount" in str(made.get("encoding", {}).get("y", made.get("layer"))):
            assert chosen.currency in str(made)
    # All but campaigns, which the sandbox's sites tell nothing of.
    assert drawn == len(CARDS) - 1 if which == "built" else 5 <= drawn < len(CARDS) - 1


def test_nothing_is_drawn_of_nothing(empty: Path) -> None:
    marts = Marts(copy_marts(empty))
    choices = read_choices(marts)
    assert choices.currencies == ()
    assert choices.today is not None
    chosen = Selection("EUR", choices.today, choices.today, choices.today)
    for card in CARDS:
        frame, chart = cards.asked(card, marts, chosen)
        assert chart is None, card.title
        cards.table(frame, chosen)
    for tile in tiles.tiles(marts, chosen, compared=True):
        assert tiles.written(tile, tile.value, "EUR") == "–"
        assert tiles.change(tile) == ""


def test_a_comparison_is_made_only_where_it_is_fair(choices: Choices) -> None:
    assert choices.today is not None
    assert choices.first is not None
    today, first = choices.today, choices.first
    assert tiles.comparison(Selection("EUR", today - timedelta(days=10), today, today), first) == ""
    assert "ends after" in tiles.comparison(Selection("EUR", today, today + timedelta(days=1), today), first)
    assert "nothing is known" in tiles.comparison(Selection("EUR", first, today, today), first)
    for since, until in periods(today, first, today).values():
        assert first <= since <= until <= today


@pytest.fixture
def locked(folder: Path) -> tuple[Path, Path]:
    """A database that loads write to, and the lock by which they keep each other out."""
    database = folder / "loaded.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.execute("CREATE SCHEMA bookeo_marts; CREATE TABLE bookeo_marts.mart_tours_by_day AS SELECT 1 AS n")
    lock = folder / ".loaded.duckdb.lock"
    lock.touch()
    return database, lock


def test_a_load_that_begins_while_the_marts_are_copied_waits_for_a_moment(
    locked: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bookeo_pipelines.warehouse.lock.READING_SECONDS", PATIENCE)
    database, lock = locked
    stop = threading.Event()
    copies = []

    def read() -> None:
        while not stop.is_set():
            try:
                copies.append(copy_marts(database))
            except DatabaseBusy:
                stop.wait(0.01)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for number in range(10):
            with one_at_a_time(lock, "it"), duckdb.connect(str(database)) as connection:
                connection.execute("UPDATE bookeo_marts.mart_tours_by_day SET n = ?", [number])
            made = len(copies)
            wait_until(lambda made=made: len(copies) > made)
    finally:
        stop.set()
        reader.join()
    assert len(copies) >= 10


def test_a_copy_is_not_taken_while_somebody_loads(locked: tuple[Path, Path]) -> None:
    database, lock = locked
    with one_at_a_time(lock, "it"), pytest.raises(DatabaseBusy, match=r"process \d+.* published copy"):
        copy_marts(database)
    # What a killed load left behind keeps nobody out.
    lock.with_suffix(".holder").write_text("{}")
    copy_marts(database)


def test_the_marts_are_copied_anew_when_the_file_changed(
    locked: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    database, lock = locked
    monkeypatch.setenv(DATABASE_VARIABLE, str(database))
    before, newer = open_marts()
    assert not newer
    assert open_marts() == (before, False)
    with one_at_a_time(lock, "it"):
        with duckdb.connect(str(database)) as connection:
            connection.execute("UPDATE bookeo_marts.mart_tours_by_day SET n = 2")
        assert open_marts() == (before, True)
    after, newer = open_marts()
    assert (after.row("FROM mart_tours_by_day"), newer) == ({"n": 2}, False)


def test_what_is_missing_is_said(folder: Path) -> None:
    with pytest.raises(SettingsError, match=r"no database nowhere.duckdb"):
        copy_marts("nowhere.duckdb")
    with duckdb.connect("bare.duckdb"):
        pass
    with pytest.raises(SettingsError, match=r"no marts in bare.duckdb.*bookeo marts build"):
        copy_marts("bare.duckdb")
    with pytest.raises(LoadRunning), one_at_a_time(Path("a.lock"), "it"), one_at_a_time(Path("a.lock"), "it"):
        pass
