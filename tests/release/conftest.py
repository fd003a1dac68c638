"""A release, made once as `make dist` makes it."""

from __future__ import annotations

import pytest
from releasing import ROOT, Release, run


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """The wheel and the source archive."""
    folder = tmp_path_factory.mktemp("dist")
    run("make", "-s", "-C", ROOT, "dist", f"DIST={folder}")
    [wheel] = folder.glob("*.whl")
    [source] = folder.glob("*.tar.gz")
    assert len([*folder.iterdir()]) == 2
    return Release(wheel, source)
