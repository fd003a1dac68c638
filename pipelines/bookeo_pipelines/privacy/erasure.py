"""Erase customers: in all tables, free blocks of the file, copies, archives, load packages, and loads to come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bookeo.archive.store import Archive
from bookeo.errors import ArchiveUnusable, SettingsError
from bookeo.extract.archive_writer import note_forgotten
from bookeo.privacy.erasure import STATE_KEY, Forgotten
from bookeo.schema import DATA_COPIES
from bookeo_pipelines.destinations.compaction import compact
from bookeo_pipelines.destinations.errors import as_bookeo_error
from bookeo_pipelines.destinations.target import Target
from bookeo_pipelines.privacy.erase_archive import forget_in_file
from bookeo_pipelines.privacy.erase_copies import publish_again, remove_leftovers
from bookeo_pipelines.privacy.erase_tables import Tables
from bookeo_pipelines.privacy.subject import People, find_people
from bookeo_pipelines.privacy.subjects import Subject, SubjectNotFound, find_subject
from bookeo_pipelines.share.data_copies import DataCopy, data_copy, noted_copies
from bookeo_pipelines.warehouse.access import sole_access
from bookeo_pipelines.warehouse.cursors import source_state
from bookeo_pipelines.warehouse.load_packages import finish_pending, load_pending, open_pipeline
from bookeo_pipelines.warehouse.personal_columns import Execute, StoredTable, executor, stored_tables
from bookeo_pipelines.warehouse.reading import reading

WHERE_IT_WORKS = ("duckdb", "postgres")
"""Destinations whose tables are known to hold nothing more of a row that was changed, once they are written anew."""


@dataclass(frozen=True)
class ErasureReport:
    """What was searched and what became of it; nothing in it is personal.

    Args:
        account_id: The account.
        pseudonyms: What stands in the place of the customers' ids.
        erased_at: When it was done, aware, UTC.
        database: The destination, in words.
        rows: Rows that were about the customers, by table.
        searched: Tables that were searched.
        archives: Files that were written anew, by archive.
        copies: Published copies that were made anew.
        leftovers: Places that killed commands had left behind; removed.
        untreated: Places that may still hold the customers, and what to do about each.
        left: Rows about others that have the same name, address or number, by table and column.
    """

    account_id: str
    pseudonyms: tuple[str, ...]
    erased_at: datetime
    database: str
    rows: Mapping[str, int]
    searched: tuple[str, ...]
    archives: Mapping[str, int] = field(default_factory=dict)
    copies: tuple[str, ...] = ()
    leftovers: tuple[str, ...] = ()
    untreated: Mapping[str, str] = field(default_factory=dict)
    left: Mapping[str, int] = field(default_factory=dict)


class ErasurePlan:
    """Customers who were found and may be erased; nobody else can load meanwhile.

    Args:
        target: Where the tables are.
        pipelines: The pipelines that load this account, each in step with the destination.
        people: Who is to be erased.
        archive: The setting `archive`.
        copies: Copies of the data that commands have noted.
    """

    def __init__(
        self,
        target: Target,
        pipelines: Sequence[Any],
        people: People,
        archive: str | None,
        copies: Sequence[DataCopy],
    ) -> None:
        self._target = target
        self._pipelines = pipelines
        self._people = people
        self._archive = archive
        self._copies = copies
        with _database(pipelines[0]) as (_, execute, tables):
            self.rows: Counter[str] = self._tables(execute, tables).count()
            """Rows that are about the customers, by table."""

    @property
    def pseudonyms(self) -> tuple[str, ...]:
        """What stands in the place of the customers' ids from now on."""
        return tuple(person.pseudonym for person in self._people.each)

    @property
    def places(self) -> list[str]:
        """Archives and copies that are searched, too."""
        return [*self._archives(), *(copy.place for copy in self._copies if copy.kind != "archive")]

    def execute(self, copy: Path | None = None) -> ErasureReport:
        """Erase the customers. Interrupted at any point, the same command does the rest.

        Args:
            copy: Where loads put a copy of the DuckDB file for readers; it is made anew.

        Returns:
            What was done.

        Raises:
            BookeoError: The destination or the configured archive cannot be written.
        """
        untreated: dict[str, str] = {}
        try:
            # Loads first, so that nobody comes back; tables after the archives, for they tell whom to look for.
            for pipeline in self._pipelines:
                self._remember(pipeline)
            archives = dict(self._erase_in_archives(untreated))
            with _database(self._pipelines[0]) as (client, execute, tables):
                held = self._tables(execute, tables)
                with client.begin_transaction():
                    held.forget()
                left = held.left()
                searched = tuple(table.quoted for table in held.tables)
                if self._target.destination == "postgres":
                    # Rows that were changed or deleted before today lie on in all of them until then.
                    for table in held.all_quoted:
                        execute(f"VACUUM FULL {table}")
            leftovers = remove_leftovers(self._target, self._copies, copy)
            compact(self._target)
            copies = publish_again(self._target, self._copies, copy, untreated)
        except Exception as error:
            raise as_bookeo_error(error, self._target) from error
        for export in (copy for copy in self._copies if copy.kind == "export"):
            untreated[export.place] = "files of tables from before: delete them, or run bookeo export again"
        return ErasureReport(
            self._people.account_id,
            self.pseudonyms,
            datetime.now(UTC),
            self._target.description,
            dict(self.rows),
            searched,
            archives,
            copies,
            leftovers,
            untreated,
            left,
        )

    def _tables(self, execute: Execute, tables: Sequence[StoredTable]) -> Tables:
        target = self._target
        return Tables(execute, tables, target.dataset, self._people, shared=target.database is None)

    def _remember(self, pipeline: Any) -> None:
        with pipeline.managed_state(extract_state=True) as state:
            state["sources"]["bookeo"][STATE_KEY] = self._people.forgotten.as_state()
        load_pending(pipeline)

    def _archives(self) -> list[str]:
        configured = [self._archive] if self._archive else []
        return [*configured, *(copy.place for copy in self._copies if copy.kind == "archive")]

    def _erase_in_archives(self, untreated: dict[str, str]) -> Iterator[tuple[str, int]]:
        account_id = self._people.account_id
        for place in self._archives():
            try:
                archive = Archive(place)
                note_forgotten(archive, account_id, self._people.forgotten.as_state())
                done = archive.rewrite(account_id, lambda kept: forget_in_file(kept, self._people))
            except ArchiveUnusable as error:
                if place == self._archive:
                    raise
                untreated[place] = f"an archive that was used once and cannot be written now ({error.message})"
                continue
            untreated.update(dict.fromkeys(done.damaged, "damaged: delete it if a customer may be in it"))
            yield place, done.changed


