"""Imports run downwards only, as the layout of the packages says."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "bookeo": ROOT / "sources" / "bookeo",
    "bookeo_orchestration": ROOT / "pipelines" / "orchestration" / "bookeo_orchestration",
    "bookeo_pipelines": ROOT / "pipelines" / "bookeo_pipelines",
    "bookeo_sandbox": ROOT / "sandbox" / "bookeo_sandbox",
}
STARTER = "bookeo_pipelines.cli.demo_runner"
"""The one module that may start a sandbox."""

LAYERS = (
    ("errors", "windows"),
    ("settings", "tables"),
    ("transport", "shape"),
    ("api",),
    ("reader",),
    ("session",),
    ("extract",),
    ("resources",),
    ("",),
)
"""What the layout names, from the bottom up ("" is the package itself); other modules lie between as they need."""
SHAPES = ("tables", "shape")
REQUESTS = ("transport", "api", "reader")
"""What things look like is of no interest to how they are fetched, nor the other way round."""


@dataclass(frozen=True)
class Import:
    importer: str
    imported: str
    lazy: bool
    for_types: bool


def modules(package: str) -> dict[str, Path]:
    base = PACKAGES[package]
    found = {}
    for path in sorted(base.rglob("*.py")):
        parts = path.relative_to(base).with_suffix("").parts
        found[".".join((package, *(part for part in parts if part != "__init__")))] = path
    return found


MODULES = {name: path for package in PACKAGES for name, path in modules(package).items()}


def imports(name: str) -> Iterator[Import]:
    """All imports of a module from the packages here, by the names of modules."""
    waiting: list[tuple[ast.AST, bool, bool]] = [(ast.parse(MODULES[name].read_text()), False, False)]
    while waiting:
        node, lazy, for_types = waiting.pop()
        lazy = lazy or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for_types = for_types or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
        waiting += [(child, lazy, for_types) for child in ast.iter_child_nodes(node)]
        wanted = []
        if isinstance(node, ast.Import):
            wanted = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name} has a relative import"
            base = node.module or ""
            wanted = [full if (full := f"{base}.{alias.name}") in MODULES else base for alias in node.names]
        for module in wanted:
            if module.partition(".")[0] in PACKAGES:
                yield Import(name, module, lazy, for_types)


IMPORTS = [found for name in MODULES for found in imports(name)]


def package_of(module: str) -> str:
    return module.partition(".")[0]


def test_the_modules_are_found() -> None:
    assert {"bookeo.schema.bookings", "bookeo_pipelines.cli.app", "bookeo_sandbox.sandbox"} <= MODULES.keys()
    assert len(IMPORTS) > 100
    assert {found.imported for found in IMPORTS} <= MODULES.keys()


def test_the_sandbox_knows_nothing_of_what_it_tests() -> None:
    assert not [found for found in IMPORTS if _crosses(found, "bookeo_sandbox")]


def test_the_source_knows_nothing_of_who_runs_it() -> None:
    assert not [found for found in IMPORTS if _crosses(found, "bookeo")]


def test_nothing_knows_who_puts_it_on_a_schedule() -> None:
    package = "bookeo_orchestration"
    users = [f for f in IMPORTS if package_of(f.imported) == package and package_of(f.importer) != package]
    assert not users
    assert {package_of(f.imported) for f in IMPORTS if _crosses(f, package)} == {"bookeo", "bookeo_pipelines"}


def _crosses(found: Import, package: str) -> bool:
    return package_of(found.importer) == package and package_of(found.imported) != package


def test_only_the_starter_imports_the_sandbox_and_only_when_asked_to() -> None:
    users = [
        found
        for found in IMPORTS
        if package_of(found.importer) != "bookeo_sandbox" and package_of(found.imported) == "bookeo_sandbox"
    ]
    assert users
    assert {found.importer for found in users} == {STARTER}
    assert all(found.lazy or found.for_types for found in users), users


def test_the_command_starts_without_what_it_may_not_need() -> None:
    # Importing dlt takes two seconds, which nobody should wait for to read a help text.
    commands = {name for name in MODULES if name.startswith("bookeo_pipelines.cli.commands")}
    light = {
        "bookeo_pipelines",
        "bookeo_pipelines.cli.app",
        "bookeo_pipelines.runtime.closed_dlt",
        "bookeo_pipelines.runtime.startup",
        "bookeo_pipelines.runtime.file_errors",
        "bookeo_pipelines.runtime.json_text",
        "bookeo_pipelines.cli.exit",
        "bookeo_pipelines.runtime.umask",
        "bookeo_pipelines.runtime.terminal",
        "bookeo_pipelines.runtime.trusted_places",
        *commands,
    }
    eager = [f for f in IMPORTS if f.importer in light and not f.lazy and not f.for_types]
    assert {found.imported for found in eager} <= light, eager


def reached_from(module: str) -> set[str]:
    """All modules that come along when one is imported, by whatever way; imports for types only do not."""
    reached: set[str] = set()
    waiting = [module]
    while waiting:
        importer = waiting.pop()
        new = {f.imported for f in IMPORTS if f.importer == importer and not f.for_types} - reached
        reached |= new
        waiting += new
    return reached


def named(part: str) -> str:
    return f"bookeo.{part}".rstrip(".")


@pytest.mark.parametrize("height", range(len(LAYERS)))
def test_the_source_imports_downwards(height: int) -> None:
    above = {named(part) for layer in LAYERS[height + 1 :] for part in layer}
    for part in LAYERS[height]:
        assert named(part) in MODULES
        assert not reached_from(named(part)) & above, part


def test_shapes_and_requests_know_nothing_of_each_other() -> None:
    for some, others in ((SHAPES, REQUESTS), (REQUESTS, SHAPES)):
        for part in some:
            assert not reached_from(named(part)) & {named(other) for other in others}, part


@pytest.mark.parametrize("package", PACKAGES)
def test_nothing_imports_itself_in_a_circle(package: str) -> None:
    # What is imported for types only, or when a function runs, makes no circle when the package is imported.
    graph: dict[str, set[str]] = {name: set() for name in MODULES if package_of(name) == package}
    for found in IMPORTS:
        if found.importer in graph and found.imported in graph and not found.lazy and not found.for_types:
            graph[found.importer].add(found.imported)
    while leaves := [name for name, needs in graph.items() if not needs]:
        for leaf in leaves:
            del graph[leaf]
        for needs in graph.values():
            needs.difference_update(leaves)
    assert not graph, f"a circle among {sorted(graph)}"
