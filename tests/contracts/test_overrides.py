"""What is overridden of dlt's classes, as the installed version has it: what fails here broke by an upgrade.

Each entry names a test that shows the override at work. A new override is entered here, or a test fails.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from test_boundaries import ALLOWED

TESTS = Path(__file__).parents[1]
DUCKDB = "pipelines/test_duckdb_file.py"
WAREHOUSES = "pipelines/test_warehouses.py"
HERE = "contracts/test_behavior.py"
MERGED = f"{DUCKDB}::test_of_rows_with_the_same_key_the_newest_is_kept"
FROM_FILES = f"{DUCKDB}::test_rows_come_from_files_whatever_columns_these_have"
IN_GROUPS = f"{DUCKDB}::test_a_file_is_written_in_small_groups_of_rows"
OPEN_ELSEWHERE = f"{DUCKDB}::test_a_file_that_this_process_has_open_is_loaded_into_all_the_same"
SETS = f"{WAREHOUSES}::test_a_merge_replaces_sets_keeps_the_newest_and_takes_away_what_is_gone"
EXACT = f"{WAREHOUSES}::test_load_files_hold_every_value_as_it_was"
QUESTIONS = f"{WAREHOUSES}::test_questions_and_corrections_are_understood"
DOCUMENTED = f"{WAREHOUSES}::test_the_documented_settings_are_understood"
TRUTH = "pipelines/test_destinations.py::test_the_tables_equal_the_truth"
SETTINGS = f"{HERE}::test_settings_of_one_pipeline_are_found_by_no_other"
ARROW = f"{HERE}::test_a_dataset_is_read_as_arrow"
PLACE = f"{HERE}::test_a_duckdb_destination_is_named_by_its_file"


@dataclass(frozen=True)
class Override:
    """What is overridden.

    Args:
        base: The class of dlt's that has it.
        parameters: The names of what it is called with; empty for an attribute or a property.
        shown_by: The test in which the override is at work.
    """

    base: str
    parameters: str
    shown_by: str


def of(base: str, parameters: str, shown_by: str) -> Override:
    return Override(f"dlt.{base}", parameters, shown_by)


OVERRIDES = {
    "delta.MergeJob.run": of("destinations.impl.filesystem.filesystem.DeltaLoadFilesystemJob", "self", SETS),
    "delta.DeltaSqlClient.should_replace_view": of(
        "destinations.impl.filesystem.sql_client.FilesystemSqlClient", "self view_name table_schema", TRUTH
    ),
    "delta.DeltaClient.get_reference_followup_job_class": of(
        "destinations.impl.filesystem.filesystem.FilesystemClient", "table", TRUTH
    ),
    "delta.delta.client_class": of("destinations.impl.filesystem.factory.filesystem", "", TRUTH),
    "delta.delta.client": of("common.destination.reference.Destination", "self schema initial_config", TRUTH),
    "delta.delta._raw_capabilities": of("destinations.impl.filesystem.factory.filesystem", "self", DOCUMENTED),
    "duckdb.SetMergeJob._gen_key_table_clauses": of(
        "destinations.sql_jobs.SqlMergeFollowupJob",
        "cls primary_keys merge_keys",
        f"{DUCKDB}::test_a_set_is_deleted_by_its_owner_alone",
    ),
    "duckdb.FileMergeJob.gen_select_from_dedup_sql": of(
        "destinations.sql_jobs.SqlMergeFollowupJob",
        "cls table_name primary_keys columns dedup_sort condition condition_columns skip_dedup",
        MERGED,
    ),
    "duckdb.FilePool.__init__": of(
        "destinations.impl.duckdb.configuration.DuckDbConnectionPool",
        "self credentials always_open_connection",
        IN_GROUPS,
    ),
    "duckdb.FilePool.borrow_conn": of(
        "destinations.impl.duckdb.configuration.DuckDbConnectionPool",
        "self global_config local_config pragmas",
        OPEN_ELSEWHERE,
    ),
    "duckdb.FilePool._execute_statements": of(
        "destinations.impl.duckdb.configuration.DuckDbConnectionPool",
        "self conn",
        f"{DUCKDB}::test_memory_is_bounded_unless_somebody_says_otherwise",
    ),
    "duckdb.FileCredentials.on_resolved": of(
        "destinations.impl.duckdb.configuration.DuckDbCredentials", "self", IN_GROUPS
    ),
    "duckdb.FileCredentials._conn_str": of(
        "destinations.impl.duckdb.configuration.DuckDbCredentials", "self", OPEN_ELSEWHERE
    ),
    "duckdb.FileConfiguration.credentials": of(
        "destinations.impl.duckdb.configuration.DuckDbClientConfiguration", "", PLACE
    ),
    "duckdb.FileConfiguration.__str__": of("common.destination.client.DestinationClientConfiguration", "self", PLACE),
    **{
        f"{client}.cursor_impl": of(f"destinations.{base}", "", ARROW)
        for client, base in {
            "delta.DeltaSqlClient": "impl.duckdb.sql_client.DuckDbSqlClient",
            "duckdb.FileSqlClient": "impl.duckdb.sql_client.DuckDbSqlClient",
            "ducklake.LakeSqlClient": "impl.ducklake.sql_client.DuckLakeSqlClient",
        }.items()
    },
    "duckdb.ArrowCursor.iter_arrow": of(
        "destinations.impl.duckdb.sql_client.DuckDBDBApiCursorImpl", "self chunk_size", ARROW
    ),
    "duckdb.FileSqlClient.get_qualified_table_names": of(
        "destinations.sql_client.SqlClientBase", "self table_name quote casefold", FROM_FILES
    ),
    "duckdb.ReadLaterJob.run": of("common.destination.client.RunnableLoadJob", "self", FROM_FILES),
    "duckdb.FileClient.__init__": of(
        "destinations.impl.duckdb.duck.DuckDbClient", "self schema config capabilities", FROM_FILES
    ),
    "duckdb.FileClient.should_load_data_to_staging_dataset": of(
        "destinations.job_client_impl.SqlJobClientWithStagingDataset",
        "self table_name",
        f"{DUCKDB}::test_nothing_is_staged_in_the_database",
    ),
    "duckdb.FileClient.create_load_job": of(
        "destinations.impl.duckdb.duck.DuckDbClient", "self table file_path load_id restore", MERGED
    ),
    "duckdb.FileClient.create_table_chain_completed_followup_jobs": of(
        "destinations.job_client_impl.SqlJobClientBase", "self table_chain completed_table_chain_jobs", MERGED
    ),
    "duckdb.FileClient._create_merge_followup_jobs": of(
        "destinations.job_client_impl.SqlJobClientBase", "self table_chain", MERGED
    ),
    "duckdb.duckdb.spec": of("destinations.impl.duckdb.factory.duckdb", "", PLACE),
    "duckdb.duckdb.__init__": of(
        "destinations.impl.duckdb.factory.duckdb",
        "self credentials create_indexes destination_name environment kwargs",
        PLACE,
    ),
    "duckdb.duckdb.client_class": of("destinations.impl.duckdb.factory.duckdb", "", FROM_FILES),
    "ducklake.LakeSqlClient.open_connection": of(
        "destinations.impl.ducklake.sql_client.DuckLakeSqlClient", "self", TRUTH
    ),
    "ducklake.LakeSqlClient.close_connection": of(
        "destinations.impl.ducklake.sql_client.DuckLakeSqlClient", "self", TRUTH
    ),
    "ducklake.LakeClient.__init__": of(
        "destinations.impl.ducklake.ducklake.DuckLakeClient", "self schema config capabilities", TRUTH
    ),
    "ducklake.LakeClient._create_merge_followup_jobs": of(
        "destinations.impl.ducklake.ducklake.DuckLakeClient", "self table_chain", TRUTH
    ),
    "ducklake.ducklake.client_class": of("destinations.impl.ducklake.factory.ducklake", "", TRUTH),
    "ducklake.ducklake.client": of("common.destination.reference.Destination", "self schema initial_config", TRUTH),
    "ducklake.ducklake.adjust_capabilities": of(
        "destinations.impl.ducklake.factory.ducklake", "cls caps config naming", TRUTH
    ),
    "postgres.ExactCopyJob.run": of("destinations.impl.postgres.postgres.PostgresCsvCopyJob", "self", EXACT),
    "postgres.ExactPostgresClient.__init__": of(
        "destinations.impl.postgres.postgres.PostgresClient",
        "self schema config capabilities",
        "pipelines/test_hostile_database.py::test_functions_of_others_in_a_shared_postgres",
    ),
    "postgres.ExactPostgresClient.create_load_job": of(
        "destinations.impl.postgres.postgres.PostgresClient", "self table file_path load_id restore", EXACT
    ),
    "postgres.postgres.client_class": of("destinations.impl.postgres.factory.postgres", "", EXACT),
    **{
        f"dlt_compat._PipelineSettings.{name}": of(
            "common.configuration.providers.provider.ConfigProvider", parameters, SETTINGS
        )
        for name, parameters in {
            "get_value": "self key hint pipeline_name sections",
            "is_empty": "",
            "name": "",
            "supports_secrets": "",
            "supports_sections": "",
        }.items()
    },
}
MADE_BY_DECORATORS = {"__configspec__", "__hint_resolvers__", "__subclasshook__", "_is_protocol", "_abc_impl"}


def overridden() -> Iterator[tuple[str, type, Any]]:
    """What the classes in the allowed modules override of dlt's: name, dlt's class, and what that has."""
    names = [name for name in ALLOWED if "/destinations/" in name]
    for module in [importlib.import_module(name.removesuffix(".py").replace("/", ".")) for name in names]:
        for cls in vars(module).values():
            if not inspect.isclass(cls) or cls.__module__ != module.__name__:
                continue
            bases = [base for base in cls.__mro__[1:] if base.__module__.startswith("dlt.")]
            for name, own in vars(cls).items():
                base = next((base for base in bases if name in vars(base)), None)
                written = name not in MADE_BY_DECORATORS and (callable(own) or not name.startswith("__"))
                # dataclasses write some; what is written by hand has a line in the module.
                code = getattr(inspect.unwrap(own), "__code__", None) if callable(own) else None
                if base is not None and written and (code is None or code.co_filename == module.__file__):
                    key = f"{module.__name__.rpartition('.')[2]}.{cls.__name__}.{name}"
                    yield key, base, inspect.getattr_static(base, name)


FOUND = {key: (base, what) for key, base, what in overridden()}


def test_every_override_is_listed() -> None:
    assert sorted(FOUND) == sorted(OVERRIDES), "list it here; or dlt does not have any more what it overrides"


@pytest.mark.parametrize("key", sorted(OVERRIDES))
def test_dlt_still_has_it_as_it_was(key: str) -> None:
    expected = OVERRIDES[key]
    assert key in FOUND, f"dlt has no {key.rpartition('.')[2]} any more: nothing calls the override of {expected.base}"
    base, what = FOUND[key]
    function = inspect.unwrap(getattr(what, "__func__", what)) if not isinstance(what, property) else None
    parameters = " ".join(inspect.signature(function).parameters) if inspect.isfunction(function) else ""
    assert (f"{base.__module__}.{base.__qualname__}", parameters) == (expected.base, expected.parameters)


@pytest.mark.parametrize("shown_by", sorted({override.shown_by for override in OVERRIDES.values()}))
def test_the_test_that_shows_it_exists(shown_by: str) -> None:
    file, _, name = shown_by.partition("::")
    functions = [node for node in ast.parse((TESTS / file).read_text()).body if isinstance(node, ast.FunctionDef)]
    assert name in {function.name for function in functions}
