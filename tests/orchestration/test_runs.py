"""Runs of Dagster: a backfill, the hourly load, the checks, the marts."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
import requests
from dagster import AssetCheckEvaluation, DagsterInstance, build_schedule_context
from playwright.sync_api import sync_playwright
from shops import DEFINITIONS, MONTHS, NAMES, QUIET, TODAY, Backfill, happened, materialized, write_settings

from bookeo.schema import TABLES
from bookeo_orchestration import bookeo_definitions
from patience import PATIENCE, wait_until
from programs import find_program
from truth import DATASET, assert_equals_truth

EAST, NORTH, SOUTH = range(3)
LOADED = ["bookings", "products"]
"""Tables that are compared with the truth; children are left out here."""


@pytest.fixture
def database(backfill: Backfill, folder: Path, reread_settings: Callable[[], None]) -> Path:
    """The backfilled database in the test's own folder, with settings."""
    shutil.copy(backfill.folder / "bookeo.duckdb", folder)
    write_settings(folder, backfill.sandbox)
    reread_settings()
    return folder / "bookeo.duckdb"


def test_a_backfill_of_twelve_account_months_is_one_run(backfill: Backfill) -> None:
    instance = backfill.instance
    run = instance.get_run_by_id(backfill.run_id)
    assert run is not None
    assert run.is_success, [entry.message for entry in instance.all_logs(run.run_id)]
    partitions = {f"{name}|{month}" for name in NAMES for month in MONTHS}
    assert len(partitions) == 12
    assert materialized(instance, run.run_id) == dict.fromkeys(TABLES, partitions)
    events = instance.all_logs(run.run_id)
    assert any("Executing steps using multiprocess executor" in entry.message for entry in events)
    for number in range(len(NAMES)):
        assert_equals_truth(backfill.folder / "bookeo.duckdb", backfill.sandbox, number, tables=LOADED)


def test_a_failing_account_stops_no_other_and_only_what_passes_is_tried_again(
    backfill: Backfill,
    instance: DagsterInstance,
    database: Path,
    reread_settings: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sandbox = backfill.sandbox
    write_settings(database.parent, sandbox, wrong="north")
    reread_settings()
    monkeypatch.setattr("bookeo_orchestration.retries.RETRY_SECONDS", 0)
    sandbox.advance(hours=20)
    sandbox.clear_requests()
    sandbox.fault("error", "GET /bookings", times=1)

    definitions = bookeo_definitions()
    context = build_schedule_context(
        instance, scheduled_execution_time=TODAY, repository_def=definitions.get_repository_def()
    )
    hourly = definitions.resolve_schedule_def("bookeo_hourly_load").evaluate_tick(context)
    [request] = hourly.run_requests or ()
    job = definitions.resolve_job_def("bookeo_load")
    done = job.execute_in_process({**request.run_config, **QUIET}, instance, tags=request.tags, raise_on_error=False)

    assert not done.success
    assert happened(instance, done.run_id).count("STEP_UP_FOR_RETRY") == 1
    made = materialized(instance, done.run_id)
    assert made["load_windows"] == {f"east|{MONTHS[-1]}", f"south|{MONTHS[-1]}"}
    for number in (EAST, SOUTH):
        assert_equals_truth(database, sandbox, number, tables=LOADED)
    [failure] = [event.step_failure_data for event in done.all_events if event.is_step_failure]
    assert failure.user_failure_data.description.startswith("north: ")
    assert set(failure.user_failure_data.metadata) == {"north"}
    # A wrong key is asked about once; the account that had an answer of 503 begins once more, the third one does not.
    asked = sandbox.requests()["by_operation"]
    assert asked["GET /settings/apikeyinfo"] == {"200": 3, "401": 1}
    assert asked["GET /bookings"] == {"200": 2, "503": 1}


def test_freshness_is_what_the_ledger_says(backfill: Backfill, instance: DagsterInstance, database: Path) -> None:
    def checked() -> dict[tuple[str, str], AssetCheckEvaluation]:
        job = bookeo_definitions(now=lambda: now).resolve_job_def("bookeo_check")
        done = job.execute_in_process(QUIET, instance)
        return {(one.asset_key.path[-1], one.check_name): one for one in done.get_asset_check_evaluations()}

    now = TODAY + timedelta(hours=2)
    found = checked()
    assert {key: one.passed for key, one in found.items()} == {
        ("bookings", "fresh"): True,
        ("load_windows", "whole"): True,
    }
    assert set(found["bookings", "fresh"].metadata) == set(NAMES)

    ids = [account.account_id for account in backfill.sandbox.accounts]
    with duckdb.connect(str(database)) as connection:
        ledger = f"{DATASET}.load_windows"
        connection.execute(f"DELETE FROM {ledger} WHERE account_id = ?", [ids[EAST]])
        late = "window_end = window_end - INTERVAL 2 DAY"
        connection.execute(f"UPDATE {ledger} SET {late} WHERE account_id = ?", [ids[NORTH]])
        connection.execute(
            f"UPDATE {ledger} SET items_landed = 0 WHERE account_id = ? AND items_landed > 0", [ids[SOUTH]]
        )
    found = checked()
    assert not any(one.passed for one in found.values())
    said = {name: value.value for name, value in found["bookings", "fresh"].metadata.items()}
    assert said["east"] == "never read"
    assert said["north"].endswith("s behind")
    assert found["load_windows", "whole"].metadata["south"].value != "0 incomplete windows"
    assert found["load_windows", "whole"].metadata["north"].value == "0 incomplete windows"


@pytest.fixture
def chromium() -> str:
    return find_program("chromium")


@pytest.fixture
def page_of_dagster(chromium: str, backfill: Backfill, database: Path) -> Iterator[str]:
    """Dagster's own web server over the backfill, as `dagster-webserver` starts it."""
    (database.parent / "definitions.py").write_text(DEFINITIONS)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "dagster_webserver", "-f", "definitions.py", "-h", "127.0.0.1", "-p", str(port)]
    environment = os.environ | {"DAGSTER_HOME": backfill.instance.root_directory}
    with (database.parent / "said").open("w") as said:
        server = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
        try:

            def answers() -> bool:
                assert server.poll() is None, (database.parent / "said").read_text()
                return _answers(f"{address}/server_info")

            wait_until(answers, pause=0.5)
            yield address
        finally:
            server.terminate()
            server.wait(PATIENCE)


def _answers(address: str) -> bool:
    try:
        return requests.get(address, timeout=PATIENCE).ok
    except requests.ConnectionError:
        return False


def test_the_page_shows_the_assets(page_of_dagster: str, chromium: str) -> None:
    trouble: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"])
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        page.set_default_timeout(PATIENCE * 1000)
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("console", lambda message: trouble.append(message.text) if message.type == "error" else None)
        page.goto(f"{page_of_dagster}/asset-groups")
        for group in ("bookeo", "bookeo_staging", "bookeo_intermediate", "bookeo_core", "bookeo_figures"):
            page.get_by_text(group, exact=True).first.wait_for()
        page.goto(f"{page_of_dagster}/assets/bookeo/bookings?view=partitions")
        # How many are missing depends on the months that have begun since.
        for text in ("Materialized (12)", "Failed (0)", *NAMES):
            page.get_by_text(text, exact=True).first.wait_for()
        browser.close()
    assert trouble == []
