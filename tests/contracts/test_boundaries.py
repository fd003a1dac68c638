"""What libraries do not document is touched in few modules, so that one knows where to look when they change."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = [ROOT / "sources" / "bookeo", ROOT / "pipelines" / "bookeo_pipelines", ROOT / "pipelines" / "orchestration"]
FOREIGN = {"dagster", "dbt", "deltalake", "dlt", "duckdb", "marimo"}
ALLOWED = {
    "bookeo/dlt_compat.py": "what the source needs of dlt",
    "bookeo_pipelines/destinations/dlt_compat.py": "what the command needs of dlt",
    "bookeo_pipelines/destinations/delta.py": "an engine's classes",
    "bookeo_pipelines/destinations/duckdb.py": "an engine's classes",
    "bookeo_pipelines/destinations/ducklake.py": "an engine's classes",
    "bookeo_pipelines/destinations/postgres.py": "an engine's classes",
    "bookeo_pipelines/marts/dbt.py": "what the command needs of dbt-duckdb",
    "bookeo_pipelines/runtime/closed_dlt.py": "what the command changes of dlt in its own process",
}
DOCUMENTED_BASES = {"BaseConfiguration", "Config"}
"""Classes of theirs that are made to be derived from: settings of a source, configuration of a Dagster asset."""
OURS_OR_PYTHONS = {"_exit", "_fields", "_replace"}
"""Names with an underscore that are documented."""


def violations(source: str) -> Iterator[str]:
    """What a module does that only the allowed ones may."""
    tree = ast.parse(source)
    imported: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                imported[alias.asname or alias.name.partition(".")[0]] = alias.name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                imported[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    theirs = {name for name, path in imported.items() if path.partition(".")[0] in FOREIGN}
    for name in theirs:
        parts = imported[name].split(".")
        if "impl" in parts or any(part.startswith("_") for part in parts):
            yield f"imports {imported[name]}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and _is_private(node):
            yield f"line {node.lineno}: uses {ast.unparse(node)}"
        elif isinstance(node, ast.ClassDef):
            for base in node.bases:
                root, name = ast.unparse(base).partition(".")[0], ast.unparse(base).rpartition(".")[2]
                if root in theirs and name not in DOCUMENTED_BASES:
                    yield f"line {node.lineno}: derives {node.name} from {imported[root]}"
        elif isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Delete):
            for target in node.targets if isinstance(node, ast.Assign | ast.Delete) else [node.target]:
                if not isinstance(target, ast.Name) and _root(target) in theirs:
                    yield f"line {node.lineno}: changes {ast.unparse(target)}"
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "setattr" and _root(node.args[0]) in theirs:
            yield f"line {node.lineno}: changes {ast.unparse(node.args[0])}"


def _is_private(node: ast.Attribute) -> bool:
    mine = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
    dunder = node.attr.startswith("__") and node.attr.endswith("__")
    return node.attr.startswith("_") and not mine and not dunder and node.attr not in OURS_OR_PYTHONS


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def name_of(path: Path) -> str:
    return next(str(path.relative_to(folder.parent)) for folder in FOLDERS if path.is_relative_to(folder))


def test_nobody_else_uses_what_is_not_documented() -> None:
    modules = {name_of(path): path for folder in FOLDERS for path in sorted(folder.rglob("*.py"))}
    assert set(ALLOWED) <= set(modules)
    found = {name: list(violations(path.read_text())) for name, path in modules.items() if name not in ALLOWED}
    assert {name: what for name, what in found.items() if what} == {}


@pytest.mark.parametrize("name", sorted(ALLOWED))
def test_each_place_is_needed(name: str) -> None:
    path = next(path for folder in FOLDERS if (path := folder.parent / name).exists())
    source = path.read_text()
    # One of them works on modules that are still to be imported, which no look at its text can tell.
    assert list(violations(source)) or "exec_module" in source, f"{name} needs no exception any more"


@pytest.mark.parametrize(
    "source",
    [
        "from dlt.destinations.impl.duckdb.duck import DuckDbClient",
        "from dagster._core.instance import DagsterInstance",
        "import dlt\ndlt.config['extract.workers'] = 1",
        "import dlt\ndlt.config.writable_provider = None",
        "from dlt.common import time\nsetattr(time, 'now', None)",
        "def name(resource):\n    return resource._pipe.name",
        "from dlt.extract import DltResource\nclass Mine(DltResource): ...",
        "def f():\n    from dbt.adapters.duckdb import _private",
    ],
)
def test_what_counts_as_undocumented(source: str) -> None:
    assert len(list(violations(source))) == 1
