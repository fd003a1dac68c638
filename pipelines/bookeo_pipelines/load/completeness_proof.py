"""The proof that a load leaves when nothing is missing, so that the next one need not look where nothing has come."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from datetime import datetime

from bookeo import LoadSession
from bookeo.schema import LOAD_RUNS
from bookeo_pipelines.warehouse.client import Warehouse

PROVEN_TABLES = ("bookings", "child_checks", "customer_bookings", "customers", "payments")
"""Tables whose rows tell what is missing."""
VERSION = 2
"""Of what a load looks at: a database that an older version took for complete is looked at once more."""


def proof(session: LoadSession, tables: Collection[str], held: Mapping[str, int]) -> str:
    """Makes the mark of a load that came to its end: of these rows nothing is missing, by these settings.

    Args:
        session: The load.
        tables: The tables that it loads.
        held: Rows by table.

    Returns:
        A digest.
    """
    settings, permissions = session.settings, sorted(session.identity.permissions)
    modes = (settings.customers, settings.payments, settings.histories)
    said = (VERSION, sorted(tables), modes, permissions, [held.get(name, 0) for name in PROVEN_TABLES])
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


def proven_until(
    warehouse: Warehouse, session: LoadSession, tables: Collection[str], held: Mapping[str, int]
) -> datetime | None:
    """Finds the end of the last load, where the tables are as that load left them and nothing was missing then.

    Args:
        warehouse: The account's tables.
        session: This load, which has read nothing yet.
        tables: The tables that it loads.
        held: Rows by table.

    Returns:
        The moment, aware: what is missing has to do with what is read later. None where everything is to be looked at.
    """
    if not warehouse.has_column(LOAD_RUNS.name, "proof"):
        return None
    runs = warehouse.rows(
        """
        SELECT proof, ended_at FROM {load_runs} WHERE account_id = %s
          AND started_at = (SELECT max(started_at) FROM {load_runs} WHERE account_id = %s)
        """,
        warehouse.account_id,
        warehouse.account_id,
    )
    if len(runs) != 1 or runs[0][0] != proof(session, tables, held):
        return None
    ended_at: datetime = runs[0][1]
    if ended_at >= session.started_at:
        return None  # The clock of another machine is ahead, or this one's was.
    # Rows that are changed are not counted: another load was killed, or it was no load that wrote them.
    read = [name for name in PROVEN_TABLES if name != "child_checks" and warehouse.has(name)]
    newer = " UNION ALL ".join(f"SELECT 1 FROM {{{name}}} WHERE account_id = %s AND fetched_at > %s" for name in read)
    count = f"SELECT count(*) FROM ({newer}) AS newer"
    if newer and warehouse.rows(count, *[warehouse.account_id, ended_at] * len(read)) != [(0,)]:
        return None
    return ended_at


def revoke_proofs(warehouse: Warehouse) -> None:
    """Lets the next load look at everything, after rows were changed that do not tell when.

    Args:
        warehouse: The account's tables.
    """
    if warehouse.has_column(LOAD_RUNS.name, "proof"):
        warehouse.write([("UPDATE {load_runs} SET proof = NULL WHERE account_id = %s", [warehouse.account_id])])
