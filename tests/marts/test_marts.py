"""The marts as a whole: green on DuckDB and on PostgreSQL, and each figure what pandas makes of the sandbox's truth."""

from __future__ import annotations

import re
import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from built_marts import Built, Row, assert_same, checks, count, execute
from describing import described, described_marts, singular_tests
from mart_figures import expected
from mart_world import World
from tampering import tampered

from bookeo_pipelines.destinations.target import Target
from bookeo_pipelines.marts import build as marts
from bookeo_pipelines.marts.dbt import run_dbt
from bookeo_pipelines.outcomes import ExitCode
from command_here import run

MARTS = "bookeo_marts"
CUSTOMER_FIGURES = (
    *("bookings", "standing_bookings", "canceled_bookings", "no_show_bookings", "is_returning"),
    *("first_booked_date", "last_booked_date", "first_tour_date", "last_tour_date"),
)


@pytest.fixture(scope="module")
def figures(worlds: list[World]) -> dict[str, pd.DataFrame]:
    return expected(worlds)


def test_every_fact_and_figure_is_what_pandas_makes_of_the_truth(
    built: Built, figures: dict[str, pd.DataFrame]
) -> None:
    assert {name for name in built.said["tables"] if not name.startswith("dim_")} == figures.keys()
    for name, right in figures.items():
        assert_same(name, built.rows(f"SELECT * FROM {MARTS}.{name}"), right)


def test_the_truth_is_rich_enough(figures: dict[str, pd.DataFrame]) -> None:
    """What would not be seen if it were missing in the data."""
    bookings = figures["fct_bookings"]
    assert bookings.groupby("account_id")["currency"].nunique().tolist() == [3, 3]
    assert bookings["is_no_show"].sum() > 5
    assert bookings["is_canceled"].sum() > 50
    assert (bookings["person_id"] != bookings["customer_id"])[bookings["customer_id"].notna()].sum() >= 2
    for name in ("discount_amount", "overpaid_amount", "outstanding_amount", "tax_amount", "paid_otherwise_amount"):
        assert (bookings[name] > 0).sum() > 5, name
    for name in ("mart_booked_by_day", "mart_tours_by_day", "mart_new_and_returning_by_day", "mart_customer_value"):
        assert (figures[name]["standing_bookings"] > 1).sum() > 10, f"{name} adds nothing up"
    pace = figures["mart_booking_pace"]
    assert ((pace["bookings"] > 0) & (pace["bookings_last_year"] > 0)).sum() > 50
    assert (figures["mart_cohorts"].query("months_since > 3")["active_customers"] > 0).sum() > 20
    slots = figures["fct_slots"]
    assert (slots["seats_booked"] > 0).sum() > 10
    assert slots["first_seen_at"].nunique() == 2
    assert (slots["capacity"] != slots["seats_available"] + slots["seats_booked"]).any()
    assert figures["fct_payments"]["booking_number"].isna().sum() > 5
    assert (figures["mart_payments_by_day"]["refunds"] > 0).sum() > 5


def test_customers_and_products_and_accounts(
    built: Built, worlds: list[World], figures: dict[str, pd.DataFrame]
) -> None:
    bookings = figures["fct_bookings"]
    for world in worlds:
        where = f"WHERE account_id = '{world.account_id}'"
        [account] = built.rows(f"SELECT * FROM {MARTS}.dim_accounts {where}")
        business = world.truth["settings"]["business"]
        assert account["account_name"] == business["name"]
        assert account["hemisphere"] == ("south" if business["streetAddress"]["countryCode"] == "AU" else "north")
        assert account["main_currency"] == world.truth["currency"]
        assert (account["as_of"], account["as_of_date"]) == (world.as_of, world.as_of.astimezone(world.zone).date())
        products = {row["product_id"]: row for row in built.rows(f"SELECT * FROM {MARTS}.dim_products {where}")}
        sold = {product["productId"]: product for product in world.truth["settings"]["products"]}
        of_account = bookings[bookings["account_id"] == world.account_id]
        assert products.keys() == sold.keys() | set(of_account["product_id"])
        assert {key for key, row in products.items() if row["is_sold"]} == sold.keys() != products.keys()
        assert {row["product_name"] for row in products.values()} >= {b["productName"] for b in world.truth["bookings"]}
        customers = {row["customer_id"]: row for row in built.rows(f"SELECT * FROM {MARTS}.dim_customers {where}")}
        theirs: dict[str, list[Row]] = {}
        for row in of_account[of_account["customer_id"].notna()].to_dict("records"):
            theirs.setdefault(row["customer_id"], []).append(row)
        assert customers.keys() == theirs.keys()
        persons: dict[str, int] = {}
        for booked in theirs.values():
            stands = sum(not row["is_canceled"] for row in booked)
            persons[booked[0]["person_id"]] = persons.get(booked[0]["person_id"], 0) + stands
        for customer, booked in theirs.items():
            stands = [row for row in booked if not row["is_canceled"]]
            made, toured = (
                [row[name] for row in rows] for name, rows in (("booked_date", booked), ("tour_date", stands))
            )
            assert {name: customers[customer][name] for name in CUSTOMER_FIGURES} == {
                "bookings": len(booked),
                "standing_bookings": len(stands),
                "canceled_bookings": len(booked) - len(stands),
                "no_show_bookings": sum(row["is_no_show"] for row in stands),
                "first_booked_date": min(made),
                "last_booked_date": max(made),
                "first_tour_date": min(toured, default=None),
                "last_tour_date": max(toured, default=None),
                "is_returning": persons[booked[0]["person_id"]] > 1,
            }
            assert customers[customer]["person_id"] == booked[0]["person_id"]


