"""What comes with a release."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import releasing  # noqa: F401 - the folder of the next imports

if TYPE_CHECKING:
    from dependencies import Package


@pytest.fixture(scope="session")
def shipped() -> dict[str, Package]:
    """What comes with a release, as the licence list and the bill of materials have it."""
    from dependencies import packages

    return packages()
