"""dlt's Postgres destination, but an empty text in a load file stays one: dlt has COPY read it as NULL."""

from __future__ import annotations

from typing import Any

from dlt.destinations import postgres as dlt_postgres
from dlt.destinations.impl.postgres.postgres import PostgresClient, PostgresCsvCopyJob

from bookeo.schema import TABLES


class ExactCopyJob(PostgresCsvCopyJob):
    """Loads a CSV file in which an empty text is quoted and a null is not.

    dlt lists all nullable columns under FORCE_NULL, by which COPY takes a quoted empty text for NULL, too.
    """

    def run(self) -> None:
        """Load the file."""
        client = self._job_client
        self._job_client = _WithoutForcedNulls(client)  # type: ignore[assignment]
        try:
            super().run()
        finally:
            self._job_client = client


class _WithoutForcedNulls:
    """A client whose columns are all said to be not nullable, which is what dlt looks at for FORCE_NULL alone."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.schema = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def get_table_columns(self, table_name: str) -> dict[str, Any]:
        columns = self._client.schema.get_table_columns(table_name)
        return {name: {**column, "nullable": False} for name, column in columns.items()}


class ExactPostgresClient(PostgresClient):
    """The client."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        client: Any = self.sql_client
        opened = client.open_connection

        def open_connection() -> Any:
            connection = opened()
            # dlt has functions looked for in the schema public, too, where others may put one that fits a column's type
            # better than PostgreSQL's own, and runs as the loader.
            with connection.cursor() as cursor:
                cursor.execute(f"SET search_path = {client.fully_qualified_dataset_name()}")
            return connection

        client.open_connection = open_connection

    def create_load_job(self, table: Any, file_path: str, load_id: str, restore: bool = False) -> Any:
        """Make the job for a load file; files of dlt's own tables are loaded as it does."""
        job = super().create_load_job(table, file_path, load_id, restore)
        ours = isinstance(job, PostgresCsvCopyJob) and table["name"] in TABLES
        return ExactCopyJob(file_path) if ours else job


class postgres(dlt_postgres):  # noqa: N801 - dlt finds destinations by such names
    """dlt's Postgres destination, with the same settings."""

    @property
    def client_class(self) -> type[PostgresClient]:
        """The client."""
        return ExactPostgresClient
