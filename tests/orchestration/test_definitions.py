"""What Dagster is given: an asset for each table and model, partitions, schedules; nothing is loaded here."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from dagster import (
    AssetKey,
    AssetMaterialization,
    DagsterInstance,
    DagsterRunStatus,
    Definitions,
    Failure,
    MultiPartitionKey,
    MultiPartitionsDefinition,
    RetryRequested,
    RunRequest,
    build_schedule_context,
    evaluate_automation_conditions,
    partition_loading_context,
)
from shops import MONTHS, NAMES, OTHER_DEFINITIONS, TODAY, rectangle, write_settings

from bookeo import errors
from bookeo.schema import TABLES
from bookeo_orchestration import bookeo_definitions
from bookeo_orchestration.marts import read_models
from bookeo_orchestration.partitions import ONLY, account_months, account_names, work_of
from bookeo_orchestration.pools import AccountPools
from bookeo_orchestration.retries import RETRIES, ask_for_retry, failed, failures_told, will_pass
from bookeo_orchestration.schedules import ACCOUNTS, RANGE_END, RANGE_START
from days import MOMENTS, name_moment
from isolation import isolate

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "pipelines" / "marts"
MODELS = {path.stem for path in PROJECT.glob("models/*/*.sql")}


@pytest.fixture
def definitions(folder: Path, reread_settings: Callable[[], None]) -> Definitions:
    write_settings(folder)
    reread_settings()
    return bookeo_definitions(accounts_per_run=2)


def table(name: str) -> AssetKey:
    return AssetKey(["bookeo", name])


def model(name: str) -> AssetKey:
    return AssetKey(["bookeo_marts", name])


def test_every_table_and_model_has_an_asset(definitions: Definitions) -> None:
    Definitions.validate_loadable(definitions)
    assert len(MODELS) > 20
    assert set(definitions.resolve_all_asset_keys()) == {*map(table, TABLES), *map(model, MODELS)}
    graph = definitions.resolve_asset_graph()
    for name, declared in TABLES.items():
        node = graph.get(table(name))
        assert node.description == declared.description
        columns = node.metadata["dagster/column_schema"].columns
        assert [column.name for column in columns] == [column.name for column in declared.columns]
    assert graph.get(model("stg_bookings")).parent_keys == {table("bookings")}
    assert {model("stg_bookings"), model("dim_products")} <= graph.get(model("fct_bookings")).parent_keys
    checks = {(key.asset_key, key.name) for key in graph.asset_check_keys}
    assert checks == {(table("bookings"), "fresh"), (table("load_windows"), "whole")}


def test_what_is_kept_of_the_models_is_up_to_date() -> None:
    """As far as the project's text tells; `docs/refresh.py --models` asks dbt."""
    said: dict[str, str] = {}
    for path in PROJECT.glob("models/**/*.yml"):
        found = yaml.safe_load(path.read_text()).get("models", ())
        said |= {one["name"]: one.get("description", "") for one in found}
    by_macros = {name for path in PROJECT.glob("macros/*.sql") for name in references(path, "ref")}
    kept = read_models()
    assert kept.keys() == MODELS
    for path in PROJECT.glob("models/*/*.sql"):
        model = kept[path.stem]
        assert model["description"] == said.get(path.stem, "").strip(), f"{path.stem}: run docs/refresh.py --models"
        assert references(path, "ref") <= {*model["models"]} <= references(path, "ref") | by_macros, path.stem
        assert references(path, "loaded") == {*model["tables"]}, path.stem
        assert model["folder"] == path.parent.name


def references(path: Path, macro: str) -> set[str]:
    return set(re.findall(rf"\b{macro}\('(\w+)'", path.read_text()))


