"""How the command ends: whatever goes wrong is one sentence and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable

import typer

from bookeo_pipelines.trusted_places import UntrustedPlace


def run_and_exit(app: typer.Typer, say: Callable[[str], None], *, debug: bool = False) -> None:
    """Runs the command and exits.

    Args:
        app: The command.
        say: Prints a sentence for the user.
        debug: Whether the traceback is shown, too. It may quote what a database said of a row.

    Raises:
        SystemExit: Always.
    """
    try:
        app()
    except KeyboardInterrupt:
        say("Interrupted; what was loaded stays loaded, and the next load goes on from there.")
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(1)
    except UntrustedPlace as error:  # before anything is imported, as that would read what is not trusted
        say(f"Error: {error.message}")
        sys.exit(2)
    except Exception as error:
        # Imported here: a command that only prints help need not wait for dlt.
        from bookeo.errors import BookeoError
        from bookeo_pipelines.failures import exit_code

        if debug:
            import traceback

            traceback.print_exc()
        if isinstance(error, BookeoError):
            say(f"Error: {error.message}")
            sys.exit(int(exit_code(error)))
        say(f"Error: {unforeseen(error)}")
        sys.exit(1)


def unforeseen(error: Exception) -> str:
    """Says where an error of ours came from, without its text.

    Args:
        error: The error.

    Returns:
        A sentence.
    """
    return (
        f"something unforeseen happened ({type(error).__name__} in {_where(error)}); what was loaded stays loaded. "
        "Please report it with the output of the same command with --debug."
    )


def _where(error: BaseException) -> str:
    """The innermost function of ours that the error passed through."""
    place = "the command"
    trace = error.__traceback__
    while trace is not None:
        name = str(trace.tb_frame.f_globals.get("__name__", ""))
        if name.startswith("bookeo"):
            place = f"{name}.{trace.tb_frame.f_code.co_name}"
        trace = trace.tb_next
    return place
