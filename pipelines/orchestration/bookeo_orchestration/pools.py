"""One load of an account at a time, in all runs on all machines: the pace of its api key is kept in one place only."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from time import sleep

from dagster import DagsterInstance

POOL = "bookeo_account_{}"
"""Dagster's pool of an account; it takes one load at a time."""
SECONDS = 2.0
"""How often an account is asked for that another run is loading."""


class AccountPools:
    """Takes the places of accounts in Dagster's own concurrency pools.

    A pool belongs to a step of fixed code, and a step here loads whatever accounts its run is for; so it takes its
    places by itself.

    Args:
        instance: Dagster's instance, whose database all runs share.
        run_id: The run.
        step: The step's key.
    """

    def __init__(self, instance: DagsterInstance, run_id: str, step: str) -> None:
        self._instance = instance
        self._storage = instance.event_log_storage
        self._run_id = run_id
        self._step = step

    def groups(self, accounts: Collection[str]) -> Iterator[list[str]]:
        """Gives accounts as they become free. Nobody waits while holding one, so no two runs wait for each other.

        Args:
            accounts: Names of the accounts.

        Yields:
            Those that are free now, which are nobody else's until the next are asked for.
        """
        if not self._storage.supports_global_concurrency_limits:
            yield list(accounts)
            return
        left = list(accounts)
        self._make_pools(left)
        while left:
            free = [account for account in left if self._take(account)]
            if free:
                try:
                    yield free
                finally:
                    self._storage.free_concurrency_slot_for_step(self._run_id, self._step)
                left = [account for account in left if account not in free]
            else:
                sleep(SECONDS)

    def _make_pools(self, accounts: Collection[str]) -> None:
        known = {pool.name for pool in self._storage.get_pool_limits()}
        for account in accounts:
            if POOL.format(account) not in known:
                self._storage.set_concurrency_slots(POOL.format(account), 1)

    def _take(self, account: str) -> bool:
        pool = POOL.format(account)
        if self._storage.claim_concurrency_slot(pool, self._run_id, self._step, 0).is_claimed:
            return True
        for run_id in self._storage.get_concurrency_info(pool).active_run_ids:
            run = self._instance.get_run_by_id(run_id)
            if run is None or run.is_finished:
                # Its process was killed and could not give the place back.
                self._storage.free_concurrency_slots_for_run(run_id)
        return False
