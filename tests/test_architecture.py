"""What the contracts in pyproject.toml do not hold: the size of packages, and a command that starts fast."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = {
    "bookeo": ROOT / "sources" / "bookeo",
    "bookeo_orchestration": ROOT / "pipelines" / "orchestration" / "bookeo_orchestration",
    "bookeo_pipelines": ROOT / "pipelines" / "bookeo_pipelines",
    "bookeo_sandbox": ROOT / "sandbox" / "bookeo_sandbox",
}
MOST_MODULES = 12
"""Modules in a package, besides its `__init__`; and packages in it, likewise."""
MOST_FLOORS = 7
"""Modules on the longest way down through the imports inside a package."""
LIGHT = {
    "bookeo_pipelines",
    "bookeo_pipelines.cli",
    "bookeo_pipelines.cli.app",
    "bookeo_pipelines.cli.exit",
    "bookeo_pipelines.cli.options",
    "bookeo_pipelines.cli.__main__",
    "bookeo_pipelines.cli.reporting",
    "bookeo_pipelines.cli.time_range",
    "bookeo_pipelines.interrupts",
    "bookeo_pipelines.runtime",
    "bookeo_pipelines.runtime.closed_dlt",
    "bookeo_pipelines.runtime.file_errors",
    "bookeo_pipelines.runtime.json_text",
    "bookeo_pipelines.runtime.startup",
    "bookeo_pipelines.runtime.terminal",
    "bookeo_pipelines.runtime.trusted_places",
    "bookeo_pipelines.runtime.umask",
}
"""What the command imports before it knows what is asked of it, and all subcommands."""


@cache
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*FOLDERS, exclude_type_checking_imports=True, cache_dir=None)


def packages() -> list[str]:
    return [
        ".".join((name, *path.parent.relative_to(folder).parts))
        for name, folder in FOLDERS.items()
        for path in sorted(folder.rglob("__init__.py"))
    ]


def path_of(package: str) -> Path:
    name, *parts = package.split(".")
    return FOLDERS[name].joinpath(*parts)


def floors(package: str) -> int:
    """The longest way down among the direct children of a package."""
    children = graph().find_children(package) - {f"{package}.__main__"}
    below = {
        child: {
            other
            for other in children
            if other != child and graph().direct_import_exists(importer=child, imported=other, as_packages=True)
        }
        for child in children
    }

    @cache
    def height(child: str) -> int:
        return 1 + max((height(other) for other in below[child]), default=0)

    return max(map(height, children), default=0)


@pytest.mark.parametrize("package", packages())
def test_a_package_fits_in_the_head(package: str) -> None:
    folder = path_of(package)
    modules = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
    assert len(modules) <= MOST_MODULES, sorted(path.stem for path in modules)
    assert floors(package) <= MOST_FLOORS


@pytest.mark.parametrize("package", packages())
def test_a_package_says_in_a_sentence_what_it_is_for(package: str) -> None:
    text = ast.get_docstring(ast.parse((path_of(package) / "__init__.py").read_text()))
    assert text
    assert text.splitlines()[0].endswith((".", ":"))


def eager_imports(module: str) -> Iterator[str]:
    """What a module imports when it is imported itself, as far as it is ours; not what is for types only."""
    folder = path_of(module)
    path = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
    waiting: list[ast.AST] = [ast.parse(path.read_text())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        waiting += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module} has a relative import"
            base = node.module or ""
            modules = graph().modules
            yield from (full if (full := f"{base}.{alias.name}") in modules else base for alias in node.names)


def test_the_command_starts_without_what_it_may_not_need() -> None:
    # Importing dlt takes two seconds, which nobody should wait for to read a help text.
    commands = {name for name in graph().modules if name.startswith("bookeo_pipelines.cli.commands")}
    assert len(commands) > 5
    light = LIGHT | commands
    eager = {
        (module, imported)
        for module in light
        for imported in eager_imports(module)
        if imported.partition(".")[0] in FOLDERS
    }
    assert {imported for _, imported in eager} <= light, sorted(pair for pair in eager if pair[1] not in light)
