"""The settings that a first run needs, tried before they are written."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from bookeo import BookeoSettings, load_settings
from bookeo_pipelines.runtime.atomic_file import refuse_foreign_link

IGNORED = "# Keys, and dlt's load packages\n*secrets.toml\n/data/\n"
"""What git is told to leave out of the folder of settings."""


def settings_with(api_key: str, secret_key: str, base_url: str | None = None) -> BookeoSettings:
    """Return the settings as they would be with these keys.

    Args:
        api_key: The business account's key.
        secret_key: The application's key.
        base_url: Where the API is; None: as the settings say.

    Returns:
        The settings.

    Raises:
        SettingsError: They make no sense.
    """
    given = {"api_key": api_key, "secret_key": secret_key}
    return load_settings(**given, **({"base_url": base_url} if base_url else {}))


def write_secrets(place: Path, api_key: str, secret_key: str, base_url: str | None = None) -> None:
    """Write the keys into a new file that only its owner can read, and that git ignores.

    Args:
        place: The file; its folder is made where there is none.
        api_key: The business account's key.
        secret_key: The application's key.
        base_url: Where the API is; None: not written.

    Raises:
        FileExistsError: There is such a file.
        SettingsError: Its place is a link that somebody else has made.
    """
    place.parent.mkdir(mode=0o700, exist_ok=True)
    refuse_foreign_link(place)
    # Before there is anything to ignore: the folder may be in somebody's repository.
    with suppress(FileExistsError), (place.parent / ".gitignore").open("x") as file:
        file.write(IGNORED)
    values = {"api_key": api_key, "secret_key": secret_key} | ({"base_url": base_url} if base_url else {})
    # JSON writes a text as TOML does.
    lines = ["[sources.bookeo]", *(f"{name} = {json.dumps(value)}" for name, value in values.items())]
    with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
