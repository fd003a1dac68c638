"""Bad input: one clear sentence, the right exit code, and nothing half-written."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from bookeo_pipelines.outcomes import ExitCode
from bookeo_sandbox import Sandbox
from command_runs import Outcome, Run
from isolation import write_secrets

FATAL, USAGE, TRY_LATER = int(ExitCode.FATAL), int(ExitCode.USAGE), int(ExitCode.TRY_LATER)


def assert_refused(outcome: Outcome, code: int, *words: str) -> None:
    """The command has said one sentence, on stderr, with these words in it."""
    assert outcome.code == code, outcome
    assert outcome.out == ""
    assert outcome.err.count("\n") == 1, outcome.err
    assert outcome.err.startswith("Error: ")
    assert "unforeseen" not in outcome.err
    assert outcome.err.endswith((".\n", "?\n", "!\n")), outcome.err
    for word in words:
        assert word in outcome.err


def visible(folder: Path) -> set[str]:
    """What lies in a folder, dlt's working folder aside."""
    return {path.name for path in folder.iterdir() if path.name not in ("dlt", ".dlt") and path.suffix != ".lock"}


@pytest.mark.parametrize("command", ["check", "load", "plan"])
def test_no_keys(bookeo: Run, folder: Path, command: str) -> None:
    words = ("No api_key and no secret_key", ".dlt/secrets.toml", "SOURCES__BOOKEO__API_KEY")
    assert_refused(bookeo(command), FATAL, *words)
    assert visible(folder) == set()


