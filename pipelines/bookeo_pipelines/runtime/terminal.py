"""How text is shown to people: whatever it holds, it is shown and does nothing.

Names, comments and error messages come from customers, servers and databases. To Rich, brackets and `:words:` in them
would be markup; to a terminal, control characters are commands; and characters that turn the direction of writing, or
end a line, show something else than what is there.
"""

from __future__ import annotations

import io
import sys
import unicodedata
from typing import Any, TextIO

from rich.console import Console
from rich.text import Text

from bookeo_pipelines.runtime.json_text import json_text

WIDTH = 140
"""Columns of output that is piped: room for whole tables."""
_JOINERS = "\u200c\u200d"
"""Words of some languages, and some emoji, are not the same without these."""
_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
"""Categories of characters that act instead of being seen: control, format, private, surrogates, ends of lines."""


def visible(text: object) -> str:
    r"""Make a text one line of characters that are seen.

    Args:
        text: What is to be shown.

    Returns:
        The text; in the place of characters that would act, what Python writes for them, such as `\x1b` or `\n`.
    """
    return "".join(
        character
        if character in _JOINERS or unicodedata.category(character) not in _HIDDEN
        else character.encode("unicode_escape", "surrogatepass").decode("ascii")
        for character in str(text)
    )


def show_in_any_encoding() -> None:
    r"""Let standard output and error show characters that their encoding lacks as escapes like `\u2026`, not fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def cell(value: object, style: str = "") -> Text:
    """Make a cell of a table, which may have several lines.

    Args:
        value: What is to be shown; None: nothing.
        style: Rich's name of a style.

    Returns:
        The cell.
    """
    if value is None:
        return Text()
    text = value.hex() if isinstance(value, bytes) else str(value)
    return Text("\n".join(map(visible, text.split("\n"))), style)


def heading(bold: str, rest: str = "") -> Text:
    """Make a heading.

    Args:
        bold: Its words in bold type.
        rest: What follows them.

    Returns:
        One line.
    """
    return Text.assemble((visible(bold), "bold"), visible(rest))


class VisibleLines(io.TextIOBase):
    """A stream that passes on what another program's code prints, as it is seen.

    Args:
        stream: Where it goes.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text, of one or several lines.

        Args:
            text: The text.

        Returns:
            Its length.
        """
        self._stream.write("\n".join(map(visible, text.split("\n"))))
        return len(text)

    def flush(self) -> None:
        """Write what waits."""
        self._stream.flush()


class Terminal(Console):
    """A console on which every text is shown as it is.

    Args:
        stderr: Whether it prints to standard error.
        quiet: Whether it prints nothing.
    """

    def __init__(self, *, stderr: bool = False, quiet: bool = False, **options: Any) -> None:
        options = {"markup": False, "emoji": False, "highlight": False, **options}
        super().__init__(stderr=stderr, quiet=quiet, **options)
        if not self.is_terminal and "width" not in options:
            self.width = WIDTH

    def print_json(self, data: Any) -> None:  # type: ignore[override]
        """Print what a command found, for programs.

        Args:
            data: Objects, lists and scalars; see `bookeo_pipelines.runtime.json_text`.
        """
        self.file.write(f"{json_text(data)}\n")

    def print_text(self, text: str) -> None:
        """Print a text for programs as it is; on a terminal, what would act is shown instead.

        Args:
            text: The text, with its ends of lines.
        """
        if self.is_terminal:
            text = "".join(f"{visible(line)}\n" for line in text.splitlines())
        self.file.write(text)

    def render_str(self, text: str, **options: Any) -> Text:
        """Make Rich's text of a text, as for everything that is printed: lines, titles and cells.

        Args:
            text: The text.
            **options: See `rich.console.Console.render_str`; neither markup nor emoji codes have a meaning.

        Returns:
            One line of visible characters.
        """
        return super().render_str(visible(text), **{**options, "markup": False, "emoji": False})
