"""The account's small lists: products, rates, categories, resources, taxes and the business itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from bookeo.client.client import SettingsList
from bookeo.cursor.state import LoadState, changing
from bookeo.errors import NotFound, PermissionMissing, RequestBudgetSpent
from bookeo.extract.archive_writer import archived
from bookeo.extract.batch import Batch
from bookeo.extract.session import LoadSession
from bookeo.schema import BUSINESS, PEOPLE_CATEGORY, PRODUCT, RESOURCE_TYPE, TAX, Entity
from bookeo.transform.shape import RawPage

SETTINGS_ENTITIES: tuple[Entity, ...] = (BUSINESS, PRODUCT, PEOPLE_CATEGORY, RESOURCE_TYPE, TAX)
"""What the small lists hold."""


def lists_are_due(session: LoadSession, state: LoadState) -> bool:
    """Tells whether the small lists are to be read.

    Args:
        session: The load; its `settings_hours` says how long a reading lasts.
        state: What the loads remember.

    Returns:
        Whether they never were, or too long ago.
    """
    return state.due("settings", session.now, timedelta(hours=session.settings.settings_hours))


def settings_batches(session: LoadSession, source_state: MutableMapping[str, Any]) -> Iterator[Batch]:
    """Reads the small lists, each whole, unless that was done lately.

    Args:
        session: The load; its `settings_hours` says how long a reading lasts.
        source_state: What the source keeps in dlt's state.

    Yields:
        A batch for each list; one that the api key may not read is noted and left out.
    """
    if session.failure or not lists_are_due(session, LoadState.from_source(source_state)):
        return
    client = session.client
    lists: list[tuple[Entity, Callable[[], SettingsList], str]] = [
        (BUSINESS, client.business, ""),
        (PRODUCT, client.products, "data"),
        (PEOPLE_CATEGORY, client.people_categories, "categories"),
        (RESOURCE_TYPE, client.resources, "data"),
        (TAX, client.taxes, "data"),
    ]
    with ThreadPoolExecutor(session.settings.concurrency, thread_name_prefix="bookeo-lists") as threads:
        answered = [threads.submit(read) for _, read, _ in lists]
    for (entity, _, records), answer_of_it in zip(lists, answered, strict=True):
        try:
            answers = answer_of_it.result().answers
        except RequestBudgetSpent as error:
            if not session.chunked:
                raise
            session.failure = session.failure or error
            return
        except (PermissionMissing, NotFound) as error:
            session.notes.skipped[entity.table.name, "not permitted"] += 1
            session.notes.say(error.message)
            continue
        pages = [
            RawPage(answer.body, records or None, asked={"page": number, "server_time": answer.server_time})
            for number, answer in enumerate(answers, 1)
        ]
        yield archived(session, Batch(session, entity, pages), answers[0].operation)
    with changing(source_state) as state:
        state.done_at["settings"] = session.now
