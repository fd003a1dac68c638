"""The licences of everything that a release brings with it: which there are, and which may be there.

python release/licences.py    writes docs/licences.md
"""

from __future__ import annotations

import re
import sys
from functools import cache
from importlib.metadata import Distribution
from pathlib import Path

from dependencies import CORE, Package, packages

DOCUMENT = Path(__file__).parents[1] / "docs" / "licences.md"
ACCEPTED = frozenset(
    {"0BSD", "Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MIT-0", "PSF-2.0", "Zlib"}
)
"""Licences that ask for no more than to be named. `BSD` is what packages say that do not say which."""
UNCHANGED = "asks for the source of its own files only; it is public, and they are used unchanged"
REASONS = {
    ("certifi", "MPL-2.0"): UNCHANGED,
    (
        "docutils",
        "GPL",
    ): "one file for an editor, which the installed package does not have; the rest is public domain and BSD",
    ("docutils", "Public Domain"): "asks for nothing",
    ("orjson", "MPL-2.0"): UNCHANGED,
    ("pathspec", "MPL-2.0"): UNCHANGED,
    (
        "psycopg2-binary",
        "LGPL-3.0-or-later",
    ): "used as a library and unchanged; everybody can install another version of it",
    ("simplejson", "AFL-2.1"): "taken under MIT, the other of the two",
    ("text-unidecode", "Artistic"): "used unchanged, under this one of the two",
    ("text-unidecode", "GPL"): "taken under Artistic, the other of the two",
    ("tqdm", "MPL-2.0"): UNCHANGED,
}
"""Why a package may be there in spite of a licence that asks for more."""
STATED_AS = {
    r"apache( software)?( license)?,?( version)?[ -]?v?(2(\.0)?)?": "Apache-2.0",
    r"mit( license)?": "MIT",
    r"(new |simplified )?bsd( license)?": "BSD",
    r"(bsd )?2-clause( bsd)?( license)?": "BSD-2-Clause",
    r"(bsd )?3-clause( bsd)?( license)?": "BSD-3-Clause",
    r"isc( license)?( \(iscl\))?": "ISC",
    r"psfl|python software foundation license": "PSF-2.0",
    r"mozilla public license 2\.0.*": "MPL-2.0",
    r"artistic license": "Artistic",
    r"lgpl with exceptions|gnu library or lesser.*": "LGPL-3.0-or-later",
    r"(gnu general public license|gpl).*": "GPL",
    r"public domain": "Public Domain",
    r"dfsg approved": "",
}
"""How packages write a licence that has a shorter name."""
SPDX = r"[A-Za-z0-9.+-]+-[A-Za-z0-9.+-]+|MIT|ISC|0BSD|Zlib"


@cache
def licence(installed: Distribution) -> str:
    """Finds the licence that a package states.

    Args:
        installed: The package.

    Returns:
        An expression of licences, such as `Apache-2.0 OR MIT`, or several after commas where the package lists them
        without saying whether one of them or all apply; an empty text where it states none.
    """
    for expression in installed.metadata.get_all("License-Expression") or ():
        return str(expression)
    texts = [str(text).strip() for text in installed.metadata.get_all("License") or ()]
    classifiers = [
        line.rpartition(" :: ")[2]
        for line in installed.metadata.get_all("Classifier") or ()
        if line.startswith("License ::")
    ]
    found = dict.fromkeys(filter(None, map(_short, [*texts, *classifiers])))
    if len(found) > 1 and "BSD" in found and any(name.startswith("BSD-") for name in found):
        del found["BSD"]
    return ", ".join(found)


def _short(text: str) -> str:
    for stated, name in STATED_AS.items():
        if re.fullmatch(stated, text, flags=re.IGNORECASE):
            return name
    return text if re.fullmatch(rf"({SPDX})( (AND|OR) ({SPDX}))*", text) else ""


def objections(found: dict[str, Package]) -> list[str]:
    """Looks for licences that nobody has looked at.

    Args:
        found: The packages.

    Returns:
        One sentence for each licence that is neither accepted nor has a reason, and for each reason that nothing needs.
    """
    names = {
        (package.name, name)
        for package in found.values()
        for name in re.split(r", | (?:AND|OR|WITH) ", re.sub("[()]", "", licence(package.installed)))
    }
    unknown = [pair for pair in sorted(names) if pair[1] not in ACCEPTED and pair not in REASONS]
    return [
        *(
            f"{package}: {name or 'states no licence'}; give a reason in release/licences.py, or do without"
            for package, name in unknown
        ),
        *(f"{package}: {name} needs no reason any more" for package, name in sorted(REASONS.keys() - names)),
    ]


def document(found: dict[str, Package]) -> str:
    """Lists the packages with their licences.

    Args:
        found: The packages.

    Returns:
        The text of docs/licences.md.
    """
    reasons = "\n".join(f"| `{package}` | {name} | {why} |" for (package, name), why in REASONS.items())
    rows = "\n".join(
        f"| `{package.name}` | {package.pin.version} | {licence(package.installed)} | {', '.join(package.extras)} |"
        for package in found.values()
    )
    core = sum(package.extras == (CORE,) for package in found.values())
    return f"""# Licences

`dlt-source-bookeo` is licensed under Apache-2.0. What it is installed with keeps its own licences: {core} packages come
always, {len(found) - core} more with extras. This is what they state themselves, in the versions that `constraints.txt`
pins, for Python 3.11 on Linux; a comma stands where a package lists several and does not say whether one of them or
all apply.
Made by `release/licences.py`. A test keeps it current, and fails when a licence comes that is neither among these:
{", ".join(sorted(ACCEPTED))}; nor in this list:

| package | licence | why it may be there |
| --- | --- | --- |
{reasons}

| package | version | licence | comes with |
| --- | --- | --- | --- |
{rows}
"""


def write() -> None:
    """Writes the list anew."""
    DOCUMENT.write_text(document(packages()))
    sys.stdout.write(f"docs/{DOCUMENT.name}\n")


if __name__ == "__main__":
    write()
