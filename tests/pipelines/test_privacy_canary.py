"""Under drop and hash, nothing that a load leaves behind holds a planted name, address, number, birthday or key."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from bookeo_pipelines.outcomes import ExitCode
from bookeo_sandbox import Sandbox, serve
from canaries import BORN, IP, MARK, PHONE, SIGNS, answer_through, enriched, found_in, left_behind, person, planted
from command_runs import Run
from loading import SMALL, START

PRIVACY_KEY = "Canariensis-key-of-hashes"
TINY = {**SMALL, "bookings": 18}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with serve(**TINY) as running:
        yield running


@pytest.fixture
def said(records: list[str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Everything that is logged, and every exception on its way through the command."""
    for module in ("cli.exit", "cli.commands.loading", "cli.commands.reconciling"):
        monkeypatch.setattr(f"bookeo_pipelines.{module}.show_trace", lambda error: records.append(whole_story(error)))
    return records


def whole_story(shown: BaseException) -> str:
    """An exception, and all that led to it, with everything they carry."""
    told, waiting = list[str](), [shown]
    while waiting:
        error = waiting.pop()
        told += [*traceback.format_exception(error), f"{error!r} {error.args!r} {vars(error)!r}"]
        waiting += [link for link in (error.__cause__, error.__context__) if link is not None]
    return "\n".join(told)


def birds(operation: str, answer: Any) -> Any:
    """A mark in every personal field; records that do not fit, and fields that nobody declared, hold some, too."""
    asked[operation] += 1
    if "message" in answer:
        return {**answer, "message": f"{MARK}, born {BORN}, from {IP}, {PHONE}", "note": MARK}
    rows = answer.get("data", [])
    if operation == "GET /bookings":
        rows = [{**enriched(row), "customer": person(**row["customer"])} if "customer" in row else row for row in rows]
        for index, row in enumerate(rows):
            for detail in row.get("participants", {}).get("details", []):
                if detail["personId"] == "PUNKNOWN":
                    detail.update(personId=f"L{index}", personDetails=person(id=f"L{index}", customerId="C0"))
        answer = {**answer, "data": planted(rows)}
        for index, row in enumerate(answer["data"]):
            misfit(index, row)
    elif operation.startswith("GET /settings/apikeyinfo"):
        return {**answer, "owner": MARK}
    elif operation == "GET /settings/business":
        # How to reach a business is no secret.
        answer = {**answer, "streetAddress": planted(answer["streetAddress"])}
    else:
        answer = planted(answer)
        if "creationTime" in answer and asked[operation] % 3 == 0:
            answer["credit"] = {"amount": f"before {MARK}"}
        for index, row in enumerate(answer.get("data", [])):
            if index % 5 == 1:
                row["undeclared"] = {f"{MARK} key": [MARK, 5]}
            if operation == "GET /payments":
                continue  # What does not add up costs a package more.
            if (index + asked[operation]) % 7 == 2 and "receivedTime" in row:
                row["receivedTime"] = f"when {MARK} came"
            elif index % 2 and "receivedTime" in row:
                row["description"] = f"Paid by {MARK}"
    return {**answer, "undeclared": MARK}


asked: Counter[str] = Counter()


def misfit(index: int, row: dict[str, Any]) -> None:
    if "customer" not in row:
        return
    match index % 6:
        case 1:
            row["undeclared"] = {f"{MARK} key": [MARK, {"deep": MARK}]}
            row["customer"]["nickname"] = MARK
        case 2:
            row["canceled"] = f"by {MARK}"
            row["customer"]["dateOfBirth"] = f"on {BORN}"
        case 3:
            row["customer"]["credit"] = {"amount": f"before {MARK}"}
        case 4:
            row["options"] = [MARK, {"id": "o", "value": {MARK: MARK}}]
            row["price"] = {**row["price"], "totalTaxes": {"amount": MARK, "currency": "EUR"}}
        case _:
            pass


