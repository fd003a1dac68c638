"""The book of runs: one row for each load that committed something, in the table `load_runs`."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from dlt.common.schema.utils import new_table

from bookeo import LoadSession
from bookeo.tables import TABLES, dlt_columns

LOAD_RUNS = TABLES["load_runs"]


def record_run(
    pipeline: Any,
    session: LoadSession,
    started_at: datetime,
    packages: int,
    access: AbstractContextManager[Any] | None = None,
) -> None:
    """Writes down what a load did, by a plain INSERT: a load package for a single row would cost a second.

    A load that cannot be written down has loaded all the same; that is said, and no error.

    Args:
        pipeline: The pipeline, in step with its destination.
        session: The load, at its end.
        started_at: When it began, aware.
        packages: Packages that it committed; nothing is written where there are none.
        access: Held while the destination is written to; several accounts of one process take turns.
    """
    if not packages:
        return
    ended_at = datetime.now(UTC)
    row = {
        "account_id": session.account_id,
        "started_at": started_at,
        "ended_at": ended_at,
        "seconds": Decimal(f"{(ended_at - started_at).total_seconds():.3f}"),
        "requests": session.client.transport.usage.total_requests,
        "bookings": session.bookings_read,
        "packages": packages,
        "rejected": session.notes.rejected.total(),
        "outcome": type(session.failure).__name__ if session.failure else "done",
    }
    try:
        with access or nullcontext():
            _make_table(pipeline)
            with pipeline.sql_client() as client:
                table = client.make_qualified_table_name(LOAD_RUNS.name)
                marks = ", ".join(["%s"] * len(row))
                client.execute_sql(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", *row.values())
    except Exception as error:
        session.notes.say(f"This run could not be noted in {LOAD_RUNS.name} ({type(error).__name__}).")


def _make_table(pipeline: Any) -> None:
    schema = pipeline.default_schema
    if LOAD_RUNS.name in schema.tables:
        return
    columns = list(dlt_columns(LOAD_RUNS).values())
    table = new_table(LOAD_RUNS.name, write_disposition="append", columns=columns)
    schema.update_table({**table, "description": LOAD_RUNS.description})
    pipeline.schemas.save_schema(schema)
    with pipeline.destination_client() as client:
        client.update_stored_schema(only_tables=[LOAD_RUNS.name])
