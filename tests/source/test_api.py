"""Each method asks what it should, and answers of the wrong shape are told apart."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_server import Asked, Reply, Script, scripted_server, settings_for

from bookeo.client.client import BookeoClient, BookingsQuery, ListPage, PageInfo, pages
from bookeo.errors import NotBookeo, NotFound, NotReadable, RequestRejected, ServerUnavailable
from bookeo.http.response import Answer
from bookeo.windows import Window

WINDOW = Window(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 31, 23, 59, 59, tzinfo=UTC))
TIMES = {"startTime": "2024-01-01T00:00:00+00:00", "endTime": "2024-01-31T23:59:59+00:00"}
FLAGS = {"includeCanceled": "true", "expandCustomer": "true", "expandParticipants": "true"}


@pytest.fixture
def server() -> Iterator[Script]:
    with scripted_server() as script:
        yield script


@pytest.fixture
def client(server: Script) -> Iterator[BookeoClient]:
    with BookeoClient.from_settings(settings_for(server.base_url)) as one:
        yield one


def info(total: int = 1, total_pages: int = 1, current: int = 1, token: str | None = None) -> dict[str, Any]:
    said: dict[str, Any] = {"totalItems": total, "totalPages": total_pages, "currentPage": current}
    return said | ({"pageNavigationToken": token} if token else {})


READS: list[tuple[Callable[[BookeoClient], ListPage], str, dict[str, str]]] = [
    (
        lambda c: c.bookings_page(BookingsQuery(last_updated=WINDOW)),
        "/bookings",
        {"lastUpdatedStartTime": TIMES["startTime"], "lastUpdatedEndTime": TIMES["endTime"], "itemsPerPage": "100"}
        | FLAGS,
    ),
    (
        lambda c: c.bookings_page(
            BookingsQuery(
                last_updated=WINDOW,
                start_time=WINDOW,
                include_canceled=False,
                expand_customer=False,
                expand_participants=False,
                product_id="P1",
                items_per_page=7,
            )
        ),
        "/bookings",
        TIMES
        | {"lastUpdatedStartTime": TIMES["startTime"], "lastUpdatedEndTime": TIMES["endTime"], "itemsPerPage": "7"}
        | dict.fromkeys(FLAGS, "false")
        | {"productId": "P1"},
    ),
    (lambda c: c.booking_payments_page("B/1 ü"), "/bookings/B%2F1%20%C3%BC/payments", {"itemsPerPage": "100"}),
    (
        lambda c: c.customer_bookings_page("C1", date(2024, 2, 29), date(2024, 3, 1), True),
        "/customers/C1/bookings",
        {"beginDate": "2024-02-29", "endDate": "2024-03-01", "expandParticipants": "true", "itemsPerPage": "100"},
    ),
    (
        lambda c: c.customers_page(WINDOW.start, True, False, "emailAddress", "a+b@example.org"),
        "/customers",
        {
            "createdSince": TIMES["startTime"],
            "currentMembers": "true",
            "currentNonMembers": "false",
            "searchField": "emailAddress",
            "searchText": "a+b@example.org",
            "itemsPerPage": "100",
        },
    ),
    (
        lambda c: c.payments_page(WINDOW, payment_method="cash"),
        "/payments",
        TIMES | {"paymentMethod": "cash", "itemsPerPage": "300"},
    ),
    (lambda c: c.slots_page(WINDOW, "P1"), "/availability/slots", TIMES | {"productId": "P1", "itemsPerPage": "100"}),
]


@pytest.mark.parametrize(("read", "path", "params"), READS)
def test_a_list_is_asked_for_as_documented(
    server: Script, client: BookeoClient, read: Callable[[BookeoClient], ListPage], path: str, params: dict[str, str]
) -> None:
    server.otherwise = Reply(payload={"info": info(21, 3, 1, "TOKEN"), "data": [{"id": "1"}]})
    page = read(client)
    [asked] = server.asked
    assert (asked.method, asked.path, asked.params) == ("GET", "/v2" + path, params)
    assert page.info == PageInfo(21, 3, 1, "TOKEN")
    assert page.records == [{"id": "1"}]
    assert json.loads(page.answer.body)["info"]["totalItems"] == 21


def test_further_pages_take_token_and_number_and_nothing_else(server: Script, client: BookeoClient) -> None:
    server.otherwise = Reply(payload={"info": info(21, 3, 2), "data": []})
    for fetch in (
        lambda: client.bookings_page(BookingsQuery(last_updated=WINDOW), 2, "T"),
        lambda: client.booking_payments_page("1", 2, "T"),
        lambda: client.customer_bookings_page("1", number=2, token="T"),
        lambda: client.customers_page(number=2, token="T"),
        lambda: client.payments_page(WINDOW, 2, "T"),
        lambda: client.slots_page(WINDOW, number=2, token="T"),
    ):
        fetch()
    assert [asked.params for asked in server.asked] == [{"pageNavigationToken": "T", "pageNumber": "2"}] * 6


def test_the_language_goes_with_every_request(server: Script) -> None:
    client = BookeoClient.from_settings(settings_for(server.base_url, language="en-AU"))
    server.replies = [Reply(payload={"info": info(), "data": []})]
    client.payments_page(WINDOW, 2, "T")
    client.booking("1")
    assert [asked.params["lang"] for asked in server.asked] == ["en-AU"] * 2


@pytest.mark.parametrize(
    "ask",
    [
        lambda c: c.bookings_page(BookingsQuery(last_updated=WINDOW), 2),
        lambda c: c.bookings_page(BookingsQuery(last_updated=WINDOW), 0, "T"),
        lambda c: BookingsQuery(),
        lambda c: BookingsQuery(last_updated=WINDOW, items_per_page=101),
        lambda c: BookingsQuery(last_updated=WINDOW, items_per_page=0),
        lambda c: BookingsQuery(last_updated=Window(WINDOW.start, WINDOW.start + timedelta(days=31, seconds=1))),
        lambda c: BookingsQuery(start_time=Window(WINDOW.start, WINDOW.start + timedelta(days=31, seconds=1))),
        lambda c: c.payments_page(Window(WINDOW.start, WINDOW.start + timedelta(days=32))),
        lambda c: c.slots_page(Window(WINDOW.start, WINDOW.start + timedelta(days=32))),
        lambda c: c.booking(""),
        lambda c: c.booking(".."),
        lambda c: c.customer(" . "),
    ],
)
def test_what_the_api_would_refuse_is_not_sent(
    server: Script, client: BookeoClient, ask: Callable[[BookeoClient], Any]
) -> None:
    with pytest.raises(RequestRejected, match=r"nothing was sent"):
        ask(client)
    assert server.asked == []


def test_a_window_of_31_days_is_allowed() -> None:
    query = BookingsQuery(last_updated=Window(WINDOW.start, WINDOW.start + timedelta(days=31)))
    assert query.params(50)["itemsPerPage"] == "50"


def test_an_item_that_is_no_object_stays_on_its_page(server: Script, client: BookeoClient) -> None:
    server.otherwise = Reply(payload={"info": info(), "data": [1]})
    # It will be a rejected row: broken, it would stop every load at its window.
    assert client.bookings_page(BookingsQuery(last_updated=WINDOW)).records == [1]


@pytest.mark.parametrize(
    ("items", "keys"),
    [
        ('{"id": "1", "x": [1, {"id": "no"}]}, {"id": "2"}', ["1", "2"]),
        ('{"id": 7}, {"id": 1.5}, {"id": true}', ["7", "1.5", "True"]),
        ('{"id": null}, {}', [None, None]),
        ('{"id": "1"}, 5, null, [], {"id": "2"}', ["1", None, None, None, "2"]),
        ('{"id": "\\ud800", "x": 1}, {"id": "2"}', ["\ud800", "2"]),
        ('{"id": "1", "x": "\\ud800"}', ["1"]),
        ('{"id": "first", "id": "last"}', ["last"]),
        ("", []),
    ],
)
def test_keys_are_the_same_with_and_without_objects(
    server: Script, client: BookeoClient, items: str, keys: list[str | None]
) -> None:
    whole = '{"info": {"totalItems": 3, "totalPages": 1, "currentPage": 1}, "data": [' + items + "]}"
    server.otherwise = Reply(body=whole.encode())
    page = client.bookings_page(BookingsQuery(last_updated=WINDOW))
    assert page.keys("id") == keys
    records = [record if isinstance(record, dict) else {} for record in page.records]
    assert [None if r.get("id") is None else str(r["id"]) for r in records] == keys


@pytest.mark.parametrize("body", [b'{"data": "\xff"}', b'{"data": []} {}', b'{"data": ["\\x"]}', b"{"])
def test_what_is_no_json_anywhere_has_no_members(body: bytes) -> None:
    with pytest.raises(ValueError, match="the body is not JSON"):
        _ = Answer(body, None, 1, 0.0).members


@pytest.mark.parametrize(
    "payload",
    [
        "text",
        [],
        {},
        {"data": []},
        {"info": info()},
        {"info": info(), "data": {}},
        {"info": [], "data": []},
        {"info": {"totalPages": 1, "currentPage": 1}},
        {"info": info() | {"pageNavigationToken": [5]}, "data": []},
    ],
)
def test_a_page_of_another_shape_is_a_broken_answer(server: Script, client: BookeoClient, payload: Any) -> None:
    server.otherwise = Reply(payload=payload)
    with pytest.raises(ServerUnavailable, match=r"answer to GET /bookings .*run the same command"):
        client.bookings_page(BookingsQuery(last_updated=WINDOW))


@pytest.mark.parametrize("total", [None, -1, 1.5, True, "many", [1]])
def test_a_total_that_is_no_number_is_none(server: Script, client: BookeoClient, total: Any) -> None:
    changed = {"totalItems": total, "totalPages": total, "pageNavigationToken": 5}
    server.otherwise = Reply(payload={"info": info() | changed, "data": [{"bookingNumber": "1"}]})
    page = client.bookings_page(BookingsQuery(last_updated=WINDOW))
    assert (page.info.total_items, page.info.total_pages, page.info.token) == (None, None, "5")
    assert len(page.records) == 1
    whole = {"totalItems": 1.0, "totalPages": "1"}
    server.otherwise = Reply(payload={"info": info() | whole, "data": [{"bookingNumber": "1"}]})
    page = client.bookings_page(BookingsQuery(last_updated=WINDOW))
    assert (page.info.total_items, page.info.total_pages) == (1, 1)


def test_an_empty_list_may_be_left_out_and_counts_may_be_text(server: Script, client: BookeoClient) -> None:
    server.otherwise = Reply(payload={"info": {"totalItems": "0", "totalPages": "0", "currentPage": "1"}})
    page = client.bookings_page(BookingsQuery(last_updated=WINDOW))
    assert (page.info.total_items, page.records) == (0, [])


def listing(numbers: int, *, per_page: int = 1) -> Callable[[Asked], Reply]:
    def answer(asked: Asked) -> Reply:
        number = int(asked.params.get("pageNumber", 1))
        records = [{"id": str(n)} for n in range(numbers)][(number - 1) * per_page : number * per_page]
        return Reply(payload={"info": info(numbers, -(-numbers // per_page), number, "T"), "data": records})

    return answer


def test_all_pages_of_a_list_are_walked_however_many(server: Script, client: BookeoClient) -> None:
    server.otherwise = listing(130)
    walked = list(pages(lambda number, token: client.bookings_page(BookingsQuery(last_updated=WINDOW), number, token)))
    assert [page.records[0]["id"] for page in walked] == [str(n) for n in range(130)]


def page_of(number: int, total_pages: int, token: str | None = "T") -> ListPage:
    return ListPage(
        Answer(b"", None, 1, 0.0, operation="GET /x"), PageInfo(total_pages, total_pages, number, token), []
    )


@given(st.lists(st.integers(0, 9), min_size=1, max_size=30))
def test_walking_follows_a_list_that_grows_and_shrinks(totals: list[int]) -> None:
    walked = pages(lambda number, _: page_of(number, totals[min(number, len(totals)) - 1]))
    numbers = [page.info.current_page for page in walked]
    assert numbers == list(range(1, len(numbers) + 1))
    assert totals[min(len(numbers), len(totals)) - 1] <= len(numbers)


@pytest.mark.parametrize(
    ("fetch", "what"),
    [
        (lambda number, _: page_of(number, number + 1), "has no end"),
        (lambda number, _: page_of(1, 3), "is page 1 where page 2"),
        (lambda number, _: page_of(number, 3, None), "gives no token"),
    ],
)
def test_walking_does_not_go_on_for_ever(fetch: Callable[[int, str | None], ListPage], what: str) -> None:
    with pytest.raises(ServerUnavailable, match=what):
        list(pages(fetch))


def test_the_newest_token_is_used_and_the_first_kept_where_none_is_given() -> None:
    tokens: list[str | None] = []

    def fetch(number: int, token: str | None) -> ListPage:
        tokens.append(token)
        return page_of(number, 4, {1: "a", 2: None, 3: "b"}.get(number))

    list(pages(fetch))
    assert tokens == [None, "a", "a", "b"]


def test_single_objects_are_asked_for_as_documented(server: Script, client: BookeoClient) -> None:
    server.otherwise = Reply(payload={"id": "1"})
    item = client.booking("42", expand_customer=False)
    assert (item.record, json.loads(item.body)) == ({"id": "1"}, {"id": "1"})
    client.booking_customer("42")
    client.customer("C/1")
    assert [(asked.path, asked.params) for asked in server.asked] == [
        ("/v2/bookings/42", {"expandCustomer": "false", "expandParticipants": "true"}),
        ("/v2/bookings/42/customer", {}),
        ("/v2/customers/C%2F1", {}),
    ]
    server.otherwise = Reply(payload=["no object"])
    with pytest.raises(ServerUnavailable, match=r"not an object"):
        client.booking("42")


def test_children_that_are_gone_or_not_readable_can_be_skipped(server: Script, client: BookeoClient) -> None:
    for read in (
        lambda: client.booking_customer("1"),
        lambda: client.booking_payments_page("1"),
        lambda: client.customer_bookings_page("1"),
        lambda: client.customer("1"),
    ):
        server.replies = [Reply(403, {"httpStatus": 403}), Reply(404, {"httpStatus": 404})]
        with pytest.raises(NotReadable):
            read()
        with pytest.raises(NotFound):
            read()


@pytest.mark.parametrize(
    ("read", "path", "key"),
    [
        (BookeoClient.products, "products", "data"),
        (BookeoClient.people_categories, "peoplecategories", "categories"),
        (BookeoClient.resources, "resources", "data"),
        (BookeoClient.taxes, "taxes", "data"),
        (BookeoClient.languages, "languages", "data"),
    ],
)
def test_settings_are_read_whole_with_or_without_pages(
    server: Script, client: BookeoClient, read: Callable[[BookeoClient], Any], path: str, key: str
) -> None:
    server.replies = [Reply(payload={key: [{"id": "1"}]})]
    whole = read(client)
    assert (whole.records, len(whole.answers)) == ([{"id": "1"}], 1)

    server.replies = [
        Reply(payload={"info": info(2, 2, 1, "T"), key: [{"id": "1"}]}),
        Reply(payload={"info": info(2, 2, 2, "T"), key: [{"id": "2"}]}),
    ]
    paged = read(client)
    assert paged.records == [{"id": "1"}, {"id": "2"}]
    assert [json.loads(answer.body)[key][0]["id"] for answer in paged.answers] == ["1", "2"]
    assert paged.answer is paged.answers[0]
    assert [asked.params for asked in server.asked] == [{}, {}, {"pageNavigationToken": "T", "pageNumber": "2"}]
    assert {asked.path for asked in server.asked} == {f"/v2/settings/{path}"}

    server.replies = [Reply(payload={"other": []})]
    with pytest.raises(ServerUnavailable):
        read(client)


def test_the_business_is_a_list_of_one(server: Script, client: BookeoClient) -> None:
    server.replies = [Reply(payload={"id": "1", "name": "Harbour Tours"})]
    assert client.business().records == [{"id": "1", "name": "Harbour Tours"}]


def test_the_api_key_tells_its_account_and_the_servers_time(server: Script, client: BookeoClient) -> None:
    date_header = {"Date": "Tue, 15 Nov 1994 08:12:31 GMT"}
    payload = {"accountId": "A1", "permissions": ["bookings_r_all"], "creationTime": "2015-03-30T17:02:00+11:00"}
    server.otherwise = Reply(payload=payload, headers=date_header)
    key = client.api_key_info()
    assert (key.account_id, key.permissions, key.creation_time) == (
        "A1",
        ("bookings_r_all",),
        "2015-03-30T17:02:00+11:00",
    )
    assert client.server_now() == datetime(1994, 11, 15, 8, 12, 31, tzinfo=UTC)


def test_without_a_date_this_machines_time_is_used(
    server: Script, client: BookeoClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    class LeapDay(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cls(2024, 2, 29, 23, 59, 59, 123456, tz)

    monkeypatch.setattr("bookeo.client.client.datetime", LeapDay)
    server.otherwise = Reply(payload={"accountId": "A1"})
    assert client.server_now() == datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize("payload", [{}, [], {"ok": True}, {"accountId": ""}, {"accountId": "A", "permissions": "all"}])
def test_whoever_knows_no_account_is_not_bookeo(server: Script, client: BookeoClient, payload: Any) -> None:
    server.otherwise = Reply(payload=payload)
    with pytest.raises(NotBookeo, match=r"base_url"):
        client.api_key_info()


def test_writing_is_sent_as_documented(server: Script, client: BookeoClient) -> None:
    server.otherwise = Reply(201, {"bookingNumber": "9", "id": "P9"})
    booking = {"title": "Möwe", "startTime": WINDOW.start}
    created = client.create_booking(
        booking,
        mode="backend",
        notify_customer=False,
        notify_users=True,
        previous_hold_id="H",
        send_customer_reminders=False,
        send_customer_thankyou=True,
    )
    client.update_booking("9/", {"title": "x"}, mode="backend", notify_customer=True, notify_users=False)
    client.cancel_booking(
        "9",
        reason="rain & wind",
        apply_cancellation_policy=True,
        cancel_remaining_series=False,
        track_in_customer_history=True,
        notify_customer=False,
        notify_users=False,
    )
    client.add_payment("9", {"amount": {"amount": Decimal("1E+2"), "currency": "AUD"}})

    assert created == {"bookingNumber": "9", "id": "P9"}
    said = [(a.method, a.path, a.params, json.loads(a.body) if a.body else None) for a in server.asked]
    assert said == [
        (
            "POST",
            "/v2/bookings",
            {
                "mode": "backend",
                "notifyCustomer": "false",
                "notifyUsers": "true",
                "previousHoldId": "H",
                "sendCustomerReminders": "false",
                "sendCustomerThankyou": "true",
            },
            {"title": "Möwe", "startTime": "2024-01-01T00:00:00+00:00"},
        ),
        (
            "PUT",
            "/v2/bookings/9%2F",
            {"mode": "backend", "notifyCustomer": "true", "notifyUsers": "false"},
            {"title": "x"},
        ),
        (
            "DELETE",
            "/v2/bookings/9",
            {
                "reason": "rain & wind",
                "applyCancellationPolicy": "true",
                "cancelRemainingSeries": "false",
                "trackInCustomerHistory": "true",
                "notifyCustomer": "false",
                "notifyUsers": "false",
            },
            None,
        ),
        ("POST", "/v2/bookings/9/payments", {}, {"amount": {"amount": "100", "currency": "AUD"}}),
    ]


def test_nothing_is_sent_that_was_not_given(server: Script, client: BookeoClient) -> None:
    server.otherwise = Reply(201, {"bookingNumber": "9"})
    client.create_booking({})
    client.cancel_booking("9")
    assert [asked.params for asked in server.asked] == [{}, {}]


def test_a_created_booking_always_has_its_number(server: Script, client: BookeoClient) -> None:
    server.replies = [
        Reply(201, body=b"", headers={"Location": "https://api.bookeo.com/v2/bookings/41"}),
        Reply(201, body=b""),
        Reply(200, body=b"<html>"),
    ]
    assert client.create_booking({}) == {"bookingNumber": "41"}
    with pytest.raises(ServerUnavailable, match=r"look before you repeat it"):
        client.create_booking({})
    with pytest.raises(ServerUnavailable, match=r"not known"):
        client.create_booking({})
    assert len(server.asked) == 3


def test_writing_answered_with_nothing_gives_an_empty_record(server: Script, client: BookeoClient) -> None:
    server.otherwise = Reply(204, body=b"")
    assert client.cancel_booking("9") == {}
    assert client.update_booking("9", {}) == {}
    assert client.add_payment("9", {}) == {}


def test_usage_counts_by_operation(server: Script, client: BookeoClient) -> None:
    client.booking("1")
    client.booking("2")
    assert client.usage.requests == {"GET /bookings/{bookingNumber}": 2}
    assert client.usage.total_requests == 2