@contextmanager
def planned_erasure(
    target: Target,
    subject: Subject,
    account: str | None = None,
    *,
    archive: str | None = None,
    privacy_key: str | None = None,
    wait_seconds: float = 0,
) -> Iterator[ErasurePlan]:
    """Find customers and hold the lock until they have been erased or not. The API is not asked.

    Args:
        target: Where the tables are.
        subject: Who is looked for.
        account: Name of the account in the settings, or its id; None: the one that knows the customers.
        archive: The setting `archive`.
        privacy_key: The setting of that name.
        wait_seconds: How long to wait for a load into the same place.

    Yields:
        What may be erased.

    Raises:
        SubjectNotFound: Nothing is held about such customers.
        SettingsError: The destination is none in which this works; or several accounts have such customers.
        BookeoError: The destination cannot be asked.
    """
    if target.destination not in WHERE_IT_WORKS:
        raise SettingsError(
            f"bookeo forget works in {' and '.join(WHERE_IT_WORKS)}; in {target.destination} old versions of rows stay "
            "where it cannot reach them. Set privacy to drop there, or delete the rows and the versions by hand."
        )
    with sole_access(target, account, wait_seconds=wait_seconds, whole_dataset=True):
        with reading(target) as source:
            found = find_subject(source, subject, target.description, account)
            copies = noted_copies(source.rows, found.account_id) if DATA_COPIES.name in source.tables else []
        pipelines = []
        for name in found.pipelines:
            # Opening it removes the packages of earlier loads from the working folder.
            pipeline = open_pipeline(name, target)
            if pipeline.has_pending_data:
                # What an interrupted load left behind would bring the people back.
                finish_pending(pipeline, target)
                pipeline = open_pipeline(name, target)
            pipelines.append(pipeline)
        try:
            with _database(pipelines[0]) as (_, execute, tables):
                known = Forgotten.from_state(source_state(pipelines[0].state), privacy_key)
                people = find_people(
                    execute,
                    tables,
                    target.dataset,
                    found.account_id,
                    found.customer_ids,
                    known,
                    privacy_key,
                    subject.expired_before,
                )
            others = [copy for copy in copies if copy != (archive and data_copy("archive", archive))]
            plan = ErasurePlan(target, pipelines, people, archive, others)
        except Exception as error:
            raise as_bookeo_error(error, target) from error
        if not plan.rows and not any(known.known(customer) for customer in found.customer_ids):
            raise SubjectNotFound(f"Nothing is held about {subject.described} in {target.description}.")
        yield plan


@contextmanager
def _database(pipeline: Any) -> Iterator[tuple[Any, Execute, list[StoredTable]]]:
    with pipeline.sql_client() as client:
        execute = executor(client)
        yield client, execute, stored_tables(execute)
