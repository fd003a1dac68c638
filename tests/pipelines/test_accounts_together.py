"""Ten accounts in one command: each by itself, side by side, and whoever fails fails alone."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

import pytest
from cheap_loads import STILL_BUSINESS

from bookeo_pipelines.load.runner import run_loads
from bookeo_sandbox import RequestInfo, Sandbox, serve
from command_runs import Run
from isolation import write_secrets
from loading import BEGIN, END
from truth import DATASET, assert_equals_truth, query

ACCOUNTS = 10
WRONG, FAILING = 3, 6
TABLES = ["bookings"]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with serve(**{**STILL_BUSINESS, "bookings": 20}, accounts=ACCOUNTS) as running:
        yield running


@pytest.fixture
def accounts(sandbox: Sandbox, folder: Path, reread_settings: Callable[[], None]) -> Callable[..., None]:
    """Writes a secrets.toml with all accounts; one may get a wrong key."""

    def write(wrong: int | None = None, only: int = ACCOUNTS) -> None:
        lines = [
            "[sources.bookeo]",
            f'secret_key = "{sandbox.secret_key}"',
            f'base_url = "{sandbox.base_url}"',
            'start = "2026-03-30"',
            "max_attempts = 2",
        ]
        for number, account in enumerate(sandbox.accounts[:only]):
            key = "no-such-key" if number == wrong else account.api_key
            lines += ["[[sources.bookeo.accounts]]", f'name = "shop-{number}"', f'api_key = "{key}"']
        write_secrets(folder, "\n".join(lines))
        reread_settings()

    return write


def loaded_accounts(outcome: Any) -> dict[str, dict[str, Any]]:
    """What the command said of each account."""
    return {result["account"]: result for result in json.loads(outcome.out)}


def test_each_account_loads_by_itself_and_fails_alone(
    bookeo: Run, sandbox: Sandbox, folder: Path, accounts: Callable[..., None]
) -> None:
    database = folder / "bookeo.duckdb"
    accounts(wrong=WRONG)
    failing = sandbox.accounts[FAILING].name
    windows: Counter[str] = Counter()

    def breaks_half_way(request: RequestInfo) -> None:
        windows[str(request.account)] += request.operation == "GET /bookings"
        if request.account == failing and windows[failing] > 2:
            sandbox.revoke(FAILING)

    sandbox.on_request(breaks_half_way)
    outcome = bookeo("load", "--tables", "bookings", "--json")
    assert outcome.code == 1
    found = loaded_accounts(outcome)
    assert list(found) == [f"shop-{number}" for number in range(ACCOUNTS)], "in the order of the settings"
    bad = {f"shop-{WRONG}", f"shop-{FAILING}"}
    assert {name for name, result in found.items() if result["error"]} == bad
    for name in bad:
        assert f"Account {name}: " in outcome.err
        assert found[name]["exit_code"] == 1
    ids = [account.account_id for account in sandbox.accounts]
    for number in range(ACCOUNTS):
        if number not in (WRONG, FAILING):
            assert_equals_truth(database, sandbox, number, tables=TABLES)
            assert found[f"shop-{number}"]["tables"]["bookings"]["rows"] == len(sandbox.truth(number)["bookings"])
    held = dict(query(database, f"SELECT account_id, count(*) FROM {DATASET}.bookings GROUP BY ALL"))
    assert ids[WRONG] not in held
    assert held.get(ids[FAILING], 0) < len(sandbox.truth(FAILING)["bookings"])

    # Once mended, the two catch up from where they are, and the others have nothing new.
    sandbox.remove_hooks()
    sandbox.revoke(FAILING, revoked=False)
    accounts()
    sandbox.clear_requests()
    outcome = bookeo("load", "--tables", "bookings", "--json")
    assert outcome.code == 0
    found = loaded_accounts(outcome)
    for number in range(ACCOUNTS):
        assert_equals_truth(database, sandbox, number, tables=TABLES)
        result = found[f"shop-{number}"]
        if number not in (WRONG, FAILING):
            assert result["requests"] == 2
            assert (result["tables"]["bookings"]["new"], result["tables"]["bookings"]["changed"]) == (0, 0)
            assert result["since"] > BEGIN.isoformat()
    assert found[f"shop-{WRONG}"]["since"] == BEGIN.isoformat()
    assert found[f"shop-{FAILING}"]["until"] == END.isoformat()


def test_accounts_do_not_wait_for_each_others_pace(
    bookeo: Run, sandbox: Sandbox, accounts: Callable[..., None]
) -> None:
    accounts(only=4)
    sandbox.fault("rate_limit", "GET /bookings", times=1, retry_after=1)
    outcome = bookeo("load", "--tables", "bookings", "--json")
    assert outcome.code == 0
    found = loaded_accounts(outcome)
    told = [name for name, result in found.items() if result["throttled"]]
    waited = [name for name, result in found.items() if result["seconds_waited"]]
    assert len(found) == 4
    assert len(told) == 1
    assert waited == told


def test_threads_find_pandas_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    # Half of it is there while one of them imports it, and that half is what dlt would use in another.
    looked_for: list[str] = []

    class Finder(MetaPathFinder):
        def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
            looked_for.append(fullname)
            raise ModuleNotFoundError(fullname)

    monkeypatch.delitem(sys.modules, "pandas")
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    with pytest.raises(IndexError):
        run_loads([])
    assert looked_for == ["pandas"], "or that it is not there, as the command wants it"
