"""Whatever a text from outside holds, it is shown as it is and does nothing."""

from __future__ import annotations

import ast
import io
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bookeo.errors import SettingsError
from bookeo.extract.session import UNNAMED, LoadNotes
from bookeo_pipelines.cli import options
from bookeo_pipelines.load import report as summary
from bookeo_pipelines.load.runner import AccountFailed, LoadResult
from bookeo_pipelines.privacy import inventory_report as pii_view
from bookeo_pipelines.privacy.inventory import Inventory, PersonalColumn
from bookeo_pipelines.reconcile import report as reconcile_view
from bookeo_pipelines.reconcile.comparison import Kind
from bookeo_pipelines.reconcile.runner import Reconciliation
from bookeo_pipelines.runtime.logs import start_logging
from bookeo_pipelines.runtime.terminal import Terminal, VisibleLines, cell, visible
from bookeo_pipelines.share import answer
from bookeo_pipelines.status import check
from bookeo_pipelines.status import report as status_view
from bookeo_pipelines.status.status import AccountStatus, Run, TableStatus, read_status
from hostile import PLAIN, TEXTS

ROOT = Path(__file__).parents[2]
ACTING = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
MOMENT = datetime(2026, 6, 1, tzinfo=UTC)
PRINTING = ROOT / "pipelines" / "bookeo_pipelines"


