"""Runs of Dagster: a backfill, the hourly load, the checks, the marts."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from dagster import AssetCheckEvaluation, DagsterInstance, build_schedule_context
from shops import MONTHS, NAMES, QUIET, Backfill, happened, materialized, write_settings

from bookeo.tables import TABLES
from bookeo_orchestration import bookeo_definitions
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


def test_a_backfill_of_twelve_account_months_is_one_run(backfill: Backfill, instance: DagsterInstance) -> None:
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
        instance, scheduled_execution_time=datetime.now(UTC), repository_def=definitions.get_repository_def()
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
        job = bookeo_definitions().resolve_job_def("bookeo_check")
        done = job.execute_in_process(QUIET, instance)
        return {(one.asset_key.path[-1], one.check_name): one for one in done.get_asset_check_evaluations()}

    # The shops' clock stands at the end of this day, or a day later.
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
