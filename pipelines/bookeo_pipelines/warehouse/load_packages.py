"""dlt's load packages: what an earlier run left behind is finished first, or put aside and read again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dlt
from dlt.common.destination.exceptions import DestinationException, DestinationUndefinedEntity
from dlt.common.pipeline import get_dlt_pipelines_dir
from dlt.common.schema.utils import new_table
from dlt.pipeline.exceptions import PipelineStepFailed
from dlt.pipeline.helpers import retry_schema_update
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random

from bookeo.schema import LOAD_RUNS, Table, dlt_columns
from bookeo_pipelines.destinations.dlt_compat import (
    complete_folders,
    delete_loaded_files,
    delete_unfinished_copies,
    number_packages_after,
    put_away_completed,
    settings_of,
)
from bookeo_pipelines.destinations.errors import as_bookeo_error, can_never_load
from bookeo_pipelines.destinations.target import Target
from bookeo_pipelines.runtime.memory import give_back_memory
from bookeo_pipelines.runtime.umask import private_folder
from bookeo_pipelines.warehouse.package_origin import is_stray, note_origin

ATTEMPTS = 8
"""Tries to make tables that other accounts are making, too."""


@dataclass(frozen=True)
class Pending:
    """What an earlier run had left behind.

    Args:
        finished: Packages that were loaded now.
        put_aside: Ids of packages that can never load; what was in them is read again.
    """

    finished: int = 0
    put_aside: tuple[str, ...] = ()


def pipeline_name(account: str | None) -> str:
    """Return dlt's name of the pipeline that loads an account.

    Args:
        account: Name of the account in the settings, if it has one.

    Returns:
        One for each account, as each has its own cursor.
    """
    return f"bookeo_{account}" if account else "bookeo"


def working_folder(target: Target) -> Path:
    """Where the packages on their way to a target are.

    Args:
        target: The target.

    Returns:
        A folder of its own for each target: dlt's state in it would mean something else for another one.
    """
    return Path(get_dlt_pipelines_dir()) / "bookeo" / target.working_folder


def open_pipeline(name: str, target: Target, folder: Path | None = None) -> Any:
    """Opens a pipeline with the state that its destination knows.

    The destination is the only memory: a working folder without pending packages is made anew from it, so that a
    database that was deleted, or put back from a copy, is loaded from where it really is.

    Args:
        name: The pipeline's name.
        target: Where it loads to.
        folder: A working folder for whoever only looks, and must not touch that of a load that is under way.

    Returns:
        The pipeline.

    Raises:
        BookeoError: The destination cannot be asked.
    """
    folder = folder or working_folder(target)
    private_folder(folder)
    pipeline = dlt.pipeline(
        name,
        pipelines_dir=str(folder),
        destination=target.dlt_destination(name),
        dataset_name=target.dataset,
    )
    delete_loaded_files(pipeline)
    complete_folders(pipeline)
    delete_unfinished_copies(pipeline)
    try:
        # Packages that were made for a database that is not there any more are read again, not loaded.
        if not pipeline.has_pending_data or is_stray(pipeline):
            pipeline = pipeline.drop()
        pipeline.sync_destination()
        if not pipeline.has_pending_data:
            note_origin(pipeline)
        if target.destination == "delta" and pipeline.default_schema_name is not None:
            # Nothing but the schema of a package says which tables there are, and no package holds this one.
            declare(pipeline.default_schema, LOAD_RUNS)
            pipeline.schemas.save_schema(pipeline.default_schema)
        _number_after_all_before(pipeline)
    except (PipelineStepFailed, DestinationException) as error:
        raise as_bookeo_error(error, target) from None
    return pipeline


def _number_after_all_before(pipeline: Any) -> None:
    """Make the ids of this process's packages higher than those of all packages in the destination."""
    if pipeline.default_schema_name is None:
        return
    with pipeline.sql_client() as client:
        loads = client.make_qualified_table_name(pipeline.default_schema.loads_table_name)
        try:
            newest = client.execute_sql(f"SELECT max(load_id) FROM {loads}")[0][0]
        except DestinationUndefinedEntity:
            return  # Nothing was ever loaded; a package waits for being the first.
    number_packages_after(newest)