def test_the_calendar_has_every_day(built: Built) -> None:
    days = {row["date_day"]: row for row in built.rows(f"SELECT * FROM {MARTS}.dim_dates")}
    assert (min(days), max(days)) == (date(2025, 1, 1), date(2027, 12, 31))
    assert len(days) == 3 * 365
    seasons = {1: ("winter", "summer"), 3: ("spring", "autumn"), 8: ("summer", "winter"), 11: ("autumn", "spring")}
    for day, row in days.items():
        assert (row["year"], row["quarter"], row["month"]) == (day.year, (day.month + 2) // 3, day.month)
        assert (row["weekday"], row["weekday_name"]) == (day.isoweekday(), day.strftime("%A"))
        assert row["is_weekend"] == (day.isoweekday() > 5)
        assert (row["month_start"], row["week_start"]) == (day.replace(day=1), day - timedelta(days=day.weekday()))
        assert row["same_weekday_last_year"] == day - timedelta(days=364)
        if day.month in seasons:
            assert (row["season_north"], row["season_south"]) == seasons[day.month]


def test_a_mistyped_year_makes_no_calendar_of_centuries(in_duckdb: Built, folder: Path) -> None:
    sql = in_duckdb.compile_models("dim_dates")["dim_dates"]
    with duckdb.connect(shutil.copy(in_duckdb.said["database"], folder)) as connection:
        connection.execute(f"UPDATE {MARTS}.fct_bookings SET tour_date = DATE '9999-12-31' WHERE rowid = 0")
        connection.execute(f"UPDATE {MARTS}.fct_payments SET received_date = DATE '0025-03-02' WHERE rowid = 0")
        days = connection.execute(f"SELECT year, count(*), max(date_day) FROM ({sql}) GROUP BY 1 ORDER BY 1").fetchall()
    assert days == [(year, 365, date(year, 12, 31)) for year in (25, 26, 2025, 2026, 2027, 9999)]


def test_every_column_is_there_as_described(built: Built) -> None:
    """In the database, too: persist_docs takes the descriptions there."""
    found: dict[str, list[str]] = {}
    for row in built.rows(
        "SELECT table_schema AS s, table_name AS t, column_name AS c FROM information_schema.columns "
        f"WHERE table_schema IN ('{MARTS}', 'bookeo_staging') ORDER BY s, t, ordinal_position"
    ):
        found.setdefault(row["t"], []).append(row["c"])
    assert found == {name: list(model["columns"]) for name, model in described().items()}


def test_descriptions_reach_the_database(in_duckdb: Built) -> None:
    rows = in_duckdb.rows("SELECT table_name AS t, column_name AS c, comment FROM duckdb_columns() WHERE comment <> ''")
    comments = {(row["t"], row["c"]): row["comment"] for row in rows if row["t"] in described()}
    models = described()
    assert comments == {(name, c): text for name, model in models.items() for c, text in model["columns"].items()}


def test_a_role_of_the_connection_string_owns_the_tables(in_postgres: Built) -> None:
    rows = in_postgres.rows(f"SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = '{MARTS}'")
    assert rows == [{"tableowner": "analyst"}]


def test_what_readers_have_made_of_the_marts_survives_a_build(in_postgres: Built) -> None:
    """A view, a grant and an index, made between the two builds; of tables and of views that changed their source."""
    booked = in_postgres.rows(f"SELECT sum(gross_amount) AS total FROM {MARTS}.mart_booked_by_day")
    assert in_postgres.rows("SELECT sum(gross_amount) AS total FROM public.booked") == booked
    assert in_postgres.rows("SELECT count(received_time) > 5 AS many FROM public.received") == [{"many": True}]
    granted = in_postgres.rows(
        "SELECT table_name FROM information_schema.role_table_grants WHERE grantee = 'marts_reader'"
    )
    assert {row["table_name"] for row in granted} == {"mart_booked_by_day", "stg_payments"}
    assert in_postgres.rows("SELECT tablename FROM pg_indexes WHERE indexname = 'booked_date'")


def test_other_columns_than_in_the_last_build(in_postgres: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a new version: columns come and go under readers, unless a view needs one that goes."""

    def some(target: Target, arguments: list[str], *more: Any, **options: Any) -> Any:
        return run_dbt(target, ["run", "--select", "dim_accounts", "stg_business"], *more, **options)

    monkeypatch.setattr(marts, "run_dbt", some)
    url, options = in_postgres.variables["DESTINATION__POSTGRES__CREDENTIALS"], ["--destination", "postgres"]
    table, view = f"{MARTS}.dim_accounts", "bookeo_staging.stg_business"
    before = in_postgres.rows(f"SELECT * FROM {table} ORDER BY account_id")
    described = in_postgres.rows(f"SELECT * FROM {view} ORDER BY account_id")
    execute(
        url,
        f"ALTER TABLE {table} DROP COLUMN hemisphere CASCADE, ADD COLUMN gone text",
        f"ALTER TABLE {table} ALTER country_code TYPE text[] USING null",
        f"DROP VIEW {view}",
        f"CREATE VIEW {view} AS SELECT 1 AS gone",
        f"CREATE VIEW public.needs AS SELECT gone FROM {table}",
        f"CREATE VIEW public.wants AS SELECT gone FROM {view}",
        f"GRANT SELECT ON {table} TO marts_reader; GRANT SELECT ON {view} TO marts_reader WITH GRANT OPTION",
    )
    outcome = run("marts", "build", *options, **in_postgres.variables)
    assert (outcome.code, outcome.out) == (ExitCode.FATAL, "")
    assert outcome.err == (
        "Error: The marts in postgres are not whole: bookeo_staging.stg_business has other columns now, but "
        "public.wants needs it: drop that view, build the marts, and make it anew; 1 table(s) that depend on them were "
        "left as they were.\n"
    )
    execute(url, "DROP VIEW public.wants")
    outcome = run("marts", "build", *options, **in_postgres.variables)
    assert (
        "bookeo_marts.dim_accounts has no column gone any more, but public.needs needs it: drop that view"
        in outcome.err
    )
    execute(url, "DROP VIEW public.needs")
    assert run("marts", "build", *options, **in_postgres.variables).code == 0
    assert in_postgres.rows(f"SELECT * FROM {table} ORDER BY account_id") == before
    assert in_postgres.rows(f"SELECT * FROM {view} ORDER BY account_id") == described
    granted = in_postgres.rows(
        "SELECT table_name, is_grantable FROM information_schema.role_table_grants "
        "WHERE grantee = 'marts_reader' AND table_name IN ('dim_accounts', 'stg_business') ORDER BY 1"
    )
    assert [tuple(row.values()) for row in granted] == [("dim_accounts", "NO"), ("stg_business", "YES")]


def test_dbts_own_unit_tests_pass(built: Built) -> None:
    outcomes = built.unit_tests()
    assert len(outcomes) > 10
    assert set(outcomes.values()) == {"pass"}, outcomes


def test_every_check_finds_what_it_is_for(in_duckdb: Built, folder: Path) -> None:
    """On a copy: the SQL of the checks as it was run, after each of many falsifications."""
    sql = checks(in_duckdb.compiled)
    found = dict.fromkeys(sql, 0)
    database = shutil.copy(in_duckdb.said["database"], folder)
    with duckdb.connect(str(database)) as connection:
        for statement, check in tampered():
            connection.begin()
            connection.execute(statement)
            assert connection.execute(sql[check]).fetchall(), f"{check} does not find: {statement}"
            connection.rollback()
            found[check] += 1
    assert all(found.values()), f"nobody tried {[check for check, times in found.items() if not times]}"


def test_sources_that_any_version_has_loaded_have_names_and_no_ids(in_duckdb: Built, folder: Path) -> None:
    parsed = {"source_name": "news", "source_medium": "email", "source_campaign": "May", "source_term": "kayak"}
    parsed |= {"source_content": "top", "source_referrer": "mail.example"}
    texts = {"parsed": ("utm_source=news|gclid=(id)", parsed), "desk": (" Front desk ", {}), "blank": (" ", {})}
    texts |= {"old": ("utm_source=news|gclid=Ada", {}), "none": (None, {})}
    database = shutil.copy(in_duckdb.said["database"], folder)
    with duckdb.connect(str(database)) as connection:
        for number, (text, columns) in texts.items():
            row = {"account_id": "a", "booking_number": number, "source": text, **columns}
            marks = ", ".join("?" * len(row))
            connection.execute(f"INSERT INTO bookeo_data.bookings ({', '.join(row)}) VALUES ({marks})", [*row.values()])
        found = connection.execute(
            "SELECT booking_number, source, medium, campaign, term, content, referrer "
            "FROM bookeo_staging.stg_bookings WHERE account_id = 'a'"
        ).fetchall()
    nothing = (None,) * 5
    assert {number: rest for number, *rest in found} == {
        "parsed": ["news", "email", "May", "kayak", "top", "mail.example"],
        "desk": ["Front desk", *nothing],
        "blank": [None, *nothing],
        "old": ["unparsed", *nothing],
        "none": [None, *nothing],
    }


def test_an_empty_database(built: Built) -> None:
    assert built.empty == dict.fromkeys(described_marts(), 0)
    assert min(built.counts.values()) > 0


def test_loaded_tables_are_found_whatever_dbt_remembers(built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a thread of dbt fills its cache of relations, the others see a part of a schema; here they see nothing."""
    from dbt.adapters.base import BaseAdapter

    monkeypatch.setattr(BaseAdapter, "list_relations", lambda self, database, schema: [])
    compiled = built.compile_models("path:models/staging")
    assert "stg_bookings" in compiled
    assert [name for name, sql in compiled.items() if "never_loaded" in sql] == []


def test_all_tables_and_checks_are_told(built: Built) -> None:
    declared = sum(len(model["tests"]) for model in described().values()) + len(singular_tests())
    assert built.said["tables"] == described_marts()
    assert (built.said["checks"], built.said["warnings"]) == (declared, [])


def test_what_fails_is_told_and_what_depends_on_it_is_left_as_it_was(in_duckdb: Built, folder: Path) -> None:
    database = Path(in_duckdb.said["database"])
    kept = shutil.copy(database, folder)
    try:
        with duckdb.connect(str(database)) as connection:
            connection.execute("INSERT INTO bookeo_data.customers SELECT * FROM bookeo_data.customers LIMIT 1")
            connection.execute("ALTER TABLE bookeo_data.slots ALTER start_time_local TYPE VARCHAR USING 'noon'")
        outcome = run("marts", "build", "--database", str(database), **in_duckdb.variables)
        assert count(in_duckdb.rows) == in_duckdb.counts
    finally:
        shutil.copy(kept, database)
    assert outcome.code == ExitCode.FATAL
    assert outcome.out == ""
    assert re.fullmatch(
        r"Error: The marts in \S+ are not whole: 1 table\(s\) could not be made \(int_utc_offsets\); 2 check\(s\) "
        r"failed \(stg_customer_addresses_keys, stg_customers_keys\); \d+ table\(s\) that depend on them were left "
        r"as they were\. Run it again with --debug to see what the database says\.\n",
        outcome.err,
    )


def test_a_server_that_is_away(in_postgres: Built) -> None:
    """With --debug, which shows what happened, and nothing on the standard output."""
    there = in_postgres.variables["DESTINATION__POSTGRES__CREDENTIALS"]
    away = f"{there.replace('p%7B%7Bss%7D%7D', 'hunter2')}&hostaddr=127.0.0.99"
    assert "hunter2" in away
    options = ["--destination", "postgres", "--debug"]
    outcome = run("marts", "build", *options, **{**in_postgres.variables, "DESTINATION__POSTGRES__CREDENTIALS": away})
    assert (outcome.code, outcome.out) == (ExitCode.TRY_LATER, "")
    assert "Traceback" in outcome.err
    assert "hunter2" not in outcome.err
    assert (
        "The destination postgres, dataset bookeo_data cannot be reached or does not accept the credentials; check "
        "both, then run the same command again."
    ) in outcome.err
