"""Puts the definitions together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from dagster import AssetSelection, AutomationConditionSensorDefinition, Definitions

from bookeo_orchestration.freshness import freshness_checks, utc_now
from bookeo_orchestration.marts import mart_assets
from bookeo_orchestration.partitions import account_months, account_names
from bookeo_orchestration.schedules import hourly_checks, hourly_load
from bookeo_orchestration.tables import table_assets
from bookeo_pipelines.destinations.target import DEFAULT_DATASET, Target, target


def bookeo_definitions(
    where: Target | None = None,
    *,
    accounts_per_run: int = 50,
    fresh_for: timedelta = timedelta(hours=2),
    marts: bool = True,
    now: Callable[[], datetime] = utc_now,
) -> Definitions:
    """Makes everything that Dagster runs: assets, checks, schedules and a sensor.

    The accounts are those of the settings, as for `bookeo load`.

    Args:
        where: What is loaded into; None for `bookeo.duckdb` in the current folder.
        accounts_per_run: Accounts that one hourly run loads.
        fresh_for: How far behind the present the tables may be before a check fails.
        marts: Whether the figures are made, too; they need a DuckDB file or Postgres.
        now: The clock that tells how far behind the tables are; returns aware times.

    Returns:
        The definitions.

    Raises:
        SettingsError: The settings cannot be read.
    """
    where = where or target("duckdb", DEFAULT_DATASET, None)
    accounts = account_names()
    tables = table_assets(where, account_months(accounts))
    checks = freshness_checks(where, accounts, fresh_for, now)
    models = [mart_assets(where)] if marts else []
    sensor = AutomationConditionSensorDefinition(
        "bookeo_marts_after_loads", target=AssetSelection.assets(*(key for made in models for key in made.keys))
    )
    return Definitions(
        assets=[tables, *models],
        asset_checks=[checks],
        schedules=[hourly_load(tables, accounts, accounts_per_run), hourly_checks(checks)],
        sensors=[sensor] if marts else [],
    )
