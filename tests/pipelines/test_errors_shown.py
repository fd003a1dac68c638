"""Every error is a sentence that says what to do; with --debug, what led to it; nowhere in the API's own words."""

from __future__ import annotations

import errno
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import psycopg2
import pytest
import typer

from bookeo.errors import BookeoError, FatalError, RequestRejected, SettingsError
from bookeo_pipelines.cli import exit as outcome
from bookeo_pipelines.cli.exit import run_and_exit, sentence_for, show_trace
from bookeo_pipelines.destinations.errors import as_bookeo_error, because_of, note_cause
from bookeo_pipelines.destinations.target import Target
from bookeo_pipelines.runtime import terminal
from bookeo_pipelines.runtime.logs import start_logging
from bookeo_sandbox import Sandbox
from command_runs import Run

WORDS = "Booking of Anna Karenina, 12 Rose Street, born 1931-07-19, is not allowed [/]"


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    try:
        if cause is None:
            raise error
        try:
            raise cause
        except BaseException:
            raise error from (None if isinstance(error, BookeoError) else cause)
    except BaseException as caught:
        return caught


SENTENCES = {
    OSError(errno.ENOSPC, "No space left on device", "x"): "No space left on device: x; make some room",
    PermissionError(errno.EACCES, "Permission denied", "x"): "Permission denied: x; check its owner",
    OSError(errno.EROFS, "Read-only file system"): "Read-only file system; name a place",
    FileNotFoundError(errno.ENOENT, "No such file or directory"): "it is not there",
    OSError(errno.EMFILE, "Too many open files"): "ulimit -n",
    OSError(errno.ENAMETOOLONG, "File name too long", "x\x1b[2J"): r"x\x1b[2J; give a shorter name",
    OSError("Error writing bytes to file. Detail: [errno 28] No space left on device"): "No space left on device; make",
    OSError("Write failed: No space left on device"): "No space left on device; make some room",
    OSError("cannot write"): "the system gives no reason; see that there is room",
    MemoryError(): "not enough memory",
    UnicodeEncodeError("cp1252", "東", 0, 1, "no such character"): "PYTHONIOENCODING=utf-8",
    ModuleNotFoundError("No module named 'x'", name="x.y"): "the package x is not installed",
}


@pytest.mark.parametrize("error", SENTENCES, ids=repr)
def test_what_can_be_foreseen_has_its_sentence(error: Exception) -> None:
    sentence = sentence_for(error)
    assert SENTENCES[error] in sentence
    assert "unforeseen" not in sentence
    assert sentence.isprintable()
    assert sentence.endswith(".")


