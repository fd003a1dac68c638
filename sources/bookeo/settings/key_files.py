"""Keys that stand in files of their own: a container's secret, or a credential of a systemd unit."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

from bookeo.errors import SettingsError

LONGEST = 10_000
"""Bytes; what is longer is no key."""


def read_key(settings: Any, name: str) -> str | None:
    """Return a key, from the setting itself or from the file that the setting `..._file` names.

    Args:
        settings: The settings.
        name: The key's setting, e.g. `api_key`.

    Returns:
        The key without the white space around it; None where neither is set.

    Raises:
        SettingsError: The file cannot be read, holds no key, or can be read by everybody.
    """
    place = getattr(settings, f"{name}_file")
    if not place:
        key: str | None = getattr(settings, name)
        return key
    path = Path(os.path.expandvars(place)).expanduser()
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            content = file.read(LONGEST + 1)
    except OSError as error:
        raise SettingsError(f"The setting {name}_file names {path}, which cannot be read: {error.strerror}.") from None
    # What root provides to a container can usually be read by all of its few users; a file of one's own need not be.
    if status.st_mode & stat.S_IROTH and os.name == "posix" and status.st_uid == os.geteuid() != 0:
        raise SettingsError(f"Everybody can read {path}, which holds the {name}; run `chmod 600 {path}`.")
    try:
        text = content.decode("utf-8").strip()
    except UnicodeDecodeError:
        text = ""
    if not text or len(content) > LONGEST:
        raise SettingsError(f"The setting {name}_file names {path}, which holds no key.")
    return text
