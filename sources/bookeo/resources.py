"""dlt resources: hidden ones that ask the API, and one for each table that reads what they got."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import dlt
import pyarrow as pa
import pyarrow.compute as pc
from dlt.common.storages.exceptions import CurrentLoadPackageStateNotAvailable
from dlt.extract import DltResource

from bookeo.client.permissions import hidden_tables
from bookeo.cursor.state import changing
from bookeo.dlt_compat import parent_of
from bookeo.errors import RecordsRejected
from bookeo.extract.availability import slot_batches
from bookeo.extract.batch import Batch
from bookeo.extract.chunks import all_customers
from bookeo.extract.listings import learn_forgotten
from bookeo.extract.reference_data import settings_batches
from bookeo.extract.session import LoadSession
from bookeo.schema import BOOKING, REJECTED_ROWS, Table, dlt_columns


def customer_list(session: LoadSession) -> DltResource:
    """The hidden parent of all customers, read from their own list.

    Args:
        session: The load.

    Returns:
        A resource of `Batch` objects; the state remembers when the list was read whole.
    """

    @dlt.resource(name="customer_list", selected=False)
    def read() -> Iterator[Batch]:
        learn_forgotten(session)
        yield from all_customers(session)
        if not session.unproven["GET /customers"]:
            with changing(dlt.current.source_state()) as state:
                state.done_at["customers"] = session.now

    return read()


def given_parents(session: LoadSession, name: str, batches: Callable[[], Iterator[Batch]]) -> DltResource:
    """A hidden resource that asks for the children of parents that somebody else has named.

    Args:
        session: The load.
        name: The resource's name.
        batches: Makes the calls.

    Returns:
        A resource of `Batch` objects.
    """

    def read() -> Iterator[Batch]:
        learn_forgotten(session)
        hidden = hidden_tables(session.may_read, session.settings)
        for batch in batches():
            yield batch
            if hidden and batch.entity is BOOKING:
                with changing(dlt.current.source_state()) as state:
                    state.bookings.unsee(batch.changed_at, hidden)

    return dlt.resource(read, name=name, selected=False)


def settings_answers(session: LoadSession) -> DltResource:
    """The hidden parent of the account's small lists.

    Args:
        session: The load.

    Returns:
        A resource of `Batch` objects.
    """

    @dlt.resource(name="settings_answers", selected=False)
    def read() -> Iterator[Batch]:
        yield from settings_batches(session, dlt.current.source_state())

    return read()


def slot_answers(session: LoadSession) -> DltResource:
    """The hidden parent of the snapshots of the availability.

    Args:
        session: The load.

    Returns:
        A resource of `Batch` objects.
    """

    @dlt.resource(name="slot_answers", selected=False)
    def read() -> Iterator[Batch]:
        yield from slot_batches(session, dlt.current.source_state())

    return read()


def child_answers(name: str, parent: DltResource, ask: Callable[[Batch], Iterator[Batch]]) -> DltResource:
    """A hidden resource that asks for the children of each batch of bookings.

    Args:
        name: The resource's name.
        parent: The bookings.
        ask: Makes the calls for one batch.

    Returns:
        A resource of `Batch` objects.
    """

    @dlt.transformer(data_from=parent, name=name, selected=False)
    def read(batch: Batch) -> Iterator[Batch]:
        yield from ask(batch)

    return read


def table_resource(
    session: LoadSession,
    parent: DltResource,
    table: Table,
    name: str | None = None,
    *,
    replace_sets: bool = True,
) -> DltResource:
    """A table's resource: its rows out of each batch of the parent.

    Args:
        session: The load; counts the rows.
        parent: A resource of `Batch` objects.
        table: The table.
        name: The resource's name, where it is not the table's.
        replace_sets: Whether the rows of each owner are all there are and replace those in the destination.

    Returns:
        A resource of Arrow tables, merged on the table's declared keys.
    """
    described_in: set[str] = set()

    def rows(batch: Batch) -> Any:
        found = batch.table(table.name)
        if not session.chunked and batch.shaped.rejected.num_rows:
            _require_place_for_rejected(parent.name)
        if found is None or not found.num_rows:
            return None
        tombstones = pc.sum(found["_deleted"]).as_py() if "_deleted" in found.column_names else 0
        session.rows[table.name] += found.num_rows - (tombstones or 0)
        if _package() in described_in:
            return dlt.mark.with_table_name(found, table.name)
        described_in.add(_package())
        return described(found, table, replace_sets=replace_sets)

    made: DltResource = dlt.transformer(
        rows,
        data_from=parent,
        name=name or table.name,
        table_name=table.name,
        write_disposition=disposition(table),
    )
    if not session.chunked:
        # Whoever loads in packages describes each row's table along with it: that takes less time.
        made.apply_hints(columns=dlt_columns(table, replace_sets=replace_sets))
    return made


def _require_place_for_rejected(answers: str) -> None:
    """Make sure that records which could not be shaped are loaded into `rejected_rows`, and not lost.

    Args:
        answers: Name of the resource that read them.

    Raises:
        RecordsRejected: The resource that would load them is not selected.
    """
    selected = dlt.current.source().selected_resources.values()
    if not any(r.table_name == REJECTED_ROWS.name and parent_of(r) == answers for r in selected):
        name = "rejected_rows" if answers == "booking_pages" else f"{answers.removesuffix('_answers')}_rejected_rows"
        raise RecordsRejected(
            f"Records could not be shaped, and nothing would keep them: select the resource {name}, too, or read all "
            "resources of the source."
        )


def described(rows: pa.Table, table: Table, *, replace_sets: bool) -> Any:
    """Says along with rows what the columns of their table are.

    As of a variant of the table, of which there is one: the columns that a resource itself has dlt writes into its
    trace, as YAML, which takes longer than to describe the table.

    Args:
        rows: The rows.
        table: Their table.
        replace_sets: Whether the rows of each owner are all there are.

    Returns:
        Something for a resource to yield.
    """
    hints = dlt.mark.make_hints(table.name, columns=dlt_columns(table, replace_sets=replace_sets))
    return dlt.mark.with_hints(rows, hints, create_table_variant=True)


def _package() -> str:
    """The id of the load package that is made; empty where somebody only looks at the rows."""
    try:
        return str(dlt.current.load_package_state()["load_id"])
    except CurrentLoadPackageStateNotAvailable:
        return ""


def disposition(table: Table) -> Any:
    """Says how dlt writes a table's rows.

    Args:
        table: The table.

    Returns:
        Something for `write_disposition`.
    """
    return {"disposition": "merge", "strategy": "delete-insert"} if table.disposition == "merge" else "append"
