"""Any failure of a destination as one sentence for the user."""

from __future__ import annotations

import logging
from traceback import clear_frames

from bookeo.errors import BookeoError, FatalError, RetriableError
from bookeo_pipelines.destinations.target import Target, translate
from bookeo_pipelines.runtime.file_errors import trouble_with_file
from bookeo_pipelines.runtime.logs import CAUSES


class LoadFailed(FatalError):
    """The destination does not take a package."""


class DestinationAway(RetriableError):
    """The destination cannot be reached."""


def as_bookeo_error(error: BaseException, target: Target) -> BookeoError:
    """Finds the cause in dlt's nested exceptions and says it in one sentence.

    Args:
        error: What was raised.
        target: Where the load went to.

    Returns:
        The package's own error if there is one in the chain; else one that says what kind of thing failed, without
        the values that databases like to quote.
    """
    chain = list(_chain(error))
    for cause in chain:
        if isinstance(cause, BookeoError):
            return cause
    return because_of(_failure(error, chain, target), error)


def because_of(failure: BookeoError, cause: BaseException) -> BookeoError:
    """Note what an error stands for. It is shown with --debug only: a database may quote a row in it.

    Args:
        failure: The error.
        cause: What it stands for.

    Returns:
        The error.
    """
    failure.__context__, failure.__suppress_context__ = cause, True
    # Else what the functions were working on would stay in memory as long as the error.
    for link in _chain(cause):
        clear_frames(link.__traceback__)
    return failure


def note_cause(error: BaseException) -> None:
    """Show with --debug what led to something that a load only mentions and does without.

    Args:
        error: What was raised.
    """
    logging.getLogger(CAUSES).debug("Caused by", exc_info=error)


def _failure(error: BaseException, chain: list[BaseException], target: Target) -> BookeoError:
    """Say what kind of thing failed."""
    for cause in chain:
        of_duckdb = type(cause).__module__.startswith(("duckdb", "_duckdb")) and target.database is not None
        if of_duckdb and type(cause).__name__ in ("IOException", "ConnectionException", "SerializationException"):
            return translate(cause, target)
    names = {type(cause).__name__ for cause in chain}
    if names & {"DestinationConnectionError", "OperationalError", "ConnectionError", "ConnectionRefusedError"}:
        return DestinationAway(
            f"The destination {target.description} cannot be reached or does not accept the credentials; "
            "check both, then run the same command again."
        )
    if "MissingDependencyException" in names:
        return LoadFailed(
            f"The destination {target.destination} needs more packages: pip install 'dlt[{target.destination}]'."
        )
    if "ConfigFieldMissingException" in names:
        return LoadFailed(
            f"The destination {target.destination} has no credentials: put them under "
            f"[destination.{target.destination}.credentials] in .dlt/secrets.toml."
        )
    if names & {"MemoryError", "OutOfMemoryException", "OutOfMemory"}:
        return LoadFailed(
            f"There is not enough memory for the load into {target.description}; end other programs, or load less at "
            "once with --until. What was loaded stays loaded."
        )
    if "InsufficientPrivilege" in names:
        return LoadFailed(
            f"The user of {target.description} may not make schemas or tables there, or not write to them; grant it "
            "that, then run the same command again."
        )
    if names & {"DiskFull", "DiskFullError"} or any("No space left" in str(cause) for cause in chain):
        return LoadFailed(f"There is no room for the load into {target.description}; make some, then load again.")
    for cause in chain:
        if isinstance(cause, OSError):
            return LoadFailed(f"A file of the load cannot be written or read: {trouble_with_file(cause)}")
    step = getattr(error, "step", None)
    return LoadFailed(
        f"The load into {target.description} failed{f' at the step {step}' if step else ''} with "
        f"{type(chain[-1]).__name__}; nothing of this chunk was kept, run with --debug to see more."
    )


def can_never_load(error: BaseException) -> bool:
    """Tells whether trying to load the same package again is pointless.

    Args:
        error: What loading it raised.

    Returns:
        False only where the destination could not be reached or is held by somebody else.
    """
    texts = [f"{type(cause).__name__}: {cause}" for cause in _chain(error)]
    passing = (
        "DestinationConnectionError",
        "OperationalError",
        "Could not set lock",
        "No space left",
        "KeyboardInterrupt",
    )
    return not any(word in text for text in texts for word in passing)


def _chain(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        cause = waiting.pop(0)
        if cause is None or cause in found:
            continue
        found.append(cause)
        waiting += [getattr(cause, "exception", None), cause.__cause__, cause.__context__]
    return found
