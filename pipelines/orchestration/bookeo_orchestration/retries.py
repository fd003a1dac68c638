"""What Dagster is told of a failure: to try again where that can help, and otherwise not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from dagster import Failure, MetadataValue, RetryRequested

from bookeo.errors import BookeoError, RequestBudgetSpent, RetriableError

RETRIES = 3
RETRY_SECONDS = 300.0
"""Until the first retry; each further one waits twice as long as the one before."""


def will_pass(failure: BookeoError) -> bool:
    """Tells whether the same will do later.

    Args:
        failure: What went wrong.

    Returns:
        True for what is wrong elsewhere and passes. A budget of requests that is used up is not: it was set on purpose.
    """
    return isinstance(failure, RetriableError) and not isinstance(failure, RequestBudgetSpent)


def ask_for_retry(retry_number: int) -> None:
    """Has the step run again later, if it has not been tried too often.

    Args:
        retry_number: Retries so far.

    Raises:
        RetryRequested: It is to run again.
    """
    if retry_number < RETRIES:
        # Without a cause: the messages of whatever an error of ours stands for may quote data.
        raise RetryRequested(max_retries=RETRIES, seconds_to_wait=RETRY_SECONDS * 2**retry_number) from None


def failed(failures: Mapping[str, BookeoError | str]) -> Failure:
    """Says for good that something went wrong.

    Args:
        failures: Why, by whom or what it happened to; the name may be empty.

    Returns:
        What ends the step, without a retry.
    """
    said = {name: why if isinstance(why, str) else why.message for name, why in failures.items()}
    return Failure(
        "; ".join(f"{name}: {why}" if name else why for name, why in said.items()),
        metadata={name or "failure": MetadataValue.text(why) for name, why in said.items()},
        allow_retries=False,
    )


@contextmanager
def failures_told(context: Any) -> Iterator[None]:
    """Turns errors of ours into what Dagster is to do about them.

    Args:
        context: The step's context.

    Yields:
        Nothing.

    Raises:
        RetryRequested: The error passes, and the step has tries left.
        Failure: It does not, or has not.
    """
    try:
        yield
    except BookeoError as error:
        if will_pass(error):
            context.log.warning(error.message)
            ask_for_retry(context.retry_number)
        raise failed({"": error}) from None
