"""Refuse names that look like settings and are none: a misspelt `privacy` would load what was to be left out."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from bookeo.errors import UnknownSetting
from bookeo.settings.lookup import PREFIX, SECTIONS, Origin, line_of, settings_files

ACCOUNT_NAMES = ("name", "api_key", "api_key_file", "secret_key", "secret_key_file")
"""What an entry of `accounts` holds."""
SECTIONS_OF_DLT = ("data_writer", "extract", "normalize", "load", "schema")
"""What dlt itself reads below the section of a source."""


def refuse_unknown_names(known: Collection[str]) -> None:
    """Look for unknown settings in the environment and in dlt's settings files.

    Args:
        known: The names of all settings.

    Raises:
        UnknownSetting: There is one; the message says where, and what was probably meant.
    """
    for variable in os.environ:
        _check_variable(variable, known)
    for path, _ in settings_files():
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue  # dlt has read it; what is wrong with it now is for the next command
        for names, wanted in _unknown_in(content, known):
            shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
            origin = Origin("file", str(shown), line_of(path, names))
            raise UnknownSetting(_sentence(f"{origin}: {wanted}"))


def refuse_unknown_in_account(entry: Mapping[str, Any], number: int) -> None:
    """Look for unknown names in an entry of `accounts`.

    Args:
        entry: The entry.
        number: Its place in the list, counted from 1.

    Raises:
        UnknownSetting: There is one.
    """
    for name in entry:
        if name not in ACCOUNT_NAMES:
            said = f"Entry {number} of [[sources.bookeo.accounts]] cannot have a {name}"
            raise UnknownSetting(_sentence(said + _meant(name, ACCOUNT_NAMES)))


def _check_variable(variable: str, known: Collection[str]) -> None:
    first, _, rest = variable.partition("__")
    second, _, name = rest.partition("__")
    if not name:
        return
    if variable.startswith(PREFIX):
        if name.lower() not in known and name.partition("__")[0].lower() not in SECTIONS_OF_DLT:
            hint = _meant(name.lower(), known, lambda meant: PREFIX + meant.upper())
            raise UnknownSetting(_sentence(f"The variable {variable} is no setting{hint}"))
        if not name.isupper():
            raise UnknownSetting(f"The variable {variable} is no setting; did you mean {PREFIX}{name.upper()}?")
    elif get_close_matches(first.lower(), SECTIONS[:1], cutoff=0.8) and _close_to_bookeo(second):
        raise UnknownSetting(f"The variable {variable} is no setting; did you mean {PREFIX}{name.upper()}?")


def _unknown_in(content: Mapping[str, Any], known: Collection[str]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the unknown names in a settings file, with what to say of each."""
    sources = content.get("sources")
    ours = sources.get("bookeo") if isinstance(sources, Mapping) else None
    if isinstance(ours, Mapping):
        for name in ours:
            if name not in known and name not in SECTIONS_OF_DLT:
                yield (*SECTIONS, name), f"there is no setting {name} in [sources.bookeo]{_meant(name, known)}"
    for table, value in content.items():
        if isinstance(value, Mapping) and table != "sources":
            if table.lower() == "bookeo" and (set(value) & set(known) or "sources" in value):
                yield (table,), f"nothing reads [{table}]; did you mean [sources.bookeo]?"
            if get_close_matches(table.lower(), ["sources"], cutoff=0.8) and any(map(_close_to_bookeo, value)):
                name = next(filter(_close_to_bookeo, value))
                yield (table, name), f"nothing reads [{table}.{name}]; did you mean [sources.bookeo]?"
        elif table in known:
            yield (table,), f"{table} stands outside of [sources.bookeo], where nothing reads it"
    for name, value in sources.items() if isinstance(sources, Mapping) else ():
        if name != "bookeo" and isinstance(value, Mapping) and _close_to_bookeo(name):
            yield ("sources", name), f"nothing reads [sources.{name}]; did you mean [sources.bookeo]?"
        elif name in known and not isinstance(value, Mapping):
            yield ("sources", name), f"{name} stands outside of [sources.bookeo], where nothing reads it"


def _close_to_bookeo(name: str) -> bool:
    return bool(get_close_matches(name.lower(), SECTIONS[1:], cutoff=0.8))


def _meant(name: str, known: Collection[str], spelled: Any = str) -> str:
    close = get_close_matches(name.lower(), known, n=1, cutoff=0.6)
    return f"; did you mean {spelled(close[0])}?" if close else "; `bookeo config` lists the settings"


def _sentence(text: str) -> str:
    return text if text.endswith("?") else text + "."
