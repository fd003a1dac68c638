"""DuckDB as dlt's destination, with what DuckDB is fast at, and needs little memory for."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from dlt.common.configuration import configspec
from dlt.common.destination import DestinationCapabilitiesContext, PreparedTableSchema
from dlt.common.destination.client import FollowupJobRequest, HasFollowupJobs, LoadJob, RunnableLoadJob
from dlt.common.schema import Schema
from dlt.common.storages.load_package import LoadJobInfo
from dlt.common.typing import TSortOrder
from dlt.destinations import duckdb as dlt_duckdb
from dlt.destinations.impl.duckdb.configuration import (
    DuckDbClientConfiguration,
    DuckDbConnectionPool,
    DuckDbCredentials,
)
from dlt.destinations.impl.duckdb.duck import DuckDbClient
from dlt.destinations.impl.duckdb.sql_client import DuckDBDBApiCursorImpl, DuckDbSqlClient
from dlt.destinations.sql_jobs import SqlMergeFollowupJob
from duckdb import DuckDBPyConnection, NotImplementedException
from duckdb import Error as DuckDBError
from duckdb import connect as duckdb_connect

from bookeo_pipelines.destinations.storage_version import new_file_version
from bookeo_pipelines.runtime.quoting import literal

ATTACHED = '"the file"'
"""What DuckDB calls the file while it is loaded into; no dataset can be called so."""
ROWS_IN_A_GROUP = 30_720
"""A quarter of what DuckDB writes else, and a multiple of its 2,048."""
MEMORY = "200MB"
"""What DuckDB may use while a chunk is loaded, and twice what that needs; more it puts on disk."""
PLACE = '"place in the package"'
"""A column of new rows that no other row has the value of."""


class SetMergeJob(SqlMergeFollowupJob):
    """The statements that put staged rows in the place of older ones."""

    @classmethod
    def _gen_key_table_clauses(cls, primary_keys: Sequence[str], merge_keys: Sequence[str]) -> list[str]:
        # What has the same primary key has the same merge key, where that is a part of it. dlt asks for either, and an
        # OR takes DuckDB ten times as long, for the size of the table at that, not of what has changed.
        of_sets = bool(merge_keys) and set(merge_keys) <= set(primary_keys)
        return super()._gen_key_table_clauses(() if of_sets else primary_keys, merge_keys)


class FileMergeJob(SetMergeJob):
    """The same for rows that come from files."""

    @classmethod
    def gen_select_from_dedup_sql(
        cls,
        table_name: str,
        primary_keys: Sequence[str],
        columns: Sequence[str],
        dedup_sort: tuple[str, TSortOrder] | None = None,
        condition: str | None = None,
        condition_columns: Sequence[str] | None = None,
        skip_dedup: bool = False,
    ) -> str:
        """Writes the query for one row of each key.

        dlt numbers whole rows in the order of their versions, which takes DuckDB half as long again as writing them;
        here only keys, versions and places are looked at, and rows pass by as they are read.

        Args:
            table_name: What stands for the table of new rows.
            primary_keys: Columns of the key, escaped, as all names here.
            columns: What is selected.
            dedup_sort: The column of versions, and `desc` where the last row counts.
            condition: What the rows that are kept must fulfil.
            condition_columns: What that needs; all columns are there anyway.
            skip_dedup: Whether all keys are known to differ.

        Returns:
            The query.
        """
        chosen = f"any_value({PLACE})"
        if dedup_sort is not None:
            column, order = dedup_sort
            # It does not see rows without a version.
            chosen = f"coalesce({'arg_max' if order == 'desc' else 'arg_min'}({PLACE}, {column}), {chosen})"
        places = f"SELECT {chosen} FROM {table_name} GROUP BY {', '.join(primary_keys)}"
        only = "" if skip_dedup else f"{PLACE} IN ({places}) AND "
        return f"SELECT {', '.join(columns)} FROM {table_name} WHERE {only}({condition or 'true'})"


@contextmanager
def kept_open(database: Path) -> Iterator[None]:
    """Keeps a file open that is turned to again and again: each time takes as long as some questions.

    Not for longer than that: only when it is closed, what was written is put in its place.

    Args:
        database: The file.

    Yields:
        Nothing; what is asked of `FilePool` meanwhile is asked of the same database.
    """
    with duckdb_connect(_in_memory(str(database))):
        yield


def _in_memory(path: str) -> str:
    """The name of the database in memory that a file is attached to."""
    return f":memory:{path}"


class FilePool(DuckDbConnectionPool):
    """Connections to the file, which DuckDB is told to write in small groups of rows.

    Groups that a load has not filled are written anew by the next, and compressing them takes more time and memory
    than anything else that DuckDB does here. Their size is a setting of attached databases alone.
    """

    def __init__(self, credentials: FileCredentials) -> None:
        super().__init__(credentials)
        self.attaches = True
        """Whether the file is attached; it cannot be where somebody in this very process has opened it."""

    def borrow_conn(self, *args: Any, **settings: Any) -> DuckDBPyConnection:
        """Lends a connection.

        Args:
            *args: Settings, as dlt gives them.
            **settings: The same.

        Returns:
            The connection; the file is its current database.
        """
        try:
            return self._borrow(*args, **settings)
        except DuckDBError as error:  # Its kind is another in DuckDB 2.
            if "Unique file handle conflict" not in str(error):
                raise
            # Theirs is shared, as dlt would do; or no longer, where they have closed it.
            self.attaches = not self.attaches
            return self._borrow(*args, **settings)

    def _borrow(self, *args: Any, **settings: Any) -> DuckDBPyConnection:
        connection = super().borrow_conn(*args, **settings)
        if self.attaches:
            connection.execute(f"USE {ATTACHED}")
        return connection

    def _execute_statements(self, conn: DuckDBPyConnection) -> None:
        super()._execute_statements(conn)
        if not self.attaches:
            return
        path, temporary = map(literal, (self.credentials.database, f"{self.credentials.database}.tmp"))
        # More threads take more time in all, and memory; which they would not be worth for a chunk.
        conn.execute("SET GLOBAL threads = 1")
        # What was read of the tables would stay in memory, so that it would grow with them.
        if "memory_limit" not in (self.credentials.global_config or {}):
            conn.execute(f"SET GLOBAL memory_limit = {literal(MEMORY)}")
        # Beside the file, as DuckDB does itself with one that is opened; it cannot be moved while it is in use.
        with suppress(NotImplementedException):
            conn.execute(f"SET GLOBAL temp_directory = {temporary}")
        options = f"ROW_GROUP_SIZE {ROWS_IN_A_GROUP}"
        if not Path(self.credentials.database).exists():
            options += f", STORAGE_VERSION {literal(new_file_version())}"
        conn.execute(f"ATTACH IF NOT EXISTS {path} AS {ATTACHED} ({options})")


@configspec(init=False)
class FileCredentials(DuckDbCredentials):
    """Where the file is, and how it is opened."""

    def on_resolved(self) -> None:
        """Makes the connections' pool."""
        self.conn_pool = FilePool(self)

    def _conn_str(self) -> str:
        path = str(self.database)
        return _in_memory(path) if cast("FilePool", self.conn_pool).attaches else path


