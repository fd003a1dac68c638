"""How the work is cut: an account and a month of changes make a partition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dagster import (
    MonthlyPartitionsDefinition,
    MultiPartitionKey,
    MultiPartitionsDefinition,
    StaticPartitionsDefinition,
)

from bookeo.settings.model import keyless_settings, moment

ACCOUNT, MONTH = "account", "month"
ONLY = "only"
"""Stands for the account of settings that name none."""


def account_names() -> list[str]:
    """Lists the accounts of the settings; their keys are not looked at.

    Returns:
        Their names; where the settings hold one pair of keys only, `only`.

    Raises:
        SettingsError: The settings cannot be read.
    """
    return [str(entry.get("name")) for entry in keyless_settings().accounts or []] or [ONLY]


def account_months(accounts: Sequence[str]) -> MultiPartitionsDefinition:
    """Cuts what there is to load into accounts and months.

    Args:
        accounts: Names of the accounts.

    Returns:
        The partitions, from the month of the setting `start` to the one that is not over yet.

    Raises:
        SettingsError: The settings cannot be read.
    """
    start = moment(keyless_settings().start, "The setting start")
    months = MonthlyPartitionsDefinition(start.replace(day=1, hour=0, minute=0, second=0), timezone="UTC", end_offset=1)
    return MultiPartitionsDefinition({ACCOUNT: StaticPartitionsDefinition(list(accounts)), MONTH: months})


@dataclass(frozen=True)
class Months:
    """Months that follow on each other.

    Args:
        since: First second of the first one, UTC.
        until: Last second of the last one, UTC.
    """

    since: datetime
    until: datetime


@dataclass(frozen=True)
class Work:
    """What a run is to load.

    Args:
        partitions: The partitions of each account, by its name.
        months: The months, the same ones for each account.
    """

    partitions: dict[str, list[MultiPartitionKey]]
    months: Months


def work_of(keys: Sequence[MultiPartitionKey]) -> Work:
    """Sorts a run's partitions by account. Dagster gives a run all months of a range for all accounts of a range.

    Args:
        keys: The partitions.

    Returns:
        What is to be loaded.
    """
    partitions: dict[str, list[MultiPartitionKey]] = {}
    for key in keys:
        partitions.setdefault(key.keys_by_dimension[ACCOUNT], []).append(key)
    months = sorted({datetime.fromisoformat(key.keys_by_dimension[MONTH]).replace(tzinfo=UTC) for key in keys})
    next_month = (months[-1] + timedelta(days=31)).replace(day=1)
    return Work(partitions, Months(months[0], next_month - timedelta(seconds=1)))