def declare(schema: Any, table: Table) -> None:
    """Adds a table that no load package brings to dlt's schema, or the columns of it that an older version lacked.

    Args:
        schema: dlt's schema.
        table: The table.
    """
    known = schema.tables.get(table.name, {}).get("columns", {})
    if any(column.name not in known for column in table.columns):
        made = new_table(table.name, write_disposition="append", columns=list(dlt_columns(table).values()))
        # The mark of a table that holds something; dlt does not look into others.
        schema.update_table({**made, "description": table.description, "x-normalizer": {"seen-data": True}})


def extract(pipeline: Any, source: Any) -> None:
    """Extract one package.

    Args:
        pipeline: The pipeline.
        source: What to read, as resources of dlt.

    Raises:
        PipelineStepFailed: It could not be read; there is no package.
    """
    # One batch of pages after the other: in turns, dlt would keep nine of them in memory.
    with settings_of(pipeline, {"extract.next_item_mode": "fifo"}):
        pipeline.extract(source)


def load(pipeline: Any, **options: Any) -> Any:
    """Load the packages that are normalized.

    Args:
        pipeline: The pipeline.
        **options: For dlt's `Pipeline.load`.

    Returns:
        dlt's account of it; of the last package that was loaded.

    Raises:
        PipelineStepFailed: A package could not be loaded; it still waits.
    """
    # Where rows are staged, they are of no use when they are merged, and are people's data all the same.
    staged = pipeline.destination.destination_name != "duckdb"
    with settings_of(pipeline, {"load.truncate_staging_dataset": staged}):
        return pipeline.load(**options)


def load_pending(pipeline: Any) -> Any:
    """Loads the packages that wait.

    Args:
        pipeline: The pipeline.

    Returns:
        dlt's account of it; of the last package that was loaded.

    Raises:
        PipelineStepFailed: A package could not be loaded; it still waits.
    """
    if pipeline.list_extracted_load_packages():
        pipeline.normalize()
    give_back_memory()
    if pipeline.destination.destination_name != "duckdb":
        return making_tables(lambda: load(pipeline))
    # Job after job: several at once only need more memory. The file stays open meanwhile, or dlt would open and close
    # it for each, for a quarter of the CPU that loading takes; and DuckDB puts all in its place when it is closed, or
    # would do so time and again.
    with pipeline.sql_client() as client:
        client.execute_sql("SET GLOBAL checkpoint_threshold = '1GB'")
        return making_tables(lambda: load(pipeline, workers=1))


def making_tables(step: Callable[[], Any]) -> Any:
    """Does what may make tables or columns; others may be making the very same at the same moment, and one must yield.

    Args:
        step: What to do; done again, it makes only what is still missing.

    Returns:
        What it returns.
    """
    attempts = Retrying(
        retry=retry_if_exception(retry_schema_update()),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_random(0.05, 1),
        reraise=True,
    )
    return attempts(step)


def finish_pending(pipeline: Any, target: Target) -> Pending:
    """Loads the packages that an earlier run left behind.

    Args:
        pipeline: The pipeline, in step with its destination.
        target: Where it loads to.

    Returns:
        How many there were, and which of them can never load. Those are put aside (dlt keeps them among its completed
        packages) and the cursor goes back to where they began.

    Raises:
        BookeoError: The destination does not take anything just now.
    """
    finished = put_away_completed(pipeline) if pipeline.has_pending_data else 0
    put_aside: list[str] = []
    while pipeline.has_pending_data:
        waiting = [*pipeline.list_extracted_load_packages(), *pipeline.list_normalized_load_packages()]
        try:
            load_pending(pipeline)
            finished += 1
        except Exception as error:
            if not can_never_load(error):
                raise as_bookeo_error(error, target) from None
            if pipeline.has_pending_data:
                pipeline.abort_packages()
                load(pipeline)
            put_aside.extend(waiting)
    if finished or put_aside:
        # A process that was killed had perhaps not noted in the working folder what its last package did.
        pipeline.sync_destination()
        note_origin(pipeline)
    return Pending(finished, tuple(dict.fromkeys(put_aside)))