@pytest.mark.parametrize("name", ["../x", "[/]", "a/b", "\x1b[2J", ""])
def test_an_account_that_no_pipeline_can_be_named_after(
    bookeo: Run, keys: Sandbox, folder: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = json.dumps([{"name": name, "api_key": "k" * 30}])
    monkeypatch.setenv("SOURCES__BOOKEO__ACCOUNTS", accounts)
    for command in (["load"], ["forget", "--customer", "x", "--yes", "--database", "{account}.duckdb"]):
        outcome_ = bookeo(*command, "--account", name)
        assert outcome_.code == 1
        assert "a name takes letters, digits, - and _" in outcome_.err


def test_only_a_bug_is_unforeseen_and_it_says_how_to_report_it() -> None:
    sentence = sentence_for(KeyError("Anna Karenina"))
    assert sentence.startswith("something unforeseen happened (KeyError in the command);")
    assert "report it" in sentence
    assert "--debug" in sentence
    assert "Anna" not in sentence


LOADS = {
    OSError("Error writing bytes to file. Detail: [errno 28] No space left on device"): "There is no room for the load",
    OSError("cannot write"): "the system gives no reason; see that there is room",
    MemoryError(): "not enough memory",
    duckdb.OutOfMemoryException("row of Anna"): "not enough memory",
    psycopg2.errors.InsufficientPrivilege("row of Anna"): "grant it that",
    psycopg2.errors.DiskFull("row of Anna"): "no room",
    OSError(errno.EACCES, "Permission denied", "/x/y"): "Permission denied: /x/y; check its owner",
    duckdb.ConstraintException("row of Anna"): "ConstraintException; nothing of this chunk was kept, run with --debug",
}


@pytest.mark.parametrize("cause", LOADS, ids=repr)
def test_a_load_that_fails_says_why_and_with_debug_what_the_database_said(
    cause: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    error = as_bookeo_error(raised(RuntimeError("dlt's"), cause), Target(database=Path("x.duckdb")))
    assert LOADS[cause] in error.message
    assert "Anna" not in error.message
    show_trace(error)
    shown = capsys.readouterr().err
    assert type(cause).__name__ in shown
    assert str(cause) in shown


def test_what_led_to_an_error_about_a_setting_stays_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    show_trace(raised(SettingsError("The setting api_key cannot be read."), ValueError("the key is s3cr3t")))
    shown = capsys.readouterr().err
    assert "The setting api_key cannot be read." in shown
    assert "s3cr3t" not in shown
    show_trace(raised(FatalError("failed"), ValueError("\x1b[2J why")))
    assert r"ValueError: \x1b[2J why" in capsys.readouterr().err


@pytest.mark.parametrize("log_format", [None, "json"])
def test_what_a_load_only_mentions_is_shown_with_debug(
    log_format: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    error = raised(RuntimeError("dlt's"), ValueError("row of \x1bAnna"))
    start_logging(log_format, log_format and "debug")
    note_cause(error)
    assert capsys.readouterr().err == ""
    start_logging(log_format, None, debug=True)
    note_cause(error)
    shown = capsys.readouterr().err
    assert r"ValueError: row of \x1bAnna" in shown
    assert "RuntimeError: dlt's" in shown


def test_an_error_keeps_none_of_what_was_worked_on() -> None:
    def work() -> None:
        rows = ["Anna Karenina"] * 3
        raise ValueError(len(rows))

    try:
        work()
    except ValueError as error:
        kept = because_of(FatalError("failed"), error)
    trace = kept.__context__.__traceback__ if kept.__context__ else None
    assert trace is not None
    assert trace.tb_next is not None
    assert "rows" not in trace.tb_next.tb_frame.f_locals


@pytest.fixture
def refusing(keys: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Makes the API refuse every request for bookings, in words that name somebody."""
    from bookeo.http import api_errors as refusals

    real = refusals.Redaction.clean
    monkeypatch.setattr(refusals.Redaction, "clean", lambda self, text, sent=(): real(self, WORDS, sent))

    def refuse() -> None:
        keys.fault("error", "GET /bookings").status = 400

    return refuse


def test_words_of_the_api_go_nowhere_but_to_a_terminal(
    bookeo: Run, keys: Sandbox, refusing: Callable[[], None], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = folder / "told.json"
    monkeypatch.setenv("SOURCES__BOOKEO__ON_FAILURE", f"sh -c 'cat > {told}'")
    for options in (["--json"], ["--log-format", "json"], ["--log-format", "text", "--log-level", "debug"]):
        refusing()
        outcome_ = bookeo("load", *options)
        assert outcome_.code == 1
        said = outcome_.out + outcome_.err + told.read_text()
        assert "with HTTP 400" in said
        assert "Karenina" not in said
        assert "Rose Street" not in said
        assert "with HTTP 400" in json.loads(told.read_text())["text"]
    for path in folder.rglob("*"):
        assert not path.is_file() or b"Karenina" not in path.read_bytes(), path


def test_a_terminal_shows_them(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()

    class Screen(terminal.Terminal):
        def __init__(self, **options: object) -> None:
            super().__init__(file=shown, force_terminal=True, width=400, color_system=None)

    monkeypatch.setattr(outcome, "Terminal", Screen)
    app = typer.Typer()

    @app.command()
    def load() -> None:
        raise RequestRejected("Bookeo refused it.", api_message=WORDS)

    monkeypatch.setattr(sys, "argv", ["bookeo"])
    said: list[str] = []
    with pytest.raises(SystemExit) as ended:
        run_and_exit(app, said.append)
    assert ended.value.code == 1
    assert said == ["Error: Bookeo refused it."]
    assert shown.getvalue().strip() == f"Bookeo says: {WORDS}"


def test_no_message_is_made_of_the_words() -> None:
    error: BookeoError = RequestRejected("Bookeo refused it.", api_message=WORDS)
    assert "Karenina" not in f"{error} {error!r} {error.args}"


@pytest.mark.parametrize(
    "given",
    [
        ("load", "--since", "0001-01-01", "--max-requests", "3"),
        ("load", "--until", "9999-12-31"),
        ("load", "--since", "9999-12-31T23:59:59-14:00"),
        ("load", "--since", "0001-01-01T00:00:00+14:00"),
        ("plan", "--until", "9999-12-31"),
        ("reset", "--since", "0001-01-01", "--yes"),
        ("reset", "--since", "9999-12-31T23:59:59Z", "--yes"),
        ("reconcile", "--since", "9999-12-31"),
        ("reconcile", "--until", "0001-01-01"),
    ],
    ids=" ".join,
)
def test_no_date_overflows(bookeo: Run, keys: Sandbox, loaded: Path, given: tuple[str, ...]) -> None:
    outcome_ = bookeo(*given)
    assert "unforeseen" not in outcome_.err