def test_other_definitions_of_the_document(
    folder: Path, reread_settings: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_settings(folder)
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", "postgresql://nobody:secret@nowhere/bookeo")
    reread_settings()
    found: dict[str, Any] = {}
    exec(OTHER_DEFINITIONS, found)
    [spec, *_] = found["defs"].resolve_all_asset_specs()
    assert "postgres" in spec.kinds


def test_without_marts_there_are_tables_only(folder: Path, reread_settings: Callable[[], None]) -> None:
    write_settings(folder, payments="as_needed")
    reread_settings()
    found = bookeo_definitions(marts=False)
    assert set(found.resolve_all_asset_keys()) == {*map(table, TABLES)}
    checks = {(key.asset_key, key.name) for key in found.resolve_asset_graph().asset_check_keys}
    assert (table("payments"), "fresh") in checks


def test_partitions_are_accounts_and_months(definitions: Definitions) -> None:
    partitions = definitions.resolve_asset_graph().get(table("bookings")).partitions_def
    assert isinstance(partitions, MultiPartitionsDefinition)
    with partition_loading_context(effective_dt=TODAY):
        assert set(partitions.get_partition_keys()) == {f"{name}|{month}" for name in NAMES for month in MONTHS}
    work = work_of([MultiPartitionKey({"account": "north", "month": month}) for month in ("2026-12-01", "2027-01-01")])
    assert list(work.partitions) == ["north"]
    assert work.months.since == datetime(2026, 12, 1, tzinfo=UTC)
    assert work.months.until == datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC)


def test_settings_with_one_pair_of_keys_are_one_account(folder: Path) -> None:
    assert account_names() == [ONLY]
    with partition_loading_context(effective_dt=TODAY):
        months = account_months([ONLY]).get_partition_keys()
    assert months[0] == "only|2010-01-01"
    assert months[-1] == f"only|{MONTHS[-1]}"


@pytest.fixture(scope="module")
def always_the_same(tmp_path_factory: pytest.TempPathFactory) -> Definitions:
    """Definitions that no test changes anything about."""
    folder = tmp_path_factory.mktemp("definitions")
    with pytest.MonkeyPatch.context() as monkeypatch:
        write_settings(folder)
        isolate(monkeypatch, folder)
        return bookeo_definitions(marts=False)


@pytest.mark.parametrize("moment", MOMENTS, ids=name_moment)
def test_at_any_moment_its_month_is_the_last_one_and_the_one_that_is_loaded(
    always_the_same: Definitions, idle_instance: DagsterInstance, moment: datetime
) -> None:
    month = f"{moment:%Y-%m}-01"
    partitions = always_the_same.resolve_asset_graph().get(table("bookings")).partitions_def
    with partition_loading_context(effective_dt=moment):
        assert partitions.get_last_partition_key() == f"{NAMES[-1]}|{month}"
    work = work_of([MultiPartitionKey({"account": NAMES[0], "month": month})])
    assert work.months.since <= moment <= work.months.until
    assert (work.months.until + timedelta(seconds=1)).day == work.months.since.day == 1
    context = build_schedule_context(
        idle_instance, scheduled_execution_time=moment, repository_def=always_the_same.get_repository_def()
    )
    [request] = always_the_same.resolve_schedule_def("bookeo_hourly_load").evaluate_tick(context).run_requests or ()
    assert {request.tags[RANGE_START], request.tags[RANGE_END]} == {f"{NAMES[0]}|{month}", f"{NAMES[-1]}|{month}"}


def test_the_hourly_schedule_yields_a_run_for_several_accounts(
    definitions: Definitions, instance: DagsterInstance
) -> None:
    hourly = definitions.resolve_schedule_def("bookeo_hourly_load")
    assert hourly.cron_schedule == "5 * * * *"

    def tick() -> list[RunRequest]:
        context = build_schedule_context(
            instance,
            scheduled_execution_time=datetime(2026, 7, 1, 0, 5, tzinfo=UTC),
            repository_def=definitions.get_repository_def(),
        )
        return list(hourly.evaluate_tick(context).run_requests or ())

    requests = tick()
    assert [(r.tags[RANGE_START], r.tags[RANGE_END]) for r in requests] == [
        ("east|2026-07-01", "north|2026-07-01"),
        ("south|2026-07-01", "south|2026-07-01"),
    ]
    assert len({r.run_key for r in requests}) == 2
    job = definitions.resolve_job_def("bookeo_load")
    for request in requests:
        assert request.run_config == {"ops": {"bookeo_tables": {"config": {"since_last_load": True}}}}
    # Accounts whose last load goes on are left out, and only they.
    tags = {**rectangle(NAMES[:1], MONTHS[:1]), ACCOUNTS: requests[0].tags[ACCOUNTS]}
    run = instance.create_run_for_job(job, tags=tags, status=DagsterRunStatus.STARTED)
    assert [request.run_key for request in tick()] == [requests[1].run_key]
    instance.report_run_failed(run)
    assert len(tick()) == 2


