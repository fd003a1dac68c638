"""What the source needs of dlt that dlt does not document; `tests/contracts` holds it against the installed version."""

from __future__ import annotations

from dlt.extract import DltResource


def parent_of(resource: DltResource) -> str | None:
    """Return the name of the resource that feeds a transformer.

    Args:
        resource: A resource.

    Returns:
        The name; None where it is fed by none.
    """
    return str(resource._pipe.parent.name) if resource.is_transformer else None
