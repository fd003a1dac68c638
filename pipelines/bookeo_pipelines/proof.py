"""The proof that a load leaves when nothing is missing, so that the next one need not look where nothing has come."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping

from dlt.common.destination.exceptions import DestinationException

from bookeo import LoadSession
from bookeo.tables import LOAD_RUNS
from bookeo_pipelines.warehouse import Warehouse

PROVEN_TABLES = ("bookings", "child_checks", "customer_bookings", "customers", "payments")
"""Tables whose rows tell what is missing."""


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
    said = (sorted(tables), modes, permissions, [held.get(name) for name in PROVEN_TABLES])
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


def last_proof(warehouse: Warehouse) -> str | None:
    """Reads the proof of the last load.

    Args:
        warehouse: The account's tables.

    Returns:
        See `proof`; None where the last load left none.
    """
    if not warehouse.has(LOAD_RUNS.name):
        return None
    sql = """
        SELECT max(proof) FROM {load_runs} WHERE account_id = %s
          AND started_at = (SELECT max(started_at) FROM {load_runs} WHERE account_id = %s)
    """
    try:
        [(proof,)] = warehouse.rows(sql, warehouse.account_id, warehouse.account_id)
    except DestinationException:
        return None  # An older version made the table, without the column.
    return str(proof) if proof else None
