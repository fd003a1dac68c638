"""Whatever the READMEs tell to type is typed here, against a sandbox."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from reading_docs import ROOT, Block, blocks, blocks_of

from bookeo import load_settings
from bookeo.settings import BookeoSettings
from bookeo_pipelines import cli
from bookeo_pipelines.destination import target
from bookeo_pipelines.failures import ExitCode
from bookeo_pipelines.load import LoadRequest, run_load
from bookeo_pipelines.query import ask
from bookeo_sandbox import Sandbox, serve
from loading import SMALL, settings_of

README = ROOT / "README.md"
NOT_RUN = {
    ". .venv/bin/activate": "the tests run in that environment already",
    "bookeo dashboard": "serves until it is interrupted; tests/dashboard opens it",
    "export SOURCES__BOOKEO__API_KEY=the-business-accounts-key": "stands for a real key; its name is tested",
    "export SOURCES__BOOKEO__SECRET_KEY=your-applications-key": "stands for a real key; its name is tested",
}
"""Lines of the blocks that no test runs, and why."""
SHELL_LINES = [(block, line) for block in blocks_of("bash") for line in block.code.splitlines()]
COMMANDS = [block for block in blocks_of("bash") if not set(block.code.splitlines()) <= NOT_RUN.keys()]
SANDBOX_COMMAND = "bookeo sandbox "


def named(block: Block) -> str:
    return block.name


@pytest.fixture
def keys(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """A sandbox whose keys stand in the environment, as a user's would."""
    monkeypatch.setenv("SOURCES__BOOKEO__BASE_URL", sandbox.base_url)
    monkeypatch.setenv("SOURCES__BOOKEO__API_KEY", sandbox.api_key)
    monkeypatch.setenv("SOURCES__BOOKEO__SECRET_KEY", sandbox.secret_key)
    return sandbox


