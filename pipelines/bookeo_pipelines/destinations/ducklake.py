"""DuckLake through one DuckDB for a whole load: dlt starts one for every question, half a second each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any

import duckdb
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.schema import Schema
from dlt.destinations import ducklake as dlt_ducklake
from dlt.destinations.impl.ducklake.ducklake import DuckLakeClient
from dlt.destinations.impl.ducklake.sql_client import DuckLakeDBApiCursorImpl, DuckLakeSqlClient

from bookeo_pipelines.destinations.duckdb import ArrowCursor, SetMergeJob
from bookeo_pipelines.runtime.quoting import literal

SERVERS = frozenset({"postgres", "postgresql", "mysql"})
"""Catalogs that may stay attached; a file would be kept from everybody else."""


class Lake:
    """The DuckDB that a lake is attached to, from the first question until the pipeline is gone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._attached: Any = None

    def connect(self, attach: Callable[[], Any]) -> Any:
        """Gives a connection of one's own.

        Args:
            attach: Starts a DuckDB and attaches the lake; called once.

        Returns:
            The connection.
        """
        with self._lock:
            if self._attached is None:
                self._attached = attach()
            return self._attached.cursor()


class LakeCursor(ArrowCursor, DuckLakeDBApiCursorImpl):
    """Rows as Arrow tables."""


class LakeSqlClient(DuckLakeSqlClient):
    """The client of the tables; its connections are to the one DuckDB."""

    cursor_impl = LakeCursor

    lake: Lake | None = None
    """None: as dlt does it."""

    def open_connection(self) -> Any:
        """Opens a connection."""
        if self.lake is None:
            return super().open_connection()
        self._conn = self.lake.connect(super().open_connection)
        self._conn.execute(f"USE {self.capabilities.escape_identifier(self.credentials.ducklake_name)}")
        with suppress(duckdb.CatalogException):  # The dataset is still to be made.
            self._conn.execute(f"SET search_path = {literal(self.fully_qualified_dataset_name())}")
        return self._conn

    def close_connection(self) -> None:
        """Closes the connection; the lake stays attached."""
        if self.lake is None:
            super().close_connection()
        elif self._conn is not None:
            self._conn.close()
            self._conn = None  # type: ignore[assignment]


class LakeClient(DuckLakeClient):
    """The client."""

    def __init__(self, schema: Schema, config: Any, capabilities: DestinationCapabilitiesContext) -> None:
        super().__init__(schema, config, capabilities)
        dlts = self.sql_client
        names = (dlts.dataset_name, dlts.staging_dataset_name)
        options = (dlts.override_data_path, dlts.automatic_migration)
        self.sql_client: LakeSqlClient = LakeSqlClient(*names, dlts.credentials, dlts.capabilities, *options)

    def _create_merge_followup_jobs(self, table_chain: Sequence[Any]) -> list[Any]:
        return [SetMergeJob.from_table_chain(table_chain, self.sql_client)]


class ducklake(dlt_ducklake):  # noqa: N801 - dlt finds destinations by such names
    """dlt's DuckLake destination, with the same settings."""

    @property
    def client_class(self) -> type[DuckLakeClient]:
        """The client."""
        return LakeClient

    @cached_property
    def _lake(self) -> Lake:
        return Lake()

    def client(self, schema: Schema, initial_config: Any = None) -> Any:
        """Makes a client.

        Args:
            schema: The tables.
            initial_config: What is known of the configuration.

        Returns:
            The client.
        """
        made: Any = super().client(schema, initial_config)
        if made.config.credentials.catalog.drivername in SERVERS:
            made.sql_client.lake = self._lake
        return made

    @classmethod
    def adjust_capabilities(cls, caps: DestinationCapabilitiesContext, config: Any, naming: Any) -> Any:
        """Says what it can.

        Args:
            caps: What DuckLake can do.
            config: The configuration.
            naming: How names are written.

        Returns:
            The same, but one file after the other: each makes a version of the whole lake, and those that are made
            side by side refuse each other, ten times and more.
        """
        adjusted = super().adjust_capabilities(caps, config, naming)
        adjusted.loader_parallelism_strategy = "sequential"
        return adjusted