def test_only_one_key(bookeo: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__BOOKEO__API_KEY", "A-KEY-THAT-NOBODY-SHOULD-SEE")
    outcome = bookeo("load")
    assert_refused(outcome, FATAL, "No secret_key")
    assert "no api_key" not in outcome.err


@pytest.mark.parametrize("name", ["API_KEY", "SECRET_KEY"])
@pytest.mark.parametrize("command", ["check", "load", "plan"])
def test_a_wrong_key(
    bookeo: Run, keys: Sandbox, folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, command: str
) -> None:
    monkeypatch.setenv(f"SOURCES__BOOKEO__{name}", "wrongwrongwrongwrong")
    assert_refused(bookeo(command), FATAL, "key")
    assert visible(folder) == set()


@pytest.mark.parametrize("key", ["a\nb", "ключ", "   "])
def test_a_key_that_no_header_can_carry(
    bookeo: Run, keys: Sandbox, folder: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("SOURCES__BOOKEO__API_KEY", key)
    outcome = bookeo("load")
    assert_refused(outcome, FATAL, "key")
    assert visible(folder) == set()


@contextmanager
def answering(status: int, content_type: str, body: bytes) -> Iterator[str]:
    """A web server that says the same to everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_nobody_listens_there(bookeo: Run, keys: Sandbox, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens: connections are refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v2"
        monkeypatch.setenv("SOURCES__BOOKEO__BASE_URL", url)
        monkeypatch.setenv("SOURCES__BOOKEO__MAX_ATTEMPTS", "1")
        for command in ("check", "load"):
            outcome = bookeo(command)
            assert_refused(outcome, outcome.code, "base_url")
            assert outcome.code in (FATAL, TRY_LATER)
    assert visible(folder) == set()


@pytest.mark.parametrize(
    ("status", "content_type", "body"),
    [
        (200, "text/html", b"<!doctype html><title>Welcome</title>"),
        (404, "text/html", b"<h1>Not Found</h1>"),
        (200, "application/json", b'{"hello": "world"}'),
        (200, "application/json", b"[]"),
    ],
)
def test_somebody_else_listens_there(
    bookeo: Run,
    keys: Sandbox,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    content_type: str,
    body: bytes,
) -> None:
    with answering(status, content_type, body) as url:
        monkeypatch.setenv("SOURCES__BOOKEO__BASE_URL", url)
        for command in ("check", "load"):
            assert_refused(bookeo(command), FATAL, "base_url")
    assert visible(folder) == set()


def test_the_wrong_path(bookeo: Run, keys: Sandbox, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in ("", "/v3", "/v2/bookings"):
        monkeypatch.setenv("SOURCES__BOOKEO__BASE_URL", keys.root_url + path)
        assert_refused(bookeo("load"), FATAL, "base_url")
    assert visible(folder) == set()


@pytest.mark.parametrize(
    "url",
    ["", "nonsense", "ftp://example.com", "http://api.example.com/v2", "https://key@example.com", "https://e/?a=b"],
)
def test_an_address_that_makes_no_sense(bookeo: Run, keys: Sandbox, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("SOURCES__BOOKEO__BASE_URL", url)
    assert_refused(bookeo("load"), FATAL, "base_url")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WINDOW_DAYS", "32"),
        ("WINDOW_DAYS", "many"),
        ("CONCURRENCY", "0"),
        ("PAYMENTS", "sometimes"),
        ("START", "last spring"),
        ("ACCOUNTS", "not json"),
        ("ACCOUNTS", '["just a name"]'),
    ],
)
def test_a_setting_that_makes_no_sense(
    bookeo: Run, keys: Sandbox, folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"SOURCES__BOOKEO__{name}", value)
    assert_refused(bookeo("load"), FATAL, name.lower())
    assert visible(folder) == set()


def test_a_settings_file_that_is_no_toml(folder: Path) -> None:
    # In a process of its own: dlt reads its files when it is imported.
    write_secrets(folder, "[sources.bookeo\napi_key = 'NOBODY-SHOULD-SEE-THIS'")
    program = [sys.executable, "-c", "from bookeo_pipelines.cli.app import main; main()", "load"]
    ended = subprocess.run(program, capture_output=True, text=True, check=False)
    assert_refused(Outcome(ended.returncode, ended.stdout, ended.stderr), FATAL, "secrets.toml")
    assert "NOBODY" not in ended.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--since", "2026-06-01", "--until", "2026-05-01"), ("is after --until",)),
        (("--since", "2031-01-01"), ("after its end",)),
        (("--until", "2020-01-01"), ("after its end", "start")),
        (("--since", "soon"), ("--since", "'soon'", "2026-01-31", "yesterday")),
        (("--until", "2026-02-30"), ("--until", "'2026-02-30'")),
        (("--since", "31.12.2025"), ("--since",)),
        (("--since", ""), ("--since",)),
        (("--tables", "bookings,nonsense"), ("nonsense", "there are", "payments")),
        (("--tables", ""), ("There is no table",)),
        (("--tables", "load_windows"), ("load_windows",)),
        (("--destination", "floppy"), ("floppy",)),
        (("--destination", "floppy", "--database", "x.duckdb"), ("--database",)),
        (("--dataset", "My Data"), ("My Data",)),
        (("--dataset", ""), ("dataset",)),
        (("--dataset", "1a"), ("1a",)),
        (("--dataset", "bookeo"), ("bookeo_data",)),
        (("--account", "nobody"), ("nobody",)),
        (("--refresh", "all"), ("--refresh",)),
    ],
    ids=" ".join,
)
def test_an_option_that_makes_no_sense(
    bookeo: Run, keys: Sandbox, folder: Path, options: tuple[str, ...], words: tuple[str, ...]
) -> None:
    assert_refused(bookeo("load", *options), FATAL, *words)
    assert visible(folder) == set()


@pytest.mark.parametrize("options", [("--wait", "-1"), ("--nonsense",), ("--max-requests", "0"), ("surplus",)])
def test_a_command_line_that_cannot_be_read(bookeo: Run, folder: Path, options: tuple[str, ...]) -> None:
    outcome = bookeo("load", *options)
    assert outcome.code == USAGE
    assert options[0] in outcome.err
    assert visible(folder) == set()


def test_an_unusable_place_for_the_database(bookeo: Run, keys: Sandbox, folder: Path) -> None:
    (folder / "file").write_text("not a folder")
    (folder / "text.duckdb").write_text("not a database, but long enough to look like one" * 1000)
    (folder / "empty.duckdb").mkdir()
    before = visible(folder)
    for name, words in {
        "missing/bookeo.duckdb": ("missing", "does not exist"),
        "file/bookeo.duckdb": ("file",),
        "empty.duckdb": ("is a folder",),
        "text.duckdb": ("not a DuckDB file",),
    }.items():
        keys.clear_requests()
        assert_refused(bookeo("load", "--database", name), FATAL, *words)
        assert keys.requests()["total"] == 0, "what cannot be written need not be asked for"
    assert visible(folder) == before
    assert (folder / "text.duckdb").read_text().startswith("not a database")
    assert list((folder / "empty.duckdb").iterdir()) == []


def test_a_database_that_may_not_be_written(
    bookeo: Run, keys: Sandbox, folder: Path, loaded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = loaded.read_bytes()
    # Modes mean nothing to root, so the system's answer is given here.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert_refused(bookeo("load"), FATAL, "bookeo.duckdb", "cannot be written")
    assert_refused(bookeo("load", "--database", "new.duckdb"), FATAL, "new.duckdb", "cannot be written")
    assert loaded.read_bytes() == before
    assert visible(folder) == {"bookeo.duckdb"}


HOLD = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"


def test_a_database_that_another_program_holds(bookeo: Run, keys: Sandbox, folder: Path, loaded: Path) -> None:
    program = [sys.executable, "-c", HOLD, str(loaded)]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        before = loaded.read_bytes()
        for arguments in (("load",), ("query", "SELECT 1"), ("plan",)):
            assert_refused(bookeo(*arguments), TRY_LATER, "bookeo.duckdb", "Another program")
        assert loaded.read_bytes() == before
        other.communicate()
    assert bookeo("query", "SELECT 1").code == 0


LOCK = """
import sys
from pathlib import Path
from bookeo_pipelines.warehouse.lock import one_at_a_time
with one_at_a_time(Path(sys.argv[1]), 'x'):
    print('held', flush=True)
    sys.stdin.read()
"""


def test_a_second_load_at_the_same_time(bookeo: Run, keys: Sandbox, folder: Path, loaded: Path) -> None:
    program = [sys.executable, "-c", LOCK, str(folder / ".bookeo.duckdb.lock")]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        assert_refused(bookeo("load"), TRY_LATER, f"process {other.pid} ", "bookeo.duckdb", "--wait")
        assert keys.requests()["total"] == 0
        # Killed without a chance to clean up, it holds nothing any more.
        other.kill()
        other.wait()
    assert bookeo("load", "--tables", "products").code == 0


def test_a_question_that_makes_no_sense(bookeo: Run, folder: Path, loaded: Path) -> None:
    before = loaded.read_bytes()
    outcome = bookeo("query", "SELECT nonsense FROM nowhere")
    sentence, *hints = outcome.err.splitlines()
    assert_refused(Outcome(outcome.code, outcome.out, f"{sentence}\n"), FATAL, "nowhere")
    assert hints[-2:] == ["LINE 1: SELECT nonsense FROM nowhere", "                             ^"]
    assert_refused(bookeo("query", "DROP TABLE bookeo_data.bookings"), FATAL, "read-only")
    assert_refused(bookeo("query", "SELECT 1", "--database", "none.duckdb"), FATAL, "none.duckdb")
    assert loaded.read_bytes() == before
    assert visible(folder) == {"bookeo.duckdb"}


def test_permission_lost(bookeo: Run, keys: Sandbox, folder: Path) -> None:
    keys.permissions(["customers_r_all", "payments_r_all"])
    outcome = bookeo("load")
    assert outcome.code == FATAL
    assert outcome.err.count("\n") == 1
    assert "bookings_r_all" in outcome.err