def bookeo(line: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Runs a command line as a shell would, in this process, and gives its exit code."""
    words = shlex.split(line)
    assert words[0] == "bookeo", f"{line!r} is neither run nor listed in NOT_RUN"
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def write_settings(block: Block, running: Sandbox, folder: Path) -> None:
    """Writes a block of settings into the file that it names, with keys that the sandbox knows."""
    name, text = block.code.split("\n", 1)
    assert name in ("# .dlt/config.toml", "# .dlt/secrets.toml")
    accounts = iter(running.accounts)
    text = re.sub(r'(?<=\napi_key = ").*(?=")', lambda _: next(accounts).api_key, "\n" + text)
    text = re.sub(r'(?<=\nsecret_key = ").*(?=")', running.secret_key, text)
    path = folder / name.removeprefix("# ")
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def test_what_is_not_run_still_stands_there() -> None:
    assert {line for _, line in SHELL_LINES} >= NOT_RUN.keys()
    assert len(COMMANDS) > 5
    assert all(reason for reason in NOT_RUN.values())


@pytest.mark.parametrize(
    "block", [b for b in COMMANDS if "accounts" not in b.section and SANDBOX_COMMAND not in b.code], ids=named
)
def test_commands(
    block: Block, keys: Sandbox, loaded: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for line in block.code.splitlines():
        if line in NOT_RUN:
            continue
        code = bookeo(line, monkeypatch)
        printed = capsys.readouterr()
        assert code == 0, f"{line}\n{printed.out}{printed.err}"
        assert printed.out.strip(), line
    assert not keys.requests()["keys_in_query"]


def test_commands_with_several_accounts(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    reread_settings: Callable[[], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    section = [block for block in blocks(README) if block.section == "Several accounts"]
    [settings] = [block for block in section if block.language == "toml"]
    [shell] = [block for block in section if block.language == "bash"]
    with serve(**SMALL | {"accounts": 2}) as running:
        write_settings(settings, running, folder)
        monkeypatch.setenv("SOURCES__BOOKEO__BASE_URL", running.base_url)
        monkeypatch.setenv("SOURCES__BOOKEO__START", "2026-03-30")
        reread_settings()
        for line in shell.code.splitlines():
            code = bookeo(line, monkeypatch)
            printed = capsys.readouterr()
            assert code == 0, f"{line}\n{printed.out}{printed.err}"
        loaded = ask(None, "SELECT DISTINCT account_id FROM bookeo_data.bookings")
        assert set(loaded["account_id"]) == {account.account_id for account in running.accounts}


def test_the_sandbox_command_prints_what_a_load_needs(folder: Path) -> None:
    [line] = [line for _, line in SHELL_LINES if line.startswith(SANDBOX_COMMAND)]
    words = shlex.split(line)
    program = str(Path(sys.executable).with_name(words[0]))
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen([program, *words[1:]], stdout=subprocess.PIPE, text=True, env=environment) as running:
        try:
            assert running.stdout is not None
            printed = ""
            while "Ctrl-C" not in printed:
                printed += (read := running.stdout.readline())
                assert read, printed
            running.send_signal(signal.SIGINT)
            assert running.wait(60) == 0
        finally:
            running.kill()
    assert set(re.findall(r"export (\w+)=\S", printed)) == {
        "SOURCES__BOOKEO__BASE_URL",
        "SOURCES__BOOKEO__API_KEY",
        "SOURCES__BOOKEO__SECRET_KEY",
    }


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # of pandas, about duckdb's own code
@pytest.mark.parametrize("block", blocks_of("python"), ids=named)
def test_python(block: Block, keys: Sandbox, loaded: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(block.code, block.name, "exec"), {"__name__": "__main__"})
    printed = capsys.readouterr().out
    made = set(folder.glob("*.duckdb")) - {loaded}
    assert printed.strip() or made
    for database in made:
        with duckdb.connect(str(database), read_only=True) as connection:
            assert connection.execute("SELECT count(*) > 0 FROM bookeo_data.bookings").fetchone() == (True,)


@pytest.mark.parametrize("block", blocks_of("sql"), ids=named)
def test_sql(block: Block, loaded: Path) -> None:
    assert len(ask(loaded, block.code)) > 0


@pytest.mark.parametrize("block", blocks_of("toml"), ids=named)
def test_settings(block: Block, folder: Path, reread_settings: Callable[[], None]) -> None:
    given = tomllib.loads(block.code)["sources"]["bookeo"]
    assert given.keys() <= BookeoSettings.get_resolvable_fields().keys()
    with serve(**SMALL | {"accounts": 2}) as running:
        write_settings(block, running, folder)
        reread_settings()
        accounts = given.pop("accounts", None)
        keys = {} if "secrets" in block.code else {"api_key": "a", "secret_key": "s"}
        settings = load_settings(account=accounts[-1]["name"] if accounts else None, **keys)
    expected = given | ({"api_key": running.accounts[1 if accounts else 0].api_key} if "secrets" in block.code else {})
    expected |= {"secret_key": running.secret_key} if "secrets" in block.code else {}
    assert {name: getattr(settings, name) for name in expected} == expected


def test_a_scheduled_load(keys: Sandbox, loaded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [block] = blocks_of("crontab")
    found = re.fullmatch(r"(\S+ ){5}cd /srv/bookeo && \.venv/bin/(bookeo [^>&]*) >> load\.log 2>&1", block.code)
    assert found
    assert bookeo(found[2], monkeypatch) == 0


def test_keys_in_the_environment_have_the_names_of_settings() -> None:
    names = re.findall(r"SOURCES__BOOKEO__(\w+)", README.read_text())
    assert {name.lower() for name in names} == {"api_key", "secret_key"}


def test_no_block_is_in_a_language_that_nobody_tests() -> None:
    found = {block.language for block in blocks_of_all()}
    assert found == {"bash", "python", "sql", "toml", "crontab", "console"}


def blocks_of_all() -> list[Block]:
    return [block for document in {block.document for block in blocks_of("python")} for block in blocks(document)]


def test_exit_codes() -> None:
    [table] = re.findall(r"### Exit codes\n\n(.*?)\n\n", README.read_text(), flags=re.DOTALL)
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", table, flags=re.MULTILINE)] == [*ExitCode]


@pytest.mark.parametrize("mode", ["as_needed", "always", "never"])
def test_what_the_modes_cost(mode: str, sandbox: Sandbox, folder: Path) -> None:
    modes: dict[str, Any] = dict.fromkeys(("customers", "payments", "histories"), mode)
    where = target("duckdb", "bookeo_data", folder / "cost.duckdb")
    result = run_load(LoadRequest(settings_of(sandbox, **modes), where))
    assert result.tables["bookings"].after == SMALL["bookings"]
    shown = re.search(rf"<!-- {mode} -->(\d+) requests", README.read_text())
    assert shown
    assert int(shown[1]) == result.usage.total_requests
