"""The recipe of the container names files and options that exist, and leaves no more rights than needed."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path

from releasing import ROOT, UV, run_anyhow
from typer.main import get_command

from bookeo_pipelines.cli.app import app

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
TEXT = re.sub(r"^#.*\n", "", (ROOT / "Containerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
STEPS = [(step.split()[0], step.partition(" ")[2]) for step in TEXT.splitlines() if step.strip()]
BUILT, KEPT = [part.splitlines() for part in TEXT.split("FROM ${PYTHON}")[1:]]
"""The steps of the stage that installs, and those of the image itself."""
COPIED = [name for step, rest in STEPS if step == "COPY" and "--from" not in rest for name in rest.split()[:-1]]


def values(step: str) -> list[str]:
    return [rest for name, rest in STEPS if name == step]


def test_what_is_copied_exists_and_is_all_that_an_installation_needs() -> None:
    assert [name for name in COPIED if not (ROOT / name).exists()] == []
    needed = ["pyproject.toml", PROJECT["project"]["readme"], *PROJECT["project"]["license-files"]]
    needed += [folder.partition("/")[0] for folder in PROJECT["tool"]["setuptools"]["package-dir"].values()]
    assert set(COPIED) == {*needed, "requirements-uv.txt", "constraints.txt"}


def test_nothing_else_reaches_the_builder() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert lines[0] == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == set(COPIED)


def test_it_installs_as_make_does() -> None:
    makefile = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    pip, uv = (re.findall(rf"{name} install .*", "\n".join(BUILT)) for name in ("-m pip", "uv pip"))
    [[by_pip], [by_uv]] = [[line.partition("&&")[0].split() for line in lines] for lines in (pip, uv)]
    here = [line.split() for line in makefile.splitlines() if "pip install" in line]
    own = {"--no-cache-dir", "--no-cache", "--compile-bytecode"}
    for words, start in ((by_pip, "-m"), (by_uv, "pip")):
        asked = {word for word in words[words.index(start) :] if word not in own and "EXTRAS" not in word}
        assert any(asked <= set(line) for line in here), f"make does not do this: {' '.join(words)}"
    assert "--require-hashes" in by_pip
    assert [by_uv[by_uv.index(f"--{kind}constraints") + 1] for kind in ("", "build-")] == 2 * ["constraints.txt"]
    assert not re.search(r"curl|wget|https?:", TEXT)
    assert "ADD" not in dict(STEPS)


def test_hashes_of_constraints_are_checked(folder: Path) -> None:
    [pinned] = re.findall(r"^mdurl==\S+", (ROOT / "constraints.txt").read_text(), flags=re.MULTILINE)
    (folder / "constraints.txt").write_text(f"{pinned} --hash=sha256:{64 * '0'}\n")
    words = ("--constraints", folder / "constraints.txt", "--target", folder / "there", "mdurl")
    done = run_anyhow(UV, "pip", "install", *words)
    assert done.returncode != 0
    assert "Hash mismatch" in done.stderr


def test_the_command_runs_as_a_user_who_owns_the_volume_only() -> None:
    names = [line.split()[0] for line in KEPT if line.strip()]
    [user] = values("USER")
    [(number, name)] = re.findall(r"useradd --uid (\d+) [^&]* (\w+) +&&", KEPT[1])
    assert int(number) > 0
    assert user == f"{number}:{number}"
    assert names.index("USER") < names.index("ENTRYPOINT")
    assert values("VOLUME") == ["/data"]
    assert values("WORKDIR")[-1] == "/data"
    assert f"--owner {name} --group {name} --mode 0700 /data" in KEPT[1]
    [[program]] = map(json.loads, values("ENTRYPOINT"))
    assert program in PROJECT["project"]["scripts"]
    # It is the first process and hears `docker stop`: tests/pipelines/test_interrupts.py.
    assert (program, values("STOPSIGNAL")) == ("bookeo", [])
    assert not re.search("KEY|SECRET|TOKEN|PASSWORD", " ".join(values("ENV")))


def test_names_of_extras_and_of_python_are_ours() -> None:
    defaults = dict(value.split("=") for value in values("ARG"))
    assert set(defaults["EXTRAS"].split(",")) <= PROJECT["project"]["optional-dependencies"].keys()
    assert f">={re.findall(r':([0-9.]+)-slim', defaults['PYTHON'])[0]}" == PROJECT["project"]["requires-python"]


def test_what_the_document_tells_to_type_is_right() -> None:
    lines = re.findall(r"^docker .*", (ROOT / "docs" / "container.md").read_text(), flags=re.MULTILINE)
    commands = get_command(app).commands  # type: ignore[attr-defined]
    for line in lines:
        words = shlex.split(line)
        if words[1] == "build":
            assert (ROOT / words[words.index("--file") + 1]).exists()
            given = dict(words[at + 1].split("=") for at, word in enumerate(words) if word == "--build-arg")
            assert set(given) <= {"EXTRAS"}
            assert set(given.get("EXTRAS", "sandbox").split(",")) <= PROJECT["project"]["optional-dependencies"].keys()
        else:
            assert {*commands, "--version"} & set(words[words.index("bookeo") :]), line
            assert all(
                re.fullmatch(r"SOURCES__BOOKEO__(API|SECRET)_KEY_FILE=/run/secrets/[\w-]+", words[at + 1])
                for at, word in enumerate(words)
                if word == "--env"
            )
    assert len(lines) > 4
