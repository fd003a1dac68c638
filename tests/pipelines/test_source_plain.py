"""The source in a plain dlt pipeline, without the command's runner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dlt
import pytest

from bookeo import bookeo_source
from bookeo_sandbox import Sandbox
from loading import ALWAYS, START, list_requests
from truth import ALL_TABLES, DATASET, assert_equals_truth, table_types


@pytest.fixture
def database(folder: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where to load to; the settings are in the environment."""
    monkeypatch.setenv("SOURCES__BOOKEO__API_KEY", sandbox.api_key)
    monkeypatch.setenv("SOURCES__BOOKEO__SECRET_KEY", sandbox.secret_key)
    monkeypatch.setenv("SOURCES__BOOKEO__BASE_URL", sandbox.base_url)
    monkeypatch.setenv("SOURCES__BOOKEO__START", START)
    for name, mode in ALWAYS.items():
        monkeypatch.setenv(f"SOURCES__BOOKEO__{name.upper()}", mode)
    return folder / "plain.duckdb"


def pipeline(database: Path) -> Any:
    return dlt.pipeline("plain", destination=dlt.destinations.duckdb(str(database)), dataset_name=DATASET)


def test_a_plain_pipeline_loads_what_the_runner_loads(database: Path, first_load: Path, sandbox: Sandbox) -> None:
    pipeline(database).run(bookeo_source())
    assert_equals_truth(database, sandbox, vanished="absent")
    ours, plain = table_types(first_load), table_types(database)
    assert {table: plain[table] for table in ALL_TABLES} == {table: ours[table] for table in ALL_TABLES}

    past = sandbox.truth()
    sandbox.clear_requests()
    pipeline(database).run(bookeo_source())
    assert list_requests(sandbox) <= 3
    sandbox.advance(days=7)
    pipeline(database).run(bookeo_source())
    assert_equals_truth(database, sandbox, earlier=[past])


def test_resources_can_be_selected_alone(database: Path, sandbox: Sandbox) -> None:
    pipeline(database).run(bookeo_source().with_resources("products", "taxes"))
    assert {name for name in table_types(database) if not name.startswith("_dlt")} == {"products", "taxes"}
    assert_equals_truth(database, sandbox, tables=["products", "taxes"])
    assert "GET /bookings" not in sandbox.requests()["by_operation"]


def test_each_package_brings_its_tables_with_keys_and_descriptions(database: Path, folder: Path) -> None:
    source = bookeo_source().with_resources("products")
    for number in (1, 2):
        place = dlt.destinations.duckdb(str(folder / f"{number}.duckdb"))
        loaded = dlt.pipeline(f"plain_{number}", destination=place, dataset_name=DATASET)
        loaded.run(source)
        columns = loaded.default_schema.tables["products"]["columns"]
        assert columns["account_id"]["primary_key"]
        assert columns["product_id"]["primary_key"]
        assert all(column.get("description") for name, column in columns.items() if not name.startswith("_"))
