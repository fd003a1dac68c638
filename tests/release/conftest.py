"""A release, made once as `make dist` makes it, installed once, and what comes with it."""

from __future__ import annotations

import sys
from importlib.metadata import distributions
from typing import TYPE_CHECKING

import pytest
from packaging.utils import canonicalize_name
from releasing import ROOT, UV, Environment, Release, install, run

if TYPE_CHECKING:
    from dependencies import Package


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """The wheel and the source archive."""
    folder = tmp_path_factory.mktemp("dist")
    run("make", "-s", "-C", ROOT, "dist", f"DIST={folder}")
    [wheel] = folder.glob("*.whl")
    [source] = folder.glob("*.tar.gz")
    assert len([*folder.iterdir()]) == 2
    return Release(wheel, source)


@pytest.fixture(scope="session")
def environment(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The wheel alone."""
    folder = tmp_path_factory.mktemp("environment")
    run(UV, "venv", "--quiet", "--python", sys.executable, folder)
    install(folder, str(release.wheel))
    found = distributions(path=[str(path) for path in folder.glob("lib/python*/site-packages")])
    versions = {canonicalize_name(one.name): one.version for one in found}
    del versions["bookeo"]
    return Environment(folder, versions)


@pytest.fixture(scope="session")
def shipped() -> dict[str, Package]:
    """What comes with a release, as the licence list and the bill of materials have it."""
    from dependencies import packages

    return packages()
