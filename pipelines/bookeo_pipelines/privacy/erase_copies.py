"""Copies of the data outside of the database: those that killed commands left behind, and those for readers."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from bookeo.errors import BookeoError
from bookeo_pipelines.destinations.target import Target
from bookeo_pipelines.runtime.atomic_file import sweep
from bookeo_pipelines.share.data_copies import DataCopy
from bookeo_pipelines.share.publish import publish


def remove_leftovers(target: Target, copies: Sequence[DataCopy], copy: Path | None) -> tuple[str, ...]:
    """Remove what killed commands left behind: unfinished copies, and the files that DuckDB spilled to.

    Args:
        target: The destination; nobody else uses it meanwhile.
        copies: Copies that commands have noted.
        copy: The configured copy for readers.

    Returns:
        Paths of what was removed, in order.
    """
    if target.database is None:
        return ()
    places = {target.database, *([copy] if copy else []), *(Path(c.place) for c in copies if c.kind == "publish")}
    removed = [left for place in places for left in sweep(place, older_than=0)]
    for export in (Path(one.place) for one in copies if one.kind == "export"):
        removed += [left for file in export.iterdir() for left in sweep(file, older_than=0)]
    spill = Path(f"{target.database}.tmp")
    if spill.is_dir():
        shutil.rmtree(spill)
        removed.append(spill)
    return tuple(sorted(map(str, removed)))


def publish_again(
    target: Target, copies: Sequence[DataCopy], copy: Path | None, untreated: dict[str, str]
) -> tuple[str, ...]:
    """Make the copies for readers anew, those that are still there.

    Args:
        target: The DuckDB file.
        copies: Copies that commands have noted.
        copy: The configured copy.
        untreated: Receives the noted copies that cannot be replaced, each with what to do.

    Returns:
        Paths of the copies that were made.

    Raises:
        PublishFailed: The configured copy cannot be replaced.
    """
    places = {Path(one.place): Path(one.place) for one in copies if one.kind == "publish"}
    if copy is not None:
        places[copy.resolve()] = copy
    made = []
    for place in places.values():
        if not place.exists():
            continue
        try:
            publish(target, place)
        except BookeoError as error:
            if place == copy:
                raise
            untreated[str(place)] = f"a copy from before that cannot be replaced: {error.message}"
        else:
            made.append(str(place))
    return tuple(made)
