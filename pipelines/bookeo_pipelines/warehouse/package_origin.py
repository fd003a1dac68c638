"""Which state of which destination the packages in a working folder were made for.

A package continues what the destination held when it was made. Put into another destination, or into an older copy of
the same one, it would leave a gap that nobody reads again. So the working folder notes the state that it was in step
with, and packages are loaded only into a destination in that state, or in the state that they bring themselves.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from dlt.common.destination.exceptions import DestinationUndefinedEntity
from dlt.common.versioned_state import decompress_state

StateMark = tuple[int, str | None]
"""Version and hash of dlt's state."""

_FILE = "in_step_with.json"
_NOTHING: StateMark = (0, None)


def note_origin(pipeline: Any) -> None:
    """Note the state that a working folder is in step with.

    Args:
        pipeline: A pipeline without pending packages, in step with its destination.
    """
    Path(pipeline.working_dir, _FILE).write_text(json.dumps(_local(pipeline)))


def is_stray(pipeline: Any) -> bool:
    """Tell whether the pending packages were made for another state than that of the destination.

    Args:
        pipeline: A pipeline with pending packages.

    Returns:
        Whether they must not be loaded. A working folder without a note, as older versions have left it, is trusted.
    """
    try:
        noted = json.loads(Path(pipeline.working_dir, _FILE).read_text())
    except (OSError, ValueError):
        return False
    return _stored(pipeline) not in (tuple(noted), _local(pipeline))


def _local(pipeline: Any) -> StateMark:
    return _mark(pipeline.state)


def _mark(state: Mapping[str, Any]) -> StateMark:
    version = state.get("_state_version", 0)
    return (version, state.get("_version_hash")) if version else _NOTHING


def _stored(pipeline: Any) -> StateMark:
    with suppress(DestinationUndefinedEntity), pipeline.destination_client() as client:
        if client.is_storage_initialized():
            found = client.get_stored_state(pipeline.pipeline_name)
            if found is not None:
                return _mark(decompress_state(found.state))
    return _NOTHING
