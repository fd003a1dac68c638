"""One load at a time: the second says who is there, or waits; whoever dies leaves no lock behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bookeo_sandbox import RequestInfo, Sandbox
from load_rig import Rig
from patience import PATIENCE

COMMAND = [sys.executable, "-c", "from bookeo_pipelines.cli.app import main; main()", "load"]


@pytest.fixture
def held(sandbox: Sandbox) -> tuple[threading.Event, threading.Event]:
    """Holds the first load at its third page of bookings: set once it is there, and what lets it go on."""
    there, go_on = threading.Event(), threading.Event()

    def hook(request: RequestInfo) -> None:
        if request.operation == "GET /bookings" and request.number >= 3:
            there.set()
            go_on.wait(PATIENCE)

    sandbox.on_request(hook)
    return there, go_on


def command(rig: Rig, *options: str) -> subprocess.Popen[str]:
    variables = {
        f"SOURCES__BOOKEO__{name.upper()}": str(value)
        for name, value in rig.settings_values(chunk_bookings=1000).items()
    }
    return subprocess.Popen(
        [*COMMAND, "--database", str(rig.database), "--tables", "bookings", *options],
        env=os.environ | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_second_load_says_who_holds_it_and_a_killed_holder_holds_nothing(
    folder: Path, sandbox: Sandbox, held: tuple[threading.Event, threading.Event]
) -> None:
    there, go_on = held
    rig = Rig(folder, sandbox, tables=("bookings",))
    first = command(rig)
    try:
        assert there.wait(PATIENCE), first.communicate(timeout=PATIENCE)
        second = command(rig)
        out, err = second.communicate(timeout=PATIENCE)
        assert second.returncode == 4, err
        assert f"process {first.pid}" in err
        assert "Traceback" not in out + err
        assert "lock" not in err.lower().replace("--wait", "")

        os.kill(first.pid, signal.SIGKILL)
        first.wait(PATIENCE)
        sandbox.remove_hooks()
        go_on.set()
        third = command(rig)
        out, err = third.communicate(timeout=PATIENCE)
        assert third.returncode == 0, err
    finally:
        go_on.set()
        if first.poll() is None:
            first.kill()
        first.communicate()
    assert rig.differences() == []


def test_the_second_load_waits_if_asked_to(
    folder: Path, sandbox: Sandbox, held: tuple[threading.Event, threading.Event]
) -> None:
    there, go_on = held
    rig = Rig(folder, sandbox, tables=("bookings",))
    first = command(rig)
    try:
        assert there.wait(PATIENCE)
        second = command(rig, "--wait", str(PATIENCE))
        go_on.set()
        _, first_error = first.communicate(timeout=PATIENCE)
        _, second_error = second.communicate(timeout=PATIENCE)
    finally:
        go_on.set()
        if first.poll() is None:
            first.kill()
            first.communicate()
    assert (first.returncode, second.returncode) == (0, 0), first_error + second_error
    assert rig.differences() == []
