"""Find a setting where it may stand, and nowhere else, and remember the place.

A setting stands under `[sources.bookeo]` of dlt's files, in a variable `SOURCES__BOOKEO__...`, or in a vault that dlt
is configured for. dlt by itself goes on to look for a bare `api_key` or `API_KEY`, which belongs to another program.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlt.common.configuration.container import Container
from dlt.common.configuration.exceptions import ConfigValueCannotBeCoercedException
from dlt.common.configuration.providers import EnvironProvider
from dlt.common.configuration.providers.environ import SECRET_STORAGE_PATH
from dlt.common.configuration.providers.provider import ConfigProvider
from dlt.common.configuration.providers.toml import SettingsTomlProvider, TomlProviderReadException
from dlt.common.configuration.specs.base_configuration import extract_inner_hint, is_secret_hint
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from dlt.common.configuration.utils import deserialize_value

from bookeo.errors import SettingsError

SECTIONS = ("sources", "bookeo")
PREFIX = "SOURCES__BOOKEO__"


@dataclass(frozen=True)
class Origin:
    """Where the value of a setting comes from.

    Args:
        kind: `variable`, `file`, `vault`, `argument` or `default`.
        name: The variable's name, the file's path or the vault's name; empty for the other kinds.
        line: The line of the file, counted from 1; None where it is not known.
    """

    kind: str
    name: str = ""
    line: int | None = None

    def __str__(self) -> str:
        if self.kind == "variable":
            return f"the variable {self.name}"
        if self.line is not None:
            return f"{self.name}, line {self.line}"
        return self.name or self.kind


DEFAULT = Origin("default")
ARGUMENT = Origin("argument")


@dataclass(frozen=True)
class Found:
    """A value and its origin.

    Args:
        value: The value, of the setting's type.
        origin: Where it stands.
    """

    value: Any
    origin: Origin


def find_setting(name: str, hint: Any) -> Found | None:
    """Find the value of a setting.

    Args:
        name: The setting.
        hint: Its type.

    Returns:
        The value and its origin; None where it is not set.

    Raises:
        SettingsError: The value has another type, or a key stands in a file that is not for secrets.
    """
    for provider in providers():
        value, _ = provider.get_value(name, hint, "", *SECTIONS)
        if value is None:
            continue
        origin = _origin(provider, name)
        if is_secret_hint(hint) and not provider.supports_secrets:
            raise SettingsError(f"{origin}: {name} is a secret; put it under [sources.bookeo] in .dlt/secrets.toml.")
        try:
            # dlt types nothing beside its generic parameters here.
            return Found(deserialize_value(name, value, extract_inner_hint(hint, preserve_literal=True)), origin)
        except ConfigValueCannotBeCoercedException:
            raise SettingsError(
                f"The setting {name} cannot be read: its value is of another kind ({origin})."
            ) from None
    return None


def providers() -> Sequence[ConfigProvider]:
    """Return what dlt takes settings from, the first to be asked first.

    Raises:
        SettingsError: A settings file is not valid TOML.
    """
    try:
        return list(Container()[PluggableRunContext].providers.providers)
    except TomlProviderReadException as error:
        paths = [path for path in error.full_paths if Path(path).is_file()] or error.full_paths
        raise SettingsError(f"The settings in {' or '.join(paths)} cannot be read: it is no TOML.") from None


def settings_files() -> Iterator[tuple[Path, bool]]:
    """List the settings files that dlt has read.

    Yields:
        Each file, and whether it is for secrets.
    """
    for provider in providers():
        if isinstance(provider, SettingsTomlProvider):
            for path in provider.present_locations:
                yield Path(path), provider.supports_secrets


def _origin(provider: ConfigProvider, name: str) -> Origin:
    if isinstance(provider, EnvironProvider):
        variable = PREFIX + name.upper()
        mounted = Path(SECRET_STORAGE_PATH % variable.lower().replace("_", "-"))
        return Origin("file", str(mounted)) if mounted.exists() else Origin("variable", variable)
    if isinstance(provider, SettingsTomlProvider):
        for path in provider.present_locations:
            line = line_of(Path(path), (*SECTIONS, name))
            if line is not None:
                return Origin("file", os.path.relpath(path) if Path(path).is_relative_to(Path.cwd()) else path, line)
        return Origin("file", " or ".join(provider.present_locations))
    return Origin("vault", provider.name)


_HEADER = re.compile(r"\s*\[\[?([^\[\]#]+)\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"\s*([\w.\"' -]+?)\s*=")


def line_of(path: Path, names: Sequence[str]) -> int | None:
    """Find the line of a TOML file on which a key or a table begins.

    Args:
        path: The file.
        names: The names of the tables that the key is in, and its own.

    Returns:
        The line's number, counted from 1; None where it is written in a way that this does not recognize.
    """
    table: list[str] = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    for number, line in enumerate(lines, 1):
        if header := _HEADER.match(line):
            table = here = _names(header[1])
        elif key := _KEY.match(line):
            here = [*table, *_names(key[1])]
        else:
            continue
        if here[: len(names)] == list(names):
            return number
    return None


def _names(dotted: str) -> list[str]:
    return [name.strip().strip("\"'") for name in dotted.split(".")]
