"""Runs a command and says what it cost: CPU and peak memory of all its processes, and time on the clock."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_LOOK_EVERY = 0.02


class Unfit(Exception):
    """A run does not count; the message says why."""


@dataclass(frozen=True)
class Limits:
    """What a run may take.

    Args:
        seconds: On the clock.
        megabytes: Of memory.
    """

    seconds: float
    megabytes: float


@dataclass(frozen=True)
class Cost:
    """What a run cost.

    Args:
        cpu: Seconds of CPU, user and system, of the process and all those it started.
        wall: Seconds on the clock.
        memory: Peak of the resident memory in MB: of all its processes that lived at the same time.
    """

    cpu: float
    wall: float
    memory: float


def run(command: Sequence[str], folder: Path, variables: Mapping[str, str], limits: Limits) -> Cost:
    """Runs a command to its end.

    Args:
        command: Program and arguments.
        folder: Where it works; what it prints goes to `output.txt` there.
        variables: Its environment.
        limits: What it may take.

    Returns:
        What it cost.

    Raises:
        Unfit: It failed, or took more than it may; its processes are ended then.
    """
    memory = 0.0
    printed = folder / "output.txt"
    started = time.monotonic()
    with printed.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=variables, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            while True:
                # The kernel adds up the CPU of a process and of all those that it waited for.
                ended, status, usage = os.wait4(process.pid, os.WNOHANG)
                wall = time.monotonic() - started
                if ended:
                    process.returncode = os.waitstatus_to_exitcode(status)
                    break
                memory = max(memory, _peaks(process.pid))
                if memory > limits.megabytes:
                    raise Unfit(f"more than {limits.megabytes / 1000:.0f} GB")
                if wall > limits.seconds:
                    raise Unfit(f"more than {limits.seconds / 60:.0f} min")
                time.sleep(_LOOK_EVERY)
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    if process.returncode:
        raise Unfit(f"exit code {process.returncode}: {printed.read_text(errors='replace')[-1500:]}")
    return Cost(usage.ru_utime + usage.ru_stime, wall, max(memory, usage.ru_maxrss / 1024))


def _peaks(session: int) -> float:
    """Adds up the peak memory in MB of a session's processes; the kernel keeps each, however seldom one looks."""
    kilobytes = 0
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.getsid(int(entry.name)) == session:
                kilobytes += int((entry / "status").read_text().partition("VmHWM:")[2].split()[0])
        except (OSError, IndexError):
            continue  # It has ended meanwhile.
    return kilobytes / 1024
