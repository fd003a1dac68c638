"""Every setting once: its name, default, unit and meaning.

They are read the dlt way, from the section `sources.bookeo` of `.dlt/config.toml` and `.dlt/secrets.toml`, or from
environment variables such as `SOURCES__BOOKEO__API_KEY`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from dlt.common.configuration import configspec, resolve_configuration
from dlt.common.configuration.exceptions import ConfigValueCannotBeCoercedException
from dlt.common.configuration.providers.toml import TomlProviderReadException
from dlt.common.configuration.specs import BaseConfiguration
from dlt.common.typing import TSecretStrValue

from bookeo.errors import SettingsError
from bookeo.privacy import Privacy, make_privacy, read_actions
from bookeo.windows import parse_day_or_time

ChildMode = Literal["always", "as_needed", "never"]
SlotMode = Literal["never", "daily"]

API_BASE_URL = "https://api.bookeo.com/v2"
MAX_WINDOW_DAYS = 31
"""The longest range one pair of time filters may span. Source: swagger file and the vendor's pages."""
MAX_ITEMS_PER_PAGE = 100
"""Items on one page of any list but payments. Source: swagger file, `itemsPerPage`."""
MAX_PAYMENTS_PER_PAGE = 300
"""Items on one page of `GET /payments`. Source: the vendor's pages."""
MOST_IN_A_WINDOW = 10_000
DEFAULT_REQUESTS_PER_SECOND = 1.6
"""What integrators settled on for an account; the vendor publishes no figure."""


