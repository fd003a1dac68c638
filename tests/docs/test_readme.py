"""Whatever the READMEs tell to type is typed here, against a sandbox."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

import business_with_marts
from bookeo import load_settings
from bookeo.settings.model import BookeoSettings
from bookeo_pipelines.cli import app as cli
from bookeo_pipelines.load.runner import LoadResult
from bookeo_pipelines.outcomes import ExitCode
from bookeo_pipelines.share.query import ask
from bookeo_sandbox import Sandbox, serve
from isolation import isolate
from loading import AS_NEEDED, SMALL, START, load
from patience import PATIENCE
from reading_docs import ROOT, Block, blocks, blocks_of

README = ROOT / "README.md"
NOT_RUN = {
    ". .venv/bin/activate": "the tests run in that environment already",
    "bookeo dashboard": "serves until it is interrupted; tests/dashboard opens it",
    "bookeo dashboard --host 0.0.0.0 --port 8080 --password-file /run/secrets/dashboard": "likewise; tests/dashboard "
    "asks its guard",
    **{
        f'read -rsp "{name.replace("_", " ")}: " {variable}; export {variable}': "asks for a key; its name is tested"
        for name in ("api_key", "secret_key")
        for variable in (f"SOURCES__BOOKEO__{name.upper()}",)
    },
}
"""Lines of the blocks that no test runs, and why."""
SHELL_LINES = [(block, line) for block in blocks_of("bash") for line in block.code.splitlines()]
COMMANDS = [block for block in blocks_of("bash") if not set(block.code.splitlines()) <= NOT_RUN.keys()]
SANDBOX_COMMAND = "bookeo sandbox "
WITH_A_TEST_OF_THEIR_OWN = [
    business_with_marts.commands(),
    *(block for block in COMMANDS if "accounts" in block.section or SANDBOX_COMMAND in block.code),
]


def named(block: Block) -> str:
    return block.name


@pytest.fixture(scope="module")
def first_result_as_needed(tmp_path_factory: pytest.TempPathFactory) -> LoadResult:
    """What a first load in the mode that is the default did; its database and its archive are not to be changed."""
    folder = tmp_path_factory.mktemp("first_as_needed")
    with pytest.MonkeyPatch.context() as monkeypatch:
        isolate(monkeypatch, folder)
        with serve(**SMALL) as running:
            return load(running, folder / "first.duckdb", archive=str(folder / "archive"), **AS_NEEDED)


@pytest.fixture
def loaded(first_result_as_needed: LoadResult, folder: Path) -> Path:
    """A database of the test's own as after that load, and the answers that it got where the README keeps them.

    A load into it has little to do, which is enough to see whether a command is right.
    """
    first = first_result_as_needed.target.database
    assert first is not None
    shutil.copytree(first.with_name("archive"), folder / "answers")
    database = folder / "bookeo.duckdb"
    shutil.copy(first, database)
    return database


@pytest.fixture
def keys(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """A sandbox whose keys stand in the environment, as a user's would."""
    monkeypatch.setenv("SOURCES__BOOKEO__BASE_URL", sandbox.base_url)
    monkeypatch.setenv("SOURCES__BOOKEO__API_KEY", sandbox.api_key)
    monkeypatch.setenv("SOURCES__BOOKEO__SECRET_KEY", sandbox.secret_key)
    return sandbox


@pytest.fixture(scope="module")
def two_accounts() -> Iterator[Sandbox]:
    with serve(**SMALL | {"accounts": 2, "bookings": 20}) as running:
        yield running


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
    path.chmod(0o600)


def test_what_is_not_run_still_stands_there() -> None:
    assert {line for _, line in SHELL_LINES} >= NOT_RUN.keys()
    assert len(COMMANDS) > 5
    assert all(reason for reason in NOT_RUN.values())


@pytest.mark.parametrize("block", [block for block in COMMANDS if block not in WITH_A_TEST_OF_THEIR_OWN], ids=named)
def test_commands(
    block: Block,
    keys: Sandbox,
    loaded: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for line in block.code.splitlines():
        if line in NOT_RUN:
            continue
        code = bookeo(line, monkeypatch)
        printed = capsys.readouterr()
        assert code == 0, f"{line}\n{printed.out}{printed.err}"
        assert printed.out.strip(), line
    assert not keys.requests()["keys_in_query"]
    for database in set(folder.glob("*.duckdb")) - {loaded}:
        assert_has_bookings(database)


def assert_has_bookings(database: Path) -> None:
    with duckdb.connect(str(database), read_only=True) as connection:
        [(schema,)] = connection.execute(
            "SELECT schema_name FROM duckdb_tables() WHERE table_name = 'bookings' AND schema_name NOT LIKE '%staging'"
        ).fetchall()
        assert connection.execute(f"SELECT count(*) > 0 FROM {schema}.bookings").fetchone() == (True,), database


def test_commands_of_the_marts(built: Path) -> None:
    outcomes = business_with_marts.outcomes(built)
    assert list(outcomes) == business_with_marts.commands().code.splitlines()
    for line, outcome in outcomes.items():
        assert outcome.code == 0, f"{line}\n{outcome.out}{outcome.err}"
        assert outcome.out.strip(), line


def test_commands_with_several_accounts(
    two_accounts: Sandbox,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    reread_settings: Callable[[], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    section = [block for block in blocks(README) if block.section == "Several accounts"]
    [settings] = [block for block in section if block.language == "toml"]
    [shell] = [block for block in section if block.language == "bash"]
    write_settings(settings, two_accounts, folder)
    monkeypatch.setenv("SOURCES__BOOKEO__BASE_URL", two_accounts.base_url)
    monkeypatch.setenv("SOURCES__BOOKEO__START", START)
    for children in AS_NEEDED:  # Bookings show well enough whose they are.
        monkeypatch.setenv(f"SOURCES__BOOKEO__{children.upper()}", "never")
    reread_settings()
    for line in shell.code.splitlines():
        code = bookeo(line, monkeypatch)
        printed = capsys.readouterr()
        assert code == 0, f"{line}\n{printed.out}{printed.err}"
    loaded = ask(None, "SELECT DISTINCT account_id FROM bookeo_data.bookings")
    assert set(loaded["account_id"]) == {account.account_id for account in two_accounts.accounts}


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
            assert running.wait(PATIENCE) == 0
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
        assert_has_bookings(database)


@pytest.mark.parametrize("block", blocks_of("sql"), ids=named)
def test_sql(block: Block, loaded: Path) -> None:
    assert len(ask(loaded, block.code)) > 0


@pytest.mark.parametrize("block", blocks_of("toml"), ids=named)
def test_settings(block: Block, two_accounts: Sandbox, folder: Path, reread_settings: Callable[[], None]) -> None:
    given = tomllib.loads(block.code)["sources"]["bookeo"]
    assert given.keys() <= BookeoSettings.get_resolvable_fields().keys()
    running = two_accounts
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


def test_what_the_modes_cost(
    first_result: LoadResult, first_result_as_needed: LoadResult, sandbox: Sandbox, folder: Path
) -> None:
    of_modes = {
        "as_needed": first_result_as_needed,
        "always": first_result,
        "never": load(sandbox, folder / "never.duckdb", **dict.fromkeys(AS_NEEDED, "never")),
    }
    for mode, result in of_modes.items():
        assert result.tables["bookings"].after == SMALL["bookings"]
        shown = re.search(rf"<!-- {mode} -->(\d+) requests", README.read_text())
        assert shown
        assert int(shown[1]) == result.usage.total_requests, mode
