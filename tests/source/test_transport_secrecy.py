"""Keys and customers stay out of URLs, logs, exceptions and reprs; errors say what to do."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from scripted_server import API_KEY, SECRET_KEY, Clock, Reply, Script, scripted_server, settings_for

from bookeo import BookeoSettings
from bookeo.errors import (
    BookeoError,
    CredentialsRejected,
    NotFound,
    NotReadable,
    PermissionMissing,
    RequestRejected,
    SettingsError,
)
from bookeo.http.rate_limiter import Gate
from bookeo.http.transport import Method, Transport

PERSON = "Wilhelmina Quetzalcoatl"
EMAIL = "wilhelmina@example.org"
PHONE = "+61 412 345 678"


@pytest.fixture
def server() -> Iterator[Script]:
    with scripted_server() as script:
        yield script


def make(base_url: str, **values: Any) -> Transport:
    clock = Clock()
    return Transport(settings_for(base_url, **values), gate=Gate(0, 1, clock=clock), clock=clock, sleep=clock.sleep)


def everything_said_by(error: BaseException) -> str:
    said = ["".join(traceback.format_exception(error))]
    seen: list[BaseException | None] = [error]
    while seen:
        one = seen.pop()
        if one is not None:
            said += [str(one), repr(one), repr(one.args), repr(vars(one))]
            if request := getattr(one, "request", None):
                said.append(repr(getattr(request, "headers", "")))
            seen += [one.__cause__, one.__context__]
    return "\n".join(said)


ECHO = {"httpStatus": 400, "message": f"{API_KEY} and {SECRET_KEY.lower()} of {PERSON}", "errorId": API_KEY}


@pytest.mark.parametrize(
    "reply",
    [
        Reply(400, ECHO),
        Reply(401, ECHO),
        Reply(403, ECHO),
        Reply(404, ECHO),
        Reply(429, ECHO, headers={"Retry-After": "300"}),
        Reply(500, ECHO),
        Reply(reset=True),
        Reply(payload=ECHO, cut_off=20),
        Reply(body=(API_KEY + PERSON).encode()),
        Reply(200, body=f"<html>{SECRET_KEY}".encode()),
        Reply(302, {}, headers={"Location": f"https://elsewhere.test/?secretKey={SECRET_KEY}"}),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_error_or_log_record_holds_a_key_or_a_name(
    server: Script, caplog: pytest.LogCaptureFixture, reply: Reply, method: Method
) -> None:
    caplog.set_level(logging.DEBUG)
    server.otherwise = reply
    transport = make(server.base_url)
    operation = f"{method} /bookings"

    with pytest.raises(BookeoError) as caught:
        transport.request(method, "/bookings", operation=operation, json={"name": PERSON} if method == "POST" else None)

    said = everything_said_by(caught.value) + caplog.text + repr(transport) + repr(vars(transport)["_session"].headers)
    said += "".join(repr(vars(record)) for record in caplog.records)
    for secret in (API_KEY, SECRET_KEY):
        assert secret.lower() not in said.lower()
    if method == "POST":
        # What the API says about a GET is not about a person that this program named.
        assert PERSON not in said
    assert caught.value.__context__ is None
    assert caught.value.operation == operation


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:9/v2", "http://no-such-host.invalid/v2"])
def test_no_connection_error_holds_a_key(base_url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(BookeoError) as caught:
        make(base_url).request("GET", "/bookings", operation="GET /bookings")
    said = everything_said_by(caught.value) + caplog.text
    assert API_KEY not in said
    assert SECRET_KEY not in said
    assert caught.value.__context__ is None


def test_keys_travel_in_headers_only(server: Script) -> None:
    make(server.base_url).request("POST", "/bookings", operation="POST /bookings", params={"a": "b"}, json={"c": "d"})
    [asked] = server.asked
    assert asked.headers["x-bookeo-apikey"] == API_KEY
    assert asked.headers["x-bookeo-secretkey"] == SECRET_KEY
    rest = f"{asked.path}{asked.params}{asked.body!r}"
    assert API_KEY not in rest
    assert SECRET_KEY not in rest
    assert "authorization" not in asked.headers


def test_our_own_log_names_operations_not_parameters(server: Script, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="bookeo")
    server.replies = [Reply(500, {}), Reply(429, {})]
    make(server.base_url).request(
        "GET", "/customers/C77", operation="GET /customers/{id}", params={"searchText": PERSON}
    )
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("bookeo")]
    assert len(ours) >= 2
    assert all("GET /customers/{id}" in message for message in ours)
    assert not any(PERSON in message or "C77" in message for message in ours)


def test_what_the_api_says_is_kept_apart_short_and_clean(server: Script) -> None:
    transport = make(server.base_url)
    server.otherwise = Reply(
        400,
        {
            "message": f"Bad startTime 2026-01-31T23:00:00+00:00 for {PERSON} <{EMAIL}>, {PHONE}\x1b[31m\n" + "x" * 500,
            "errorId": "AB-12",
        },
    )
    with pytest.raises(RequestRejected) as caught:
        transport.request("PUT", "/bookings/1", operation="PUT /bookings/{bookingNumber}", json={"a": [{"b": PERSON}]})
    assert caught.value.message == (
        "Bookeo refused PUT /bookings/{bookingNumber} with HTTP 400 (Bookeo's error id: AB-12); its reason is shown on "
        "a terminal only."
    )
    words = caught.value.api_message
    assert words is not None
    assert words.startswith("Bad startTime 2026-01-31T23:00:00+00:00 for *** <***>, ***")
    assert len(words) <= 200
    assert words.isprintable()
    assert "startTime" not in str(caught.value) + repr(caught.value)
    assert (caught.value.status, caught.value.error_id) == (400, "AB-12")


def test_where_anything_personal_is_hidden_the_api_is_not_quoted(server: Script) -> None:
    server.otherwise = Reply(400, {"message": f"no place for {PERSON}", "errorId": "AB-12"})
    with pytest.raises(RequestRejected) as caught:
        make(server.base_url, privacy={"ip": "drop"}).request("GET", "/bookings", operation="GET /bookings")
    assert caught.value.message == "Bookeo refused GET /bookings with HTTP 400 (Bookeo's error id: AB-12)."
    assert caught.value.api_message is None


def test_a_search_text_quoted_by_the_api_is_taken_out(server: Script) -> None:
    server.otherwise = Reply(400, {"message": f"cannot search for {PERSON}"})
    with pytest.raises(RequestRejected) as caught:
        make(server.base_url).request("GET", "/customers", operation="GET /customers", params={"searchText": PERSON})
    assert caught.value.api_message == "cannot search for ***"


@pytest.mark.parametrize(
    ("operation", "permission"),
    [
        ("GET /bookings", "bookings_r_all"),
        ("GET /bookings/{bookingNumber}/customer", "customers_r_all"),
        ("GET /bookings/{bookingNumber}/payments", "payments_r_all"),
        ("GET /payments", "payments_r_all"),
        ("GET /customers", "customers_r_all"),
        ("GET /customers/{id}/bookings", "bookings_r_all"),
        ("GET /availability/slots", "availability_r"),
        ("GET /settings/products", None),
        ("POST /bookings", None),
    ],
)
def test_a_missing_permission_is_named(server: Script, operation: str, permission: str | None) -> None:
    server.otherwise = Reply(403, {"httpStatus": 403, "message": "denied", "errorId": "77"})
    method: Any = operation.split()[0]
    with pytest.raises(PermissionMissing, match=permission or "permission") as caught:
        make(server.base_url).request(method, "/x", operation=operation)
    assert caught.value.permission == permission
    assert caught.value.error_id == "77"
    if method == "POST":
        assert "a write permission" in caught.value.message


@pytest.mark.parametrize(
    ("status", "child", "operation", "kind"),
    [
        (401, False, "GET /bookings", CredentialsRejected),
        (401, True, "GET /bookings/{bookingNumber}/customer", CredentialsRejected),
        (403, True, "GET /bookings/{bookingNumber}/customer", NotReadable),
        (404, True, "GET /bookings/{bookingNumber}/customer", NotFound),
        (404, False, "GET /bookings/{bookingNumber}", NotFound),
        (404, False, "PUT /bookings/{bookingNumber}", NotFound),
        (409, True, "GET /bookings/{bookingNumber}/customer", RequestRejected),
    ],
)
def test_a_refusal_becomes_the_error_that_says_what_to_do(
    server: Script, status: int, child: bool, operation: str, kind: type[BookeoError]
) -> None:
    server.otherwise = Reply(status, {"httpStatus": status, "message": "no"})
    method: Any = operation.split()[0]
    with pytest.raises(BookeoError) as caught:
        make(server.base_url).request(method, "/x", operation=operation, child=child)
    assert type(caught.value) is kind
    assert caught.value.status == status


def test_a_transport_without_keys_can_be_shown() -> None:
    transport = Transport.__new__(Transport)
    with pytest.raises(SettingsError):
        transport.__init__(BookeoSettings(api_key="a\nb", secret_key="x"))  # type: ignore[misc]
    assert repr(transport) == "Transport()"
