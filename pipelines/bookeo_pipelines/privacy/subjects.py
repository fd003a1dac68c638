"""Find the customers whom a request for access or erasure is about, and the account that they belong to."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bookeo.errors import SettingsError
from bookeo.privacy.erasure import PSEUDONYM_PREFIX, Forgotten
from bookeo_pipelines.destinations.target import Target
from bookeo_pipelines.runtime.quoting import literal
from bookeo_pipelines.warehouse.cursors import source_state
from bookeo_pipelines.warehouse.reading import Reading, reading


class SubjectNotFound(SettingsError):
    """Nothing is held about these customers."""


@dataclass(frozen=True)
class Subject:
    """Who is looked for: exactly one of these.

    Args:
        customer_id: Bookeo's id.
        email: An e-mail address; every customer who has it.
        inactive_since: Every customer of whom nothing is newer than this, aware.
        hashed_email: What the setting `privacy` makes of the address.
    """

    customer_id: str | None = None
    email: str | None = field(default=None, repr=False)
    inactive_since: datetime | None = None
    hashed_email: str | None = None

    @property
    def described(self) -> str:
        """Who it is, in words that tell nothing but what Bookeo calls them."""
        if self.customer_id is not None:
            return f"a customer {self.customer_id}"
        return "a customer with this e-mail address" if self.email is not None else "a customer inactive for so long"

    @property
    def expired_before(self) -> str | None:
        """The time of which what is newer is kept, where they are erased for their age."""
        return None if self.inactive_since is None else self.inactive_since.isoformat()


@dataclass(frozen=True)
class FoundSubject:
    """Customers of one account.

    Args:
        account_id: The account.
        pipelines: Names of the pipelines that load it.
        customer_ids: Their ids, in order.
    """

    account_id: str
    pipelines: tuple[str, ...]
    customer_ids: tuple[str, ...]


def find_subject(source: Reading, subject: Subject, place: str, account: str | None = None) -> FoundSubject:
    """Find customers in a destination.

    Args:
        source: The destination.
        subject: Who is looked for.
        place: The destination in words.
        account: Name of the account in the settings, or its id; None: the one that knows the customers.

    Returns:
        The customers.

    Raises:
        SubjectNotFound: No account knows such customers.
        SettingsError: Several accounts do.
    """
    states = source.states()
    loaded: dict[str, list[str]] = {}
    for name, cursors in source.cursors().items():
        if account in (None, cursors.account_id) or name == f"bookeo_{account}":
            loaded.setdefault(cursors.account_id, []).append(name)
    held: dict[str, set[str]] = {}
    for account_id, customer_id in _customers(source, subject):
        held.setdefault(account_id, set()).add(customer_id)
    if subject.customer_id is not None:
        for account_id, names in loaded.items():
            if any(Forgotten.knows(source_state(states[name]), subject.customer_id) for name in names):
                held.setdefault(account_id, set()).add(subject.customer_id)
    found = sorted(held.keys() & loaded.keys())
    if not found:
        raise SubjectNotFound(f"Nothing is held about {subject.described} in {place}.")
    if len(found) > 1:
        raise SettingsError(f"{len(found)} accounts have {subject.described}; say which one with --account.")
    return FoundSubject(found[0], tuple(loaded[found[0]]), tuple(sorted(held[found[0]])))


def _customers(source: Reading, subject: Subject) -> list[tuple[str, str]]:
    """Return account and id of the customers who are held in the tables."""
    tables = source.tables

    def there(*names: str) -> list[str]:
        return [name for name in names if name in tables]

    if subject.customer_id is not None:
        parts = [
            f"SELECT account_id, customer_id FROM {{{name}}} WHERE customer_id = %s"
            for name in there("customers", "bookings", "payments", "booking_people")
        ]
        values: list[object] = [subject.customer_id] * len(parts)
    elif subject.email is not None:
        wanted = sorted({subject.email.strip().lower(), subject.hashed_email or subject.email.strip().lower()})
        marks = ", ".join(["%s"] * len(wanted))
        parts = [
            f"SELECT account_id, customer_id FROM {{{name}}} WHERE lower(email_address) IN ({marks})"
            for name in there("customers", "booking_people")
        ]
        values = [*wanted] * len(parts)
    else:
        return _inactive(source, subject.inactive_since)
    rows = source.rows(" UNION ".join(parts), *values) if parts else []
    return [(account_id, customer_id) for account_id, customer_id in rows if customer_id is not None]


def _inactive(source: Reading, moment: datetime | None) -> list[tuple[str, str]]:
    activities = {
        "customers": ("creation_time", "start_time_of_next_booking", "start_time_of_previous_booking"),
        "bookings": ("creation_time", "start_time", "end_time"),
        "payments": ("received_time", "creation_time"),
    }
    parts = [
        f"SELECT account_id, customer_id, {column} AS active_at FROM {{{table}}} WHERE customer_id IS NOT NULL"
        for table, columns in activities.items()
        if table in source.tables
        for column in columns
    ]
    if not parts:
        return []
    sql = (
        f"SELECT account_id, customer_id FROM ({' UNION ALL '.join(parts)}) AS activity "
        f"WHERE position({literal(PSEUDONYM_PREFIX)} IN customer_id) <> 1 GROUP BY 1, 2 HAVING max(active_at) < %s"
    )
    return [(str(account_id), str(customer_id)) for account_id, customer_id in source.rows(sql, moment)]


def loaded_accounts(target: Target) -> list[str]:
    """List the accounts that a destination holds.

    Args:
        target: The destination.

    Returns:
        Their ids, in order.

    Raises:
        BookeoError: The destination cannot be read.
    """
    with reading(target) as source:
        return sorted({cursors.account_id for cursors in source.cursors().values()})


def inactive_since(keep_days: int, now: datetime) -> datetime:
    """Return the moment before which data is too old to be kept.

    Args:
        keep_days: The setting of that name, days.
        now: The present, aware.

    Returns:
        The moment, aware, whole seconds.
    """
    return (now - timedelta(days=keep_days)).replace(microsecond=0)