@pytest.mark.parametrize("privacy", ["drop", "hash"])
def test_nothing_is_left_behind(
    privacy: str, folder: Path, sandbox: Sandbox, said: list[str], monkeypatch: pytest.MonkeyPatch, bookeo: Run
) -> None:
    answer_through(monkeypatch, birds)
    for name, value in {
        "base_url": sandbox.base_url,
        "api_key": sandbox.api_key,
        "secret_key": sandbox.secret_key,
        "start": START,
        "privacy": privacy,
        "privacy_key": PRIVACY_KEY,
        "archive": str(folder / "archive"),
        "on_failure": f"tee {folder / 'alert.json'}",
        "max_attempts": "1",
        "max_wait_seconds": "0.1",
    }.items():
        monkeypatch.setenv(f"SOURCES__BOOKEO__{name.upper()}", value)
    for mode in ("customers", "payments"):
        monkeypatch.setenv(f"SOURCES__BOOKEO__{mode.upper()}", "always" if privacy == "drop" else "as_needed")
    monkeypatch.setenv("SOURCES__BOOKEO__HISTORIES", "always" if privacy == "drop" else "never")

    def run(*arguments: str | Path, ends: ExitCode) -> None:
        ended = bookeo(*arguments)
        said.extend((ended.out, ended.err))
        assert ended.code == ends, ended

    run("load", "--debug", ends=ExitCode.REJECTED)
    places = {f"after a load: {name}": content for name, content in left_behind(folder)}
    database = folder / "bookeo.duckdb"
    with duckdb.connect(str(database)) as connection:
        held = {table: connection.execute(f"SELECT count(*) FROM bookeo_data.{table}").fetchone() for table in HELD}
        unfit = connection.execute("SELECT count(DISTINCT table_name) FROM bookeo_data.rejected_rows").fetchone()
    assert all(count and count[0] for count in held.values()), held
    assert unfit
    assert unfit[0] >= 2
    sandbox.advance(days=8)
    if privacy == "hash":
        # DuckDB quotes what it does not take: a title that was there a moment ago.
        with duckdb.connect(str(database)) as connection:
            connection.execute("CREATE UNIQUE INDEX once ON bookeo_data.bookings (account_id, booking_number, title)")
        for booking in sandbox.truth()["bookings"]:
            sandbox.touch(booking["bookingNumber"])
        run("load", "--debug", "--tables", "bookings", ends=ExitCode.FATAL)
        assert "Duplicate key" in "\n".join(said)
        with duckdb.connect(str(database)) as connection:
            connection.execute("DROP INDEX bookeo_data.once")
    else:
        run("reconcile", "--debug", ends=ExitCode.FATAL)
        # Errors of the API, of the network, and of the database, which quotes the row that it does not take.
        for fault, operation in (("error", None), ("rate_limit", None), ("reset", None), ("cut", "GET /bookings")):
            sandbox.faults([{"kind": fault, "operation": operation, "retry_after": 0}])
            run("load", "--debug", ends=ExitCode.TRY_LATER)
        sandbox.faults([])
        sandbox.revoke()
        run("check", ends=ExitCode.FATAL)
        sandbox.revoke(revoked=False)
        monkeypatch.setenv("SOURCES__BOOKEO__LANGUAGE", "no language")
        run("load", "--debug", "--since", "2026-06-01", ends=ExitCode.FATAL)
        monkeypatch.delenv("SOURCES__BOOKEO__LANGUAGE")

    logged = "\n".join(said)
    assert "GET /v2/bookings" in logged
    assert "Traceback" in logged
    places |= {"what was said": logged.encode(), **dict(left_behind(folder))}
    # A package is there only where it could not be loaded.
    kinds = {".zst", ".duckdb", ".pickle", ".json"} | ({".parquet"} if privacy == "hash" else set())
    assert kinds <= {Path(name.partition(",")[0]).suffix for name in places}
    keys = (sandbox.api_key, sandbox.secret_key, PRIVACY_KEY)
    assert {name: found for name, content in places.items() if (found := found_in(content, (*SIGNS, *keys)))} == {}


HELD = ("bookings", "booking_people", "booking_options", "customers", "customer_custom_fields", "payments")
