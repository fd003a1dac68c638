"""Every model and column of the dbt project says what it is, and is held to it."""

from __future__ import annotations

import re

import pytest
import yaml
from describing import MODELS, PROJECT, described, unit_tests

SENTENCE = re.compile(r"\S.*[.]$")


def test_every_model_is_described() -> None:
    assert described().keys() == MODELS.keys()
    assert {model["file"].parent for model in described().values()} == {path.parent for path in MODELS.values()}
    for name, model in described().items():
        assert SENTENCE.fullmatch(model["description"]), name
        assert model["file"].parent == MODELS[name].parent


@pytest.mark.parametrize("name", sorted(described()))
def test_every_column_is_described_and_checked(name: str) -> None:
    model = described()[name]
    for column, description in model["columns"].items():
        assert SENTENCE.fullmatch(description), f"{name}.{column}"
    [keyed] = [arguments for kind, arguments in model["tests"].values() if kind == "keyed"]
    nullable = [] if keyed.get("nullable") == "others" else keyed.get("nullable", [])
    assert set(keyed["columns"]) | set(nullable) <= model["columns"].keys(), "no such column"
    # Views over what was loaded may lack anything but keys; all else says of each column whether it may be null.
    assert (keyed.get("nullable") == "others") == name.startswith("stg_")
    if "account_id" in model["columns"]:
        assert keyed["columns"][0] == "account_id"
    relations = [arguments for kind, arguments in model["tests"].values() if kind == "related"]
    assert len(relations) <= 1
    if name.startswith(("fct_", "mart_")):
        related = {column for one in relations for columns in one.get("parents", {}).values() for column in columns}
        days = {column for one in relations for column in one.get("days", ())}
        assert related >= model["columns"].keys() & {"product_id"} - nullable_of(name, "product_id")
        assert days == {c for c in model["columns"] if c in ("booked_date", "tour_date", "received_date")}, name
    values = {
        column for kind, arguments in model["tests"].values() if kind == "among" for column in arguments["values"]
    }
    categories = {"status", "kind", "customer_kind", "hemisphere", "season", "product_type", "sold_per"}
    if not name.startswith("stg_"):
        assert values >= model["columns"].keys() & categories


def nullable_of(name: str, column: str) -> set[str]:
    [keyed] = [arguments for kind, arguments in described()[name]["tests"].values() if kind == "keyed"]
    return {column} & set(keyed.get("nullable", []))


def test_money_comes_with_its_currency() -> None:
    for name, model in described().items():
        if name.startswith("mart_") and any(column.endswith("_amount") for column in model["columns"]):
            [keyed] = [arguments for kind, arguments in model["tests"].values() if kind == "keyed"]
            assert "currency" in keyed["columns"], f"{name} adds currencies up"


def test_every_source_is_a_table_that_loads_fill() -> None:
    from bookeo.schema import TABLES

    [source] = yaml.safe_load((PROJECT / "models" / "staging" / "sources.yml").read_text())["sources"]
    for table in source["tables"]:
        [sql] = [path for name, path in MODELS.items() if name == f"stg_{table['name']}"]
        columns = re.findall(r"'(\w+)': '([\w (),]+)'", sql.read_text())
        declared = {column.name: column.type for column in TABLES[table["name"]].columns}
        kinds = {"timestamp with time zone": "timestamp", "numeric(19, 4)": "decimal", "boolean": "bool"}
        for column, kind in columns:
            assert declared[column] == kinds.get(kind, kind), f"{table['name']}.{column}"


def test_the_arithmetic_has_unit_tests() -> None:
    assert set(unit_tests().values()) >= {
        *("fct_bookings", "fct_payments", "fct_slots", "int_utc_offsets", "mart_booked_by_day", "mart_tours_by_day"),
        *("mart_occupancy_by_day", "mart_customer_value", "mart_cohorts", "mart_booking_pace"),
    }
    assert all(model in MODELS for model in unit_tests().values())
