"""Every setting once: its name, default, unit and meaning.

They stand in the section `sources.bookeo` of `.dlt/config.toml` and `.dlt/secrets.toml`, or in environment variables
such as `SOURCES__BOOKEO__API_KEY`, and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from dlt.common.configuration import configspec, resolve_configuration
from dlt.common.configuration.specs import BaseConfiguration
from dlt.common.typing import TSecretStrValue

from bookeo.errors import SettingsError
from bookeo.settings.key_files import read_key
from bookeo.settings.lookup import ARGUMENT, DEFAULT, PREFIX, SECTIONS, Found, find_setting
from bookeo.settings.names import refuse_unknown_in_account, refuse_unknown_names
from bookeo.settings.privacy import Privacy, make_privacy, read_actions
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


@dataclass(frozen=True)
class Between:
    """The range of a setting, both ends included.

    Args:
        low: The least value.
        high: The greatest value.
    """

    low: float
    high: float

    def check(self, name: str, value: float | None) -> None:
        """Raise a `SettingsError` where a value lies outside; None is within.

        Args:
            name: The setting.
            value: Its value.
        """
        if value is not None and not self.low <= value <= self.high:
            raise SettingsError(f"The setting {name} is {value}; it must lie between {self.low:g} and {self.high:g}.")


@configspec
class BookeoSettings(BaseConfiguration):
    """The settings of one account's load, resolved from config, secrets and environment.

    Raises:
        SettingsError: On resolving, when a value is out of its range; the message names it.
    """

    api_key: TSecretStrValue | None = None
    """Key of the business account; sent as a header, never in a URL."""
    api_key_file: str | None = None
    """File that holds `api_key` in its place, such as `/run/secrets/bookeo_api_key`."""
    secret_key: TSecretStrValue | None = None
    """Key of the application; sent as a header, never in a URL."""
    secret_key_file: str | None = None
    """File that holds `secret_key` in its place."""
    account: str | None = None
    """Name of the entry of `accounts` to load; without one the keys above are used."""
    accounts: list[Any] | None = None
    """Several accounts: tables with `name`, `api_key` (or `api_key_file`) and, where it is not shared, `secret_key`."""
    base_url: str = API_BASE_URL
    """Where the API is; point it to the sandbox or a proxy."""
    language: str | None = None
    """`lang` of every request (RFC 5646, `userDefault` or `customerDefault`); unset: the account's language."""

    privacy: Any = "keep"
    """What becomes of personal data: `keep`, `hash` or `drop`, for all of it or in a table by its class."""
    privacy_key: TSecretStrValue | None = None
    """Key of the hashes, at least 16 characters; the same key makes the same hashes."""
    privacy_key_file: str | None = None
    """File that holds `privacy_key` in its place."""

    keep_days: Annotated[int | None, Between(1, 36_600)] = None
    """Days of inactivity after which `bookeo forget --expired` removes customers; unset: nobody."""

    start: str = "2010-01-01"
    """ISO date or time (UTC) at which a first load begins."""
    overlap_seconds: Annotated[int, Between(0, 86_400 * 365)] = 3600
    """How far before the end of what has been read a load begins, for changes that the server shows late."""
    window_days: Annotated[int, Between(1, MAX_WINDOW_DAYS)] = MAX_WINDOW_DAYS
    """Length of a request window in days, at most 31."""
    window_attempts: Annotated[int, Between(1, 100)] = 3
    """How often a window whose total moved is read before it is halved."""
    items_per_page: Annotated[int, Between(1, MAX_ITEMS_PER_PAGE)] = MAX_ITEMS_PER_PAGE
    """Items on a page of bookings, customers and histories, at most 100."""
    payments_per_page: Annotated[int, Between(1, MAX_PAYMENTS_PER_PAGE)] = MAX_PAYMENTS_PER_PAGE
    """Items on a page of the payments feed, at most 300."""

    settings_hours: Annotated[float, Between(0, 24 * 366)] = 24.0
    """Hours that a reading of products, rates, categories, resources, taxes and the business lasts; 0: always read."""

    customers: ChildMode = "as_needed"
    """How customers are read: `always`, `as_needed` or `never`."""
    payments: ChildMode = "as_needed"
    """How payments are read: `always`, `as_needed` or `never`."""
    payments_again_days: Annotated[float, Between(0, 3660)] = 28.0
    """Days of the payments feed to read again about once a day, for payments entered late, corrected or deleted."""
    refresh_customers_days: Annotated[float, Between(0, 3660)] = 0.0
    """Days after which all customers are read again, as they change without their bookings changing; 0: never."""
    histories: ChildMode = "as_needed"
    """How customers' booking histories are read: `always`, `as_needed` or `never`."""

    slots: SlotMode = "never"
    """Whether a snapshot of the free seats of tours and courses is taken: `never`, or `daily`, about once a day."""
    slots_days: Annotated[int, Between(1, 366)] = 62
    """Days ahead that such a snapshot shows; each product takes a request for every 31 of them."""

    chunk_bookings: Annotated[int, Between(1, 10_000_000)] = 100_000
    """A load commits after about this many bookings..."""
    chunk_seconds: Annotated[float, Between(0.1, 86_400)] = 60.0
    """... or after this many seconds of requests, whichever comes first."""

    archive: str | None = None
    """Folder or bucket URL (fsspec) where every answer that becomes rows is kept as it came; unset: nowhere."""

    publish: str | None = None
    """DuckDB file at which each load into the default database puts a copy for readers; unset: no copy."""
    fail_on_rejected: bool = True
    """Whether a load with rejected records ends with a non-zero exit code, all else being loaded."""
    on_failure: str | None = None
    """Whom a failed command tells: a command, which gets a JSON summary on its input, or an https URL to post it to."""

    concurrency: Annotated[int, Between(1, 64)] = 4
    """Requests under way at once for an account."""
    accounts_at_once: Annotated[int, Between(1, 64)] = 4
    """Accounts that one command loads at the same time, each at its own pace."""
    requests_per_second: Annotated[float | None, Between(0, 1000)] = None
    """Pace for an api key; unset: 1.6 for the real API, none for a server on this machine; 0: none."""
    burst: Annotated[int, Between(1, 1000)] = 4
    """Requests that may go out at once after a pause."""
    timeout_seconds: Annotated[float, Between(0.1, 3600)] = 60.0
    """How long to wait for a connection or for the next byte of an answer."""
    max_attempts: Annotated[int, Between(1, 100)] = 6
    """How often one request is tried before the load gives up."""
    max_wait_seconds: Annotated[float, Between(0, 3600)] = 300.0
    """The longest single wait that a 429's Retry-After may ask for."""
    max_requests: Annotated[int | None, Between(1, 1_000_000_000)] = None
    """Requests this run may make; then it stops cleanly and the next run goes on."""

    def on_resolved(self) -> None:
        """Checks every value's range.

        Raises:
            SettingsError: A value is out of its range.
        """
        for name, hint in self.get_resolvable_fields().items():
            for limits in getattr(hint, "__metadata__", ()):
                if isinstance(limits, Between):
                    limits.check(name, getattr(self, name))
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
        return make_privacy(self.privacy, read_key(self, "privacy_key"))

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
    """Resolve the settings for whoever asks nothing of the API. What cannot be read is said without its value.

    Args:
        **overrides: Values that win over every configured one; None means "not given".

    Returns:
        The resolved settings; nobody has looked whether there are keys.

    Raises:
        UnknownSetting: Something that looks like a setting is none.
        SettingsError: A value is of another kind, or out of its range.
    """
    values = {name: found.value for name, found in settings_in_force(**overrides).items()}
    settings = resolve_configuration(BookeoSettings(), sections=SECTIONS, explicit_value=values)
    for number, entry in enumerate(settings.accounts or [], 1):
        if not isinstance(entry, Mapping):
            raise SettingsError("The setting accounts takes tables with name and api_key: [[sources.bookeo.accounts]].")
        refuse_unknown_in_account(entry, number)
    return settings


