"""What the command needs of dlt that dlt does not document, apart from the engines' own classes beside this module.

Nobody else touches such names; `tests/contracts` holds each against the installed version of dlt.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeGuard

from dlt.common import time as dlt_time
from dlt.common.configuration.container import Container
from dlt.common.configuration.providers.provider import ConfigProvider
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from dlt.common.pipeline import PipelineContext
from dlt.destinations import duckdb as dlt_duckdb
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials
from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient

_PROVIDERS = threading.Lock()
"""Held while dlt's list of providers is exchanged."""


def is_duckdb(sql_client: Any) -> TypeGuard[DuckDbSqlClient]:
    """Tell whether a DuckDB answers the queries of a SQL client, that of Delta tables among them.

    Args:
        sql_client: dlt's SQL client.

    Returns:
        Whether one does.
    """
    return isinstance(sql_client, DuckDbSqlClient)


def read_only_duckdb(database: Path) -> Any:
    """Make dlt's destination for a DuckDB file that is only read.

    Args:
        database: The file.

    Returns:
        A value for the `destination` argument of `dlt.pipeline`.
    """
    return dlt_duckdb(DuckDbCredentials(str(database), read_only=True))


def configuration_of(destination: Any, dataset: str) -> Any:
    """Resolve the settings of a destination outside of a pipeline.

    Args:
        destination: dlt's destination.
        dataset: Name of the dataset, without which most settings count as incomplete.

    Returns:
        dlt's configuration of its client, with `credentials`.

    Raises:
        ConfigFieldMissingException: A setting is missing.
    """
    initial = destination.spec()
    if hasattr(initial, "_bind_dataset_name"):
        initial = initial._bind_dataset_name(dataset_name=dataset)
    return destination.configuration(initial)


def resolved_once(destination: Any) -> Any:
    """Makes a destination remember its settings.

    dlt looks for every field of them in the environment and all files whenever a client is made or somebody asks what
    the destination can do: a quarter of the CPU of a load that finds nothing new. What one pipeline finds does not
    change while it runs.

    Args:
        destination: A destination of dlt's that belongs to one pipeline.

    Returns:
        The same destination.
    """
    resolve = destination.configuration
    known: dict[tuple[Any, ...], Any] = {}

    def configuration(initial_config: Any, accept_partial: bool = False) -> Any:
        if initial_config is not None and initial_config.is_resolved():
            return initial_config
        dataset = [getattr(initial_config, name, None) for name in ("dataset_name", "default_schema_name")]
        asked = (accept_partial, *dataset)
        if asked not in known:
            known[asked] = resolve(initial_config, accept_partial)
        return known[asked]

    destination.configuration = configuration
    return destination


def delete_loaded_files(pipeline: Any) -> None:
    """Have the files of a package deleted once they are loaded: people's data need not lie in two places.

    Args:
        pipeline: The pipeline.
    """
    storage_config = pipeline._load_storage_config

    def deleting() -> Any:
        config = storage_config()
        config.delete_completed_jobs = True
        return config

    pipeline._load_storage_config = deleting


def complete_folders(pipeline: Any) -> None:
    """Make the folders of packages, all of which dlt takes for granted where it finds the one around them.

    A process can be killed after it made or deleted some of them, and every later one would fail.

    Args:
        pipeline: The pipeline.
    """
    storage = pipeline._get_load_storage()
    if storage.is_storage_ready():
        storage.initialize_storage()


def delete_unfinished_copies(pipeline: Any) -> None:
    """Delete what a killed process had not copied to the end.

    Where temporary files are on another file system than packages, dlt copies each job into its folder under a name
    that is no job's, and then takes that for a job it cannot read, for ever.

    Args:
        pipeline: The pipeline.
    """
    for found in Path(pipeline.working_dir).glob("**/*_jobs/*"):
        if "." not in found.name:
            found.unlink()


def number_packages_after(newest: str | None) -> None:
    """Make the ids of this process's load packages higher than one that exists.

    dlt takes the state that came with the highest id for the newest, and makes the ids from this machine's clock: after
    one that was ahead has been put right, every load would go on from the state of that time.

    Args:
        newest: The highest id in the destination; None where there is none.
    """
    ids = dlt_time.increasing_precise_time
    with ids._lock:
        ids._last = max(ids._last, float(newest or 0))


def put_away_completed(pipeline: Any) -> int:
    """Move packages where they belong that are loaded and marked so.

    Where a process is killed between the mark and the move, dlt refuses to load the package again, for ever.

    Args:
        pipeline: The pipeline.

    Returns:
        How many there were.
    """
    storage = pipeline._get_load_storage()
    waiting = pipeline.list_normalized_load_packages()
    marked = [load_id for load_id in waiting if storage.normalized_packages.is_package_completed(load_id)]
    for load_id in marked:
        storage.storage.rename_tree(
            storage.get_normalized_package_path(load_id), storage.get_loaded_package_path(load_id)
        )
    return len(marked)


class _PipelineSettings(ConfigProvider):
    """Settings of one pipeline, which no other pipeline of the process finds."""

    name = "bookeo's settings of its pipeline"
    is_empty = False
    supports_secrets = False
    supports_sections = True

    def __init__(self, pipeline_name: str, values: Mapping[str, Any]) -> None:
        super().__init__()
        self._pipeline_name = pipeline_name
        self._values = values

    def get_value(self, key: str, hint: Any, pipeline_name: str | None, *sections: str) -> tuple[Any, str]:
        """Look a setting up, as dlt's providers do."""
        full = ".".join((*sections, key))
        return (self._values.get(full) if pipeline_name == self._pipeline_name else None), full


@contextmanager
def settings_of(pipeline: Any, values: Mapping[str, Any]) -> Iterator[None]:
    """Give a pipeline settings of its own for as long as a block runs, before all that its user has set.

    `dlt.config` would hold them for every pipeline of the process, and keep them.

    Args:
        pipeline: The pipeline.
        values: Values by dlt's names of the settings, such as `extract.next_item_mode`.

    Yields:
        Nothing.
    """
    context = Container()[PluggableRunContext].providers
    provider = _PipelineSettings(pipeline.pipeline_name, values)
    # In place of the list, which another thread may be going through, a new one.
    with _PROVIDERS:
        context.providers = [provider, *context.providers]
    try:
        yield
    finally:
        with _PROVIDERS:
            context.providers = [other for other in context.providers if other is not provider]


@contextmanager
def active_pipeline_kept() -> Iterator[None]:
    """Leave the pipeline active that was so before, in this thread: `dlt.pipeline()` returns that to the host.

    Yields:
        Nothing.
    """
    context = Container()[PipelineContext]
    before = context._pipeline
    try:
        yield
    finally:
        if before is None:
            context.deactivate()
        else:
            with suppress(FileNotFoundError):  # Its folder is gone, and it with that.
                context.activate(before)
