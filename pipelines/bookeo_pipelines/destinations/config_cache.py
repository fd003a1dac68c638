"""dlt's destinations, made to look for their settings once instead of each time that somebody turns to them."""

from __future__ import annotations

from typing import Any


def resolved_once(destination: Any) -> Any:
    """Makes a destination remember its settings.

    dlt looks for every field of them in the environment and all files whenever a client is made or somebody asks what
    the destination can do: a quarter of the CPU of a load that finds nothing new. What one pipeline finds does not
    change while it runs.

    Args:
        destination: A destination of dlt's that belongs to one pipeline.

    Returns:
        The same destination.
    """
    resolve = destination.configuration
    known: dict[tuple[Any, ...], Any] = {}

    def configuration(initial_config: Any, accept_partial: bool = False) -> Any:
        if initial_config is not None and initial_config.is_resolved():
            return initial_config
        dataset = [getattr(initial_config, name, None) for name in ("dataset_name", "default_schema_name")]
        asked = (accept_partial, *dataset)
        if asked not in known:
            known[asked] = resolve(initial_config, accept_partial)
        return known[asked]

    destination.configuration = configuration
    return destination
