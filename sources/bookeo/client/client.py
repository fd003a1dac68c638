"""One typed method for each operation of the Bookeo API.

Paths, parameters and their limits are those of the vendor's swagger file for bookings and customers' bookings, and of
the vendor's API pages for the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from bookeo.client.base import Item
from bookeo.client.pagination import ListPage, PageInfo, SettingsList, pages
from bookeo.client.query import BookingsQuery, Params, check_window, flag
from bookeo.client.write_operations import WritingCalls
from bookeo.errors import NotBookeo
from bookeo.http.response import Answer
from bookeo.windows import Window, format_time

__all__ = ["ApiKeyInfo", "BookeoClient", "BookingsQuery", "Item", "ListPage", "PageInfo", "SettingsList", "pages"]


@dataclass(frozen=True)
class ApiKeyInfo:
    """Which account an api key belongs to and what it may do.

    Args:
        answer: What the API answered.
        account_id: The account's id, which outlives its api keys (`accountId`).
        permissions: E.g. `bookings_r_all`.
        creation_time: When the key was made, as the API writes it; None if it does not say.
    """

    answer: Answer
    account_id: str
    permissions: tuple[str, ...]
    creation_time: str | None = None


class BookeoClient(WritingCalls):
    """The operations of the API for one account; safe to call from many threads.

    Every method may raise what `Transport.request` raises, and `ServerUnavailable` when a whole answer has not the
    shape that the operation promises. Methods for one record raise `NotFound` if it is not there. The inherited
    methods are the writing ones and those of `ApiCalls`.

    Args:
        transport: Sends the requests.
    """

    # Reading lists, a page at a time: `number` counts from 1 and comes with the `token` of an earlier page from 2 on.

    def bookings_page(self, query: BookingsQuery, number: int = 1, token: str | None = None) -> ListPage:
        """Reads a page of bookings (`GET /bookings`).

        Args:
            query: What to ask for.
            number: Number of the page, from 1.
            token: Token of an earlier page of the same list.

        Returns:
            The page.
        """
        return self._page("GET /bookings", query.params(self.transport.settings.items_per_page), number, token)

    def booking_payments_page(self, booking_number: str, number: int = 1, token: str | None = None) -> ListPage:
        """Reads a page of a booking's payments (`GET /bookings/{bookingNumber}/payments`).

        Args:
            booking_number: The booking's number.
            number: Number of the page, from 1.
            token: Token of an earlier page of the same list.

        Returns:
            The page; payments that the api key may not read are absent.
        """
        operation = "GET /bookings/{bookingNumber}/payments"
        return self._page(operation, self._item_count(), number, token, ids=(booking_number,), child=True)

    def customer_bookings_page(
        self,
        customer_id: str,
        begin_date: date | None = None,
        end_date: date | None = None,
        expand_participants: bool = False,
        number: int = 1,
        token: str | None = None,
    ) -> ListPage:
        """Reads a page of a customer's bookings (`GET /customers/{id}/bookings`).

        Args:
            customer_id: The customer's id.
            begin_date: Only bookings on or after this day.
            end_date: Only bookings on or before this day.
            expand_participants: Whether each booking carries its participants' details.
            number: Number of the page, from 1.
            token: Token of an earlier page of the same list.

        Returns:
            The page.
        """
        params: Params = {
            "beginDate": begin_date.isoformat() if begin_date else None,
            "endDate": end_date.isoformat() if end_date else None,
            "expandParticipants": flag(expand_participants),
        }
        operation = "GET /customers/{id}/bookings"
        return self._page(operation, params | self._item_count(), number, token, ids=(customer_id,), child=True)

    def customers_page(
        self,
        created_since: datetime | None = None,
        current_members: bool | None = None,
        current_non_members: bool | None = None,
        search_field: str | None = None,
        search_text: str | None = None,
        number: int = 1,
        token: str | None = None,
    ) -> ListPage:
        """Reads a page of customers (`GET /customers`).

        Args:
            created_since: Only customers created at or after this time, aware.
            current_members: Whether members are listed.
            current_non_members: Whether others are listed.
            search_field: The field to search, as the API names it.
            search_text: What to search for.
            number: Number of the page, from 1.
            token: Token of an earlier page of the same list.

        Returns:
            The page.
        """
        params: Params = {
            "createdSince": format_time(created_since) if created_since else None,
            "currentMembers": flag(current_members),
            "currentNonMembers": flag(current_non_members),
            "searchField": search_field,
            "searchText": search_text,
        }
        return self._page("GET /customers", params | self._item_count(), number, token)

    def payments_page(
        self, window: Window, number: int = 1, token: str | None = None, *, payment_method: str | None = None
    ) -> ListPage:
        """Reads a page of all payments (`GET /payments`), up to 300 at a time.

        Args:
            window: When the payments were received; 31 days at most.
            number: Number of the page, from 1.
            token: Token of an earlier page of the same list.
            payment_method: Only payments by this method, e.g. `creditCard`.

        Returns:
            The page. A payment has no booking number of its own.
        """
        check_window("GET /payments", window)
        params: Params = {
            "startTime": format_time(window.start),
            "endTime": format_time(window.end),
            "paymentMethod": payment_method,
            "itemsPerPage": str(self.transport.settings.payments_per_page),
        }
        return self._page("GET /payments", params, number, token)

    def slots_page(
        self, window: Window, product_id: str | None = None, number: int = 1, token: str | None = None
    ) -> ListPage:
        """Reads a page of the classes and tours that can be booked (`GET /availability/slots`).

        Args:
            window: When they start; 31 days at most.
            product_id: Only this product, which is not of type `flexibleTime`.
            number: Number of the page, from 1.
            token: Token of an earlier page of the same list.

        Returns:
            The page; each item has the `eventId` that a new booking asks for.
        """
        check_window("GET /availability/slots", window)
        params: Params = {
            "startTime": format_time(window.start),
            "endTime": format_time(window.end),
            "productId": product_id,
        }
        return self._page("GET /availability/slots", params | self._item_count(), number, token)

    # Reading one object.

    def booking(self, booking_number: str, *, expand_customer: bool = True, expand_participants: bool = True) -> Item:
        """Reads a booking (`GET /bookings/{bookingNumber}`).

        Args:
            booking_number: The booking's number.
            expand_customer: Whether it carries its customer's details.
            expand_participants: Whether it carries its participants' details.

        Returns:
            The booking.
        """
        params: Params = {"expandCustomer": flag(expand_customer), "expandParticipants": flag(expand_participants)}
        return self._item("GET /bookings/{bookingNumber}", (booking_number,), params)

    def booking_customer(self, booking_number: str) -> Item:
        """Reads a booking's customer (`GET /bookings/{bookingNumber}/customer`).

        Args:
            booking_number: The booking's number.

        Returns:
            The customer.

        Raises:
            NotReadable: The api key may not read this customer.
        """
        return self._item("GET /bookings/{bookingNumber}/customer", (booking_number,), child=True)

    def customer(self, customer_id: str) -> Item:
        """Reads a customer (`GET /customers/{id}`).

        Args:
            customer_id: The customer's id.

        Returns:
            The customer.

        Raises:
            NotReadable: The api key may not read this customer.
        """
        return self._item("GET /customers/{id}", (customer_id,), child=True)

    # Settings.

    def api_key_info(self) -> ApiKeyInfo:
        """Reads which account the api key belongs to (`GET /settings/apikeyinfo`); the cheapest call there is.

        Returns:
            Account and permissions.

        Raises:
            NotBookeo: The answer names no account.
        """
        answer = self._send("GET /settings/apikeyinfo")
        record = answer.payload if isinstance(answer.payload, dict) else {}
        account_id, permissions = record.get("accountId"), record.get("permissions") or []
        if not isinstance(account_id, str | int) or not account_id or not isinstance(permissions, list):
            raise NotBookeo(
                "What answers at base_url does not say whose api key this is, so it is not the Bookeo API; check the "
                "setting base_url.",
                operation=answer.operation,
            )
        made = record.get("creationTime")
        return ApiKeyInfo(
            answer, str(account_id), tuple(map(str, permissions)), made if isinstance(made, str) else None
        )

    def server_now(self) -> datetime:
        """Asks the server what time it is, so that a wrong clock of this machine loses nothing.

        Returns:
            The `Date` of a cheap call's answer; this machine's time if it has none. Aware, UTC.
        """
        return self.api_key_info().answer.server_time or datetime.now(UTC).replace(microsecond=0)

    def business(self) -> SettingsList:
        """Reads the business itself (`GET /settings/business`).

        Returns:
            A list of one.
        """
        item = self._item("GET /settings/business")
        return SettingsList((item.answer,), [item.record])

    def products(self) -> SettingsList:
        """Reads all products (`GET /settings/products`).

        Returns:
            The products.
        """
        return self._settings("GET /settings/products")

    def people_categories(self) -> SettingsList:
        """Reads all categories of people (`GET /settings/peoplecategories`), listed under `categories`.

        Returns:
            The categories.
        """
        return self._settings("GET /settings/peoplecategories", key="categories")

    def resources(self) -> SettingsList:
        """Reads all resources (`GET /settings/resources`).

        Returns:
            The resources.
        """
        return self._settings("GET /settings/resources")

    def taxes(self) -> SettingsList:
        """Reads all taxes (`GET /settings/taxes`).

        Returns:
            The taxes.
        """
        return self._settings("GET /settings/taxes")

    def languages(self) -> SettingsList:
        """Reads the languages of the account (`GET /settings/languages`).

        Returns:
            The languages.
        """
        return self._settings("GET /settings/languages")
