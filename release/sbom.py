"""The software bill of materials of a release, as CycloneDX JSON.

python release/sbom.py dist    writes dlt_source_bookeo-VERSION.cdx.json beside the wheel that it describes
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dependencies import CORE, Package, declared, packages
from licences import SPDX, licence


def bill(found: dict[str, Package], version: str, files: Iterable[Path], when: datetime) -> dict[str, Any]:
    """Lists what a release consists of.

    Args:
        found: The packages that come with it.
        version: The release's version.
        files: The release's own files.
        when: When it was made.

    Returns:
        The bill. A component has the hashes of all files that the index has of its version, whichever gets installed.
    """
    references = {name: f"pkg:pypi/{name}@{package.pin.version}" for name, package in found.items()}
    itself = f"pkg:pypi/dlt-source-bookeo@{version}"
    own_hashes = [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(files)]
    direct = {requirement.name for requirements in declared().values() for requirement in requirements}
    identity = "\n".join([itself, *own_hashes, *references.values()])
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, identity)}",
        "version": 1,
        "metadata": {
            "timestamp": when.isoformat(timespec="seconds"),
            "component": {
                "type": "application",
                "bom-ref": itself,
                "name": "dlt-source-bookeo",
                "version": version,
                "purl": itself,
                "licenses": _licences("Apache-2.0"),
                "hashes": _hashes(own_hashes),
            },
            "properties": [{"name": "bookeo:resolved-for", "value": "Python 3.11 on Linux"}],
        },
        "components": [
            {
                "type": "library",
                "bom-ref": references[name],
                "name": name,
                "version": package.pin.version,
                "purl": references[name],
                "scope": "required" if CORE in package.extras else "optional",
                "licenses": _licences(licence(package.installed)),
                "hashes": _hashes(package.pin.hashes),
                "properties": [{"name": "bookeo:comes-with", "value": ", ".join(package.extras)}],
            }
            for name, package in found.items()
        ],
        "dependencies": [
            {"ref": itself, "dependsOn": [references[name] for name in sorted(direct & references.keys())]},
            *(
                {"ref": references[name], "dependsOn": [references[needed] for needed in package.needs]}
                for name, package in found.items()
            ),
        ],
    }


def _hashes(hashes: Iterable[str]) -> list[dict[str, str]]:
    return [{"alg": "SHA-256", "content": content} for content in hashes]


def _licences(stated: str) -> list[dict[str, Any]]:
    if re.search(r" (AND|OR|WITH) ", stated):
        return [{"expression": stated}]
    return [{"license": {"id" if re.fullmatch(SPDX, name) else "name": name}} for name in stated.split(", ")]


def main(folder: Path) -> None:
    """Writes the bill of the release in a folder.

    Args:
        folder: Where `make dist` has written it.
    """
    files = [*folder.glob("dlt_source_bookeo-*.whl"), *folder.glob("dlt_source_bookeo-*.tar.gz")]
    if len(files) != 2:
        raise SystemExit(f"{folder} has no release, or several: make dist makes one.")
    version = files[0].name.split("-")[1]
    made = folder / f"dlt_source_bookeo-{version}.cdx.json"
    made.write_text(json.dumps(bill(packages(), version, files, datetime.now(UTC)), indent=1) + "\n")
    sys.stdout.write(f"{made}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
