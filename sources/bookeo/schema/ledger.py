"""Tables about the loading itself: what was asked and what came, and what could not be shaped."""

from __future__ import annotations

from bookeo.schema.common_columns import ACCOUNT_ID, FETCHED_AT
from bookeo.schema.model import Column, ColumnType, Table


def _own(name: str, kind: ColumnType, description: str) -> Column:
    return Column(name, kind, "", description, origin="none")


LOAD_WINDOWS = Table(
    name="load_windows",
    key=("account_id", "resource", "window_start"),
    description="The completeness ledger: each time window that was asked for, what was announced and what landed.",
    source="the load itself",
    version="loaded_at",
    columns=(
        ACCOUNT_ID,
        _own("resource", "text", "What was asked for, such as bookings."),
        _own("window_start", "timestamp", "First instant of the window, included."),
        _own("window_end", "timestamp", "Last instant of the window, included."),
        _own("items_announced", "bigint", "Items that the API announced; empty where it announced no number."),
        _own("items_landed", "bigint", "Distinct items that landed, rejected ones included."),
        _own("pages", "bigint", "Pages read."),
        _own("requests", "bigint", "Requests made, retries included."),
        _own("attempts", "bigint", "How often the window was read until it was complete."),
        _own("seconds", "decimal", "How long it took, in seconds."),
        _own("server_time", "timestamp", "The API's own time when the window was read."),
        _own("loaded_at", "timestamp", "When the window was complete."),
        _own(
            "status",
            "text",
            "complete, or unproven: the items do not add up to those announced, and are read again.",
        ),
    ),
)

LOAD_RUNS = Table(
    name="load_runs",
    key=("account_id", "started_at"),
    description="The loads that committed something, one row each: what they read and what it cost.",
    source="the load itself",
    columns=(
        ACCOUNT_ID,
        _own("started_at", "timestamp", "When the load began, by the clock of the machine that ran it."),
        _own("ended_at", "timestamp", "When it ended, by the same clock."),
        _own("seconds", "decimal", "How long it took, in seconds."),
        _own("requests", "bigint", "Requests made, retries included."),
        _own("bookings", "bigint", "Bookings read in time windows."),
        _own("packages", "bigint", "Load packages committed."),
        _own("rejected", "bigint", "Records that could not be shaped; they are in rejected_rows."),
        _own(
            "outcome",
            "text",
            "How it ended: done, interrupted, or the kind of error, such as RateLimited.",
        ),
        _own(
            "bookings_until",
            "timestamp",
            "Up to when changes of bookings are read without a gap since the start, as this load left it.",
        ),
        _own(
            "payments_until",
            "timestamp",
            "The same of payments, by the time of receipt; empty where the payments feed is not read.",
        ),
        _own(
            "proof",
            "text",
            "Digest of the rows held and the settings by which nothing was missing; empty if it ended early.",
        ),
        _own(
            "checked_until",
            "timestamp",
            "Up to when all payments read were compared with their bookings.",
        ),
    ),
)

CHILD_CHECKS = Table(
    name="child_checks",
    key=("account_id", "resource", "parent_id"),
    description="What was asked for one by one because it did not add up: once, until the figures change.",
    source="the load itself",
    version="checked_at",
    columns=(
        ACCOUNT_ID,
        _own("resource", "text", "What was asked for: payments, customer_bookings or bookings."),
        _own("parent_id", "text", "The booking's number or the customer's id."),
        _own("basis", "text", "The figures that did not add up."),
        _own("outcome", "text", "What came of it: answered, not found, not readable or not permitted."),
        _own("checked_at", "timestamp", "When it was asked."),
    ),
)

REJECTED_ROWS = Table(
    name="rejected_rows",
    key=("account_id", "table_name", "raw_id", "fetched_at", "position"),
    description="Records of the API that could not be shaped, with the reason; nothing is lost silently.",
    source="every operation",
    columns=(
        ACCOUNT_ID,
        _own("table_name", "text", "Table that the record was meant for."),
        _own("raw_id", "text", "The record's id, or that of the record around it; empty if it has none."),
        FETCHED_AT,
        _own("position", "bigint", "Number of the rejected record among those rejected together, from 0."),
        _own("reason", "text", "Path of what does not fit, and why; never the value itself."),
        Column("raw", "json", "", "The record as the API gave it.", personal="free_text", origin="none"),
    ),
)

DATA_COPIES = Table(
    name="data_copies",
    key=("account_id", "kind", "place"),
    description="Where commands have put copies of the data outside of this database, so that they can be erased, too.",
    source="the commands themselves",
    columns=(
        Column("account_id", "text", "", "Account of an archive; empty for a copy of all accounts.", origin="account"),
        _own("kind", "text", "One of archive, publish, export."),
        _own("place", "text", "Absolute path or URL, without credentials."),
        _own("written_at", "timestamp", "When it was last written; for an archive, when it was first used."),
    ),
)
