"""Ctrl-C and SIGTERM end the command, whatever it is doing: one sentence, 130 or 143, and nobody is alarmed.

Real signals for real processes. Each is sent after something that has happened: a module that is being imported, a
request that has come, a line that was printed.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import duckdb
import pytest

from bookeo_pipelines.interrupts import SENTENCE
from bookeo_sandbox import RequestInfo, Sandbox
from business_with_marts import built  # noqa: F401 - a fixture
from isolation import write_secrets
from loading import START
from patience import PATIENCE, wait_until

COMMAND = str(Path(sys.executable).with_name("bookeo"))
WAITS = "import sys, time\nprint('importing', file=sys.stderr, flush=True)\n"
BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])


class Running:
    """A command that runs.

    Args:
        *arguments: Its arguments.
        **variables: More variables.
    """

    def __init__(self, *arguments: str, **variables: str) -> None:
        environment = {**os.environ, "NO_COLOR": "1", **variables}
        self.process = subprocess.Popen(
            [COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        self._lines: list[str] = []

    def wait_for(self, text: str) -> None:
        """Wait for a line on standard error that holds a text."""
        stream = self.process.stderr
        assert stream is not None
        for line in stream:
            self._lines.append(line)
            if text in line:
                return
        raise AssertionError("".join(self._lines))

    def interrupt(self, number: int) -> tuple[str, str]:
        """Send a signal, and return what it printed by then and since, once it has ended as it should."""
        self.process.send_signal(number)
        return self.ended(number)

    def ended(self, number: int) -> tuple[str, str]:
        """Return what it printed, once it has ended as it should by a signal."""
        out, err = self.process.communicate(timeout=PATIENCE)
        err = "".join(self._lines) + err
        assert self.process.returncode == 128 + number, err
        assert err.count(SENTENCE) == 1
        assert "Traceback" not in err
        assert "Error" not in err
        return out, err


@pytest.fixture
def alarmed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Makes sure that nobody is told of a failure."""
    told = folder / "told"
    monkeypatch.setenv("SOURCES__BOOKEO__ON_FAILURE", f"touch {told}")
    yield
    assert not told.exists()


def module(folder: Path, name: str, text: str) -> str:
    """Put a module in the place of one that is imported; returns the value of PYTHONPATH."""
    place = folder / "modules"
    place.mkdir()
    (place / f"{name}.py").write_text(WAITS + text)
    return str(place)


@BOTH
def test_in_its_first_moments(number: int, folder: Path) -> None:
    running = Running("load", "--json", PYTHONPATH=module(folder, "typer", f"time.sleep({PATIENCE})"))
    running.wait_for("importing")
    out, _ = running.interrupt(number)
    assert json.loads(out)["outcome"] == "interrupted"


@pytest.mark.usefixtures("alarmed")
def test_while_libraries_are_imported_that_take_it_for_a_failure(folder: Path) -> None:
    hides = f"try:\n    time.sleep({PATIENCE})\nexcept BaseException:\n    raise ImportError('broken')"
    running = Running("load", "--json", PYTHONPATH=module(folder, "dlt", hides))
    running.wait_for("importing")
    out, _ = running.interrupt(signal.SIGINT)
    summary = json.loads(out)
    assert (summary["outcome"], summary["exit_code"], summary["failure"]) == ("interrupted", 130, None)


def test_where_what_it_does_cannot_be_stopped(folder: Path) -> None:
    stays = f"while True:\n    try:\n        time.sleep({PATIENCE})\n    except BaseException:\n        pass"
    running = Running("status", PYTHONPATH=module(folder, "dlt", stays))
    running.wait_for("importing")
    running.interrupt(signal.SIGTERM)


def test_as_the_first_process_of_a_container(folder: Path) -> None:
    """The kernel keeps from it each signal for which it has no handler."""
    unshare = [shutil.which("unshare") or "unshare", "--user", "--map-root-user", "--pid", "--fork"]
    if not shutil.which("unshare") or subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine makes no namespace of processes")
    sends = f"import os\nos.system('kill -TERM 1')\ntime.sleep({PATIENCE})"
    environment = {**os.environ, "PYTHONPATH": module(folder, "typer", sends)}
    done = subprocess.run(
        [*unshare, COMMAND, "load"], capture_output=True, text=True, env=environment, timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stderr) == (143, f"importing\n{SENTENCE}\n")


@pytest.mark.usefixtures("alarmed")
def test_while_it_loads(sandbox: Sandbox, folder: Path) -> None:
    """At a request after packages were committed; the answer does not come before the command has ended."""
    asked, over = Event(), Event()

    def hold(request: RequestInfo) -> None:
        if request.operation == "GET /payments":
            asked.set()
            over.wait(PATIENCE)

    sandbox.on_request(hold)
    write_secrets(
        folder,
        f'[sources.bookeo]\nbase_url = "{sandbox.base_url}"\napi_key = "{sandbox.api_key}"\n'
        f'secret_key = "{sandbox.secret_key}"\nstart = "{START}"\n',
    )
    running = Running("load", "--json", "--log-format", "text")
    try:
        assert asked.wait(PATIENCE)
        out, err = running.interrupt(signal.SIGINT)
    finally:
        over.set()
        sandbox.remove_hooks()
    summary = json.loads(out)
    assert (summary["outcome"], summary["exit_code"]) == ("interrupted", 130)
    assert err.count("The load has ended") == err.count("outcome=interrupted") == 1
    with duckdb.connect(str(folder / "bookeo.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT outcome, proof FROM bookeo_data.load_runs").fetchall() == [
            ("interrupted", None)
        ]
        assert connection.execute("SELECT count(*) > 0 FROM bookeo_data.bookings").fetchall() == [(True,)]


def test_while_dbt_builds_the_marts(built: Path, folder: Path) -> None:  # noqa: F811
    shutil.copy(built, folder / "bookeo.duckdb")
    running = Running("marts", "build")
    # dbt has read the project, and runs it.
    wait_until(lambda: [*(folder / "dlt").rglob("partial_parse.msgpack")] or running.process.poll() is not None)
    running.interrupt(signal.SIGTERM)
