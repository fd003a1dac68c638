"""The documents say all there is: settings, tables, commands, options; and their links lead somewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bookeo.schema import TABLES
from bookeo.settings.model import BookeoSettings
from bookeo_pipelines.docs.diagram import diagram
from bookeo_pipelines.docs.dictionary import DIAGRAM, DICTIONARY, dictionary
from reading_docs import DOCUMENTS, ROOT, anchors, blocks, prose

from fragments import FRAGMENTS, commands, fragment_in  # isort: skip - found by way of reading_docs

README = ROOT / "README.md"
SOURCE_README = ROOT / "sources" / "bookeo" / "README.md"
SVG = "{http://www.w3.org/2000/svg}"
COMMANDS = ROOT / "docs" / "commands.md"


def relative(document: Path) -> str:
    return str(document.relative_to(ROOT))


def first_cells(text: str) -> list[str]:
    """The names in the first column of a Markdown table."""
    return re.findall(r"^\| `(\w+)` \|", text, flags=re.MULTILINE)


@pytest.mark.parametrize(("document", "name"), FRAGMENTS)
def test_what_follows_from_the_code_is_up_to_date(document: str, name: str) -> None:
    shown = fragment_in((ROOT / document).read_text(), name)
    assert shown == FRAGMENTS[document, name](), "run docs/refresh.py"


@pytest.mark.parametrize(("name", "make"), [(DICTIONARY, dictionary), (DIAGRAM, diagram)])
def test_the_data_dictionary_and_the_diagram_are_up_to_date(name: str, make: Callable[[], str]) -> None:
    assert (ROOT / "docs" / name).read_text() == make(), "run docs/refresh.py"


def test_the_data_dictionary_explains_every_column() -> None:
    sections = re.split(r"^## `(\w+)`$", (ROOT / "docs" / DICTIONARY).read_text(), flags=re.MULTILINE)
    assert sections[1::2] == [*TABLES]
    for table, text in zip(TABLES.values(), sections[2::2], strict=True):
        rows = [
            [cell.strip() for cell in line.strip("|").split(" | ")] for line in re.findall(r"^\|.*`.*$", text, re.M)
        ]
        assert [row[0].strip("*`") for row in rows] == [column.name for column in table.columns]
        for (_, _, meaning, field, personal), column in zip(rows, table.columns, strict=True):
            assert column.description in meaning
            assert personal == (column.personal or "–")
            assert (field != "–") or not column.is_read
    assert "`participants.numbers[].number`" in text_of("booking_participants", sections)
    assert "`price.totalGross.amount`" in text_of("bookings", sections)


def text_of(table: str, sections: list[str]) -> str:
    return sections[sections.index(table) + 1]


def test_the_diagram_shows_every_table() -> None:
    drawing = ElementTree.fromstring((ROOT / "docs" / DIAGRAM).read_text())
    titles = [text.text for text in drawing.iter(f"{SVG}text") if text.get("class") == "t"]
    assert sorted(map(str, titles)) == sorted(TABLES)
    boxes = [tuple(map(int, re.findall(r"\d+", g.get("transform", "")))) for g in drawing.iter(f"{SVG}g")]
    assert len(set(boxes)) == len(boxes) == len(TABLES)
    lines = [path for path in drawing.iter(f"{SVG}path") if path.get("class") == "l"]
    assert len(lines) >= sum(table.parent is not None for table in TABLES.values())


def test_every_setting_is_documented() -> None:
    text = fragment_in(SOURCE_README.read_text(), "settings")
    assert set(first_cells(text)) == set(BookeoSettings.get_resolvable_fields())
    for line in text.splitlines()[2:]:
        name, default, _, meaning = (cell.strip() for cell in line.strip("|").split(" | "))
        value = getattr(BookeoSettings, name.strip("`"))
        assert default.strip("`") == ("" if value is None else str(value).lower())
        assert meaning


@pytest.mark.parametrize("document", [README, SOURCE_README], ids=relative)
def test_every_table_is_documented(document: Path) -> None:
    assert first_cells(fragment_in(document.read_text(), "tables")) == [*TABLES]


def test_every_command_and_option_is_documented() -> None:
    text = COMMANDS.read_text()
    everything = text + README.read_text()
    assert {"check", "load", "query", "demo", "sandbox"} <= commands().keys()
    for name, command in commands().items():
        assert f"bookeo {name}" in README.read_text() or f"make {name}" in README.read_text(), name
        [section] = re.findall(rf"^## `bookeo {name}[` ].*?(?=^## |\Z)", text, flags=re.DOTALL | re.MULTILINE)
        for parameter in command.params:
            where = everything if getattr(parameter, "hidden", False) else section
            spellings = parameter.opts if parameter.param_type_name == "option" else [parameter.name.upper()]
            for spelling in spellings:
                assert re.search(rf"(?<![\w-]){spelling}(?![\w-])", where), f"{name} {spelling}"


def test_options_of_the_command_itself_are_documented() -> None:
    for option in ("--help", "-h", "--version", "--install-completion", "--show-completion"):
        assert f"`{option}`" in COMMANDS.read_text() or f"bookeo {option}" in COMMANDS.read_text()


def test_every_table_with_personal_columns_is_named() -> None:
    shown = first_cells(fragment_in((ROOT / "SECURITY.md").read_text(), "personal"))
    assert shown == [table.name for table in TABLES.values() if any(column.personal for column in table.columns)]
    assert {"customers", "booking_people", "rejected_rows"} <= set(shown)


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_links_lead_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(document)):
        if re.match(r"\w+:", link):
            assert link.startswith("https://"), link
            continue
        path, _, anchor = link.partition("#")
        linked = (document.parent / path).resolve() if path else document
        assert linked.exists(), link
        assert linked.is_relative_to(ROOT), link
        if anchor:
            assert anchor in anchors(linked), link


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_files_that_are_named_exist(document: Path) -> None:
    folders = [ROOT, document.parent, *(ROOT / name for name in ("sources/bookeo", "pipelines/bookeo_pipelines"))]
    for name in re.findall(r"`([\w./-]+(?:\.py|\.md|\.toml|/))`", prose(document)):
        if name not in (".dlt/secrets.toml", "secrets.toml"):
            assert any((folder / name).exists() for folder in folders), name


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_no_block_is_empty(document: Path) -> None:
    for block in blocks(document):
        lines = [line for line in block.code.splitlines() if line.strip()]
        assert lines, block.name
        if block.language == "console":
            assert not lines[-1].startswith("$ "), f"{block.name} shows nothing of what the command prints"


def test_the_readme_says_how_each_part_of_make_test_closes() -> None:
    readme, makefile = (ROOT / "README.md").read_text(), (ROOT / "Makefile").read_text()
    [rows] = re.findall(r"\| part \| closing line \|\n\| --- \| --- \|\n((?:\|.*\n)+)", readme)
    shown = dict(re.findall(r"^\| `(.+)` \| `(.+)` \|$", rows, flags=re.MULTILINE))
    made = re.findall(r"\$\(BIN\)/(ruff .*|mypy|lint-imports .*)$", makefile, flags=re.MULTILINE)
    assert [*shown] == [*made, "pytest"], "the recipe lint, then the tests"
    for command in made[:2]:
        words = [sys.executable, "-m", *command.removesuffix(" .").split(), __file__]
        printed = subprocess.run(words, capture_output=True, text=True, check=True).stdout
        assert re.fullmatch(shown[command].replace("N files", r"\d+ files?"), printed.strip())


def test_targets_of_make_exist() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = {target for document in DOCUMENTS for target in re.findall(r"`make (\w+)`", document.read_text())}
    lines = {line for document in DOCUMENTS for block in blocks(document) for line in block.code.splitlines()}
    named |= {line.removeprefix("make ") for line in lines if line.startswith("make ")}
    assert {"demo", "test"} <= named <= targets


def test_the_changelog_is_in_form_and_names_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    headings = re.findall(r"^## (.*)$", text, flags=re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}", heading) for heading in headings[1:])
    assert headings[1].startswith(f"[{version}] ")
    kinds = set(re.findall(r"^### (.*)$", text, flags=re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert "keepachangelog.com" in text


def test_the_license_is_what_the_package_says() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text.splitlines()[0] + text.splitlines()[1]
    assert "The bookeo contributors" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_the_committed_settings_show_the_defaults() -> None:
    text = (ROOT / ".dlt" / "config.toml").read_text()
    active = tomllib.loads(text)
    assert active["runtime"]["dlthub_telemetry"] is False
    assert active["sources"]["bookeo"] == {}
    shown = tomllib.loads("\n".join(re.findall(r"^# (\w+ = .*)$", text, flags=re.MULTILINE)))
    assert shown
    assert shown == {name: getattr(BookeoSettings, name) for name in shown}


def test_the_example_of_secrets_is_complete() -> None:
    text = (ROOT / ".dlt" / "secrets.toml.example").read_text()
    assert tomllib.loads(text)["sources"]["bookeo"].keys() == {"api_key", "secret_key"}
    everything = tomllib.loads(re.sub(r"^# (?=\[|\w+ = )", "", text, flags=re.MULTILINE))
    assert [account["name"] for account in everything["sources"]["bookeo"]["accounts"]] == ["north", "south"]
    assert "postgres" in everything["destination"]


@pytest.mark.parametrize(
    ("closing", "audit", "ends_well"),
    [
        ("===== 12 passed in 1.20s =====", "exit 0", True),
        ("===== 12 passed, 3 warnings in 71.20s (0:01:11) =====", "exit 0", True),
        ("===== 12 passed in 1.20s =====", "exit 1", False),
        ("===== 12 passed, 1 skipped in 1.20s =====", "exit 0", False),
        ("===== 12 passed, 1 xfailed in 1.20s =====", "exit 0", False),
        ("nothing", "exit 0", False),
    ],
)
def test_continuous_integration_fails_on_tests_left_out_and_on_vulnerable_versions(
    closing: str, audit: str, ends_well: bool, folder: Path
) -> None:
    clone = folder / "clone"
    (clone / ".ci").mkdir(parents=True)
    (clone / ".ci" / "run").write_bytes((ROOT / ".ci" / "run").read_bytes())
    programs = folder / "programs"
    programs.mkdir()
    for name, script in {
        "make": f"""case "$*" in
            demo) echo "How do they pay?";;
            "audit AUDIT=--where-reachable") echo "not audited: no service"; {audit};;
            *) echo "{closing}";;
        esac""",
        "git": "exit 1",
        "python3.11": "exit 0",
        "apt-get": "exit 0",
    }.items():
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    done = subprocess.run(
        ["bash", str(clone / ".ci" / "run")],
        env=os.environ | {"PATH": f"{programs}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode == 0) == ends_well, done.stdout + done.stderr
    assert not ends_well or done.stdout.rstrip().endswith(f"\nnot audited: no service\n{closing}")


def test_continuous_integration_can_be_started() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
