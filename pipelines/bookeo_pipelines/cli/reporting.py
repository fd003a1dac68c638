"""How a command that a schedule runs tells of itself: lines of log, JSON whatever happens, an alert where it failed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import typer

from bookeo_pipelines.cli.options import console, say
from bookeo_pipelines.interrupts import interrupted_as_json, interrupts


@dataclass
class Report:
    """How a command shows what it did, and what it tells elsewhere.

    Args:
        as_json: Whether programs read its output.
        logging: Whether lines of log were asked for; they take the place of the display of progress.
        debug: Whether what led to an error is shown.
        accounts: What became of each account, as JSON values without personal data; filled in as the command goes on.
        sentences: What people are told of why it failed, likewise.
    """

    as_json: bool = False
    logging: bool = False
    debug: bool = False
    accounts: list[dict[str, Any]] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)


@contextmanager
def reported(
    command: str,
    log_format: str | None,
    log_level: str | None,
    *,
    as_json: bool,
    account: str | None = None,
    debug: bool = False,
) -> Iterator[Report]:
    """Starts logging, and sends an alert if the block ends with an exit code other than 0.

    Args:
        command: Which command the block is, e.g. `load`.
        log_format: `text` or `json`, where lines of log were asked for.
        log_level: The least that is logged, likewise.
        as_json: Whether programs read the output; they get an object also where the block could print none.
        account: The account that was named, if any.
        debug: Whether what led to an error is shown.

    Yields:
        The report, to be filled in.
    """
    from bookeo_pipelines.runtime.logs import start_logging

    start_logging(log_format, log_level, debug=debug)
    report = Report(as_json, logging=log_format is not None or log_level is not None, debug=debug)

    def interrupted() -> None:
        if not report.accounts and as_json:
            console().print_json(interrupted_as_json(interrupts.number, account))

    try:
        with interrupts.telling(interrupted):
            yield report
    except typer.Exit as ended:
        if ended.exit_code and interrupts.number is None:
            _alert(command, ended.exit_code, report)
        raise
    except Exception as error:
        if interrupts.number is not None:
            raise
        from bookeo.errors import BookeoError, FatalError
        from bookeo_pipelines.cli.exit import sentence_for
        from bookeo_pipelines.outcomes import exit_code, failed_as_json

        failure = error if isinstance(error, BookeoError) else FatalError(sentence_for(error))
        if not report.accounts:
            report.accounts.append(failed_as_json(account, failure))
            if as_json:
                console().print_json(report.accounts[0])
        report.sentences.append(failure.message)
        _alert(command, int(exit_code(failure)), report)
        raise


def _alert(command: str, code: int, report: Report) -> None:
    from bookeo_pipelines.observability.alerts import alert

    trouble = alert(command, code, report.accounts, report.sentences)
    if trouble:
        say(trouble)