@configspec(init=False)
class FileConfiguration(DuckDbClientConfiguration):
    """The settings; for people they are the file's path, without importing SQLAlchemy to make an address of it."""

    credentials: FileCredentials = None  # type: ignore[assignment]

    def __str__(self) -> str:
        return str(self.credentials.database)


class ArrowCursor(DuckDBDBApiCursorImpl):
    """Rows as Arrow tables with DuckDB 1 and 2: dlt calls what the second does not have any more."""

    def iter_arrow(self, chunk_size: int) -> Generator[Any, None, None]:
        """Read the rows.

        Args:
            chunk_size: Rows of a table; 0 for one table of all.

        Yields:
            `pyarrow.Table`.
        """
        if chunk_size:
            yield from super().iter_arrow(chunk_size)
        elif hasattr(self.native_cursor, "to_arrow_table"):
            yield self.native_cursor.to_arrow_table()
        else:
            yield self.native_cursor.fetch_arrow_table()


class FileSqlClient(DuckDbSqlClient):
    """The connection; where dlt looks for staged rows, it finds those of the load package's own files."""

    cursor_impl = ArrowCursor
    files: Mapping[str, Sequence[str]] = MappingProxyType({})
    """Paths of Parquet files by the table that they are for."""

    def get_qualified_table_names(self, table_name: str, quote: bool = True, casefold: bool = True) -> tuple[str, str]:
        """Names a table and the rows that come into it.

        Args:
            table_name: The table.
            quote: Whether names are quoted.
            casefold: Whether they are written as the destination would.

        Returns:
            Its name, and what stands for the name of a table of new rows, with the columns of the first.
        """
        name = self.make_qualified_table_name(table_name, quote=quote, casefold=casefold)
        paths = ", ".join(map(self.capabilities.escape_literal, self.files.get(table_name, ())))
        place = f"(file_index << 40) + file_row_number AS {PLACE}"
        rows = (
            f"UNION ALL BY NAME SELECT *, {place} FROM read_parquet([{paths}], union_by_name = true)" if paths else ""
        )
        return name, f"(SELECT *, NULL::BIGINT AS {PLACE} FROM {name} WHERE false {rows})"


