"""A Singer tap on Meltano's SDK: bookings in windows of 31 days, page by page, written as messages.

Its best settings: messages by msgspec, and no conforming of records, which the API's JSON needs not.
"""

from __future__ import annotations

from typing import Any, ClassVar

from singer_sdk import RESTStream, Tap
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.pagination import BaseAPIPaginator

TEXTS = (
    *("bookingNumber", "eventId", "firstCourseEnrolledEventId", "dropinCourseEnrolledEventId", "startTime", "endTime"),
    *("customerId", "title", "externalRef", "cancelationTime", "cancelationAgent", "sourceIp", "creationTime"),
    *("creationAgent", "lastChangeTime", "lastChangeAgent", "productName", "productId", "promotionCodeInput"),
    *("promotionName", "giftVoucherCodeInput", "specificVoucherCode", "source"),
)
TYPES = {
    "string": TEXTS,
    "boolean": ("canceled", "accepted", "noShow", "privateEvent"),
    "object": ("customer", "participants", "price"),
    "array": ("resources", "options", "priceAdjustments", "couponCodes"),
}


class TokenAndPage(BaseAPIPaginator[Any]):
    """Sends the first page's token with the number of each further page.

    Args:
        stream: Remembers what the last page said of all pages, so that it is parsed once.
    """

    def __init__(self, stream: Bookings) -> None:
        super().__init__(None)
        self._stream = stream

    def has_more(self, response: Any) -> bool:
        """Tells whether there is a further page."""
        return bool(self._stream.info["currentPage"] < self._stream.info["totalPages"])

    def get_next(self, response: Any) -> dict[str, Any]:
        """Says what to ask for then."""
        info = self._stream.info
        return {"pageNavigationToken": info["pageNavigationToken"], "pageNumber": info["currentPage"] + 1}


class Bookings(RESTStream[Any]):
    """Bookings, nested as they come."""

    name = "bookings"
    path = "/bookings"
    primary_keys = ("bookingNumber",)
    state_partitioning_keys = ()
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE
    schema: ClassVar[dict[str, Any]] = {
        "type": "object",
        "properties": {name: {"type": kind} for kind, names in TYPES.items() for name in names},
    }

    @property
    def url_base(self) -> str:
        """Where the API is."""
        return str(self.config["base_url"])

    @property
    def http_headers(self) -> dict[str, str]:
        """The keys."""
        return {"X-Bookeo-apiKey": self.config["api_key"], "X-Bookeo-secretKey": self.config["secret_key"]}

    @property
    def partitions(self) -> list[dict[str, str]]:
        """The windows."""
        return [{"start": start, "end": end} for start, end in self.config["windows"]]

    def get_new_paginator(self) -> TokenAndPage:
        """Begins a list."""
        return TokenAndPage(self)

    def parse_response(self, response: Any) -> list[dict[str, Any]]:
        """Reads a page."""
        page = response.json()
        self.info = page["info"]
        return page["data"]

    def get_url_params(self, context: Any, next_page_token: Any) -> dict[str, Any]:
        """Says what to ask for."""
        return next_page_token or {
            "lastUpdatedStartTime": context["start"],
            "lastUpdatedEndTime": context["end"],
            "includeCanceled": "true",
            "expandCustomer": "true",
            "expandParticipants": "true",
            "itemsPerPage": "100",
        }


class TapBookings(Tap):
    """The tap."""

    name = "tap-bookings"
    config_jsonschema: ClassVar[dict[str, Any]] = {"type": "object", "properties": {}}
    message_writer_class = MsgSpecWriter

    def discover_streams(self) -> list[Bookings]:
        """Lists what there is."""
        return [Bookings(self)]


if __name__ == "__main__":
    TapBookings.cli()