def settings_in_force(**overrides: Any) -> dict[str, Found]:
    """Find the value of every setting, and where it comes from; their ranges are not checked.

    Args:
        **overrides: As for `keyless_settings`.

    Returns:
        Values and origins by the settings' names.

    Raises:
        UnknownSetting: Something that looks like a setting is none.
        SettingsError: A value is of another kind.
    """
    fields = BookeoSettings.get_resolvable_fields()
    refuse_unknown_names(fields)
    given = {name: Found(value, ARGUMENT) for name, value in overrides.items() if value is not None}
    return {
        name: given.get(name) or find_setting(name, hint) or Found(getattr(BookeoSettings, name), DEFAULT)
        for name, hint in fields.items()
    }


def load_settings(**overrides: Any) -> BookeoSettings:
    """Resolve the settings from `.dlt`, the environment and explicit values.

    Args:
        **overrides: Values that win over every configured one; None means "not given".

    Returns:
        The resolved settings, with the keys of the chosen account in `api_key` and `secret_key`.

    Raises:
        SettingsError: A value is out of its range, a key is missing, or an account is unknown.
    """
    settings = keyless_settings(**overrides)
    return _with_keys(settings, settings.account)


def _with_keys(settings: BookeoSettings, account: str | None) -> BookeoSettings:
    """Return a copy of the settings that has an account's keys."""
    chosen: BookeoSettings = settings.copy()
    chosen.account = account
    for name, value in (account_keys(settings.accounts or [], account) if account is not None else {}).items():
        setattr(chosen, name, value)
    for name in ("api_key", "secret_key"):
        setattr(chosen, name, read_key(chosen, name))
    missing = [name for name in ("api_key", "secret_key") if not getattr(chosen, name)]
    if missing:
        raise SettingsError(
            f"No {' and no '.join(missing)}: put them under [sources.bookeo] in .dlt/secrets.toml, or set "
            + " and ".join(PREFIX + name.upper() for name in missing)
            + "."
        )
    chosen.privacy_rules  # noqa: B018 - said now, before anything is asked
    return chosen


