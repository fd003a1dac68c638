"""Lines of log on standard error, for people or for programs; nothing personal and no key in them, at any level.

Our own lines are made of counts and names. What dlt and urllib3 say is passed on where its form is known to hold
neither; of anything else only the place in their code is told, since a database likes to quote the row that it refuses.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import traceback
from datetime import UTC, datetime

from bookeo_pipelines.runtime.json_text import json_text
from bookeo_pipelines.runtime.terminal import visible

OWN = ("bookeo", "bookeo_pipelines")
CAUSES = "bookeo_pipelines.causes"
"""The logger of what led to something that a load does without: heard with --debug only, as it may quote a row."""
FOREIGN = ("dlt", "urllib3", "opentelemetry")
DLT_SAYS = re.compile(
    r"(Created new load package|Extracted package|Empty package|Found \d+ load packages|Loading schema from load"
    r"|Loaded schema name|Will load additional|Will complete|Job for \S+ completed|All jobs completed"
    r"|Aborting package|Package \S+ aborted|Running file|Processed all items|Processed file|Free worker slots"
    r"|Starting job|Checking state for job|job \S+ still running|\d+ started jobs found)"
)
"""How lines of dlt begin that say which package or file it is at, and no more."""

DLT_MINDS = "when merging arrow schema with dlt schema"
"""What dlt warns of with every table: that a column's declaration says more than Arrow's types can, as it should."""
URLLIB3_SAYS = re.compile(
    r"(Starting new HTTPS? connection \(\d+\): \S+|Resetting dropped connection: \S+)"
    r'|(https?://[^/"\s]+) "(\w+) \S+ HTTP/[\d.]+" (\d+) \S+'
)


class LineHandler(logging.Handler):
    """Writes each record as one line.

    Args:
        as_json: Whether a line is a JSON object.
    """

    def __init__(self, *, as_json: bool) -> None:
        super().__init__()
        self.as_json = as_json

    def emit(self, record: logging.LogRecord) -> None:
        """Writes the line.

        Args:
            record: What is to be told.
        """
        try:
            lines = [self.format(record)]
            if record.name == CAUSES and record.exc_info:
                lines += map(visible, "".join(traceback.format_exception(*record.exc_info)).splitlines())
            sys.stderr.write("".join(f"{line}\n" for line in lines))
            sys.stderr.flush()
        except Exception:
            self.handleError(record)

    def format(self, record: logging.LogRecord) -> str:
        """Makes the line. Whatever formatter a library sets has no say in it.

        Args:
            record: What is to be told.

        Returns:
            The line, without its end.
        """
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        level, message = record.levelname.lower(), _message(record)
        fields = {name: value for name, value in getattr(record, "fields", {}).items() if value is not None}
        if self.as_json:
            line = {"time": time, "level": level, "logger": record.name, "message": message, **fields}
            return json_text(line, indented=False)
        told = "".join(f" {name}={value}" for name, value in fields.items() if not isinstance(value, dict | list))
        return visible(f"{time} {level:7} {record.name}: {message}{told}")

    def filter(self, record: logging.LogRecord) -> bool:
        """Leaves out what could tell nothing.

        Args:
            record: What is to be told.

        Returns:
            Whether it is told: of the libraries' lines all warnings and errors, and those of a known form.
        """
        if _is_own(record) or _known(record) is not None:
            return True
        return record.levelno >= logging.WARNING and DLT_MINDS not in record.getMessage()


def start_logging(log_format: str | None, level: str | None, *, debug: bool = False) -> None:
    """Makes ours the only handler of all loggers that matter, in place of an earlier one.

    Args:
        log_format: `text` or `json`; None where nobody asks.
        level: `debug`, `info`, `warning` or `error`; None: `info` where a format was asked for, else only warnings of
            our own.
        debug: Whether what led to an error is shown.
    """
    asked = log_format is not None or level is not None
    shown = (level or ("info" if asked else "warning")).upper()
    handler = LineHandler(as_json=log_format == "json")
    for name in (*OWN, *FOREIGN) if asked else OWN:
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.propagate = False
        logger.setLevel(shown)
    # How a load ends is said in its summary; a line of it is for those who ask for lines.
    logging.getLogger("bookeo_pipelines.observability.observer").setLevel("NOTSET" if asked else "CRITICAL")
    logging.getLogger(CAUSES).setLevel("DEBUG" if debug else "CRITICAL")
    # dlt sets its logger's level by this. Without being asked it is silent: what it has to say is in the error that it
    # raises, and its text may quote a row.
    os.environ["RUNTIME__LOG_LEVEL"] = shown if asked else "CRITICAL"


def _is_own(record: logging.LogRecord) -> bool:
    return record.name.partition(".")[0] in OWN


def _message(record: logging.LogRecord) -> str:
    if _is_own(record):
        return record.getMessage()
    known = _known(record)
    if known is not None:
        return known
    kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
    return f"{record.module}.{record.funcName}, line {record.lineno}{': ' * bool(kind)}{kind} (its text may quote data)"


def _known(record: logging.LogRecord) -> str | None:
    """What a library says, where its form is known to hold nothing personal and no key; else None."""
    if record.levelno >= logging.WARNING:
        return None
    message = record.getMessage()
    if record.name.startswith("urllib3"):
        # Paths and parameters stay out: an address that alerts go to is a secret by itself.
        found = URLLIB3_SAYS.fullmatch(message)
        return " ".join(part for part in found.groups() if part) if found else None
    return message.splitlines()[0] if record.name == "dlt" and DLT_SAYS.match(message) else None