def acting(text: str) -> list[str]:
    """Characters that a terminal would not show but carry out."""
    return [
        c for c in text if c not in "\n\u200c\u200d" and unicodedata.category(c) in {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
    ]


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_a_text_is_one_line_of_what_is_seen(text: str) -> None:
    shown = visible(text)
    assert not acting(shown)
    assert "\n" not in shown
    # Nothing is left out: what is not seen stands there as Python writes it.
    assert shown == "".join(c if not acting(c) and c != "\n" else c.encode("unicode_escape").decode() for c in text)


@pytest.mark.parametrize("text", PLAIN)
def test_ordinary_text_of_any_language_stays(text: str) -> None:
    assert visible(text) == text


def printed(show: Callable[[Terminal], None]) -> str:
    """What is printed where a terminal would obey, without the colors that are Rich's own."""
    console = Terminal(file=io.StringIO(), force_terminal=True, width=20_000, color_system=None, legacy_windows=False)
    show(console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def rows_of(texts: list[str]) -> Any:
    import pandas as pd

    return pd.DataFrame([[text, "end"] for text in texts], columns=[texts[0], "x"], dtype=object)


@pytest.fixture(scope="module")
def views(first_result: LoadResult) -> Mapping[str, Callable[[Terminal], None]]:
    """Everything that prints text from outside, given all of the texts at once."""
    notes = LoadNotes(
        skipped=Counter({("payments", text): 1 for text in TEXTS}),
        unknown_fields=set(TEXTS),
        messages=list(TEXTS),
        rejected=Counter(dict.fromkeys(TEXTS, 1)),
    )
    counted = next(iter(first_result.tables.values()))
    loads = [replace(first_result, account=text, tables={text: counted}) for text in TEXTS]
    loads.append(replace(first_result, notes=notes))
    failed = [AccountFailed(text, SettingsError(text)) for text in TEXTS]
    columns = [PersonalColumn(text, text, text, "name", "keep", 1, 0) for text in TEXTS]
    found = Inventory(first_result.target, columns, 0, Path("x\x1b[2J"), "[/]")
    run = Run(MOMENT, Decimal(1), 1, 1, 1, "[/]\x1b")
    cursors = next(iter(read_status(first_result.target))).cursors
    tables = TableStatus(1, MOMENT, MOMENT, None)
    accounts = [
        AccountStatus("x", text, text, cursors, 0, {text: tables}, rejected={text: 1}, runs=[run]) for text in TEXTS
    ]
    nothing = {kind: frozenset[str]() for kind in Kind}
    compared = [
        Reconciliation(
            account=text,
            account_id=text,
            target=first_result.target,
            since=MOMENT,
            until=MOMENT,
            bookings=1,
            payments=1,
            windows=1,
            found={**nothing, Kind.STALE: frozenset({text})},
            left=nothing,
            awaiting_load=frozenset(),
            fixed=False,
            notes=notes,
            usage=first_result.usage,
            seconds=1.0,
        )
        for text in TEXTS
    ]

    def each(show: Callable[[Terminal, Any], None], things: Iterable[Any]) -> Callable[[Terminal], None]:
        return lambda out: [show(out, thing) for thing in things] and None

    return {
        "check": each(check.print_check, [check.KeyCheck(None, text, (text,), text, None) for text in TEXTS]),
        "load": each(summary.print_result, [*loads, *failed]),
        "pii": lambda out: pii_view.print_inventory(out, found),
        "status": lambda out: status_view.print_status(out, accounts),
        "reconcile": each(reconcile_view.print_reconciliation, compared[:5]),
        "query": each(answer.print_rows, [rows_of([text]) for text in TEXTS]),
        "line": each(lambda out, text: out.print(text, soft_wrap=True), TEXTS),
    }


@pytest.mark.parametrize("name", ["check", "load", "pii", "status", "reconcile", "query", "line"])
def test_what_is_printed_holds_every_text_and_nothing_that_acts(
    views: Mapping[str, Callable[[Terminal], None]], name: str
) -> None:
    shown = printed(views[name])
    assert not acting(shown)
    for text in TEXTS:
        # Lines of a cell stand below each other.
        for part in text.split("\n") if name == "query" else [text]:
            assert visible(part).strip() in shown, text
    assert not [line for line in shown.splitlines() if line.startswith("2026-01-01")]


def test_a_cell_may_have_lines_but_stays_in_its_table() -> None:
    assert cell("a\nb\x1b").plain == "a\nb\\x1b"
    shown = printed(lambda out: answer.print_rows(out, rows_of(["a\n2026-01-01 forged"])))
    assert all(line[0] not in "a2" for line in shown.splitlines())


def test_what_another_program_prints_is_shown_as_it_is() -> None:
    stream = io.StringIO()
    for text in TEXTS:
        print(text, file=VisibleLines(stream), end="\n", flush=True)
    assert stream.getvalue() == "".join(visible(line) + "\n" for text in TEXTS for line in text.split("\n"))


def test_new_fields_are_named_only_where_they_have_names() -> None:
    notes = LoadNotes()
    notes.note_unknown_fields(["mood", "options[].colour", "price.tip_2", "a-b", "Anna Karenina, born 1931", *TEXTS])
    assert notes.unknown_fields - set(TEXTS) == {"mood", "options[].colour", "price.tip_2", "a-b", UNNAMED}
    assert all(re.fullmatch(r"[\w.\[\]$-]+", name, re.ASCII) for name in notes.unknown_fields - {UNNAMED})


def test_errors_and_lines_of_log(capsys: pytest.CaptureFixture[str]) -> None:
    for text in TEXTS:
        options.say(text)
    said = capsys.readouterr().err
    assert not acting(said)
    assert len(said.splitlines()) == len(TEXTS)
    for log_format in ("text", "json"):
        start_logging(log_format, "info")
        for text in TEXTS:
            options.say(text)
            options.logging.getLogger("bookeo").warning(text, extra={"fields": {"account": text}})
        lines = capsys.readouterr().err
        assert not acting(lines)
        assert lines.isascii() or log_format == "text"
        told = [line for line in lines.split("\n") if line]
        if log_format == "json":
            assert [json.loads(line)["message"] for line in told] == [text for text in TEXTS for _ in range(2)]
        else:
            assert all(re.match(r"\S+Z (warning|error) ", line) or not line.startswith("2026-01-01") for line in told)


def test_nothing_goes_around_the_one_place() -> None:
    """Only one module knows Rich's console, texts and markup; nothing prints by itself."""
    around = []
    for path in sorted(PRINTING.rglob("*.py")):
        if path.name == "terminal.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            where = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.ImportFrom) and node.module in {"rich", "rich.console", "rich.text", "rich.markup"}:
                around.append(where)
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                if called in {"print", "rich.print", "sys.stdout.write"} or called.endswith(
                    ("from_markup", "from_ansi")
                ):
                    around.append(where)
                if called in {"typer.echo", "typer.secho"} and path.name != "app.py":
                    around.append(where)
                if called == "TextColumn" and "markup=False" not in ast.unparse(node):
                    around.append(where)
                if called.startswith("json.dump") and path.parent.name == "commands":
                    around.append(where)
    assert around == []
