"""The source in a plain dlt pipeline, without the command's runner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dlt
import pytest
from dlt.extract.exceptions import ResourceExtractionError
from dlt.pipeline.exceptions import PipelineStepFailed

from bookeo import bookeo_source
from bookeo.errors import RecordsRejected
from bookeo.schema import TABLES
from bookeo_sandbox import Sandbox
from loading import ALWAYS, START, list_requests
from truth import ALL_TABLES, DATASET, assert_equals_truth, query, table_types


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


def test_columns_are_known_before_any_data(database: Path) -> None:
    source = bookeo_source()
    tables = source.discover_schema().tables
    loaded = {str(resource.table_name) for resource in source.selected_resources.values()}
    assert loaded >= {*ALL_TABLES, "rejected_rows", "load_windows"}
    for name in loaded:
        declared = {column.name for column in TABLES[name].columns}
        columns = tables[name]["columns"]
        assert declared <= columns.keys(), name
        assert all(columns[column].get("data_type") for column in declared), name
        assert columns["account_id"]["primary_key"], name


def test_rejected_records_are_kept_or_the_load_fails(database: Path, sandbox: Sandbox) -> None:
    number = sandbox.truth()["bookings"][3]["bookingNumber"]
    sandbox.override(number, {"bookingNumber": number, "creationTime": "not a time"})
    with pytest.raises(ResourceExtractionError, match="select the resource rejected_rows"):
        list(bookeo_source().resources["bookings"])
    with pytest.raises(PipelineStepFailed) as failed:
        pipeline(database).run(bookeo_source().with_resources("bookings", "products"))
    error = failed.value.__cause__
    while error is not None and not isinstance(error, RecordsRejected):
        error = error.__cause__
    assert error is not None
    assert "select the resource rejected_rows" in error.message
    pipeline(database).drop()
    pipeline(database).run(bookeo_source().with_resources("bookings", "rejected_rows"))
    rejected = f"SELECT table_name, raw_id FROM {DATASET}.rejected_rows"
    assert query(database, rejected) == [("bookings", number)]