@configspec
class BookeoSettings(BaseConfiguration):
    """The settings of one account's load, resolved from config, secrets and environment.

    Raises:
        SettingsError: On resolving, when a value is out of its range; the message names it.
    """

    api_key: TSecretStrValue | None = None
    """Key of the business account; sent as a header, never in a URL."""
    secret_key: TSecretStrValue | None = None
    """Key of the application; sent as a header, never in a URL."""
    account: str | None = None
    """Name of the entry of `accounts` to load; without one the keys above are used."""
    accounts: list[Any] | None = None
    """Several accounts: tables with `name`, `api_key` and, where it is not shared, `secret_key`."""
    base_url: str = API_BASE_URL
    """Where the API is; point it to the sandbox or a proxy."""
    language: str | None = None
    """`lang` of every request (RFC 5646, `userDefault` or `customerDefault`); unset: the account's language."""

    privacy: Any = "keep"
    """What becomes of personal data: `keep`, `hash` or `drop`, for all of it or in a table by its class."""
    privacy_key: TSecretStrValue | None = None
    """Key of the hashes, at least 16 characters; the same key makes the same hashes."""

    keep_days: int | None = None
    """Days of inactivity after which `bookeo forget --expired` removes customers; unset: nobody."""

    start: str = "2010-01-01"
    """ISO date or time (UTC) at which a first load begins."""
    overlap_seconds: int = 600
    """How far before the cursor a load begins, for changes that the server committed late."""
    window_days: int = MAX_WINDOW_DAYS
    """Length of a request window in days, at most 31."""
    window_attempts: int = 3
    """How often a window whose total moved is read before it is halved."""
    items_per_page: int = MAX_ITEMS_PER_PAGE
    """Items on a page of bookings, customers and histories, at most 100."""
    payments_per_page: int = MAX_PAYMENTS_PER_PAGE
    """Items on a page of the payments feed, at most 300."""

    settings_hours: float = 24.0
    """Hours that a reading of products, rates, categories, resources, taxes and the business lasts; 0: always read."""

    customers: ChildMode = "as_needed"
    """How customers are read: `always`, `as_needed` or `never`."""
    payments: ChildMode = "as_needed"
    """How payments are read: `always`, `as_needed` or `never`."""
    payments_again_days: float = 28.0
    """Days of the payments feed to read again about once a day, for payments entered late, corrected or deleted."""
    refresh_customers_days: float = 0.0
    """Days after which all customers are read again, as they change without their bookings changing; 0: never."""
    histories: ChildMode = "as_needed"
    """How customers' booking histories are read: `always`, `as_needed` or `never`."""

    slots: SlotMode = "never"
    """Whether a snapshot of the free seats of tours and courses is taken: `never`, or `daily`, about once a day."""
    slots_days: int = 62
    """Days ahead that such a snapshot shows; each product takes a request for every 31 of them."""

    chunk_bookings: int = 100_000
    """A load commits after about this many bookings..."""
    chunk_seconds: float = 60.0
    """... or after this many seconds of requests, whichever comes first."""

    archive: str | None = None
    """Folder or bucket URL (fsspec) where every answer that becomes rows is kept as it came; unset: nowhere."""

    publish: str | None = None
    """DuckDB file at which each load into the default database puts a copy for readers; unset: no copy."""
    fail_on_rejected: bool = True
    """Whether a load with rejected records ends with a non-zero exit code, all else being loaded."""
    on_failure: str | None = None
    """Whom a failed command tells: a command, which gets a JSON summary on its input, or an https URL to post it to."""

    concurrency: int = 4
    """Requests under way at once for an account."""
    accounts_at_once: int = 4
    """Accounts that one command loads at the same time, each at its own pace."""
    requests_per_second: float | None = None
    """Pace for an api key; unset: 1.6 for the real API, none for a server on this machine; 0: none."""
    burst: int = 4
    """Requests that may go out at once after a pause."""
    timeout_seconds: float = 60.0
    """How long to wait for a connection or for the next byte of an answer."""
    max_attempts: int = 6
    """How often one request is tried before the load gives up."""
    max_wait_seconds: float = 300.0
    """The longest single wait that a 429's Retry-After may ask for."""
    max_requests: int | None = None
    """Requests this run may make; then it stops cleanly and the next run goes on."""

    def on_resolved(self) -> None:
        """Checks every value's range.

        Raises:
            SettingsError: A value is out of its range.
        """
        _between("window_days", self.window_days, 1, MAX_WINDOW_DAYS)
        _between("window_attempts", self.window_attempts, 1, 100)
        _between("items_per_page", self.items_per_page, 1, MAX_ITEMS_PER_PAGE)
        _between("payments_per_page", self.payments_per_page, 1, MAX_PAYMENTS_PER_PAGE)
        _between("overlap_seconds", self.overlap_seconds, 0, 86_400 * 365)
        _between("chunk_bookings", self.chunk_bookings, 1, 10_000_000)
        _between("chunk_seconds", self.chunk_seconds, 0.1, 86_400)
        _between("concurrency", self.concurrency, 1, 64)
        _between("requests_per_second", self.requests_per_second or 0, 0, 1000)
        _between("settings_hours", self.settings_hours, 0, 24 * 366)
        _between("payments_again_days", self.payments_again_days, 0, 3660)
        _between("refresh_customers_days", self.refresh_customers_days, 0, 3660)
        _between("slots_days", self.slots_days, 1, 366)
        _between("accounts_at_once", self.accounts_at_once, 1, 64)
        if self.keep_days is not None:
            _between("keep_days", self.keep_days, 1, 36_600)
        if self.max_requests is not None:
            _between("max_requests", self.max_requests, 1, 1_000_000_000)
        _between("burst", self.burst, 1, 1000)
        _between("timeout_seconds", self.timeout_seconds, 0.1, 3600)
        _between("max_attempts", self.max_attempts, 1, 100)
        _between("max_wait_seconds", self.max_wait_seconds, 0, 3600)
        modes = {**dict.fromkeys(("customers", "payments", "histories"), ChildMode), "slots": SlotMode}
        for name, mode in modes.items():
            if getattr(self, name) not in get_args(mode):
                raise SettingsError(
                    f"The setting {name} is {getattr(self, name)!r}; it takes one of {', '.join(get_args(mode))}."
                )
        read_actions(self.privacy)
        moment(self.start, "The setting start")
        check_hook(self.on_failure or "")
        url = urlsplit(self.base_url)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise SettingsError(f"The setting base_url is {self.base_url!r}; it takes a URL like {API_BASE_URL}.")
        if url.scheme == "http" and not is_loopback(self.base_url):
            raise SettingsError(
                "The setting base_url starts with http://, which would send the keys in the clear; use https://."
            )
        if url.query or url.username or url.password:
            raise SettingsError("The setting base_url must not carry credentials or parameters.")
        if self.archive is not None and (not self.archive.strip() or urlsplit(self.archive).password):
            raise SettingsError(
                "The setting archive takes a folder or a URL such as s3://bucket/folder, without credentials in it."
            )

    @property
    def privacy_rules(self) -> Privacy:
        """What becomes of each class of personal data.

        Raises:
            SettingsError: Something is to be hashed, and the key is missing or too short.
        """
        return make_privacy(self.privacy, self.privacy_key)

    @property
    def window_items(self) -> int:
        """Items that one window may hold: its pages are kept until it is proven complete, and shaped at once."""
        return min(self.chunk_bookings, MOST_IN_A_WINDOW)

    @property
    def effective_requests_per_second(self) -> float:
        """The pace in requests per second; 0 means none."""
        if self.requests_per_second is not None:
            return self.requests_per_second
        return 0.0 if is_loopback(self.base_url) else DEFAULT_REQUESTS_PER_SECOND


