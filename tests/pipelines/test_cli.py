"""What the command prints when all is well."""

from __future__ import annotations

import json
import re
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.main import get_command

from bookeo_pipelines.cli.app import app
from bookeo_sandbox import Sandbox
from command_runs import Run
from truth import DATASET, assert_equals_truth

COMMANDS = sorted(get_command(app).commands)  # type: ignore[attr-defined]
LEAVES = {
    (name, *below): command
    for name, group in get_command(app).commands.items()  # type: ignore[attr-defined]
    for below, command in ({(n,): c for n, c in getattr(group, "commands", {}).items()} or {(): group}).items()
}
"""Every command by its words; some stand in groups."""


def test_the_version(bookeo: Run) -> None:
    outcome = bookeo("--version")
    assert (outcome.code, outcome.out) == (0, f"bookeo {version('dlt-source-bookeo')}\n")


def test_the_help_lists_every_command(bookeo: Run) -> None:
    outcome = bookeo("--help")
    assert outcome.code == 0
    assert {"check", "load", "query", "demo", "sandbox"} <= set(COMMANDS)
    assert all(re.search(rf"\b{command}\b", outcome.out) for command in COMMANDS)


@pytest.mark.parametrize("words", sorted(LEAVES), ids=" ".join)
def test_every_command_explains_itself_with_an_example(bookeo: Run, words: tuple[str, ...]) -> None:
    outcome = bookeo(*words, "--help")
    assert outcome.code == 0
    assert f"Example: bookeo {' '.join(words)}" in outcome.out
    for option in LEAVES[words].params:
        assert getattr(option, "help", None), f"{words} {option.name} is not explained"


def test_check_says_what_the_keys_may_read(bookeo: Run, keys: Sandbox) -> None:
    outcome = bookeo("check")
    assert outcome.code == 0
    assert keys.accounts[0].account_id in outcome.out
    shown = json.loads(bookeo("check", "--json").out)
    assert shown["missing"] == []
    assert "bookings_r_all" in shown["permissions"]


def test_check_names_the_missing_permission(bookeo: Run, keys: Sandbox) -> None:
    keys.permissions(["bookings_r_all", "customers_r_all"])
    outcome = bookeo("check")
    assert outcome.code == 1
    assert "Missing: payments_r_all." in outcome.out
    assert json.loads(bookeo("check", "--json").out)["missing"] == ["payments_r_all"]


def test_load_then_query(bookeo: Run, keys: Sandbox, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = bookeo("load")
    assert outcome.code == 0
    assert "Error" not in outcome.err  # a slow machine gets lines of progress there
    assert "bookeo query" in outcome.out, "a query to try"
    assert re.search(r"bookings\s+\S\s+100\s+\S\s+0\s+\S\s+100", outcome.out)
    assert_equals_truth(folder / "bookeo.duckdb", keys, tables=["bookings"])
    shown = bookeo("query", f"SELECT count(*) AS n, sum(total_gross_amount) AS gross FROM {DATASET}.bookings", "--json")
    [row] = json.loads(shown.out)
    assert row["n"] == 100
    tried = re.search(r"bookeo query \"(.*)\"", outcome.out)
    assert tried
    assert bookeo("query", tried[1]).code == 0

    again = bookeo("load", "--json")
    result = json.loads(again.out)
    assert again.code == 0
    assert {name for name, table in result["tables"].items() if table["new"] or table["changed"]} == {"load_windows"}
    assert (result["exit_code"], result["error"], result["rejected"]) == (0, None, {})
    assert (result["outcome"], result["failure"]) == ("done", None)
    assert 0 <= result["lag_seconds"] <= result["seconds"]
    assert result["account_id"] == keys.accounts[0].account_id
    assert all(result["requests_by_operation"].values())


def test_rejected_records_are_counted_and_said_by_the_exit_code(
    bookeo: Run, keys: Sandbox, folder: Path, loaded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = keys.truth()["bookings"][0]["bookingNumber"]
    shown = keys.truth()["bookings"][0]
    shown["price"]["totalPaid"]["amount"] = "1,000.00"
    keys.touch(number)
    keys.override(number, shown)
    outcome = bookeo("load", "--tables", "bookings")
    assert outcome.code == 3
    assert "Rejected: 1 record(s) (1 for bookings)" in outcome.out
    monkeypatch.setenv("SOURCES__BOOKEO__FAIL_ON_REJECTED", "false")
    assert bookeo("load", "--tables", "bookings").code == 0
