"""Forgets one customer: in all tables, free blocks of the file, the archive, load packages, and loads to come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bookeo import BookeoSettings
from bookeo.archive import Archive
from bookeo.archiving import note_forgotten
from bookeo.errors import SettingsError
from bookeo.forgotten import STATE_KEY, Forgotten
from bookeo_pipelines.access import sole_access
from bookeo_pipelines.compacting import compact
from bookeo_pipelines.cursors import source_state
from bookeo_pipelines.destination import Target
from bookeo_pipelines.failures import as_bookeo_error
from bookeo_pipelines.forget_archive import forget_in_file
from bookeo_pipelines.forget_person import Person, find_person
from bookeo_pipelines.forget_tables import Tables
from bookeo_pipelines.load import LoadRequest
from bookeo_pipelines.packages import finish_pending, load_pending, open_pipeline
from bookeo_pipelines.personal import Execute, StoredTable, stored_tables
from bookeo_pipelines.publish import publish
from bookeo_pipelines.status_reading import reading

WHERE_IT_WORKS = ("duckdb", "postgres")
"""Destinations whose tables are known to hold nothing more of a row that was changed, once they are written anew."""


class NobodyFound(SettingsError):
    """Nothing is held about this customer."""


@dataclass(frozen=True)
class Forgot:
    """What was done.

    Args:
        rows: Rows that were about the person, by table.
        archive: Files of the archive that were written anew; None without an archive.
        damaged: Files of the archive that could not be read, and may name the person.
        left: Rows about others that have the same name, address or number, by table and column.
    """

    rows: Mapping[str, int]
    archive: int | None
    damaged: tuple[str, ...]
    left: Mapping[str, int]


class Forgetting:
    """A customer who is found and may be forgotten; nobody else can load meanwhile.

    Args:
        target: Where the tables are.
        pipelines: The pipelines that load this account, each in step with the destination.
        person: Who it is.
        archive: The archive, where there is one.
    """

    def __init__(self, target: Target, pipelines: Sequence[Any], person: Person, archive: Archive | None) -> None:
        self._target = target
        self._pipelines = pipelines
        self._person = person
        self._archive = archive
        with _database(pipelines[0]) as (_, execute, tables):
            self.rows: Counter[str] = self._tables(execute, tables).count()
            """Rows that are about the person, by table."""

    @property
    def pseudonym(self) -> str:
        """What stands in the place of the customer's id from now on."""
        return self._person.pseudonym

    def carry_out(self, copy: Path | None = None) -> Forgot:
        """Forgets the person. Interrupted at any point, the same command does the rest.

        Args:
            copy: Where loads put a copy of the DuckDB file for readers; it is made anew.

        Returns:
            What was done.

        Raises:
            BookeoError: The destination or the archive cannot be written.
        """
        try:
            # Loads first, that nobody comes back; tables after the archive, for they tell whom to look for in it.
            for pipeline in self._pipelines:
                self._remember(pipeline)
            rewritten = None
            if self._archive is not None:
                note_forgotten(self._archive, self._person.account_id, self._person.forgotten.as_state())
                rewritten = self._archive.rewrite(
                    self._person.account_id, lambda kept: forget_in_file(kept, self._person)
                )
            with _database(self._pipelines[0]) as (client, execute, tables):
                held = self._tables(execute, tables)
                with client.begin_transaction():
                    held.forget()
                left = held.left()
                if self._target.destination == "postgres":
                    for table in held.written:
                        execute(f"VACUUM FULL {table}")
            compact(self._target)
            if copy is not None and copy.exists():
                publish(self._target, copy)
        except Exception as error:
            raise as_bookeo_error(error, self._target) from None
        return Forgot(
            self.rows,
            rewritten.changed if rewritten else None,
            rewritten.damaged if rewritten else (),
            left,
        )

    def _tables(self, execute: Execute, tables: Sequence[StoredTable]) -> Tables:
        target = self._target
        return Tables(execute, tables, target.dataset, self._person, shared=target.database is None)

    def _remember(self, pipeline: Any) -> None:
        with pipeline.managed_state(extract_state=True) as state:
            state["sources"]["bookeo"][STATE_KEY] = self._person.forgotten.as_state()
        load_pending(pipeline)


