"""Which packages a release brings with it, and which versions of them are pinned.

What a package needs is read from what is installed; so it must be installed, in the versions of constraints.txt. The
answer is that for Python 3.11 on Linux, where the tests run, whichever machine asks.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
CORE = "always"
"""Stands for the extras where a package comes without any."""
ON_LINUX = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": "3.11.9",
    "python_version": "3.11",
    "sys_platform": "linux",
}


class NotAsPinned(Exception):
    """What is installed is not what constraints.txt pins."""


@dataclass(frozen=True)
class Pin:
    """A version and the hashes of its files.

    Args:
        version: The version.
        hashes: SHA-256 of each file that the index has of it, in hexadecimal.
    """

    version: str
    hashes: tuple[str, ...]


@dataclass(frozen=True)
class Package:
    """A package that a release brings with it.

    Args:
        name: Its name, in lower case with dashes.
        pin: What is pinned of it.
        extras: The extras that bring it, or `CORE`.
        needs: Names of the packages that it needs itself.
        installed: What it says of itself.
    """

    name: str
    pin: Pin
    extras: tuple[str, ...]
    needs: tuple[str, ...]
    installed: Distribution


@cache
def pins() -> dict[str, Pin]:
    """Reads constraints.txt.

    Returns:
        What is pinned, by the packages' names.
    """
    found: dict[str, Pin] = {}
    for line in (ROOT / "constraints.txt").read_text().replace("\\\n", " ").splitlines():
        requirement = Requirement(line.partition(" --hash")[0])
        if requirement.marker is None or requirement.marker.evaluate(ON_LINUX):
            version = str(requirement.specifier).removeprefix("==")
            found[canonicalize_name(requirement.name)] = Pin(version, tuple(re.findall(r"--hash=sha256:(\w+)", line)))
    return found


def declared() -> dict[str, list[Requirement]]:
    """Reads what pyproject.toml asks for.

    Returns:
        Requirements by extra, those without one under `CORE`. What only developers need is left out.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lists = {CORE: project["dependencies"], **project["optional-dependencies"]}
    return {name: [Requirement(line) for line in lines] for name, lines in lists.items() if name != "dev"}


def packages() -> dict[str, Package]:
    """Follows what is declared to everything that comes with it.

    Returns:
        The packages by their names, in order.

    Raises:
        NotAsPinned: If a package is missing, or is not of the version that is pinned.
    """
    brought_by: dict[str, dict[str, None]] = {}
    needs: dict[str, dict[str, None]] = {}
    for extra in declared():
        seen: set[tuple[str, str]] = set()
        waiting: list[tuple[str | None, Requirement]] = [(None, requirement) for requirement in _of_extra(extra)]
        while waiting:
            parent, requirement = waiting.pop()
            name = canonicalize_name(requirement.name)
            brought_by.setdefault(name, {})[extra] = None
            if parent is not None:
                needs.setdefault(parent, {})[name] = None
            for part in ("", *requirement.extras):
                if (name, part) not in seen:
                    seen.add((name, part))
                    waiting += [(name, below) for below in _of_package(name, part)]
    return {
        name: Package(
            name,
            pins()[name],
            (CORE,) if CORE in brought_by[name] else tuple(brought_by[name]),
            tuple(sorted(needs.get(name, ()))),
            _installed(name),
        )
        for name in sorted(brought_by)
    }


def _of_extra(extra: str) -> Iterator[Requirement]:
    for requirement in declared()[extra]:
        if requirement.name == "dlt-source-bookeo":
            for other in requirement.extras:
                yield from _of_extra(other)
        else:
            yield requirement


@cache
def _of_package(name: str, extra: str) -> tuple[Requirement, ...]:
    """What a package needs for one of its extras, or for none of them."""
    found = []
    for line in _installed(name).requires or ():
        marker = (requirement := Requirement(line)).marker
        if not extra if marker is None else marker.evaluate(ON_LINUX | {"extra": extra}):
            found.append(requirement)
    return tuple(found)


@cache
def _installed(name: str) -> Distribution:
    pin = pins().get(name)
    try:
        version = (found := distribution(name)).version
    except PackageNotFoundError:
        version = "missing"
    if pin is None or pin.version != version:
        raise NotAsPinned(
            f"{name} is {version}, and constraints.txt says {pin.version if pin else 'nothing'}: "
            "make lock pins everything, and make .venv/installed brings it."
        )
    return found
