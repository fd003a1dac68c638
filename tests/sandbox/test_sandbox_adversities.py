"""Each way in which the service, its clock, its permissions or its lists can mislead a client, on demand."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from sandbox_asking import JUNE, Ask

from bookeo_sandbox import Sandbox, serve
from patience import PATIENCE

Json = dict[str, Any]
FEED = {"startTime": "2026-05-31T00:00:00Z", "endTime": "2026-07-01T00:00:00Z"}
RIGHT = datetime(2026, 6, 30, 23, 59, 59, tzinfo=UTC)


def numbers(ask: Ask, **query: Any) -> set[str]:
    question = {**JUNE, "includeCanceled": "true", "itemsPerPage": "100", **query}
    return {row["bookingNumber"] for row in ask("/bookings", **question).json()["data"]}


def payment_ids(ask: Ask) -> set[str]:
    return {row["id"] for row in ask("/payments", **FEED, itemsPerPage="300").json()["data"]}


def alive(sandbox: Sandbox) -> Json:
    booking: Json = next(b for b in sandbox.truth()["bookings"] if not b["canceled"])
    return booking


@pytest.mark.parametrize("hours", [24, 3, -2])
def test_the_servers_clock_is_wrong(ask: Ask, sandbox: Sandbox, hours: int) -> None:
    sandbox.fault("wrong_date", "GET /bookings", seconds=hours * 3600, times=1)
    shown = parsedate_to_datetime(ask("/bookings", **JUNE).headers["Date"])
    assert shown == RIGHT + timedelta(hours=hours)
    assert parsedate_to_datetime(ask("/bookings", **JUNE).headers["Date"]) == RIGHT


@pytest.mark.parametrize(
    ("date", "shown"), [("no_zone", "Tue, 30 Jun 2026 23:59:59"), ("absent", None), ("nonsense", "yesterday")]
)
def test_a_date_that_is_no_time(ask: Ask, sandbox: Sandbox, date: str, shown: str | None) -> None:
    sandbox.fault("wrong_date", date=date, seconds=0)
    assert ask("/bookings", **JUNE).headers.get("Date") == shown


def test_changes_become_visible_late(ask: Ask, sandbox: Sandbox) -> None:
    gone, touched = (b["bookingNumber"] for b in sandbox.truth()["bookings"][:2])
    before, paid = numbers(ask), payment_ids(ask)
    customer = alive(sandbox)["customerId"]
    history = ask(f"/customers/{customer}/bookings").json()
    sandbox.switches(replica_lag_minutes=30)
    sandbox.touch(touched)
    sandbox.delete(gone)
    payment = sandbox.add_payment("12", alive(sandbox)["bookingNumber"])
    sandbox.advance(minutes=29)
    assert "lastChangeTime" not in ask(f"/bookings/{touched}").json()
    assert (numbers(ask), payment_ids(ask)) == (before, paid)
    assert ask(f"/customers/{customer}/bookings").json() == history
    assert ask(f"/bookings/{gone}").status_code == 404, "what is gone can be read by nobody"
    sandbox.advance(minutes=1)
    assert touched in numbers(ask) - before
    assert payment in payment_ids(ask) - paid
    sandbox.switches(replica_lag_minutes=0)
    assert touched in numbers(ask)


def test_what_is_made_in_the_meantime_is_seen_late_too(sandbox: Sandbox, ask: Ask) -> None:
    sandbox.switches(replica_lag_minutes=24 * 60)
    sandbox.advance(days=5)
    late = {b["bookingNumber"]: b for b in sandbox.truth()["bookings"] if b["creationTime"] > "2026-07-05T11"}
    assert late
    assert {ask(f"/bookings/{number}").status_code for number in late} == {404}
    sandbox.advance(days=1)
    kept = late.keys() & {b["bookingNumber"] for b in sandbox.truth()["bookings"]}
    assert {ask(f"/bookings/{number}").status_code for number in kept} == {200}


@pytest.mark.parametrize(
    ("ends", "found"), [("inclusive", (True, True)), ("end_exclusive", (True, False)), ("exclusive", (False, False))]
)
def test_the_ends_of_a_window(ask: Ask, sandbox: Sandbox, ends: str, found: tuple[bool, bool]) -> None:
    booking = alive(sandbox)
    sandbox.switches(window_ends=ends)
    updated = datetime.fromisoformat(booking.get("lastChangeTime", booking["creationTime"]))
    begins = {"lastUpdatedStartTime": updated, "lastUpdatedEndTime": updated + timedelta(days=1)}
    stops = {"lastUpdatedStartTime": updated - timedelta(days=1), "lastUpdatedEndTime": updated}
    for query, expected in zip((begins, stops), found, strict=True):
        window = {name: moment.isoformat() for name, moment in query.items()}
        assert (booking["bookingNumber"] in numbers(ask, **window)) is expected
    paid = sandbox.truth()["payments"][0]
    at = datetime.fromisoformat(paid["receivedTime"])
    feed = ask("/payments", startTime=(at - timedelta(days=1)).isoformat(), endTime=at.isoformat(), itemsPerPage=300)
    assert (paid["id"] in {row["id"] for row in feed.json()["data"]}) is found[1]


def test_times_are_compared_as_precisely_as_is_asked_for(ask: Ask, sandbox: Sandbox) -> None:
    hidden: dict[str, int] = {}
    for booking in sandbox.truth()["bookings"][:30]:
        updated = booking.get("lastChangeTime", booking["creationTime"])
        for precision in ("shown", "seconds", "milliseconds"):
            sandbox.switches(precision=precision)
            found = numbers(ask, lastUpdatedStartTime=updated, lastUpdatedEndTime=updated)
            hidden[precision] = hidden.get(precision, 0) + (booking["bookingNumber"] not in found)
            minute = (datetime.fromisoformat(updated) + timedelta(minutes=1)).isoformat()
            assert booking["bookingNumber"] in numbers(ask, lastUpdatedStartTime=updated, lastUpdatedEndTime=minute)
    assert hidden["shown"] == 0
    assert hidden["milliseconds"] >= 28


@pytest.mark.parametrize("path", ["/bookings", "/customers", "/payments"])
def test_without_its_permission_a_list_can_be_empty(ask: Ask, sandbox: Sandbox, path: str) -> None:
    name = path[1:]
    query = {"/bookings": JUNE, "/payments": FEED}.get(path, {})
    assert ask(path, **query).json()["data"]
    sandbox.switches(**{f"{name}_without_permission": "empty"})
    sandbox.permissions({"bookings_r_all", "customers_r_all", "payments_r_all"} - {f"{name}_r_all"})
    answer = ask(path, **query)
    assert (answer.status_code, answer.json()["data"], answer.json()["info"]["totalItems"]) == (200, [], 0)
    if name == "bookings":
        assert ask(f"/customers/{sandbox.truth()['customers'][0]['id']}/bookings").json()["data"] == []


def test_permissions_to_write_include_reading(ask: Ask, sandbox: Sandbox) -> None:
    named = ["availability_rw", "bookings_rw_all", "customers_rwd_all", "payments_rw_all"]
    sandbox.permissions(named)
    assert ask("/settings/apikeyinfo").json()["permissions"] == named
    for path, query in (("/bookings", JUNE), ("/customers", {}), ("/payments", FEED)):
        assert ask(path, **query).json()["data"]
    assert ask("/availability/slots", **FEED).status_code == 200
    sandbox.permissions(["payments_rw_all"])
    assert ask("/bookings", **JUNE).status_code == 403


@pytest.mark.parametrize("status", [400, 403, 404, 500])
def test_a_feed_is_refused(ask: Ask, sandbox: Sandbox, status: int) -> None:
    sandbox.fault("error", "GET /payments", status=status)
    answer = ask("/payments", **FEED)
    assert (answer.status_code, answer.json()["httpStatus"]) == (status, status)
    assert ask("/bookings", **JUNE).status_code == 200


def test_a_feed_is_empty(ask: Ask, sandbox: Sandbox) -> None:
    sandbox.fault("empty_list", "GET /payments", times=1)
    empty = {"info": {"totalItems": 0, "totalPages": 0, "currentPage": 1}, "data": []}
    assert ask("/payments", **FEED).json() == empty
    assert ask("/payments", **FEED).json()["data"]


def test_payments_move_no_time_of_change(ask: Ask, sandbox: Sandbox) -> None:
    booking = alive(sandbox)
    path = f"/bookings/{booking['bookingNumber']}"
    before = ask(path).json()
    paid = float(before["price"]["totalPaid"]["amount"])

    def total() -> float:
        shown = ask(path).json()
        assert shown.get("lastChangeTime") == before.get("lastChangeTime")
        return float(shown["price"]["totalPaid"]["amount"])

    back_dated = sandbox.add_payment("12.50", booking["bookingNumber"], days_ago=60)
    future = sandbox.add_payment("1", booking["bookingNumber"], days_ago=-3, description="Kasse")
    loose = sandbox.add_payment("5", description=f"Booking {booking['bookingNumber']}")
    assert total() == paid + 13.5
    kept = {p["id"]: p for p in sandbox.truth()["payments"]}
    assert kept[back_dated]["receivedTime"][:10] == "2026-05-02"
    assert kept[future]["receivedTime"][:10] == "2026-07-04"
    assert "bookingNumber" not in kept[loose]
    sandbox.change_payment(back_dated, "10", days_ago=1)
    assert total() == paid + 11
    assert back_dated in payment_ids(ask)
    sandbox.delete_payment(back_dated)
    sandbox.delete_payment(future)
    sandbox.delete_payment(loose)
    assert total() == paid
    assert not {back_dated, future, loose} & {p["id"] for p in sandbox.truth()["payments"]}


@pytest.mark.parametrize(
    ("total", "shown"),
    [
        ("one_more", lambda n: n + 1),
        ("one_less", lambda n: n - 1),
        ("approximate", lambda n: -(-n // 100) * 100),
        ("missing", lambda n: None),
        ("null", lambda n: None),
        ("float", lambda n: n + 0.5),
        ("text", str),
    ],
)
def test_totals_are_wrong(ask: Ask, sandbox: Sandbox, total: str, shown: Any) -> None:
    right = ask("/bookings", **JUNE).json()
    sandbox.fault("wrong_total", "GET /bookings", total=total)
    wrong = ask("/bookings", **JUNE).json()
    assert wrong["info"].get("totalItems") == shown(right["info"]["totalItems"])
    assert ("totalPages" in wrong["info"]) is (total != "missing")
    assert wrong["data"] == right["data"]


def test_page_tokens_are_numbers(ask: Ask, sandbox: Sandbox) -> None:
    sandbox.switches(numeric_tokens=True)
    first = ask("/bookings", **JUNE, itemsPerPage=10).json()
    token = first["info"]["pageNavigationToken"]
    assert isinstance(token, int)
    second = ask("/bookings", pageNavigationToken=token, pageNumber=2).json()
    assert second["info"] == {**first["info"], "currentPage": 2}
    assert second["data"] != first["data"]


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_one_record_has_what_json_forbids(ask: Ask, sandbox: Sandbox, constant: str) -> None:
    truth = sandbox.truth()
    booking = next(b for b in truth["bookings"] if b["creationTime"] > "2026-06-02")
    paid = next(p for p in truth["payments"] if p["receivedTime"] > "2026-06-02")
    for name, path, query in (
        (booking["bookingNumber"], "/bookings", {**JUNE, "includeCanceled": "true"}),
        (paid["id"], "/payments", FEED),
        (truth["customers"][0]["id"], "/customers", {}),
    ):
        right = ask(path, **query).text
        sandbox.spoil(name, constant)
        shown = ask(path, **query).text
        assert (shown.count(f":{constant}"), right.count(constant)) == (1, 0)
        assert name in shown[: shown.index(f":{constant}")]
        sandbox.spoil(name, None)
        assert ":" + constant not in ask(path, **query).text
    assert sandbox.truth() == truth


def _raw(sandbox: Sandbox, path: str) -> socket.socket:
    url = urlsplit(sandbox.base_url)
    connection = socket.create_connection((url.hostname, url.port), PATIENCE)
    keys = f"X-Bookeo-secretKey: {sandbox.secret_key}\r\nX-Bookeo-apiKey: {sandbox.api_key}"
    connection.sendall(f"GET {url.path}{path} HTTP/1.1\r\nHost: sandbox\r\n{keys}\r\n\r\n".encode())
    return connection


def test_a_body_comes_byte_by_byte(ask: Ask, sandbox: Sandbox) -> None:
    sandbox.fault("drip", "GET /settings/apikeyinfo", seconds=0.001)
    right = ask("/settings/apikeyinfo").json()
    assert right["accountId"] == sandbox.accounts[0].account_id
    sandbox.faults([{"kind": "drip", "seconds": 3600}])  # the second byte is an hour away
    with _raw(sandbox, "/settings/apikeyinfo") as connection:
        seen = b""
        while not seen.endswith(b"\r\n\r\n{"):
            seen += connection.recv(1)
        connection.setblocking(False)
        with pytest.raises(BlockingIOError):
            connection.recv(1)


def test_a_length_that_is_not_the_bodys(ask: Ask, sandbox: Sandbox) -> None:
    right = ask("/settings/apikeyinfo").content
    sandbox.fault("wrong_length", length=-5, times=1)
    short = ask("/settings/apikeyinfo")
    assert short.headers["Content-Length"] == str(len(right) - 5)
    assert short.content == right[:-5]
    assert ask("/settings/apikeyinfo").content == right
    sandbox.fault("wrong_length", length=7)
    with _raw(sandbox, "/settings/apikeyinfo") as connection:
        seen = b""
        while not seen.endswith(right):
            seen += connection.recv(4096)
        assert f"content-length: {len(right) + 7}\r\n".encode() in seen
        connection.setblocking(False)
        with pytest.raises(BlockingIOError):
            connection.recv(1)


def test_an_encoding_that_was_not_applied(ask: Ask, sandbox: Sandbox) -> None:
    sandbox.fault("wrong_encoding")
    with pytest.raises(requests.exceptions.ContentDecodingError):
        ask("/settings/apikeyinfo")
    plain = ask("/settings/apikeyinfo", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert plain.json()["accountId"] == sandbox.accounts[0].account_id


@pytest.mark.parametrize("words", ["Réservation n° {number}", "予約{number}番", ""])
def test_payments_speak_other_languages(ask: Ask, sandbox: Sandbox, words: str) -> None:
    sandbox.switches(payment_description=words)
    paid = next(p for p in sandbox.truth()["payments"] if "bookingNumber" in p)
    [shown] = [
        row for row in ask(f"/bookings/{paid['bookingNumber']}/payments").json()["data"] if row["id"] == paid["id"]
    ]
    assert shown.get("description", "") == words.replace("{number}", paid["bookingNumber"])


@pytest.mark.parametrize("how", ["html", "all", "none"])
def test_json_is_escaped(ask: Ask, sandbox: Sandbox, how: str) -> None:
    truth = sandbox.truth()
    number = truth["bookings"][-1]["bookingNumber"]
    sandbox.override(number, {**truth["bookings"][-1], "title": "Zoë <O'Brien> & Co = 1/2 🎂"})
    sandbox.switches(json_escapes=how)
    shown = ask(f"/bookings/{number}")
    assert shown.json()["title"] == "Zoë <O'Brien> & Co = 1/2 🎂"
    spelt = {
        "html": "Zoë \\u003cO\\u0027Brien\\u003e \\u0026 Co \\u003d 1/2 🎂",
        "all": "Zo\\u00eb \\u003cO\\u0027Brien\\u003e \\u0026 Co \\u003d 1\\/2 \\ud83c\\udf82",
        "none": "Zoë <O'Brien> & Co = 1/2 🎂",
    }[how]
    assert spelt in shown.content.decode()
    sandbox.override(number, b'{"title": "\xff\xfe\'"')
    assert ask(f"/bookings/{number}").content.startswith(b'{"title": "\xff\xfe'), "what is not text stays"


def test_a_world_can_be_made_with_them() -> None:
    with serve(bookings=20, years=0.2, replica_lag_minutes=10, window_ends="exclusive") as sandbox:
        assert sandbox.switches()["replica_lag_minutes"] == 10
        sandbox.reset()
        assert sandbox.switches()["window_ends"] == "exclusive"
