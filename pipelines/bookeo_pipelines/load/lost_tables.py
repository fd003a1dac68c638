"""Tables that were there and are not any more: made again, and read again from the start."""

from __future__ import annotations

from typing import Any

from bookeo.cursor.state import LoadState, changing
from bookeo.schema import TABLES
from bookeo_pipelines.warehouse.client import Warehouse
from bookeo_pipelines.warehouse.cursors import source_state
from bookeo_pipelines.warehouse.load_packages import load_pending
from bookeo_pipelines.warehouse.package_origin import note_origin


def restore_lost_tables(pipeline: Any, warehouse: Warehouse) -> frozenset[str]:
    """Have tables filled again that somebody has dropped.

    That they are to be read again is committed first: a process that is killed after that goes on with it.

    Args:
        pipeline: The pipeline, without pending packages.
        warehouse: The account's tables.

    Returns:
        Names of the tables; usually none.
    """
    lost = LoadState.from_source(source_state(pipeline.state)).tables_held - warehouse.tables
    if not lost:
        return frozenset()
    with pipeline.managed_state(extract_state=True) as state, changing(state["sources"]["bookeo"]) as loads:
        loads.holds(warehouse.tables)
    load_pending(pipeline)
    note_origin(pipeline)
    warehouse.make_again(TABLES[name] for name in sorted(lost))
    return lost
