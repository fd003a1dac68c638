"""What `bookeo demo` prints, shortened for the README, and a picture of it."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

WIDTH = 92
SHOWN_TABLES = ("bookings", "booking_participants", "customers", "customer_bookings", "load_windows", "payments")
SHOWN_ANSWER_ROWS = 5
_COLORS = re.compile(r"\x1b\[[0-9;]*m")


def run() -> str:
    """Runs the demonstration in an empty folder.

    Returns:
        What it prints on a terminal, with its colors.

    Raises:
        CalledProcessError: It failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SOURCES__", "DLT_"))}
        terminal = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": str(WIDTH)}
        own = {"DLT_DATA_DIR": f"{folder}/dlt", "DLT_PROJECT_DIR": folder}
        done = subprocess.run(  # noqa: S603 - our own command
            [str(Path(sys.executable).with_name("bookeo")), "demo"],
            cwd=folder,
            env=kept | terminal | own,
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            timeout=600,
        )
    return done.stdout


def plain(text: str) -> str:
    """Takes the colors out.

    Args:
        text: Terminal output.

    Returns:
        The text alone, without white space at the ends of lines.
    """
    return "\n".join(line.rstrip() for line in _COLORS.sub("", text).splitlines())


def shortened(output: str) -> list[str]:
    """Leaves rows out, and says where.

    Args:
        output: What the demonstration printed.

    Returns:
        The lines that are shown, with their colors; `...` at a table's end stands for rows left out.
    """
    shown: list[str] = []
    in_summary = left_out = False
    rows = 0
    for line in output.splitlines():
        text = plain(line)
        if text.startswith("┃"):
            in_summary = text.split()[1] == "table"
            rows = 0
        if text.startswith("│"):
            rows += 1
            keep = text.split()[1] in SHOWN_TABLES if in_summary else rows <= SHOWN_ANSWER_ROWS
            left_out = left_out or not keep
            if not keep:
                continue
        if text.startswith("└") and left_out:
            shown.append("...")
            left_out = False
        if not text.startswith("Try:"):
            shown.append(line)
    return shown


def picture(lines: list[str]) -> str:
    """Draws terminal output.

    Args:
        lines: The lines, with their colors.

    Returns:
        An SVG document that loads nothing from elsewhere.
    """
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    for line in lines:
        console.print(Text.from_ansi(line), soft_wrap=True)
    own_fonts_only = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    return console.export_svg(title="bookeo demo", theme=MONOKAI, code_format=own_fonts_only, unique_id="demo")


def second_half(lines: list[str]) -> list[str]:
    """Cuts out what the picture shows: the load of a week's changes and the first two answers.

    Args:
        lines: The lines that the README shows.

    Returns:
        Some of them.
    """
    texts = [plain(line) for line in lines]
    begin = next(number for number, text in enumerate(texts) if text.startswith("2. "))
    end = next(number for number, text in enumerate(texts) if text == "How do they pay?")
    return lines[begin:end]
