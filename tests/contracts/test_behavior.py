"""What of dlt and dbt-duckdb is used without being documented still does what it is used for."""

from __future__ import annotations

import importlib
import inspect
import shutil
from pathlib import Path
from typing import Any

import dlt
import pytest
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs import config_section_context
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from dlt.common.storages.load_package import create_load_id
from dlt.common.time import increasing_precise_time
from dlt.extract.pipe_iterator import PipeIterator
from dlt.load import Load

from bookeo.dlt_compat import parent_of
from bookeo_pipelines.destinations import dlt_compat
from bookeo_pipelines.destinations.duckdb import duckdb as duckdb_destination
from bookeo_pipelines.warehouse.load_packages import extract, load


def rows() -> Any:
    return dlt.resource([{"a": 1}], name="t")


def test_a_resource_knows_what_feeds_it() -> None:
    @dlt.transformer
    def fed(item: Any) -> Any:
        yield item

    assert parent_of(rows() | fed) == "t"
    assert parent_of(rows()) is None


def test_ids_of_packages_rise_above_the_highest_that_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(increasing_precise_time, "_last", increasing_precise_time._last)
    dlt_compat.number_packages_after("99999999999.5")
    assert create_load_id() > "99999999999.5"
    dlt_compat.number_packages_after("1.0")
    assert create_load_id() > "99999999999.5"


def test_settings_of_one_pipeline_are_found_by_no_other(
    pipeline: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[tuple[str, Any]] = []
    started, made = Load.__init__, PipeIterator.__init__

    def load_step(self: Load, *arguments: Any, **options: Any) -> None:
        started(self, *arguments, **options)
        found.append(("truncate", self.config.truncate_staging_dataset))

    def iterator(self: PipeIterator, *arguments: Any) -> None:
        made(self, *arguments)
        found.append(("mode", arguments[-1]))

    monkeypatch.setattr(Load, "__init__", load_step)
    monkeypatch.setattr(PipeIterator, "__init__", iterator)
    destination = dlt.destinations.duckdb(str(folder / "b.duckdb"))
    other = dlt.pipeline("other", destination=destination, dataset_name="data", pipelines_dir=str(folder / "other"))
    values = {"extract.next_item_mode": "fifo", "load.truncate_staging_dataset": True}
    expected = {pipeline: {("mode", "fifo"), ("truncate", True)}, other: {("mode", "round_robin"), ("truncate", False)}}
    with dlt_compat.settings_of(pipeline, values):
        for each, settings in expected.items():
            found.clear()
            each.extract(rows())
            each.normalize()
            each.load()
            assert set(found) == settings
    found.clear()
    pipeline.extract(rows())
    assert set(found) == {("mode", "round_robin")}


def test_settings_of_a_pipeline_come_before_its_users(pipeline: Any) -> None:
    dlt.config["extract.next_item_mode"] = "round_robin"
    providers = Container()[PluggableRunContext].providers
    before = providers.providers
    with dlt_compat.settings_of(pipeline, {"extract.next_item_mode": "fifo"}):
        context = config_section_context.ConfigSectionContext(pipeline_name="small", sections=("extract",))
        with Container().injectable_context(context):
            assert PipeIterator.from_pipes([rows()._pipe])._next_item_mode == "fifo"
    assert providers.providers == before


def test_one_batch_of_pages_is_read_after_the_other(pipeline: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    modes: list[str] = []
    made = PipeIterator.__init__

    def iterator(self: PipeIterator, *arguments: Any) -> None:
        made(self, *arguments)
        modes.append(self._next_item_mode)

    monkeypatch.setattr(PipeIterator, "__init__", iterator)
    extract(pipeline, rows())
    assert set(modes) == {"fifo"}


def test_files_that_are_loaded_are_deleted_and_folders_are_made_again(pipeline: Any) -> None:
    dlt_compat.delete_loaded_files(pipeline)
    for gone in (None, "loaded", "normalized"):
        dlt_compat.complete_folders(pipeline)
        if gone is not None:
            shutil.rmtree(Path(pipeline.working_dir, "load", gone))
            dlt_compat.complete_folders(pipeline)
        extract(pipeline, rows())
        pipeline.normalize()
        assert load(pipeline).load_packages
        assert not list(Path(pipeline.working_dir, "load", "loaded").rglob("*.jsonl*"))


def test_a_package_that_is_marked_as_loaded_is_put_where_it_belongs(pipeline: Any) -> None:
    extract(pipeline, rows())
    pipeline.normalize()
    [load_id] = pipeline.list_normalized_load_packages()
    packages = pipeline._get_load_storage().normalized_packages
    Path(
        packages.storage.storage_path, packages.get_package_path(load_id), packages.PACKAGE_COMPLETED_FILE_NAME
    ).touch()
    assert dlt_compat.put_away_completed(pipeline) == 1
    assert not pipeline.has_pending_data
    assert dlt_compat.put_away_completed(pipeline) == 0


def test_a_duckdb_destination_is_named_by_its_file(folder: Path) -> None:
    destination = duckdb_destination(folder / "a.duckdb")
    configuration = dlt_compat.configuration_of(destination, "data")
    assert str(configuration) == str(folder / "a.duckdb")
    assert configuration.dataset_name == "data"
    with destination.client(dlt.Schema("s"), configuration).sql_client as client:
        assert dlt_compat.is_duckdb(client)


def test_a_dataset_is_read_as_arrow(folder: Path) -> None:
    destination = duckdb_destination(folder / "a.duckdb")
    pipeline = dlt.pipeline("arrow", destination=destination, dataset_name="data", pipelines_dir=str(folder / "work"))
    pipeline.run(rows())
    relation = pipeline.dataset()["t"]
    tables = [relation.arrow(), relation.arrow(chunk_size=10)]
    assert [table.column("a").to_pylist() for table in tables if table is not None] == [[1], [1]]


def test_a_file_can_be_opened_for_reading_only(pipeline: Any, folder: Path) -> None:
    pipeline.run(rows())
    reading = dlt.pipeline(
        "reading",
        destination=dlt_compat.read_only_duckdb(folder / "a.duckdb"),
        dataset_name="data",
        pipelines_dir=str(folder / "reading"),
    )
    with reading.sql_client() as client:
        assert client.execute_sql("SELECT a FROM t") == [(1,)]
        with pytest.raises(Exception, match="read-only"):
            client.execute_sql("DELETE FROM t")


@pytest.mark.parametrize(
    ("module", "name", "parameters"),
    [
        (
            "common.configuration.providers.environ",
            "EnvironProvider.get_value",
            "self key hint pipeline_name sections",
        ),
        ("common.configuration.providers.environ", "EnvironProvider.get_key_name", "key sections"),
        ("common.data_writers.buffered", "BufferedDataWriter.__init__", "self writer_spec file_name_template"),
        ("common.runtime.run_context", "global_dir", ""),
    ],
)
def test_what_the_command_changes_in_its_own_process_is_there(module: str, name: str, parameters: str) -> None:
    what: Any = importlib.import_module(f"dlt.{module}")
    for part in name.split("."):
        what = getattr(what, part)
    assert " ".join(inspect.signature(inspect.unwrap(what)).parameters).startswith(parameters)


def test_dbt_keeps_its_connection_where_it_is_closed() -> None:
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.adapters.duckdb.environments.local import LocalEnvironment

    assert DuckDBConnectionManager._ENV is None
    assert "_ENV" in inspect.getsource(DuckDBConnectionManager.open)
    assert callable(LocalEnvironment.close)
