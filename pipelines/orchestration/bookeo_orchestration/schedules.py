"""When what is run: the hourly load, several accounts in a run, and the checks."""

from collections.abc import Iterator, Sequence
from datetime import UTC

from dagster import (
    AssetChecksDefinition,
    AssetsDefinition,
    AssetSelection,
    DagsterRunStatus,
    MultiPartitionKey,
    RunRequest,
    RunsFilter,
    ScheduleDefinition,
    ScheduleEvaluationContext,
    define_asset_job,
    schedule,
)

from bookeo_orchestration.partitions import ACCOUNT, MONTH
from bookeo_orchestration.tables import STEP

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
"""Dagster's tags of a run that is for several partitions at once."""
ACCOUNTS = "bookeo/accounts"
"""Tag that says which accounts an hourly run loads."""
UNFINISHED = (
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
)


def hourly_load(tables: AssetsDefinition, accounts: Sequence[str], accounts_per_run: int) -> ScheduleDefinition:
    """Makes the schedule that loads what has changed, each hour.

    Args:
        tables: The assets of the tables.
        accounts: Names of all accounts.
        accounts_per_run: How many of them one run loads. A run costs 20 to 40 s beside its work.

    Returns:
        The schedule, with its job.
    """
    job = define_asset_job("bookeo_load", AssetSelection.assets(*tables.keys).without_checks())
    groups = [accounts[first : first + accounts_per_run] for first in range(0, len(accounts), accounts_per_run)]

    @schedule(job=job, cron_schedule="5 * * * *", execution_timezone="UTC", name="bookeo_hourly_load")
    def load_changes(context: ScheduleEvaluationContext) -> Iterator[RunRequest]:
        """Loads what was booked, changed, canceled or paid since the last load, for all accounts."""
        month = context.scheduled_execution_time.astimezone(UTC).strftime("%Y-%m-01")
        for group in groups:
            who = group[0] if len(group) == 1 else f"{group[0]} to {group[-1]}"
            going_on = RunsFilter(job_name=job.name, tags={ACCOUNTS: who}, statuses=list(UNFINISHED))
            if context.instance.get_runs_count(going_on):
                context.log.info(f"The last load of {who} has not ended yet; the next hour's will catch up.")
                continue
            first, last = (MultiPartitionKey({ACCOUNT: name, MONTH: month}) for name in (group[0], group[-1]))
            yield RunRequest(
                run_key=f"{context.scheduled_execution_time.isoformat()} {who}",
                tags={RANGE_START: first, RANGE_END: last, ACCOUNTS: who},
                run_config={"ops": {STEP: {"config": {"since_last_load": True}}}},
            )

    return load_changes


def hourly_checks(checks: AssetChecksDefinition) -> ScheduleDefinition:
    """Makes the schedule that checks how fresh the tables are, whether or not anybody loads them.

    Args:
        checks: The checks.

    Returns:
        The schedule, with its job.
    """
    job = define_asset_job("bookeo_check", AssetSelection.checks(checks))
    return ScheduleDefinition(name="bookeo_hourly_check", job=job, cron_schedule="35 * * * *", execution_timezone="UTC")
