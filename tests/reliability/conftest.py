"""A small business that takes several windows and packages, and a place to load it into."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from bookeo_sandbox import Sandbox, serve
from load_rig import SMALL_BUSINESS, Rig, environment


@pytest.fixture(autouse=True)
def own_place(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(folder).items():
        monkeypatch.setenv(name, value)
    # What dlt logs of the failures that are provoked here is of no use to anybody.
    monkeypatch.setattr(logging.getLogger("dlt"), "disabled", True)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with serve(**SMALL_BUSINESS) as running:
        yield running


@pytest.fixture
def rig(folder: Path, sandbox: Sandbox) -> Rig:
    return Rig(folder, sandbox)
