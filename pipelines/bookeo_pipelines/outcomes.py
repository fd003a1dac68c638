"""What becomes of a load or a command: a word for programs, and the exit code that goes with it."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Any

from bookeo.errors import BookeoError, RequestBudgetSpent, RetriableError, UnknownSetting


class ExitCode(IntEnum):
    """What the command's exit code says."""

    DONE = 0
    FATAL = 1
    """Something must be fixed first; or a comparison found differences that are left."""
    USAGE = 2
    """The command line makes no sense, a name is no setting, or settings are in a place that others may write to."""
    REJECTED = 3
    """All is loaded but for records that could not be shaped; they are in `rejected_rows`."""
    TRY_LATER = 4
    """Nothing is wrong here; the same command will do later."""
    INTERRUPTED = 130
    """By SIGINT, which is Ctrl-C."""
    TERMINATED = 143
    """By SIGTERM, from a service manager or a container's engine."""


class Outcome(StrEnum):
    """What became of a load, in a word for programs."""

    DONE = "done"
    STOPPED = "stopped"
    """At the requests allowed, as asked for; the next load goes on."""
    REJECTED = "rejected"
    """All is loaded but for records that could not be shaped."""
    RETRIABLE = "retriable"
    FATAL = "fatal"
    INTERRUPTED = "interrupted"
    """By Ctrl-C or SIGTERM; the next load goes on."""

    @property
    def exit_code(self) -> ExitCode:
        """What the command ends with where no other account fares worse."""
        codes = {
            "rejected": ExitCode.REJECTED,
            "retriable": ExitCode.TRY_LATER,
            "fatal": ExitCode.FATAL,
            "interrupted": ExitCode.INTERRUPTED,
        }
        return codes.get(self, ExitCode.DONE)


def exit_code(error: BookeoError) -> ExitCode:
    """Says which exit code an error ends with.

    Args:
        error: The error.

    Returns:
        `TRY_LATER` for what passes by itself, `USAGE` for a name that is no setting, else `FATAL`.
    """
    if isinstance(error, UnknownSetting):
        return ExitCode.USAGE
    return ExitCode.TRY_LATER if isinstance(error, RetriableError) else ExitCode.FATAL


def outcome_of(failure: BookeoError | None, *, rejected: bool = False) -> Outcome:
    """Says what became of a load.

    Args:
        failure: Why it ended early, if it did.
        rejected: Whether records were rejected, and that counts as a failure.

    Returns:
        The word for it.
    """
    if isinstance(failure, RequestBudgetSpent):
        return Outcome.STOPPED
    if failure is not None:
        return Outcome.RETRIABLE if isinstance(failure, RetriableError) else Outcome.FATAL
    return Outcome.REJECTED if rejected else Outcome.DONE


def failure_as_json(error: BookeoError) -> dict[str, Any]:
    """Says what went wrong, for programs.

    Args:
        error: The error.

    Returns:
        `kind` (`retriable` or `fatal`), `type` (see `bookeo.errors`), `message`, and of the API's answer, where there
        was one, `operation`, `status` and `error_id`.
    """
    kind = Outcome.RETRIABLE if isinstance(error, RetriableError) else Outcome.FATAL
    return {
        "kind": kind.value,
        "type": type(error).__name__,
        "message": error.message,
        "operation": error.operation,
        "status": error.status,
        "error_id": error.error_id,
    }


def failed_as_json(account: str | None, error: BookeoError) -> dict[str, Any]:
    """Says that nothing could be done for an account, for programs.

    Args:
        account: Its name in the settings, if it has one.
        error: Why.

    Returns:
        An object of plain JSON values: as of a load, without its counts.
    """
    outcome = outcome_of(error)
    return {
        "account": account,
        "outcome": outcome.value,
        "failure": failure_as_json(error),
        "error": error.message,
        "exit_code": int(outcome.exit_code),
    }