class ReadLaterJob(RunnableLoadJob, HasFollowupJobs):
    """Has nothing to do with a file but to say so: dlt waits a second for a job that was done before it began."""

    def run(self) -> None:
        """Does nothing."""


class FileClient(DuckDbClient):
    """The client of the tables; rows go into them from the package's files, without being staged in the database."""

    def __init__(
        self, schema: Schema, config: DuckDbClientConfiguration, capabilities: DestinationCapabilitiesContext
    ) -> None:
        super().__init__(schema, config, capabilities)
        names = (self.sql_client.dataset_name, self.sql_client.staging_dataset_name)
        self.sql_client: FileSqlClient = FileSqlClient(*names, config.credentials, capabilities)

    def should_load_data_to_staging_dataset(self, table_name: str) -> bool:
        """Tells dlt that no table needs one to be staged in.

        Args:
            table_name: The table.

        Returns:
            False.
        """
        return False

    def create_load_job(
        self, table: PreparedTableSchema, file_path: str, load_id: str, restore: bool = False
    ) -> LoadJob:
        """Makes the job of one file of a package.

        Args:
            table: The table that it is for.
            file_path: The file.
            load_id: The package.
            restore: Whether it was begun before.

        Returns:
            The job; that of a file that is merged has nothing to do, as the statements that follow read the file.
        """
        if table["write_disposition"] == "merge" and file_path.endswith(".parquet"):
            return ReadLaterJob(file_path)
        return super().create_load_job(table, file_path, load_id, restore)

    def create_table_chain_completed_followup_jobs(
        self,
        table_chain: Sequence[PreparedTableSchema],
        completed_table_chain_jobs: Sequence[LoadJobInfo] | None = None,
    ) -> list[FollowupJobRequest]:
        """Makes the job that merges a table's files.

        Args:
            table_chain: The table.
            completed_table_chain_jobs: What is known of its files, at the places where they are from now on.

        Returns:
            The job.
        """
        files: dict[str, list[str]] = {}
        for job in completed_table_chain_jobs or ():
            files.setdefault(job.job_file_info.table_name, []).append(job.file_path)
        self.sql_client.files = files
        return super().create_table_chain_completed_followup_jobs(table_chain, completed_table_chain_jobs)

    def _create_merge_followup_jobs(self, table_chain: Sequence[PreparedTableSchema]) -> list[FollowupJobRequest]:
        return [FileMergeJob.from_table_chain(table_chain, self.sql_client)]


class duckdb(dlt_duckdb):  # noqa: N801 - dlt finds destinations by such names
    """dlt's DuckDB destination, with the same settings, for one file.

    Args:
        database: The file.
    """

    spec = FileConfiguration

    def __init__(self, database: Path) -> None:
        credentials = FileCredentials()
        # Given as text, dlt would first try to read it as an address, and import SQLAlchemy for that, too.
        credentials.database = str(database)
        super().__init__(credentials)

    @property
    def client_class(self) -> type[DuckDbClient]:
        """The client."""
        return FileClient