def test_marts_are_made_anew_after_loads(definitions: Definitions, instance: DagsterInstance) -> None:
    def wanted(cursor: Any = None) -> Any:
        return evaluate_automation_conditions(definitions, instance, evaluation_time=TODAY, cursor=cursor)

    first = wanted()
    assert first.total_requested == 0, "there is nothing yet to make them of"
    partition = MultiPartitionKey({"account": "north", "month": MONTHS[-1]})
    instance.report_runless_asset_event(AssetMaterialization(table("bookings"), partition=partition))
    after = wanted(first.cursor)
    assert after.get_num_requested(model("stg_bookings")) == 1, "and with it all others, as they are made together"
    assert wanted(after.cursor).total_requested == 0


def test_only_what_passes_is_tried_again() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.BookeoError)]
    passing = {kind for kind in kinds if will_pass(kind("..."))}
    assert passing == {kind for kind in kinds if issubclass(kind, errors.RetriableError)} - {errors.RequestBudgetSpent}
    assert {errors.ServerUnavailable, errors.RateLimited} <= passing
    waits = []
    for number in range(RETRIES):
        with pytest.raises(RetryRequested) as asked:
            ask_for_retry(number)
        waits.append(asked.value.seconds_to_wait)
        assert asked.value.max_retries == RETRIES
    assert waits == sorted(waits)
    ask_for_retry(RETRIES)
    failure = failed({"north": errors.CredentialsRejected("The keys are refused."), "south": "Nobody answers."})
    assert isinstance(failure, Failure)
    assert failure.allow_retries is False
    assert failure.description == "north: The keys are refused.; south: Nobody answers."
    assert failure.metadata["north"].value == "The keys are refused."


def test_dagster_is_told_no_words_of_the_api() -> None:
    words = "Booking of Anna Karenina is not allowed"
    told: list[str] = []
    context = SimpleNamespace(log=SimpleNamespace(warning=told.append), retry_number=0)
    for kind, ends in ((errors.RequestRejected, Failure), (errors.ServerUnavailable, RetryRequested)):
        with pytest.raises(ends) as raised, failures_told(context):
            raise kind("GET /bookings failed.", api_message=words)
        assert raised.value.__cause__ is None
        assert raised.value.__suppress_context__
        told.append(repr(vars(raised.value)) + str(raised.value))
    assert "GET /bookings failed." in "".join(told)
    assert "Karenina" not in "".join(told)


def test_an_account_is_loaded_by_one_run_at_a_time(
    definitions: Definitions, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = definitions.resolve_job_def("bookeo_load")
    partition = rectangle(NAMES[:1], MONTHS[:1])
    here, there = (
        instance.create_run_for_job(job, tags=partition, status=DagsterRunStatus.STARTED).run_id for _ in range(2)
    )
    elsewhere = AccountPools(instance, there, "step").groups(["south"])
    assert next(elsewhere) == ["south"]
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        next(elsewhere, None)

    monkeypatch.setattr("bookeo_orchestration.pools.sleep", wait)
    groups = AccountPools(instance, here, "step").groups(NAMES)
    assert next(groups) == ["east", "north"]
    assert next(groups) == ["south"], "as soon as the other run has given it back"
    assert len(waits) == 1
    # A run whose process was killed never gives anything back.
    last = AccountPools(instance, there, "step").groups(["south"])
    instance.report_run_failed(instance.get_run_by_id(here))
    assert next(last) == ["south"]
    groups.close()
    last.close()
