"""Every licence of what comes with a release is known, and the list of them is current."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import Message
from typing import Any

import pytest

from dependencies import CORE, NotAsPinned, Package, Pin, packages, pins
from licences import DOCUMENT, document, licence, objections

LISTED = "License :: OSI Approved"


@dataclass(eq=False)
class Stated:
    """A package that says of its licence what a test wants it to."""

    metadata: Message


def stated(**fields: str | list[str]) -> Any:
    message = Message()
    for name, values in fields.items():
        for value in [values] if isinstance(values, str) else values:
            message[name.replace("_", "-")] = value
    return Stated(message)


def test_the_list_of_licences_is_current(shipped: dict[str, Package]) -> None:
    assert DOCUMENT.read_text() == document(shipped), "run release/licences.py"
    assert f"| `dlt` | {shipped['dlt'].pin.version} | Apache-2.0 | always |" in document(shipped)


def test_every_licence_is_accepted_or_has_a_reason(shipped: dict[str, Package]) -> None:
    assert objections(shipped) == []


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"License_Expression": "GPL-3.0-only"}, "GPL-3.0-only"),
        ({"License_Expression": "MIT AND (AGPL-3.0-or-later OR GPL-2.0-only)"}, "AGPL-3.0-or-later"),
        ({"License": "GPLv3"}, "GPL"),
        (
            {"Classifier": "License :: OSI Approved :: GNU Library or Lesser General Public License (LGPL)"},
            "LGPL-3.0-or-later",
        ),
        ({"License": "Do what you like"}, "states no licence"),
        ({}, "states no licence"),
    ],
)
def test_other_licences_are_refused(fields: dict[str, str], name: str) -> None:
    one = Package("newcomer", Pin("1", ()), (CORE,), (), stated(**fields))
    assert objections({"newcomer": one})[0].startswith(f"newcomer: {name};")


def test_a_reason_that_nothing_needs_is_refused() -> None:
    assert "tqdm: MPL-2.0 needs no reason any more" in objections({})


@pytest.mark.parametrize(
    ("fields", "expression"),
    [
        ({"License_Expression": "MIT OR Apache-2.0", "License": "other"}, "MIT OR Apache-2.0"),
        ({"License": "Apache License, Version 2.0"}, "Apache-2.0"),
        ({"License": "Apache 2.0", "Classifier": f"{LISTED} :: Apache Software License"}, "Apache-2.0"),
        (
            {
                "License": "Copyright (c) somebody\n  and more",
                "Classifier": f"{LISTED} :: BSD License",
            },
            "BSD",
        ),
        ({"License": "BSD-3-Clause", "Classifier": f"{LISTED} :: BSD License"}, "BSD-3-Clause"),
        ({"Classifier": [f"{LISTED} :: {name} License" for name in ("MIT", "BSD")]}, "MIT, BSD"),
    ],
)
def test_what_packages_state_gets_one_name(fields: dict[str, str], expression: str) -> None:
    assert licence(stated(**fields)) == expression


def test_a_version_that_is_not_pinned_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import dependencies

    changed = pins() | {"rich": Pin("0.1", ())}
    monkeypatch.setattr(dependencies, "pins", lambda: changed)
    dependencies._installed.cache_clear()
    dependencies._of_package.cache_clear()
    with pytest.raises(NotAsPinned, match=r"rich is [\d.]+, and constraints.txt says 0\.1"):
        packages()
