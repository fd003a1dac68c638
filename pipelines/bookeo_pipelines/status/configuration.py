"""The settings in force, each with its value and where that comes from; of secrets only whether they are there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from dlt.common.configuration.specs.base_configuration import is_secret_hint
from dlt.common.pipeline import get_dlt_pipelines_dir
from rich.table import Table

from bookeo import BookeoSettings
from bookeo.settings.lookup import Found, Origin, settings_files
from bookeo.settings.model import account_keys, is_url, settings_in_force
from bookeo_pipelines.runtime.terminal import Terminal, cell


@dataclass(frozen=True)
class Setting:
    """A setting in force.

    Args:
        name: Its name.
        value: Its value as a JSON value; of a secret `present` or `absent`.
        origin: Where the value comes from.
    """

    name: str
    value: Any
    origin: Origin


@dataclass(frozen=True)
class Configuration:
    """All settings in force, and the places that belong to them.

    Args:
        settings: Each setting.
        files: The settings files that were read.
        data_folder: Where load packages are, on their way to a destination.
    """

    settings: tuple[Setting, ...]
    files: tuple[str, ...]
    data_folder: str

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {
            "settings": [
                {
                    "setting": setting.name,
                    "value": setting.value,
                    "origin": {
                        "kind": setting.origin.kind,
                        "name": setting.origin.name or None,
                        "line": setting.origin.line,
                    },
                }
                for setting in self.settings
            ],
            "files": list(self.files),
            "data_folder": self.data_folder,
        }


def read_configuration(account: str | None = None) -> Configuration:
    """Collect the settings in force. Nothing is asked of anybody.

    Args:
        account: The entry of `accounts` whose keys are meant.

    Returns:
        The configuration.

    Raises:
        SettingsError: A name is no setting, a value is of another kind, or there is no such account.
    """
    found = settings_in_force(account=account)
    account = found["account"].value
    if account is not None:
        entry = Origin(found["accounts"].origin.kind, f"entry {account} of accounts")
        for name, value in account_keys(found["accounts"].value or [], account).items():
            found[name] = Found(value, entry)
    hints = BookeoSettings.get_resolvable_fields()
    return Configuration(
        tuple(Setting(name, _shown(name, hints[name], one.value), one.origin) for name, one in found.items()),
        tuple(str(path) for path, _ in settings_files()),
        get_dlt_pipelines_dir(),
    )


def _shown(name: str, hint: Any, value: Any) -> Any:
    # Whoever knows the address of a webhook can write there.
    if is_secret_hint(hint) or (name == "on_failure" and is_url(value or "")):
        return "present" if value else "absent"
    if name == "accounts":
        return [str(entry.get("name")) for entry in value or []] or None
    return value


def print_configuration(terminal: Terminal, configuration: Configuration) -> None:
    """Print the settings as a table.

    Args:
        terminal: Where to print.
        configuration: The settings.
    """
    table = Table()
    for column in ("setting", "value", "from"):
        table.add_column(column, overflow="fold")
    for setting in configuration.settings:
        value = setting.value
        shown = "" if value is None else value if isinstance(value, str) else json.dumps(value)
        origin = "" if setting.origin.kind == "default" and shown in ("", "absent") else str(setting.origin)
        table.add_row(setting.name, cell(shown), cell(origin))
    terminal.print(table)
    for line in (
        f"Settings files: {', '.join(configuration.files) or 'none'}",
        f"Load packages: {configuration.data_folder}",
    ):
        terminal.print(line, soft_wrap=True)
