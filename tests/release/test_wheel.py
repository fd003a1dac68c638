"""What is released is whole, holds nothing else, and works where nothing else of the project is."""

from __future__ import annotations

import ast
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from releasing import ROOT, UV, Release, run

SHIPPED = {
    "bookeo": "sources/bookeo",
    "bookeo_marts": "pipelines/marts",
    "bookeo_pipelines": "pipelines/bookeo_pipelines",
    "bookeo_sandbox": "sandbox/bookeo_sandbox",
}
"""Import names, and where their files are kept."""
OF_EXTRAS = {"dbt", "deltalake", "opentelemetry"}
"""What is imported only where an extra has brought it."""


def kept(folder: Path) -> Iterator[str]:
    """The files of a package as they stand in the repository, without what running it leaves behind."""
    for path in folder.rglob("*"):
        relative = path.relative_to(folder)
        if path.is_file() and not {"__pycache__", "target", "logs"} & set(relative.parts):
            yield str(relative)


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(release: Release) -> None:
    with zipfile.ZipFile(release.wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        about = [name for name in archive.namelist() if ".dist-info/" in name]
    expected = {f"{name}/{file}" for name, folder in SHIPPED.items() for file in kept(ROOT / folder)}
    assert names == expected
    assert {f"{name}/py.typed" for name in SHIPPED} <= names
    assert {"bookeo_marts/dbt_project.yml", "bookeo_marts/models/core/core.yml"} <= names
    assert {f"bookeo_marts/{name}" for name in ("macros/names.sql", "models/core/fct_bookings.sql")} <= names
    assert any(name.endswith("/licenses/LICENSE") for name in about)


def test_the_source_archive_holds_the_packages_and_no_tests(release: Release) -> None:
    with tarfile.open(release.source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "sources/bookeo/py.typed"} <= names
    assert {name.partition("/")[0] for name in names} & {"tests", "benchmarks", "docs", ".venv"} == set()


@pytest.fixture(scope="module")
def environment(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment that holds the wheel and what it needs, and no extra."""
    folder = tmp_path_factory.mktemp("environment")
    run(UV, "venv", "--quiet", "--python", sys.executable, folder)
    install(folder, str(release.wheel))
    return folder


def install(environment: Path, what: str) -> None:
    constraints = ("--constraints", ROOT / "constraints.txt")
    run(UV, "pip", "install", "--quiet", *constraints, what, VIRTUAL_ENV=str(environment))


def test_the_wheel_alone_brings_the_command(environment: Path, folder: Path) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert run(environment / "bin" / "bookeo", "--version", folder=folder) == f"bookeo {version}\n"


def test_the_wheel_alone_brings_the_source_and_all_that_is_imported(environment: Path, folder: Path) -> None:
    names = {name for package in ("bookeo", "bookeo_pipelines") for name in imported(ROOT / SHIPPED[package])}
    assert {"dlt", "duckdb", "pyarrow", "requests"} <= names
    program = f"""
from importlib.util import find_spec
from bookeo import bookeo_source
print(bookeo_source.name, *(name for name in {sorted(names)} if not find_spec(name)))
"""
    name, *missing = run(environment / "bin" / "python", "-I", "-c", program, folder=folder).split()
    assert name == "bookeo"
    assert set(missing) <= OF_EXTRAS, "a dependency is not declared"


def imported(folder: Path) -> Iterator[str]:
    """Other people's packages that modules import, at once or when they need them."""
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                modules = (
                    [node.module or ""] if isinstance(node, ast.ImportFrom) else [name.name for name in node.names]
                )
                yield from {module.partition(".")[0] for module in modules} - sys.stdlib_module_names


def test_the_extra_of_the_sandbox_serves_an_invented_business(
    environment: Path, release: Release, folder: Path
) -> None:
    install(environment, f"{release.wheel}[sandbox]")
    program = """
from bookeo_sandbox import serve
with serve(bookings=5) as business:
    print(business.requests()["total"])
"""
    assert run(environment / "bin" / "python", "-I", "-c", program, folder=folder) == "0\n"
