"""Do the keys work, which account do they open, and what may they read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rich.table import Table

from bookeo import BookeoSettings
from bookeo.client.client import BookeoClient
from bookeo.client.permissions import includes_reading
from bookeo_pipelines.runtime.terminal import Terminal, cell

NEEDED: dict[str, str] = {
    "bookings_r_all": "bookings, their participants, prices and options",
    "customers_r_all": "customers and their booking histories",
    "payments_r_all": "payments",
}
"""What each permission opens. Source: names seen in public integrations."""


@dataclass(frozen=True)
class KeyCheck:
    """What is known of an api key.

    Args:
        account: Name of the account in the settings, if it has one.
        account_id: The account's id at Bookeo.
        permissions: What the key may do.
        base_url: Where it was asked.
        created: When the key was made, as the API writes it.
    """

    account: str | None
    account_id: str
    permissions: tuple[str, ...]
    base_url: str
    created: str | None

    @property
    def missing(self) -> tuple[str, ...]:
        """Permissions that a whole load needs and the key lacks."""
        return tuple(name for name in NEEDED if not self.grants(name))

    def grants(self, needed: str) -> bool:
        """Tell whether the key may read what a permission of `NEEDED` opens.

        Args:
            needed: The permission's name.

        Returns:
            Whether it has that permission or one that includes it, such as `bookings_rw_all`.
        """
        return any(includes_reading(name, needed.partition("_")[0]) for name in self.permissions)

    def as_json(self) -> dict[str, Any]:
        """Gives the same for programs.

        Returns:
            An object of plain JSON values, without any key.
        """
        return {
            "account": self.account,
            "account_id": self.account_id,
            "base_url": self.base_url,
            "created": self.created,
            "permissions": list(self.permissions),
            "missing": list(self.missing),
        }


def check_keys(settings: BookeoSettings) -> KeyCheck:
    """Asks whose the api key is and what it may do: one request.

    Args:
        settings: The account's settings.

    Returns:
        What the API says.

    Raises:
        BookeoError: The keys are not accepted, or nobody answers.
    """
    client = BookeoClient.from_settings(settings)
    try:
        info = client.api_key_info()
    finally:
        client.close()
    return KeyCheck(settings.account, info.account_id, info.permissions, settings.base_url, info.creation_time)


def print_check(console: Terminal, check: KeyCheck) -> None:
    """Prints what is known of an api key.

    Args:
        console: Where to print.
        check: What is known.
    """
    console.print(f"The keys work. They open the account {check.account_id} at {check.base_url}.")
    table = Table("permission", "granted", "what for")
    for name, what in NEEDED.items():
        table.add_row(name, "yes" if check.grants(name) else cell("no", "red"), what)
    for name in sorted(set(check.permissions) - set(NEEDED)):
        table.add_row(name, "yes", "")
    console.print(table)
    if check.missing:
        console.print(
            f"Missing: {', '.join(check.missing)}. The account's owner grants them by opening "
            f"https://signin.bookeo.com/?authappid=APPID&permissions={','.join(NEEDED)}, "
            "with your application's id for APPID.",
            soft_wrap=True,
        )
