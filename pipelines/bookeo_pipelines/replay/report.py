"""What a replay did, as a table for people and as JSON for programs."""

from __future__ import annotations

from typing import Any

from bookeo_pipelines.load.report import as_json, ending, print_result
from bookeo_pipelines.outcomes import ExitCode
from bookeo_pipelines.replay.account import ReplayResult
from bookeo_pipelines.runtime.terminal import Terminal


def print_replay(console: Terminal, result: ReplayResult) -> None:
    """Prints what a replay did.

    Args:
        console: Where to print.
        result: What it did.
    """
    print_result(console, result.load)
    skipped = f", {len(result.damaged)} skipped" if result.damaged else ""
    console.print(f"{result.files} file(s) of the archive{skipped}. {result.next_load}", soft_wrap=True)


def replay_as_json(result: ReplayResult, *, fail_on_rejected: bool) -> dict[str, Any]:
    """Says what a replay did, for programs.

    Args:
        result: What it did.
        fail_on_rejected: Whether rejected records count as a failure.

    Returns:
        An object of plain JSON values, without personal data.
    """
    return {
        **as_json(result.load),
        "files": result.files,
        "damaged": list(result.damaged),
        "next_load": result.next_load,
        "exit_code": int(exit_code_of(result, fail_on_rejected=fail_on_rejected)),
    }


def exit_code_of(result: ReplayResult, *, fail_on_rejected: bool) -> ExitCode:
    """Says how a replay ends.

    Args:
        result: What it did.
        fail_on_rejected: Whether rejected records count as a failure.

    Returns:
        `FATAL` where a file was skipped; else as of a load.
    """
    return ExitCode.FATAL if result.damaged else ending([result.load], fail_on_rejected=fail_on_rejected)[0]
