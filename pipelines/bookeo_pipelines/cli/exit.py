"""How the command ends: whatever goes wrong is one sentence and an exit code."""

from __future__ import annotations

import signal
import sys
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from bookeo_pipelines.interrupts import interrupts
from bookeo_pipelines.runtime.file_errors import trouble_with_file
from bookeo_pipelines.runtime.terminal import Terminal, visible
from bookeo_pipelines.runtime.trusted_places import UntrustedPlace

if TYPE_CHECKING:
    from bookeo.errors import BookeoError

OUT_OF_MEMORY = "there is not enough memory; end other programs, or ask for less at once."


def run_and_exit(app: typer.Typer, say: Callable[[str], None], *, debug: bool = False) -> None:
    """Run the command and exit.

    Args:
        app: The command.
        say: Prints a sentence for the user.
        debug: Whether the traceback is shown, too. It may quote what a database said of a row.

    Raises:
        SystemExit: Always.
    """
    try:
        _run(app, say, debug=debug)
    except BaseException as error:
        # Whatever an interruption has led to, e.g. an import that failed, it is no failure.
        if interrupts.number is None and not isinstance(error, KeyboardInterrupt):
            raise
        interrupts.last_words()
        sys.exit(128 + (interrupts.number or signal.SIGINT))


def _run(app: typer.Typer, say: Callable[[str], None], *, debug: bool) -> None:
    try:
        app()
    except BrokenPipeError:
        sys.exit(1)
    except UntrustedPlace as error:  # before anything is imported, as that would read what is not trusted
        say(f"Error: {error.message}")
        sys.exit(2)
    except Exception as error:
        if interrupts.number is not None:
            raise
        # Imported here: a command that only prints help need not wait for dlt.
        from bookeo.errors import BookeoError
        from bookeo_pipelines.outcomes import exit_code

        if debug:
            show_trace(error)
        if isinstance(error, BookeoError):
            say(f"Error: {error.message}")
            show_reason(error)
            sys.exit(int(exit_code(error)))
        say(f"Error: {sentence_for(error)}")
        sys.exit(1)


def show_reason(error: BookeoError) -> None:
    """Show what else there is to an error: lines of a database about a question, and the API's own words.

    The API's are shown on a terminal only: they may name a customer, whom no log may name.

    Args:
        error: The error.
    """
    console = Terminal(stderr=True)
    for line in getattr(error, "details", ()):
        console.print(line, style="red", soft_wrap=True)
    if error.api_message and console.is_terminal:
        console.print(f"Bookeo says: {error.api_message}", style="red", soft_wrap=True)


def show_trace(error: BaseException) -> None:
    """Show where an error came from, with all that led to it.

    What led to an error about a setting stays hidden: it may quote a key.

    Args:
        error: The error.
    """
    from bookeo.errors import BookeoError, SettingsError

    link: BaseException | None = error
    seen: set[int] = set()
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        if isinstance(link, BookeoError):
            link.__suppress_context__ = type(link) is SettingsError
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    console = Terminal(stderr=True)
    for line in "".join(traceback.format_exception(error)).splitlines():
        console.print(line, soft_wrap=True)


def sentence_for(error: Exception) -> str:
    """Say what is wrong in an error that nothing of ours has put into words.

    Args:
        error: The error.

    Returns:
        A sentence: of what may happen to any program, what it is and what to do; of the rest, that it is a bug and how
        to report it.
    """
    if isinstance(error, MemoryError):
        return OUT_OF_MEMORY
    if isinstance(error, OSError):
        return f"a file cannot be written or read: {visible(trouble_with_file(error))}"
    if isinstance(error, UnicodeEncodeError):
        return f"the output's encoding {error.encoding} lacks a character; set PYTHONIOENCODING=utf-8 and run it again."
    if isinstance(error, ImportError):
        package = (error.name or "that is needed").partition(".")[0]
        return f"the package {package} is not installed as it should be; install bookeo again, with its extras."
    return unforeseen(error)


def unforeseen(error: Exception) -> str:
    """Say where an error of ours came from, without its text.

    Args:
        error: The error.

    Returns:
        A sentence.
    """
    return (
        f"something unforeseen happened ({type(error).__name__} in {_where(error)}); what was loaded stays loaded. "
        "This is a bug: please report it with what the same command prints with --debug, without personal data that a "
        "database may quote there."
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
