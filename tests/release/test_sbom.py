"""The bill of materials names all that comes with a release, with versions, licences and hashes."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from releasing import ROOT, run

import sbom
from dependencies import CORE, Package
from programs import find_program

FILES = {
    "dlt_source_bookeo-9.8.7-py3-none-any.whl": b"the wheel",
    "dlt_source_bookeo-9.8.7.tar.gz": b"the source archive",
}


@pytest.fixture(scope="module")
def text(shipped: dict[str, Package], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The bill of a release of two small files."""
    folder = tmp_path_factory.mktemp("sbom")
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(sbom, "packages", lambda: shipped)
        sbom.main(folder)
    assert {path.name for path in folder.iterdir()} == {*FILES, "dlt_source_bookeo-9.8.7.cdx.json"}
    return (folder / "dlt_source_bookeo-9.8.7.cdx.json").read_text()


@pytest.fixture(scope="module")
def bill(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    return found


def test_every_package_is_there_and_core_ones_are_required(bill: dict[str, Any], shipped: dict[str, Package]) -> None:
    named = {part["name"]: (part["version"], part["scope"] == "required") for part in bill["components"]}
    assert named == {name: (package.pin.version, package.extras == (CORE,)) for name, package in shipped.items()}
    assert named["duckdb"][1]
    assert not named["dagster"][1]
    assert all(part["purl"] == f"pkg:pypi/{part['name']}@{part['version']}" for part in bill["components"])
    assert bill["metadata"]["component"]["version"] == "9.8.7"


def test_hashes_are_those_that_are_pinned(bill: dict[str, Any]) -> None:
    blocks = re.split(r"^(?=[a-z0-9])", (ROOT / "constraints.txt").read_text(), flags=re.MULTILINE)
    pinned = {block.split()[0]: set(re.findall(r"sha256:(\w{64})", block)) for block in blocks if block}
    for part in bill["components"]:
        assert {one["content"] for one in part["hashes"]} == pinned[f"{part['name']}=={part['version']}"] != set()
        assert {one["alg"] for one in part["hashes"]} == {"SHA-256"}
    own = {one["content"] for one in bill["metadata"]["component"]["hashes"]}
    assert own == {hashlib.sha256(content).hexdigest() for content in FILES.values()}


def test_every_package_has_a_licence_and_its_dependencies(bill: dict[str, Any]) -> None:
    assert all(part["licenses"] for part in bill["components"])
    needs = {one["ref"]: one["dependsOn"] for one in bill["dependencies"]}
    known = {part["bom-ref"]: part["name"] for part in bill["components"]}
    assert needs.keys() == {bill["metadata"]["component"]["bom-ref"], *known}
    assert {name for names in needs.values() for name in names} == known.keys(), "all is needed by something"
    [dlt] = [ref for ref, name in known.items() if name == "dlt"]
    assert "requests" in {known[ref] for ref in needs[dlt]}
    assert dlt in needs[bill["metadata"]["component"]["bom-ref"]]


def test_it_is_valid_cyclonedx(bill: dict[str, Any]) -> None:
    each_licence_once = {json.dumps(part["licenses"]): part for part in bill["components"]}
    parts = [{**part, "hashes": part["hashes"][:2]} for part in each_licence_once.values()]
    assert len(parts) > 5
    short = {**bill, "components": parts, "dependencies": bill["dependencies"][:1]}
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(short)) is None
    broken = {**short, "components": [{**parts[0], "licenses": [{"license": {"id": "No such"}}]}]}
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(broken)) is not None


def test_nothing_of_this_machine_is_in_it(text: str) -> None:
    assert not [place for place in (str(ROOT), str(Path.home()), "/tmp/", "file:") if place in text]


def test_without_a_release_there_is_no_bill(folder: Path) -> None:
    with pytest.raises(SystemExit, match="make dist makes one"):
        sbom.main(folder)


def test_make_writes_it_beside_the_release() -> None:
    planned = run(find_program("make"), "-n", "-C", ROOT, "sbom", "DIST=somewhere")
    assert planned.index("--out-dir somewhere") < planned.index("release/sbom.py somewhere")
