"""What is released is whole, holds nothing else, and works where nothing else of the project is."""

from __future__ import annotations

import ast
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name
from releasing import ROOT, UV, run

from dependencies import CORE, Package
from programs import find_program

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SHIPPED: dict[str, str] = PROJECT["tool"]["setuptools"]["package-dir"]
"""Import names, and where their files are kept."""
OF_EXTRAS = {"altair", "dagster", "dbt", "deltalake", "marimo", "opentelemetry", "psycopg2", "uvicorn"}
OF_EXTRAS |= {"vl_convert"}
"""What is imported only where an extra has brought it."""


@dataclass(frozen=True)
class Release:
    wheel: Path
    source: Path


@dataclass(frozen=True)
class Environment:
    """A new environment that holds the wheel and what it needs.

    Args:
        folder: Where it is.
        installed: The other packages in it and their versions, before any extra was added.
    """

    folder: Path
    installed: dict[str, str]

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"


def install(folder: Path, what: str) -> None:
    """Installs something in the pinned versions, hashes checked."""
    constraints = ("--constraints", ROOT / "constraints.txt")
    run(UV, "pip", "install", "--quiet", *constraints, what, VIRTUAL_ENV=str(folder))


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """The wheel and the source archive."""
    folder = tmp_path_factory.mktemp("dist")
    run(find_program("make"), "-s", "-C", ROOT, "dist", f"DIST={folder}")
    [wheel] = folder.glob("*.whl")
    [source] = folder.glob("*.tar.gz")
    assert len([*folder.iterdir()]) == 2
    return Release(wheel, source)


@pytest.fixture(scope="module")
def environment(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The wheel alone."""
    folder = tmp_path_factory.mktemp("environment")
    run(UV, "venv", "--quiet", "--python", sys.executable, folder)
    install(folder, str(release.wheel))
    found = distributions(path=[str(path) for path in folder.glob("lib/python*/site-packages")])
    versions = {canonicalize_name(one.name): one.version for one in found}
    del versions["dlt-source-bookeo"]
    return Environment(folder, versions)


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


def test_every_package_of_the_repository_is_shipped() -> None:
    kept_in = {
        path.parent for part in ("sources", "pipelines", "sandbox") for path in (ROOT / part).rglob("__init__.py")
    }
    homes = [ROOT / folder for folder in SHIPPED.values()]
    assert [folder for folder in kept_in if not any(folder.is_relative_to(home) for home in homes)] == []


def test_the_source_archive_holds_the_packages_and_no_tests(release: Release) -> None:
    with tarfile.open(release.source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "sources/bookeo/py.typed"} <= names
    assert {name.partition("/")[0] for name in names} & {"tests", "benchmarks", "docs", ".venv"} == set()


def test_the_wheel_alone_brings_the_command(environment: Environment, folder: Path) -> None:
    version = PROJECT["project"]["version"]
    assert run(environment.folder / "bin" / "bookeo", "--version", folder=folder) == f"bookeo {version}\n"


def test_the_wheel_alone_brings_the_source_and_all_that_is_imported(environment: Environment, folder: Path) -> None:
    names = {name for package in ("bookeo", "bookeo_pipelines") for name in imported(ROOT / SHIPPED[package])}
    assert {"dlt", "duckdb", "pyarrow", "requests"} <= names
    program = f"""
from importlib.util import find_spec
from bookeo import bookeo_source
print(bookeo_source.name, *(name for name in {sorted(names)} if not find_spec(name)))
"""
    name, *missing = run(environment.python, "-I", "-c", program, folder=folder).split()
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
    environment: Environment, release: Release, folder: Path
) -> None:
    install(environment.folder, f"{release.wheel}[sandbox]")
    program = """
from bookeo_sandbox import serve
with serve(bookings=5) as business:
    print(business.requests()["total"])
"""
    assert run(environment.python, "-I", "-c", program, folder=folder) == "0\n"


def test_what_comes_with_a_release_is_what_gets_installed(
    shipped: dict[str, Package], environment: Environment
) -> None:
    core = {name: package.pin.version for name, package in shipped.items() if package.extras == (CORE,)}
    assert core == environment.installed
