"""What several commands share: their common options, and where they print to."""

from __future__ import annotations

import logging
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bookeo_pipelines.runtime.terminal import Terminal


class _Format(StrEnum):
    """What a line of log looks like."""

    TEXT = "text"
    JSON = "json"


class _Level(StrEnum):
    """How much is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


Destination = Annotated[str, typer.Option(help="dlt's name of the destination, such as duckdb or postgres.")]
Dataset = Annotated[str, typer.Option(help="The dataset (schema) that holds the tables.")]
Database = Annotated[
    Path | None,
    typer.Option(help="The DuckDB file; by default bookeo.duckdb in the current folder.", show_default=False),
]
Account = Annotated[
    str | None,
    typer.Option(
        help="Name of one of the accounts in [[sources.bookeo.accounts]]; where several are looked at or loaded, also "
        "several names with commas between them.",
        show_default=False,
    ),
]
Publish = Annotated[
    Path | None,
    typer.Option(
        help="DuckDB file at which to put a copy for readers; by default as the settings say.", show_default=False
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
LogFormat = Annotated[_Format | None, typer.Option(help="Write lines of log: text or json.", show_default=False)]
LogLevel = Annotated[
    _Level | None, typer.Option(help="The least that is logged: debug, info, warning, error.", show_default=False)
]
Debug = Annotated[bool, typer.Option("--debug", help="Show where in the program an error came from.", hidden=True)]


def console(*, stderr: bool = False, quiet: bool = False) -> Terminal:
    """Make the console that a command prints to.

    Args:
        stderr: Whether it prints to standard error.
        quiet: Whether it prints nothing.

    Returns:
        The console.
    """
    return Terminal(stderr=stderr, quiet=quiet)


def say(message: str) -> None:
    """Say one sentence to the user, on standard error.

    Args:
        message: The sentence.
    """
    logger = logging.getLogger("bookeo_pipelines")
    if any(getattr(handler, "as_json", False) for handler in logger.handlers):
        logger.error(message)
        return
    console(stderr=True).print(message, style="red", soft_wrap=True)
