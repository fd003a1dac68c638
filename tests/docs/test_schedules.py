"""The examples of schedules: their commands are ours, and each exit code leads where the document says."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
import typer.main
import yaml

from bookeo_pipelines.cli.app import app
from bookeo_pipelines.outcomes import ExitCode
from programs import find_program
from reading_docs import ROOT, Block, blocks

DOCUMENT = ROOT / "docs" / "schedules.md"
BLOCKS = list(blocks(DOCUMENT))
HOME = "/srv/bookeo"
PROGRAM = f"{HOME}/.venv/bin/bookeo"
UsageError: Any = typer.BadParameter.__base__


def block(section: str, number: int = 0) -> Block:
    return [found for found in BLOCKS if found.section == section][number]


def check(*words: str) -> dict[str, Any]:
    """Makes sure that the command takes these words, without running it."""
    command: Any = typer.main.get_command(app)
    context, left = None, list(words)
    while True:
        context = command.make_context(command.name or "bookeo", left, parent=context)
        if not hasattr(command, "resolve_command"):
            return dict(context.params)
        _, command, left = command.resolve_command(context, [*context._protected_args, *context.args])


def test_words_that_the_command_does_not_take_are_found_out() -> None:
    assert check("marts", "build", "--wait", "600")["wait"] == 600
    for words in (["lod"], ["load", "--wiat", "600"], ["load", "--wait", "soon"], ["marts", "bild"]):
        with pytest.raises(UsageError):
            check(*words)


def test_every_example_is_tested() -> None:
    tested = {"cron": "crontab", "systemd": "ini", "GitHub Actions": "yaml", "Airflow": "python"}
    assert {found.section: found.language for found in BLOCKS if found.section != "Dagster"} == tested


def test_cron() -> None:
    lines = block("cron").code.splitlines()
    assert len(lines) == 2
    for line in lines:
        found = re.fullmatch(rf"(\d+ \S+ \* \* \*) cd {HOME} && \.venv/bin/bookeo ([^>&|]*) >> load\.log 2>&1", line)
        assert found, line
        check(*shlex.split(found[2]))


def test_systemd(folder: Path) -> None:
    units = {}
    for number in range(2):
        name, text = block("systemd", number).code.split("\n", 1)
        unit = configparser.ConfigParser(interpolation=None, strict=False)
        unit.optionxform = str  # type: ignore[assignment, method-assign]
        unit.read_string(text)
        units[Path(name.removeprefix("# ")).name] = unit
        # What is started must be there when the unit is verified.
        program = Path(sys.executable).with_name("bookeo")
        (folder / Path(name).name).write_text(text.replace(PROGRAM, str(program)))
    service, timer = units["bookeo.service"], units["bookeo.timer"]
    program, *words = shlex.split(service["Service"]["ExecStart"])
    assert program == PROGRAM
    check(*words)
    # Restarted after what passes by itself, and after nothing else.
    kept = {int(code) for code in service["Service"]["RestartPreventExitStatus"].split()}
    assert service["Service"]["Restart"] == "on-failure"
    # Stopped by `systemctl stop`, it has not failed.
    assert int(service["Service"]["SuccessExitStatus"]) == ExitCode.TERMINATED
    ended = {ExitCode.DONE, ExitCode.INTERRUPTED, ExitCode.TERMINATED}
    assert {*ExitCode} - kept - ended == {ExitCode.TRY_LATER}
    assert timer["Timer"]["OnCalendar"] == "*-*-* *:17:00 UTC"
    command = [find_program("systemd-analyze"), "verify", "--man=no", *map(str, folder.glob("bookeo.*"))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    security = [find_program("systemd-analyze"), "security", "--offline=yes", "--no-pager", "--threshold=20"]
    done = subprocess.run([*security, str(folder / "bookeo.service")], capture_output=True, text=True, check=False)
    # The threshold is in tenths: an exposure of 2.0 at most.
    assert done.returncode == 0, done.stdout[-300:]


@pytest.mark.parametrize(("code", "ends"), [(0, 0), (1, 1), (3, 3), (4, 0)])
def test_github_actions(code: int, ends: int, folder: Path) -> None:
    workflow = yaml.safe_load(block("GitHub Actions").code)
    assert workflow[True]["schedule"] == [{"cron": "17 * * * *"}], "YAML takes `on` for a truth value"
    job = workflow["jobs"]["load"]
    [step] = [step for step in job["steps"] if step.get("name") == "Load"]
    assert {"SOURCES__BOOKEO__API_KEY", "SOURCES__BOOKEO__SECRET_KEY"} <= step["env"].keys()
    assert all(re.fullmatch(r"\$\{\{ secrets\.\w+ \}\}", value) for value in step["env"].values())
    assert not [other for other in (workflow, job, *job["steps"]) if "env" in other and other is not step]
    actions = [other["uses"] for other in job["steps"] if "uses" in other]
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action) for action in actions), actions
    [checkout] = [other for other in job["steps"] if other.get("uses", "").startswith("actions/checkout@")]
    assert checkout["with"]["persist-credentials"] is False
    [install] = [other["run"] for other in job["steps"] if other.get("name") == "Install"]
    assert "--require-hashes -r requirements-uv.txt" in install
    assert "--constraints constraints.txt --build-constraints constraints.txt" in install
    [line] = [line.strip() for line in step["run"].splitlines() if line.strip().startswith("bookeo ")]
    check(*shlex.split(line.partition(" >")[0])[1:])
    # The step as GitHub runs it, with a command that ends with that code.
    (folder / "bookeo").write_text(f"#!/bin/sh\necho '{{}}'\nexit {code}\n")
    (folder / "bookeo").chmod(0o755)
    (folder / "step.sh").write_text(step["run"])
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "step.sh"],
        env={
            "PATH": f"{folder}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "GITHUB_STEP_SUMMARY": str(folder / "said"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == ends, done.stderr
    assert ("::warning::" in done.stdout) == (code == ExitCode.TRY_LATER)
    assert (folder / "said").read_text() == "{}\n"


class Later(Exception):
    """Stands for what Airflow tries again."""


class Never(Exception):
    """Stands for what Airflow does not try again."""


def dag_of_airflow(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Callable[..., None], tuple[str, ...]]]:
    """Runs the example with stand-ins for what it imports; gives its tasks and what they are called with."""
    calls: list[tuple[Callable[..., None], tuple[str, ...]]] = []

    class Called:
        def __rshift__(self, other: Called) -> Called:
            return other

    def task(**options: Any) -> Callable[..., Any]:
        assert options["retries"] > 0

        def decorate(function: Callable[..., None]) -> Callable[..., Called]:
            return lambda *words: (calls.append((function, words)), Called())[1]

        return decorate

    def dag(**options: Any) -> Callable[..., Any]:
        assert options["schedule"] == "17 * * * *"
        assert options["start_date"].tzinfo is not None
        return lambda function: function

    modules = {
        "airflow": {},
        "airflow.exceptions": {"AirflowException": Later, "AirflowFailException": Never},
        "airflow.sdk": {"dag": dag, "task": task},
    }
    for name, members in modules.items():
        module = types.ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)
    exec(compile(block("Airflow").code, "bookeo.py", "exec"), {"__name__": "dag"})
    return calls


@pytest.mark.parametrize(("code", "raises"), [(0, None), (1, Never), (2, Never), (3, Never), (4, Later)])
def test_airflow(code: int, raises: type[Exception] | None, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = dag_of_airflow(monkeypatch)
    assert [words[0] for _, words in calls] == ["load", "marts"]
    ran: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        ran.append(command)
        return subprocess.CompletedProcess(command, code, "{}")

    monkeypatch.setattr(subprocess, "run", run)
    for function, words in calls:
        check(*words)
        if raises is None:
            function(*words)
        else:
            with pytest.raises(raises):
                function(*words)
    assert ran == [["bookeo", *words] for _, words in calls]
