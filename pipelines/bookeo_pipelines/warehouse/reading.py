"""Reads what the destination knows of all its loads, without writing and without asking the API."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import dlt
from dlt.common.versioned_state import decompress_state

from bookeo.errors import SettingsError
from bookeo.schema import LOAD_RUNS, TABLES
from bookeo_pipelines.destinations.dlt_compat import active_pipeline_kept, read_only_duckdb
from bookeo_pipelines.destinations.errors import as_bookeo_error
from bookeo_pipelines.destinations.target import DatabaseBusy, Target
from bookeo_pipelines.runtime.quoting import identifier
from bookeo_pipelines.warehouse.access import lock_path, require_database
from bookeo_pipelines.warehouse.client import in_utc
from bookeo_pipelines.warehouse.cursors import Cursors, read_cursors
from bookeo_pipelines.warehouse.load_packages import declare
from bookeo_pipelines.warehouse.lock import LoadRunning, one_at_a_time
from bookeo_pipelines.warehouse.personal_columns import executor

STATES = "_dlt_pipeline_state"
LOADS = "_dlt_loads"


class Reading:
    """An open destination that is only read from.

    Args:
        pipeline: A pipeline of its own, in a folder of its own: those of the loads are not touched.
        client: dlt's open SQL client.
    """

    def __init__(self, pipeline: Any, client: Any) -> None:
        self._client = client
        self._execute = executor(client)
        with pipeline.destination_client() as destination:
            stored = dict(destination.get_storage_tables([*TABLES, STATES, LOADS]))
        self.tables = frozenset(name for name, columns in stored.items() if columns)
        """Names of the tables that exist, two of dlt's own among them."""

    @property
    def schema(self) -> str:
        """Name of the dataset's schema as the destination has it."""
        return str(self._client.dataset_name)

    def rows(self, sql: str, *values: Any) -> Sequence[Any]:
        """Asks a question.

        Args:
            sql: The question; `{bookings}` stands for the table of that name, `%s` for a value.
            *values: The values.

        Returns:
            The rows, as tuples.
        """
        names = {name: self._client.make_qualified_table_name(name) for name in (*TABLES, STATES, LOADS)}
        return [tuple(map(in_utc, row)) for row in self._client.execute_sql(sql.format(**names), *values) or ()]

    def execute(self, sql: str, *values: Any) -> Sequence[Any]:
        """Run a statement that names its tables itself, as `StoredTable.quoted` does.

        Args:
            sql: The statement; `%s` stands for a value.
            *values: The values.

        Returns:
            The rows, as tuples.
        """
        return [tuple(map(in_utc, row)) for row in self._execute(sql, *values)]

    def answer(self, sql: str, search: Sequence[str]) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Run one SELECT that somebody wrote, in a transaction that cannot write where the destination has such.

        Args:
            sql: The statement.
            search: Schemas besides the dataset whose tables need no schema, where the destination has such a path.

        Returns:
            The names of the columns, and the rows as tuples.
        """
        if self._client.capabilities.sqlglot_dialect == "postgres":
            path = ", ".join(identifier(name) for name in (self.schema, *search))
            self._client.execute_sql(f"SET search_path = {path}")
            self._client.execute_sql("SET default_transaction_read_only = on")
        with self._client.execute_query(sql) as cursor:
            names = [str(column[0]) for column in cursor.description or ()]
            return names, [tuple(map(in_utc, row)) for row in cursor.fetchall()]

    def cursors(self) -> dict[str, Cursors]:
        """Reads how far each pipeline has come.

        Returns:
            The cursors by dlt's name of the pipeline.
        """
        found = {name: read_cursors(state) for name, state in self.states().items()}
        return {name: cursors for name, cursors in sorted(found.items()) if cursors is not None}

    def states(self) -> dict[str, Mapping[str, Any]]:
        """Reads the newest state of each pipeline.

        Returns:
            dlt's states by its name of the pipeline.
        """
        if not {STATES, LOADS} <= self.tables:
            return {}
        states = self.rows(
            f"SELECT s.pipeline_name, s.state FROM {{{STATES}}} s JOIN {{{LOADS}}} l ON l.load_id = s._dlt_load_id "
            "WHERE l.status = 0 ORDER BY l.load_id"
        )
        # The newest state of each pipeline comes last.
        return {name: decompress_state(state) for name, state in dict(states).items()}


@contextmanager
def reading(target: Target) -> Iterator[Reading]:
    """Opens a destination for reading.

    Args:
        target: The destination.

    Yields:
        The open destination.

    Raises:
        LoadRunning: A load is writing to the DuckDB file just now.
        SettingsError: Nothing has been loaded there.
        BookeoError: The destination cannot be opened.
    """
    require_database(target)
    with ExitStack() as stack:
        stack.enter_context(active_pipeline_kept())
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bookeo-status-"))
        try:
            pipeline: Any = dlt.pipeline(
                "bookeo_status", pipelines_dir=folder, destination=_read_only(target), dataset_name=target.dataset
            )
            if target.destination == "delta":
                _know_the_tables(pipeline)
            client = stack.enter_context(pipeline.sql_client())
            if not client.has_dataset():
                raise SettingsError(f"Nothing has been loaded into {target.description}; run bookeo load first.")
            source = Reading(pipeline, client)
        except Exception as error:
            failure = as_bookeo_error(error, target)
            if isinstance(failure, DatabaseBusy):
                _say_who_is_loading(target)
            raise failure from None
        yield source


def _know_the_tables(pipeline: Any) -> None:
    """Takes the newest schema from the destination; queries find Delta tables by nothing else."""
    with pipeline.destination_client() as client:
        stored = client.get_stored_schema("bookeo")
    if stored is not None:
        schema = dlt.Schema.from_dict(json.loads(stored.schema))
        declare(schema, LOAD_RUNS)
        pipeline.activate()
        pipeline.schemas.save_schema(schema)
        pipeline.default_schema_name = schema.name


def _read_only(target: Target) -> Any:
    if target.database is None:
        return target.dlt_destination()
    return read_only_duckdb(target.database)


def _say_who_is_loading(target: Target) -> None:
    try:
        with one_at_a_time(lock_path(target), target.description):
            pass
    except LoadRunning as running:
        who = running.message.partition(";")[0]
        raise LoadRunning(f"{who}; DuckDB lets nobody else in while it writes, ask again when it has ended.") from None
