"""The loaded tables as assets: one step loads the accounts and months that its run is for, several side by side."""

from collections.abc import Iterator, Sequence

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    AssetSpec,
    BackfillPolicy,
    Config,
    MaterializeResult,
    MultiPartitionsDefinition,
    TableColumn,
    TableSchema,
    multi_asset,
)
from pydantic import Field

from bookeo.errors import BookeoError, FatalError, RequestBudgetSpent
from bookeo.schema import LOAD_RUNS, TABLES, Table
from bookeo.settings.model import keyless_settings, load_settings, moment
from bookeo_orchestration.attempts import Attempts
from bookeo_orchestration.partitions import ONLY, work_of
from bookeo_orchestration.pools import AccountPools
from bookeo_orchestration.retries import ask_for_retry, failed, will_pass
from bookeo_pipelines.destinations.target import Target
from bookeo_pipelines.load.runner import AccountFailed, LoadRequest, LoadResult, TableChange, run_loads
from bookeo_pipelines.share.publish import Publication, configured_place

STEP = "bookeo_tables"


class Loading(Config):
    """How a run loads."""

    since_last_load: bool = Field(
        default=False, description="Go on from where the last load ended, in place of reading whole months."
    )
    wait_seconds: float = Field(default=3600, description="Seconds to wait for another load into the same place.", ge=0)


def table_key(name: str) -> AssetKey:
    """Names a table's asset.

    Args:
        name: The table.

    Returns:
        Its key.
    """
    return AssetKey(["bookeo", name])


def table_assets(where: Target, partitions: MultiPartitionsDefinition) -> AssetsDefinition:
    """Makes the assets of all tables.

    They are made together: the tables share one cursor, and a load of some of them only would pass the others by.

    Args:
        where: What is loaded into.
        partitions: The accounts and months.

    Returns:
        The assets.
    """

    @multi_asset(
        name=STEP,
        specs=[_spec(table, where) for table in TABLES.values()],
        partitions_def=partitions,
        backfill_policy=BackfillPolicy.single_run(),
    )
    def load_tables(context: AssetExecutionContext, config: Loading) -> Iterator[MaterializeResult[None]]:
        _Load(context, config, where).run()
        # Each account's part has been told of by itself, as soon as it was there.
        yield from ()

    return load_tables


def _spec(table: Table, where: Target) -> AssetSpec:
    columns = [TableColumn(column.name, column.type, column.description) for column in table.columns]
    return AssetSpec(
        table_key(table.name),
        description=table.description,
        group_name="bookeo",
        kinds={"dlt", where.destination},
        metadata={"dagster/column_schema": TableSchema(columns)},
        skippable=True,
    )


class _Load:
    """What one try of the step does."""

    def __init__(self, context: AssetExecutionContext, config: Loading, where: Target) -> None:
        self._context = context
        self._config = config
        self._where = where
        self._work = work_of(context.partition_keys)
        self._attempts = Attempts(context)
        self._publication = Publication(where, configured_place(where))
        self._passing: dict[str, BookeoError] = {}

    def run(self) -> None:
        """Loads every account that is left; those that fail stop no other."""
        pools = AccountPools(self._context.instance, self._context.run.run_id, STEP)
        for accounts in pools.groups(self._attempts.left(self._work.partitions)):
            self._load(accounts)
        if self._publication.failure is not None:
            self._attempts.give_up("The copy for readers", self._publication.failure, table_key(LOAD_RUNS.name))
        for account, failure in self._passing.items():
            self._context.log.warning(f"{account}: {failure.message}")
        if self._passing:
            ask_for_retry(self._context.retry_number)
        failures = {**self._attempts.failures, **self._passing}
        if failures:
            raise failed(failures)

    def _load(self, accounts: Sequence[str]) -> None:
        requests = []
        for account in accounts:
            try:
                requests.append(self._request(account))
            except BookeoError as error:
                self._told(AccountFailed(account, error))
        if not requests:
            return
        try:
            run_loads(
                requests,
                on_result=self._told,
                at_once=keyless_settings().accounts_at_once,
                on_loaded=self._publication.make,
            )
        except BookeoError as error:
            # Nobody could use the destination.
            for request in requests:
                self._told(AccountFailed(request.settings.account or ONLY, error))

    def _told(self, result: LoadResult | AccountFailed) -> None:
        account = result.account or ONLY
        months = self._work.partitions[account]
        failure = result.failure
        stopped = isinstance(failure, RequestBudgetSpent)
        if isinstance(result, LoadResult) and (failure is None or (stopped and self._config.since_last_load)):
            self._attempts.done(months, self._counts(result))
            if result.not_held and keyless_settings().fail_on_rejected:
                failure = FatalError(
                    f"{result.not_held} record(s) could not be shaped; all else is loaded, and the table rejected_rows "
                    "has them with the reason."
                )
            else:
                failure = None
        if failure is not None and will_pass(failure):
            self._passing[account] = failure
        elif failure is not None:
            self._attempts.give_up(account, failure, table_key(LOAD_RUNS.name), months[-1])

    def _counts(self, result: LoadResult) -> dict[AssetKey, dict[str, int]]:
        """What happened to each table. Of whole months all tables count as loaded, of an hour those that changed."""
        nothing = TableChange(0, 0, 0)
        changes = {name: result.tables.get(name, nothing) for name in TABLES}
        return {
            table_key(name): {"new": change.new, "changed": change.changed, "rows": change.after}
            for name, change in changes.items()
            if change.loaded or not self._config.since_last_load
        }

    def _request(self, account: str) -> LoadRequest:
        settings = load_settings(account=None if account == ONLY else account)
        months = None if self._config.since_last_load else self._work.months
        return LoadRequest(
            settings,
            self._where.of_account(settings.account),
            since=max(months.since, moment(settings.start, "The setting start")) if months else None,
            until=months.until if months else None,
            wait_seconds=self._config.wait_seconds,
        )
