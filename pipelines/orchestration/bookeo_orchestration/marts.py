"""The models of the dbt project as assets: made anew, all together, once tables that they are made of change."""

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    AssetSpec,
    AutomationCondition,
    MaterializeResult,
    multi_asset,
)

from bookeo_orchestration.retries import failures_told
from bookeo_orchestration.tables import table_key
from bookeo_pipelines.destinations.target import Target
from bookeo_pipelines.marts.build import build_marts
from bookeo_pipelines.share.publish import Publication, configured_place

MODELS = "models.json"
"""What dbt says of the models, as `docs/refresh.py --models` wrote it: asking dbt would take each process 10 s."""
WAIT_SECONDS = 3600.0
"""How long a build waits for a load that is running."""


def model_key(name: str) -> AssetKey:
    """Names a model's asset.

    Args:
        name: The model.

    Returns:
        Its key.
    """
    return AssetKey(["bookeo_marts", name])


def read_models() -> dict[str, dict[str, Any]]:
    """Reads what dbt says of the models.

    Returns:
        By name: `description`, `folder`, and what it is made of in `models` and `tables`.
    """
    found: dict[str, dict[str, Any]] = json.loads((files("bookeo_orchestration") / MODELS).read_text())
    return found


def mart_assets(where: Target) -> AssetsDefinition:
    """Makes the assets of all models.

    Args:
        where: The database: a DuckDB file or Postgres.

    Returns:
        The assets. They are made together, as `bookeo marts build` makes and checks them.
    """
    # Months that nobody has loaded are no reason to wait.
    changed = AutomationCondition.eager().without(~AutomationCondition.any_deps_missing())

    @multi_asset(
        name="bookeo_marts",
        specs=[
            AssetSpec(
                model_key(name),
                deps=[*map(model_key, model["models"]), *map(table_key, model["tables"])],
                description=model["description"],
                group_name=f"bookeo_{model['folder']}",
                kinds={"dbt", where.destination},
                automation_condition=changed,
            )
            for name, model in read_models().items()
        ],
    )
    def build_models(context: AssetExecutionContext) -> Iterator[MaterializeResult[None]]:
        with failures_told(context):
            for target in where.files():
                publication = Publication(target, configured_place(target))
                result = build_marts(target, wait_seconds=WAIT_SECONDS, publication=publication)
                context.log.info(f"{len(result.tables)} tables made, {result.checks} checks passed")
                if publication.failure is not None:
                    raise publication.failure
        for key in context.selected_asset_keys:
            yield MaterializeResult(key)

    return build_models
