"""What has become of each account in this try of a step and the tries before it. Dagster's event log remembers."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetMaterialization,
    AssetObservation,
    DagsterEventType,
    MetadataValue,
    MultiPartitionKey,
)

from bookeo.errors import BookeoError
from bookeo_orchestration.partitions import ACCOUNT

WHO, WHY = "account", "failure"
"""Metadata of the observation that somebody failed."""


class Attempts:
    """The accounts of a run that are done, and those that have failed for good: a retry leaves both alone.

    Args:
        context: The step's context.
    """

    def __init__(self, context: AssetExecutionContext) -> None:
        self._context = context
        self._done: set[str] = set()
        self.failures: dict[str, BookeoError | str] = {}
        """Why, by account, or by what else it happened to."""
        if context.retry_number:
            self._remember()

    def left(self, accounts: Collection[str]) -> list[str]:
        """Leaves out the accounts that need no further try.

        Args:
            accounts: Names of accounts.

        Returns:
            The others.
        """
        return [account for account in accounts if account not in self._done | self.failures.keys()]

    def done(self, partitions: Sequence[MultiPartitionKey], tables: dict[AssetKey, dict[str, int]]) -> None:
        """Notes that an account is loaded.

        Args:
            partitions: Its months.
            tables: Counts of rows by the keys of the tables that this is said of.
        """
        for partition in partitions:
            self._done.add(partition.keys_by_dimension[ACCOUNT])
            for key, counts in tables.items():
                self._context.log_event(AssetMaterialization(key, partition=partition, metadata={**counts}))

    def give_up(self, who: str, failure: BookeoError | str, key: AssetKey, partition: str | None = None) -> None:
        """Notes a failure that no retry mends.

        Args:
            who: The account, or what else it happened to.
            failure: Why.
            key: The asset that this is shown at.
            partition: The partition that this is shown at.
        """
        why = failure if isinstance(failure, str) else failure.message
        self.failures[who] = failure
        metadata = {WHO: MetadataValue.text(who), WHY: MetadataValue.text(why)}
        self._context.log_event(AssetObservation(key, description=why, partition=partition, metadata=metadata))

    def _remember(self) -> None:
        kinds = {DagsterEventType.ASSET_MATERIALIZATION, DagsterEventType.ASSET_OBSERVATION}
        for entry in self._context.instance.all_logs(self._context.run.run_id, of_type=kinds):
            event = entry.get_dagster_event()
            if event.event_type == DagsterEventType.ASSET_MATERIALIZATION:
                # The log keeps the key as text, with the name of the account first.
                self._done.add(str(event.partition).partition("|")[0])
            else:
                metadata = event.asset_observation_data.asset_observation.metadata
                self.failures[str(metadata[WHO].value)] = str(metadata[WHY].value)