def _between(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise SettingsError(f"The setting {name} is {value}; it must lie between {low:g} and {high:g}.")


def is_loopback(base_url: str) -> bool:
    """Tells whether a URL points to this machine.

    Args:
        base_url: An absolute URL.

    Returns:
        True for localhost, 127.0.0.0/8 and ::1.
    """
    host = urlsplit(base_url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


def is_url(hook: str) -> bool:
    """Tells a URL from a command.

    Args:
        hook: The setting `on_failure`.

    Returns:
        Whether it begins like a URL.
    """
    return re.match(r"\w+://", hook) is not None


def check_hook(hook: str) -> None:
    """Checks the setting `on_failure`. What it is stays unsaid: an address that takes alerts is a secret.

    Args:
        hook: The setting; empty where it is not set.

    Raises:
        SettingsError: It is a URL that would be read by others on its way.
    """
    local = is_loopback(hook) and hook.startswith("http://")
    if is_url(hook) and not hook.startswith("https://") and not local:
        raise SettingsError("The setting on_failure is a URL that does not start with https://; only this machine may.")


def keyless_settings(**overrides: Any) -> BookeoSettings:
    """Resolves the settings for whoever asks nothing of the API. What cannot be read is said without its value.

    Args:
        **overrides: Values that win over every configured one; None means "not given".

    Returns:
        The resolved settings; nobody has looked whether there are keys.

    Raises:
        SettingsError: A value is of another kind, or out of its range.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        settings = resolve_configuration(BookeoSettings(), sections=("sources", "bookeo"), explicit_value=given)
    except ConfigValueCannotBeCoercedException as error:
        raise SettingsError(f"The setting {error.field_name} cannot be read: its value is of another kind.") from None
    except TomlProviderReadException as error:
        raise SettingsError(f"The settings in {' or '.join(error.full_paths)} cannot be read: it is no TOML.") from None
    if not all(isinstance(entry, Mapping) for entry in settings.accounts or []):
        raise SettingsError("The setting accounts takes tables with name and api_key: [[sources.bookeo.accounts]].")
    return settings


def load_settings(**overrides: Any) -> BookeoSettings:
    """Resolves the settings from `.dlt`, the environment and explicit values.

    Args:
        **overrides: Values that win over every configured one; None means "not given".

    Returns:
        The resolved settings, with the keys of the chosen account in `api_key` and `secret_key`.

    Raises:
        SettingsError: A value is out of its range, a key is missing, or an account is unknown.
    """
    settings = keyless_settings(**overrides)
    if settings.account is not None:
        entry = next((a for a in settings.accounts or [] if a.get("name") == settings.account), None)
        if entry is None:
            names = ", ".join(str(a.get("name")) for a in settings.accounts or []) or "none"
            raise SettingsError(
                f"There is no account {settings.account!r} in [[sources.bookeo.accounts]]; known: {names}."
            )
        settings.api_key = entry.get("api_key")
        settings.secret_key = entry.get("secret_key", settings.secret_key)
    missing = [name for name in ("api_key", "secret_key") if not getattr(settings, name)]
    if missing:
        raise SettingsError(
            f"No {' and no '.join(missing)}: put them under [sources.bookeo] in .dlt/secrets.toml, or set "
            + " and ".join(f"SOURCES__BOOKEO__{name.upper()}" for name in missing)
            + "."
        )
    settings.privacy_rules  # noqa: B018 - said now, before anything is asked
    return settings


def load_all_settings(account: str | None = None, **overrides: Any) -> list[BookeoSettings]:
    """Resolves the settings of every account that there is to load.

    Args:
        account: Name of the only account wanted; None for all.
        **overrides: As for `load_settings`.

    Returns:
        One for each entry of `accounts`; where there are none, the one that the keys open.

    Raises:
        SettingsError: As `load_settings`; also where two accounts have the same name or one has none that will do.
    """
    if account is not None:
        return [load_settings(account=account, **overrides)]
    entries = keyless_settings().accounts or []
    names = [entry.get("name") for entry in entries]
    for name in names:
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
            raise SettingsError(
                f"An account in [[sources.bookeo.accounts]] is named {name!r}; a name takes letters, digits, - and _."
            )
    if len({str(name).lower() for name in names}) < len(names):
        raise SettingsError("Two accounts in [[sources.bookeo.accounts]] have the same name.")
    return [load_settings(account=name, **overrides) for name in names] or [load_settings(**overrides)]


def moment(text: str, what: str) -> datetime:
    """Reads a day or a time that a user gave.

    Args:
        text: An ISO date (its first second, UTC) or a time.
        what: Where it stands, e.g. `--since`, for the message.

    Returns:
        The moment, aware, UTC.

    Raises:
        SettingsError: It is neither.
    """
    try:
        return parse_day_or_time(text)
    except ValueError:
        raise SettingsError(
            f"{what} is {text!r}; it takes a date like 2026-01-31 or a time like 2026-01-31T18:00:00Z."
        ) from None


def last_moment(text: str, what: str) -> datetime:
    """Reads a day or a time up to which a user wants something.

    Args:
        text: An ISO date (its last second, UTC) or a time.
        what: Where it stands, e.g. `--until`, for the message.

    Returns:
        The moment, aware, UTC.

    Raises:
        SettingsError: It is neither.
    """
    day = len(text.strip()) == len("2026-01-31")
    return moment(text, what) + (timedelta(days=1, seconds=-1) if day else timedelta(0))