def check_account_name(name: object) -> None:
    """Make sure that an account's name can be that of a pipeline, a file and a folder.

    Args:
        name: The name.

    Raises:
        SettingsError: It cannot.
    """
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise SettingsError(
            f"An account in [[sources.bookeo.accounts]] is named {name!r}; a name takes letters, digits, - and _."
        )


def account_keys(accounts: Sequence[Mapping[str, Any]], account: str) -> dict[str, Any]:
    """Find the settings that an account has for itself.

    Args:
        accounts: The setting `accounts`.
        account: The account's name.

    Returns:
        Its keys, or the files that hold them, by the settings' names.

    Raises:
        SettingsError: There is no such account.
    """
    entry = next((a for a in accounts if a.get("name") == account), None)
    check_account_name(account)
    if entry is None:
        names = ", ".join(str(a.get("name")) for a in accounts) or "none"
        raise SettingsError(f"There is no account {account!r} in [[sources.bookeo.accounts]]; known: {names}.")
    keys = {name: entry.get(name) for name in ("api_key", "api_key_file")}
    # The key of the application may be one for all accounts; that of a business never is.
    if entry.get("secret_key") or entry.get("secret_key_file"):
        keys |= {name: entry.get(name) for name in ("secret_key", "secret_key_file")}
    return keys


def load_all_settings(account: str | None = None, **overrides: Any) -> list[BookeoSettings]:
    """Resolve the settings of every account that there is to load.

    Args:
        account: Names of the accounts wanted, with commas between them; None for all.
        **overrides: As for `load_settings`.

    Returns:
        One for each entry of `accounts`; where there are none, the one that the keys open.

    Raises:
        SettingsError: As `load_settings`; also where two accounts have the same name or one has none that will do.
    """
    if account is not None:
        wanted = dict.fromkeys(name.strip() for name in account.split(","))
        return [load_settings(account=name, **overrides) for name in wanted]
    settings = keyless_settings(**overrides)
    names = [entry.get("name") for entry in settings.accounts or []]
    for name in names:
        check_account_name(name)
    if len({str(name).lower() for name in names}) < len(names):
        raise SettingsError("Two accounts in [[sources.bookeo.accounts]] have the same name.")
    return [_with_keys(settings, name) for name in names] or [_with_keys(settings, settings.account)]


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
    except (ValueError, OverflowError):
        raise SettingsError(
            f"{what} is {text!r}; it takes a date like 2026-01-31 or a time like 2026-01-31T18:00:00Z."
        ) from None
