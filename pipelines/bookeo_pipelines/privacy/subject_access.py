"""Everything that is held about a person, for a request of access: rows, mentions, archive files and copies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any

from bookeo.archive.store import Archive
from bookeo.errors import ArchiveFileDamaged
from bookeo.privacy.erasure import Forgotten
from bookeo.schema import DATA_COPIES, TABLES
from bookeo_pipelines.destinations.target import Target
from bookeo_pipelines.privacy.erase_archive import forget_in_file
from bookeo_pipelines.privacy.erase_tables import Tables
from bookeo_pipelines.privacy.subject import People, find_people
from bookeo_pipelines.privacy.subjects import Subject, find_subject
from bookeo_pipelines.runtime.json_text import json_text
from bookeo_pipelines.share.data_copies import data_copy, noted_copies
from bookeo_pipelines.warehouse.cursors import source_state
from bookeo_pipelines.warehouse.personal_columns import stored_tables
from bookeo_pipelines.warehouse.reading import reading


@dataclass(frozen=True)
class PersonalRecord:
    """What is held about a person.

    Args:
        account_id: The account.
        customer_ids: Bookeo's ids of the person.
        made_at: When it was put together, aware, UTC.
        database: The destination, in words.
        rows: By table, the rows about the person.
        mentions: By table and column, texts in rows about others that name the person.
        archives: By archive, the files that the person is in.
        copies: Copies of the database outside of it, which hold the same rows as when they were made.
    """

    account_id: str
    customer_ids: tuple[str, ...]
    made_at: datetime
    database: str
    rows: Mapping[str, list[dict[str, Any]]]
    mentions: Mapping[str, Mapping[str, list[str]]]
    archives: Mapping[str, list[str]]
    copies: tuple[str, ...]


def personal_record(
    target: Target,
    subject: Subject,
    account: str | None = None,
    *,
    archive: str | None = None,
    privacy_key: str | None = None,
) -> PersonalRecord:
    """Put together what is held about a person. Nothing is written, and the API is not asked.

    Args:
        target: Where the tables are; any destination with `information_schema`.
        subject: The person.
        account: Name of the account in the settings, or its id; None: the one that knows the person.
        archive: The setting `archive`.
        privacy_key: The setting of that name.

    Returns:
        What is held.

    Raises:
        SubjectNotFound: Nothing is held about such a person.
        BookeoError: The destination or the archive cannot be read.
    """
    with reading(target) as source:
        found = find_subject(source, subject, target.description, account)
        known = Forgotten.from_state(source_state(source.states()[found.pipelines[0]]), privacy_key)
        tables = stored_tables(source.execute)
        people = find_people(source.execute, tables, target.dataset, found.account_id, found.customer_ids, known)
        held = Tables(source.execute, tables, target.dataset, people, shared=target.database is None)
        rows = {held.name(table): about for table in held.tables if (about := [*held.rows(table)])}
        mentions = {held.name(table): texts for table in held.tables if (texts := held.mentions(table))}
        copies = noted_copies(source.rows, found.account_id) if DATA_COPIES.name in source.tables else []
    places = dict.fromkeys(
        [*([data_copy("archive", archive).place] if archive else []), *(c.place for c in copies if c.kind == "archive")]
    )
    return PersonalRecord(
        found.account_id,
        found.customer_ids,
        datetime.now(UTC),
        target.description,
        rows,
        mentions,
        {place: _files_with(place, people) for place in places},
        tuple(copy.place for copy in copies if copy.kind != "archive"),
    )


def _files_with(place: str, people: People) -> list[str]:
    archive = Archive(place)
    return [
        file.path
        for file, kept in archive.read_all(archive.files(people.account_id))
        if not isinstance(kept, ArchiveFileDamaged) and forget_in_file(kept, people) is not kept
    ]


def as_json(record: PersonalRecord) -> str:
    """Write a record as JSON.

    Args:
        record: The record.

    Returns:
        JSON, as `json_text` writes it.
    """
    return json_text(facts(record))


def as_html(record: PersonalRecord) -> str:
    """Write a record as one page that needs nothing else.

    Args:
        record: The record.

    Returns:
        HTML, to be read or printed.
    """
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Personal data</title><style>'
        "body{font:14px/1.5 sans-serif;margin:2em;max-width:70em}table{border-collapse:collapse;margin:.5em 0 1.5em}"
        "th,td{border:1px solid #999;padding:.2em .5em;text-align:left;vertical-align:top;overflow-wrap:anywhere}"
        "th{background:#eee;white-space:nowrap}</style>",
        f"<h1>Personal data of customer {escape(', '.join(record.customer_ids))}</h1>",
        f"<p>Account {escape(record.account_id)}, {escape(record.database)}, as of "
        f"{record.made_at.isoformat(timespec='seconds')}.</p>",
    ]
    for name, rows in record.rows.items():
        about = TABLES[name].description if name in TABLES else ""
        parts.append(f"<h2>{escape(name)}</h2><p>{escape(about)}</p>")
        for row in rows:
            cells = (
                f"<tr><th>{escape(column)}</th><td>{escape(str(_as_text(value)))}</td></tr>"
                for column, value in row.items()
                if value is not None
            )
            parts.append(f"<table>{''.join(cells)}</table>")
    if record.mentions:
        parts.append("<h2>Mentions in records of others</h2>")
    for name, columns in record.mentions.items():
        for column, texts in columns.items():
            items = "".join(f"<li>{escape(text)}</li>" for text in texts)
            parts.append(f"<h3>{escape(name)}.{escape(column)}</h3><ul>{items}</ul>")
    if record.archives or record.copies:
        parts.append("<h2>Elsewhere</h2><ul>")
        parts += [f"<li>{len(files):,} files of the archive {escape(p)}</li>" for p, files in record.archives.items()]
        parts += [f"<li>Copy of the database: {escape(place)}</li>" for place in record.copies]
        parts.append("</ul>")
    return "\n".join([*parts, "</html>", ""])


def facts(record: PersonalRecord) -> dict[str, Any]:
    """Return a record for `bookeo_pipelines.runtime.json_text`.

    Args:
        record: The record.

    Returns:
        The record's attributes by name.
    """
    return {
        "account_id": record.account_id,
        "customer_ids": record.customer_ids,
        "made_at": record.made_at.isoformat(timespec="seconds"),
        "database": record.database,
        "rows": record.rows,
        "mentions": record.mentions,
        "archives": record.archives,
        "copies": record.copies,
    }


def _as_text(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
