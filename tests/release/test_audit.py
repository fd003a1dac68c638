"""The audit tells vulnerable, clean and not audited apart; what it did not do never looks like success."""

from __future__ import annotations

import io
import json
import runpy
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import audit
from audit import KNOWN, NOT_AUDITED, VULNERABLE, Answers, NoAnswer, main

PINNED = "idna==1.0 --hash=sha256:" + 64 * "0" + "\nzipp==4.1.2 --hash=sha256:" + 64 * "1" + "\n"
ADVISORY = {"id": "PYSEC-0000-1", "fix_versions": ["2.0"], "aliases": [], "description": ""}


class Advisories(BaseHTTPRequestHandler):
    """Answers as OSV does: knows something against two packages and nothing against others."""

    asked: list[dict[str, Any]]

    def do_POST(self) -> None:
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append(query)
        name = query["package"]["name"]
        events = [{"introduced": "0"}, {"fixed": "3.7"}]
        affected = {"package": query["package"], "ranges": [{"type": "ECOSYSTEM", "events": events}]}
        known = [{"id": f"OSV-{name}", "summary": "planted", "affected": [affected]}]
        body = json.dumps({"vulns": known} if name in ("idna", "jinja2") else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing on the screen."""


@pytest.fixture
def service() -> Iterator[str]:
    """The address of such a service on this machine."""
    Advisories.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Advisories) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()
        thread.join()


def run_here(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
    """Runs a module as its own process would; that would import everything once more for each question."""
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as monkeypatch, redirect_stdout(printed), suppress(SystemExit):
        monkeypatch.setattr(sys, "argv", command[2:])
        runpy.run_module(command[2], run_name="__main__")
    return subprocess.CompletedProcess(command, 0, printed.getvalue(), "")


def test_a_vulnerable_version_is_found(
    service: str, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "subprocess", SimpleNamespace(run=run_here))
    (folder / "pinned.txt").write_text(PINNED)
    code = main(["--where-reachable", "--osv-url", service, "--requirements", str(folder / "pinned.txt")])
    assert capsys.readouterr().out.splitlines() == [
        "vulnerable: idna 1.0: OSV-idna, fixed in 3.7",
        "audited: 2 of 2 packages",
    ]
    assert code == VULNERABLE
    assert {(one["package"]["name"], one["version"]) for one in Advisories.asked} == {
        ("jinja2", "2.4.1"),
        ("idna", "1.0"),
        ("zipp", "4.1.2"),
    }


def answering(known: Answers, pinned: Answers) -> Any:
    """What stands in for a service, which gives these answers and must be asked in this order."""
    questions = iter([(KNOWN + "\n", known), (PINNED, pinned)])

    def ask(requirements: Path, _: Sequence[str]) -> Answers:
        text, answers = next(questions)
        assert requirements.read_text() == text
        return answers

    return ask


VULNERABILITY = {"name": "jinja2", "version": "2.4.1", "vulns": [ADVISORY]}
CLEAN = {"name": "idna", "version": "1.0", "vulns": []}
UNKNOWN = {"name": "zipp", "skip_reason": "Dependency not found and could not be audited"}


@pytest.mark.parametrize(
    ("pinned", "said", "code", "code_where_reachable"),
    [
        ([CLEAN, CLEAN], ["audited: 2 of 2 packages"], 0, 0),
        (
            [CLEAN, UNKNOWN],
            ["not audited: zipp: the service does not know them", "audited: 1 of 2 packages"],
            NOT_AUDITED,
            0,
        ),
        (
            [UNKNOWN, {**CLEAN, "vulns": [{**ADVISORY, "fix_versions": []}]}],
            [
                "not audited: zipp: the service does not know them",
                "vulnerable: idna 1.0: PYSEC-0000-1, fixed in no version yet",
                "audited: 1 of 2 packages",
            ],
            VULNERABLE,
            VULNERABLE,
        ),
    ],
)
def test_every_answer_is_told(
    pinned: Answers,
    said: list[str],
    code: int,
    code_where_reachable: int,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (folder / "pinned.txt").write_text(PINNED)
    file = ["--requirements", str(folder / "pinned.txt")]
    assert main(file, answering([VULNERABILITY], pinned)) == code
    assert capsys.readouterr().out.splitlines() == said
    assert main([*file, "--where-reachable"], answering([VULNERABILITY], pinned)) == code_where_reachable


@pytest.mark.parametrize("knows", [[{**VULNERABILITY, "vulns": []}], [{"name": "jinja2", "skip_reason": "?"}], None])
def test_a_service_that_knows_nothing_is_no_audit(knows: Answers | None, capsys: pytest.CaptureFixture[str]) -> None:
    def ask(requirements: Path, _: Sequence[str]) -> Answers:
        assert requirements.read_text() == KNOWN + "\n", "the packages themselves are not asked about"
        if knows is None:
            raise NoAnswer("ConnectionError")
        return knows

    assert main([], ask) == NOT_AUDITED
    assert capsys.readouterr().out.startswith("not audited: no advisory service answers here (osv: ")
    assert main(["--where-reachable"], ask) == 0
    out = capsys.readouterr().out
    assert "; pypi: " in out
    assert "\naudited" not in out


def test_a_service_that_cannot_be_reached_is_no_audit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = "Traceback:\n  ...\nrequests.exceptions.ConnectionError: HTTPSConnectionPool(host='somewhere', port=443)\n"
    monkeypatch.setattr(
        audit.subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 1, "", trace)
    )
    assert main([]) == NOT_AUDITED
    [line] = capsys.readouterr().out.splitlines()
    why = "requests.exceptions.ConnectionError"
    assert line == f"not audited: no advisory service answers here (osv: {why}; pypi: {why})"
