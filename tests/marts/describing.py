"""What the YAML files of the dbt project say."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from bookeo_pipelines.marts.dbt import project_folder

PROJECT = project_folder()
MODELS = {path.stem: path for path in (PROJECT / "models").glob("*/*.sql")}
"""The SQL file of each model."""


@cache
def described() -> dict[str, dict[str, Any]]:
    """Gives the description, columns and tests of every model that is described.

    Returns:
        `description`, `columns` with their descriptions, `tests` with their arguments by name, and `file`.
    """
    found: dict[str, dict[str, Any]] = {}
    for path in sorted((PROJECT / "models").glob("*/*.yml")):
        for model in yaml.safe_load(path.read_text()).get("models", ()):
            assert model["name"] not in found
            columns = [(column["name"], column.get("description", "")) for column in model["columns"]]
            assert len(dict(columns)) == len(columns)
            tests = [(kind, test) for one in model.get("data_tests", ()) for kind, test in one.items()]
            found[model["name"]] = {
                "description": model.get("description", ""),
                "columns": dict(columns),
                "tests": {test["name"]: (kind, test["arguments"]) for kind, test in tests},
                "file": path,
            }
    return found


def unit_tests() -> dict[str, str]:
    """Gives the model of each of dbt's unit tests."""
    return {
        test["name"]: test["model"]
        for path in (PROJECT / "models").glob("*/unit_tests.yml")
        for test in yaml.safe_load(path.read_text())["unit_tests"]
    }


def singular_tests() -> set[str]:
    """Names the tests that are SQL files."""
    return {path.stem for path in Path(PROJECT / "tests").glob("*.sql")}


def described_marts() -> list[str]:
    """Names the tables that are made for people to look at."""
    return sorted(name for name in described() if name.startswith(("dim_", "fct_", "mart_")))
