"""What a load keeps in the archive: answers before their rows are handed to dlt, and what it concluded from them.

The answers go first, the rows follow: a load that is killed in between leaves answers without rows, never rows without
answers. Which answers became rows can be told afterwards: each package names the one that the destination knew before
it, and of several that name the same one only the last was committed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import dlt
import pyarrow as pa
from dlt.common.storages.exceptions import CurrentLoadPackageStateNotAvailable
from dlt.common.storages.load_package import create_load_id

from bookeo.archive.file_format import FIRST, FORGOTTEN, NOTES, ArchiveFile, Kept, KeptAnswer, operation_folder
from bookeo.archive.store import Archive
from bookeo.dlt_compat import parent_of
from bookeo.extract.batch import Batch
from bookeo.extract.session import LoadSession
from bookeo.schema import BOOKING, CUSTOMER_BOOKING, PAYMENT


class Note(StrEnum):
    """What a load does to the destination without new rows from the API."""

    PAYMENTS_REMOVED = "payments removed"
    """`payments`: ids of those that are no more."""
    PAYMENTS_UNLINKED = "payments unlinked"
    """`payments`: ids of those that belong to no booking."""
    BOOKINGS_VANISHED = "bookings vanished"
    """`bookings`: numbers of those that are no more, `deleted_at`: when that was found."""
    CUSTOMERS_VANISHED = "customers vanished"
    """`customers`: ids of those that are no more, `deleted_at`: when that was found."""
    LOADED = "loaded"
    """`row`: the load's own row in `load_runs`."""


def archived(session: LoadSession, batch: Batch, operation: str) -> Batch:
    """Keeps answers, where there is an archive.

    Args:
        session: The load.
        batch: The answers, not shaped yet.
        operation: The API operation that they are answers to.

    Returns:
        The batch.

    Raises:
        ArchiveUnusable: The archive cannot be written; the rows must not be committed then.
    """
    if session.archive is None:
        return batch
    answers = [
        KeptAnswer(page.body, {"records": page.records, "constants": dict(page.constants), **page.asked})
        for page in batch.pages
    ]
    facts: dict[str, Any] = {
        "account_id": session.account_id,
        "account": session.settings.account,
        "operation": operation,
        "entity": batch.entity.name,
        "fetched_at": batch.fetched_at,
        "left_out": _left_out(batch),
        # Payments asked for with each booking are all that it has; others are merged one by one.
        "whole_sets": batch.entity is not PAYMENT or not (batch.of_feed or batch.checks),
        "load_windows": _rows(batch.table("load_windows")),
        "child_checks": _rows(batch.table("child_checks")),
    }
    if batch.of_feed:
        _ = batch.shaped
        facts["links"] = batch.links
    facts["unchanged"] = sorted(batch.unchanged)
    if batch.entity is BOOKING and facts["load_windows"] and session.range:
        facts["filled"] = sorted(session.range.tables)
    package, after = _package()
    folder = operation_folder(operation)
    file = ArchiveFile(session.account_id, folder, batch.fetched_at, package, after)
    session.archive.write(file, Kept(facts, answers))
    return batch


def note(session: LoadSession, kind: Note, **facts: Any) -> None:
    """Keeps what a load is about to do to the destination, where there is an archive.

    Args:
        session: The load.
        kind: What it does.
        **facts: To what, see `Note`; JSON values.

    Raises:
        ArchiveUnusable: The archive cannot be written; it must not be done then.
    """
    if session.archive is None:
        return
    now = datetime.now(UTC)
    # A number of its own, after those of all packages that are committed by now.
    file = ArchiveFile(session.account_id, NOTES, now, create_load_id())
    told = {"account_id": session.account_id, "account": session.settings.account, "kind": kind, "at": now, **facts}
    session.archive.write(file, Kept(told))


def note_forgotten(archive: Archive, account_id: str, state: Mapping[str, Any]) -> None:
    """Keeps who is forgotten, so that they stay so after a replay.

    Args:
        archive: The archive.
        account_id: The account.
        state: All of them, see `Forgotten.as_state`.

    Raises:
        ArchiveUnusable: The archive cannot be written.
    """
    file = ArchiveFile(account_id, FORGOTTEN, datetime.now(UTC), create_load_id())
    archive.write(file, Kept({"account_id": account_id, "state": state}))


def _package() -> tuple[str, str]:
    """The package under way and the one before it, which the state remembers as soon as this one is committed."""
    try:
        package = dlt.current.load_package_state()["load_id"]
    except CurrentLoadPackageStateNotAvailable:
        return create_load_id(), FIRST  # Somebody looks at the source without loading it.
    state = dlt.current.source_state()
    known = state.get("archived", {})
    if known.get("package") != package:
        known = state["archived"] = {"package": package, "after": known.get("package", FIRST)}
    return package, known["after"]


def _left_out(batch: Batch) -> list[str]:
    """Tables that these answers could feed, and do not: the user or a mode has left them out."""
    parent = dlt.current.resource_name()
    selected = dlt.current.source().selected_resources.values()
    fed = {str(resource.table_name) for resource in selected if parent_of(resource) == parent}
    possible = [*batch.entity.tables, *(CUSTOMER_BOOKING.tables if batch.entity is BOOKING else ())]
    return sorted({table.name for table in possible} - fed)


def _rows(table: pa.Table | None) -> list[Mapping[str, Any]]:
    return [
        {name: value if isinstance(value, str | int | datetime | None) else str(value) for name, value in row.items()}
        for row in (table.to_pylist() if table is not None else ())
    ]
