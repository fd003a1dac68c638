"""Everything that can go wrong, as one tree.

BookeoError
├── FatalError                  fix something, then run again
│   ├── SettingsError             a setting is missing or makes no sense
│   │   └── UnknownSetting          a name looks like a setting and is none
│   ├── CredentialsRejected       401: the keys are not accepted
│   ├── PermissionMissing         403: the api key may not do this
│   ├── RequestRejected           400 and other 4xx: the API refuses what was asked
│   ├── RecordsRejected           records do not fit, and nobody would keep them
│   ├── NotBookeo                 whatever answers at base_url does not speak this API
│   └── ArchiveUnusable           the archive cannot be read or written
├── RetriableError              nothing is wrong here; run again later
│   ├── RateLimited               429 for longer than we are willing to wait
│   ├── ServerUnavailable         5xx, time-outs, resets, cut-off answers, until the retries ran out
│   ├── WindowIncomplete          a time window never gave as many items as it announced
│   ├── ListUnproven              lists were loaded whose announced totals do not add up
│   ├── ListSuspicious            a list is empty where there were records
│   ├── FeedRefused               the payments feed was refused; payments were asked for booking by booking
│   └── RequestBudgetSpent        the number of requests allowed for this run is used up
└── SkippableError              about one record or file; it is noted and counted, the rest goes on
    ├── NotFound                  404: deleted between two calls, or never there
    ├── NotReadable               403 for one child of a booking
    └── ArchiveFileDamaged        a file of the archive is not as it was written

No message carries a key, a request's headers, words of the API or anything about a customer.
"""

from __future__ import annotations


class BookeoError(Exception):
    """Base of all errors of this package: one clear sentence for the user.

    Args:
        message: What happened, where, and what to do, in one sentence.
        operation: The API operation, e.g. `GET /bookings`, without ids or parameters.
        status: The HTTP status code of the answer, if there was one.
        error_id: Bookeo's own id of the error, to be quoted to its support.
        api_message: The API's own words, without keys. They may name a customer, so they are shown on a terminal only
            and written nowhere.
    """

    def __init__(
        self,
        message: str,
        *,
        operation: str | None = None,
        status: int | None = None,
        error_id: str | None = None,
        api_message: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.operation = operation
        self.status = status
        self.error_id = error_id
        self.api_message = api_message


class FatalError(BookeoError):
    """Trying again will not help: something must be fixed first."""


class SettingsError(FatalError):
    """A setting is missing or makes no sense."""


class UnknownSetting(SettingsError):
    """A name in a settings file or in the environment looks like a setting and is none."""


class RecordsRejected(FatalError):
    """Records could not be shaped, and the resource that keeps them was not selected."""


class CredentialsRejected(FatalError):
    """The API does not accept the api key and secret key (401)."""


class PermissionMissing(FatalError):
    """The api key lacks a permission (403).

    Args:
        message: See `BookeoError`.
        permission: The permission to ask for, e.g. `bookings_r_all`.
        operation: See `BookeoError`.
        status: See `BookeoError`.
        error_id: See `BookeoError`.
    """

    def __init__(
        self,
        message: str,
        *,
        permission: str | None = None,
        operation: str | None = None,
        status: int | None = None,
        error_id: str | None = None,
    ) -> None:
        super().__init__(message, operation=operation, status=status, error_id=error_id)
        self.permission = permission


class RequestRejected(FatalError):
    """The API refuses the request itself (400 and other 4xx)."""


class NotBookeo(FatalError):
    """Whatever answers at `base_url`, or nothing at all, is not the Bookeo API."""


class ArchiveUnusable(FatalError):
    """The archive cannot be read or written."""


class RetriableError(BookeoError):
    """A passing condition: the same command will do later."""


class RateLimited(RetriableError):
    """The API kept answering 429 for longer than the retries last."""


class ServerUnavailable(RetriableError):
    """No whole answer came (5xx, time-out, reset, cut-off body) until the retries ran out."""


class WindowIncomplete(RetriableError):
    """A time window never gave as many distinct items as it announced."""


class ListUnproven(RetriableError):
    """Everything that was listed is loaded, but the totals announced do not add up; it is read again next time."""


class ListSuspicious(RetriableError):
    """A list has nothing where there were records, and nothing says why."""


class FeedRefused(RetriableError):
    """The payments feed was refused, though nothing says that a permission is missing."""


class RequestBudgetSpent(RetriableError):
    """The number of requests allowed for this run is used up; the next run goes on from here."""


class SkippableError(BookeoError):
    """Concerns one record, or one file, only: it is noted and counted, and the rest goes on."""


class NotFound(SkippableError):
    """The record is not there (404)."""


class NotReadable(SkippableError):
    """The api key may not read this one record (403)."""


class ArchiveFileDamaged(SkippableError):
    """A file of the archive is not as it was written; the others are of use all the same."""
