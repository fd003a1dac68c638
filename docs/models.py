"""What Dagster must know of the dbt project's models, asked of dbt once and kept: asking takes ten seconds."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bookeo_pipelines.destinations.target import Target
from bookeo_pipelines.marts.dbt import run_dbt

ROOT = Path(__file__).parents[1]
MODELS = ROOT / "pipelines" / "orchestration" / "bookeo_orchestration" / "models.json"


def models() -> str:
    """Asks dbt.

    Returns:
        The text of `models.json`.
    """
    with tempfile.TemporaryDirectory() as folder:
        parsed = run_dbt(Target(database=Path(folder) / "nothing.duckdb"), ["parse"], {})
    return described(parsed.result.nodes)


def described(nodes: Mapping[str, Any]) -> str:
    """Takes from dbt's manifest what the assets need.

    Args:
        nodes: Its nodes by dbt's unique ids.

    Returns:
        The text of `models.json`: for each model its description, the folder it is in, and what it is made of.
    """
    found = {
        node.name: {
            "description": node.description,
            "folder": node.fqn[1],
            "models": sorted(_names(node, "model")),
            "tables": sorted(_names(node, "source")),
        }
        for node in nodes.values()
        if node.resource_type == "model"
    }
    return json.dumps(dict(sorted(found.items())), indent=1) + "\n"


def _names(node: Any, kind: str) -> set[str]:
    return {needed.rpartition(".")[2] for needed in node.depends_on.nodes if needed.startswith(f"{kind}.")}