@contextmanager
def planned_forgetting(
    target: Target, customer_id: str, account: str | None = None, *, archive: str | None = None, wait_seconds: float = 0
) -> Iterator[Forgetting]:
    """Finds a customer and holds the lock until they have been forgotten or not. The API is not asked.

    Args:
        target: Where the tables are.
        customer_id: Bookeo's id.
        account: Name of the account in the settings; None: the one that knows the customer.
        archive: The setting `archive`.
        wait_seconds: How long to wait for a load into the same place.

    Yields:
        What may be forgotten.

    Raises:
        NobodyFound: Nothing is held about such a customer.
        SettingsError: The destination is none in which this works; or several accounts have such a customer.
        BookeoError: The destination cannot be asked.
    """
    if target.destination not in WHERE_IT_WORKS:
        raise SettingsError(
            f"bookeo forget works in {' and '.join(WHERE_IT_WORKS)}; in {target.destination} old versions of rows stay "
            "where it cannot reach them. Set privacy to drop there, or delete the rows and the versions by hand."
        )
    # The keys are of no interest here, so the settings need not be there.
    request = LoadRequest(BookeoSettings(account=account), target, wait_seconds=wait_seconds)
    with sole_access(request):
        account_id, names = _whose(target, customer_id, account)
        pipelines = []
        for name in names:
            # Opening it removes the packages of earlier loads from the working folder.
            pipeline = open_pipeline(name, target)
            if pipeline.has_pending_data:
                # What an interrupted load left behind would bring the person back.
                finish_pending(pipeline, target)
                pipeline = open_pipeline(name, target)
            pipelines.append(pipeline)
        try:
            with _database(pipelines[0]) as (_, execute, tables):
                known = Forgotten.from_state(source_state(pipelines[0].state))
                person = find_person(execute, tables, target.dataset, account_id, customer_id, known)
            forgetting = Forgetting(target, pipelines, person, Archive(archive) if archive else None)
        except Exception as error:
            raise as_bookeo_error(error, target) from None
        if not forgetting.rows and not known.known(customer_id):
            raise NobodyFound(f"Nothing is held about a customer {customer_id} in {target.description}.")
        yield forgetting


def _whose(target: Target, customer_id: str, account: str | None) -> tuple[str, list[str]]:
    """Finds the account that knows a customer, and the pipelines that load it."""
    wanted = None if account is None else f"bookeo_{account}"
    with reading(target) as source:
        states = {name: state for name, state in source.states().items() if wanted in (None, name)}
        accounts: dict[str, list[str]] = {}
        for name, cursors in source.cursors().items():
            if name in states:
                accounts.setdefault(cursors.account_id, []).append(name)
        tables = [table for table in ("customers", "bookings", "payments", "booking_people") if table in source.tables]
        asked = " UNION ".join(f"SELECT account_id FROM {{{table}}} WHERE customer_id = %s" for table in tables)
        held = {row[0] for row in source.rows(asked, *[customer_id] * len(tables))} if tables else set()
    found = [
        account_id
        for account_id, names in accounts.items()
        if account_id in held
        or any(Forgotten.from_state(source_state(states[name])).known(customer_id) for name in names)
    ]
    if not found:
        raise NobodyFound(f"Nothing is held about a customer {customer_id} in {target.description}.")
    if len(found) > 1:
        raise SettingsError(f"{len(found)} accounts have a customer {customer_id}; say which one with --account.")
    return found[0], accounts[found[0]]


@contextmanager
def _database(pipeline: Any) -> Iterator[tuple[Any, Execute, list[StoredTable]]]:
    with pipeline.sql_client() as client:

        def execute(sql: str, *values: Any) -> Sequence[Any]:
            return client.execute_sql(sql, *values) or ()

        yield client, execute, stored_tables(execute)
