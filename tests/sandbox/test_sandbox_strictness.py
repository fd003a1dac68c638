from __future__ import annotations

from typing import Any

import pytest
import requests
from sandbox_asking import JUNE, Ask

from bookeo_sandbox import Sandbox, serve
from patience import PATIENCE

PAIR = ("startTime", "endTime")
MONTH = {"startTime": "2026-06-01T00:00:00-00:00", "endTime": "2026-06-30T23:59:59-00:00"}


def is_error(answer: requests.Response, status: int) -> bool:
    body = answer.json()
    return (
        answer.status_code == status
        and body["httpStatus"] == status
        and bool(body["message"])
        and bool(body["errorId"])
        and answer.headers["Content-Type"].startswith("application/json")
    )


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"startTime": "2026-06-01T00:00:00Z"},
        {"endTime": "2026-06-01T00:00:00Z"},
        {"lastUpdatedStartTime": "2026-06-01T00:00:00Z"},
        {"lastUpdatedEndTime": "2026-06-01T00:00:00Z"},
        {**MONTH, "lastUpdatedEndTime": "2026-06-01T00:00:00Z"},
        {"startTime": "2026-06-02T00:00:00Z", "endTime": "2026-06-01T00:00:00Z"},
        {"startTime": "2026-05-31T00:00:00Z", "endTime": "2026-07-01T00:00:01Z"},
        {"startTime": "2026-06-01", "endTime": "2026-06-02"},
        {"startTime": "2026-06-01T00:00:00", "endTime": "2026-06-02T00:00:00"},
        {"startTime": "2026-06-01T00:00:00.Z", "endTime": "2026-06-02T00:00:00Z"},
        {"startTime": "2026-06-31T00:00:00Z", "endTime": "2026-07-02T00:00:00Z"},
        {"startTime": "2026-06-01T00:00:00+0200", "endTime": "2026-06-02T00:00:00Z"},
        {"startTime": "2026-06-01T00:00:00+24:00", "endTime": "2026-06-02T00:00:00Z"},
        {"startTime": "2026-06-01 00:00:00Z", "endTime": "2026-06-02T00:00:00Z"},
        {"startTime": "0001-01-01T00:00:00+05:00", "endTime": "0001-01-02T00:00:00Z"},
        {**MONTH, "itemsPerPage": "101"},
        {**MONTH, "itemsPerPage": "0"},
        {**MONTH, "itemsPerPage": "ten"},
        {**MONTH, "pageNumber": "2"},
        {"pageNavigationToken": "nobody-gave-this", "pageNumber": "2"},
        {**MONTH, "includeCanceled": "yes"},
        {**MONTH, "expandCustomer": "1"},
        {**MONTH, "productId": "NOSUCH"},
        {**MONTH, "lang": "not a language!"},
        {**MONTH, "lang": "fr"},
    ],
)
def test_bad_questions_are_refused(ask: Ask, query: dict[str, str]) -> None:
    assert is_error(ask("/bookings", **query), 400)


FOREIGN = [
    ("/bookings", {"startTime": "2026-06-01T00:00:00.000Z", "endTime": "2026-06-02T00:00:00.500Z"}),
    ("/bookings", {**MONTH, "includeCanceled": "True", "expandCustomer": "False"}),
    ("/bookings", {**MONTH, "pageNumber": "1"}),
    ("/customers", {"createdSince": "2026-06-01T00:00:00.123Z"}),
    ("/availability/slots", {**MONTH, "itemsPerPage": "300"}),
]
"""What other clients send and get an answer to, although no document allows it."""


@pytest.mark.parametrize(("path", "query"), FOREIGN)
def test_what_other_clients_send_is_taken_unless_strict(
    ask: Ask, sandbox: Sandbox, path: str, query: dict[str, str]
) -> None:
    assert ask(path, **query).status_code == 200
    sandbox.switches(strict=True)
    assert is_error(ask(path, **query), 400)


def test_a_fraction_of_a_second_counts(ask: Ask, sandbox: Sandbox) -> None:
    booking = sandbox.truth()["bookings"][0]
    at = f"{booking['startTime'][:19]}.000-00:00"
    later = f"{booking['startTime'][:19]}.001-00:00"
    number = booking["bookingNumber"]
    for begin, found in ((at, True), (later, False)):
        rows = ask("/bookings", startTime=begin, endTime=later, includeCanceled="true").json()["data"]
        assert (number in [row["bookingNumber"] for row in rows]) is found


def test_exactly_31_days_are_allowed(ask: Ask) -> None:
    assert ask("/bookings", **JUNE).status_code == 200


def test_an_unescaped_plus_is_a_space_and_no_offset(ask: Ask, sandbox: Sandbox) -> None:
    headers = {"X-Bookeo-secretKey": sandbox.secret_key, "X-Bookeo-apiKey": sandbox.api_key}
    url = f"{sandbox.base_url}/bookings?startTime=2026-06-01T00:00:00+10:00&endTime=2026-06-02T00:00:00+10:00"
    assert is_error(requests.get(url, headers=headers, timeout=PATIENCE), 400)


@pytest.mark.parametrize(("secret", "key"), [(None, None), ("ok", None), (None, "ok"), ("bad", "ok"), ("ok", "bad")])
@pytest.mark.parametrize("path", ["/bookings", "/bookings/1", "/settings/apikeyinfo", "/webhooks"])
def test_keys_are_required(sandbox: Sandbox, path: str, secret: str | None, key: str | None) -> None:
    known = {"ok": (sandbox.secret_key, sandbox.api_key), "bad": ("x", "x"), None: (None, None)}
    headers = {"X-Bookeo-secretKey": known[secret][0], "X-Bookeo-apiKey": known[key][1]}
    sent = {name: value for name, value in headers.items() if value}
    assert is_error(requests.get(sandbox.base_url + path, headers=sent, timeout=PATIENCE), 401)


def test_keys_in_the_query_work_and_are_noticed_but_not_logged(sandbox: Sandbox) -> None:
    assert sandbox.requests()["keys_in_query"] is False
    query = {"secretKey": sandbox.secret_key, "apiKey": sandbox.api_key}
    answer = requests.get(f"{sandbox.base_url}/settings/apikeyinfo", params=query, timeout=PATIENCE)
    assert answer.json()["accountId"] == sandbox.accounts[0].account_id
    seen = sandbox.requests()
    assert seen["keys_in_query"] is True
    assert sandbox.api_key not in str(seen)
    assert sandbox.secret_key not in str(seen)


@pytest.mark.parametrize(
    ("path", "missing"),
    [
        ("/bookings", "bookings_r_all"),
        ("/bookings/{n}", "bookings_r_all"),
        ("/bookings/{n}/payments", "bookings_r_all"),
        ("/bookings/{n}/customer", "customers_r_all"),
        ("/customers", "customers_r_all"),
        ("/customers/{c}", "customers_r_all"),
        ("/customers/{c}/bookings", "bookings_r_all"),
        ("/payments", "payments_r_all"),
        ("/availability/slots", "availability_r"),
    ],
)
def test_a_permission_can_be_missing(ask: Ask, sandbox: Sandbox, path: str, missing: str) -> None:
    booking = sandbox.truth()["bookings"][0]
    path = path.format(n=booking["bookingNumber"], c=booking["customerId"])
    query = MONTH if path in ("/bookings", "/payments", "/availability/slots") else {}
    assert ask(path, **query).status_code == 200
    permissions = set(ask("/settings/apikeyinfo").json()["permissions"])
    sandbox.permissions(permissions - {missing})
    answer = ask(path, **query)
    assert is_error(answer, 403)
    assert missing in answer.json()["message"]


def test_results_are_silently_limited(ask: Ask, sandbox: Sandbox) -> None:
    truth = sandbox.truth()
    paid = next(p for p in truth["payments"] if "bookingNumber" in p)["bookingNumber"]
    linked = next(
        b["bookingNumber"] for b in truth["bookings"] if any("personDetails" in d for d in b["participants"]["details"])
    )
    expand = {"expandCustomer": "true", "expandParticipants": "true"}
    full = ask(f"/bookings/{linked}", **expand).json()
    assert "customer" in full
    assert any("personDetails" in row for row in full["participants"]["details"])
    sandbox.permissions({"bookings_r_all"})
    limited = ask(f"/bookings/{linked}", **expand).json()
    assert "customer" not in limited
    assert limited["participants"]["details"]
    assert not any("personDetails" in row for row in limited["participants"]["details"])
    assert ask(f"/bookings/{paid}/payments").json()["info"]["totalItems"] == 0
    sandbox.switches(booking_payments_without_permission="403", payments_without_permission="empty")
    assert is_error(ask(f"/bookings/{paid}/payments"), 403)
    assert ask("/payments", **MONTH).json()["data"] == []


def test_a_key_can_be_revoked_half_way(ask: Ask, sandbox: Sandbox) -> None:
    sandbox.revoke()
    assert is_error(ask("/settings/apikeyinfo"), 401)
    sandbox.revoke(revoked=False)
    assert ask("/settings/apikeyinfo").status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/bookings/0", "/bookings/0/customer", "/bookings/0/payments", "/customers/0", "/customers/0/bookings", "/no"],
)
def test_what_is_not_there_is_a_404(ask: Ask, path: str) -> None:
    assert is_error(ask(path), 404)


def test_a_method_that_a_path_does_not_take_is_a_405(ask: Ask) -> None:
    assert is_error(ask("/bookings", "PATCH"), 405)


def test_both_ends_are_included(ask: Ask, sandbox: Sandbox) -> None:
    for booking in sandbox.truth()["bookings"][:20]:
        updated = booking.get("lastChangeTime", booking["creationTime"])
        for begin, end, at in (
            ("lastUpdatedStartTime", "lastUpdatedEndTime", updated),
            ("startTime", "endTime", booking["startTime"]),
        ):
            found = ask("/bookings", includeCanceled="true", **{begin: at, end: at}).json()["data"]
            assert booking["bookingNumber"] in [row["bookingNumber"] for row in found]


def test_both_pairs_can_be_combined(ask: Ask, sandbox: Sandbox) -> None:
    booking = sandbox.truth()["bookings"][5]
    updated = booking.get("lastChangeTime", booking["creationTime"])
    both = {"lastUpdatedStartTime": updated, "lastUpdatedEndTime": updated, "includeCanceled": "true"}
    start = booking["startTime"]
    assert ask("/bookings", **both, startTime=start, endTime=start).json()["info"]["totalItems"] == 1
    other = "2001-01-01T00:00:00Z"
    assert ask("/bookings", **both, startTime=other, endTime=other).json()["info"]["totalItems"] == 0


def test_offset_minus_zero_means_the_accounts_zone(ask: Ask, sandbox: Sandbox) -> None:
    booking = sandbox.truth()["bookings"][-1]
    wall = booking["startTime"][:19] + "-00:00"
    found = ask("/bookings", startTime=wall, endTime=wall, includeCanceled="true").json()["data"]
    assert booking["bookingNumber"] in [row["bookingNumber"] for row in found]


def test_canceled_bookings_only_on_demand(ask: Ask) -> None:
    without = ask("/bookings", **JUNE, itemsPerPage="100").json()["data"]
    with_them = ask("/bookings", **JUNE, itemsPerPage="100", includeCanceled="true").json()["data"]
    assert not any(row["canceled"] for row in without)
    assert any(row["canceled"] for row in with_them)
    assert [row for row in with_them if not row["canceled"]] == without


def test_filters_by_product_and_method(ask: Ask, sandbox: Sandbox) -> None:
    product = sandbox.truth()["settings"]["products"][0]["productId"]
    rows = ask("/bookings", **JUNE, productId=product).json()["data"]
    assert rows
    assert {row["productId"] for row in rows} == {product}
    payments = ask("/payments", **MONTH, paymentMethod="cash").json()["data"]
    assert payments
    assert {row["paymentMethod"] for row in payments} == {"cash"}
    assert is_error(ask("/payments", **MONTH, paymentMethod="shells"), 400)
    assert is_error(ask("/payments"), 400)
    assert is_error(ask("/payments", **MONTH, itemsPerPage="301"), 400)


def test_expansion_only_on_demand(ask: Ask, sandbox: Sandbox) -> None:
    number = sandbox.truth()["bookings"][0]["bookingNumber"]
    plain = ask(f"/bookings/{number}").json()
    assert "customer" not in plain
    assert "details" not in plain["participants"]
    assert ask(f"/bookings/{number}", expandCustomer="true").json()["customer"]["id"] == plain["customerId"]
    assert ask(f"/bookings/{number}", expandParticipants="true").json()["participants"]["details"]


def test_customers_by_membership_creation_and_search(ask: Ask, sandbox: Sandbox) -> None:
    people = {c["id"]: c for c in sandbox.truth()["customers"]}

    def total(**query: Any) -> int:
        return int(ask("/customers", **query).json()["info"]["totalItems"])

    assert total() == len(people) == total(currentMembers="true", currentNonMembers="true")
    assert 0 < total(currentMembers="true") < len(people)
    assert total(currentMembers="true") + total(currentNonMembers="true") == len(people)
    assert 0 < total(createdSince="2026-05-01T00:00:00Z") < len(people)
    someone = next(c for c in people.values() if "emailAddress" in c and "lastName" in c)
    assert total(searchField="emailAddress", searchText=someone["emailAddress"]) == 1
    assert total(searchText=someone["lastName"]) >= 1
    assert is_error(ask("/customers", searchField="shoeSize", searchText="42"), 400)


def test_a_customers_history_by_days_both_included(ask: Ask, sandbox: Sandbox) -> None:
    truth = sandbox.truth()
    person = max(truth["customers"], key=lambda c: c["numBookings"])
    path = f"/customers/{person['id']}/bookings"
    rows = ask(path, itemsPerPage="100").json()["data"]
    assert len(rows) == person["numBookings"] > 1
    assert sum(row["canceled"] for row in rows) == person["numCancelations"]
    day = rows[1]["startTime"][:10]
    on_that_day = ask(path, beginDate=day, endDate=day).json()["data"]
    assert on_that_day == [row for row in rows if row["startTime"][:10] == day]
    assert all("details" in r["participants"] for r in ask(path, expandParticipants="true").json()["data"])
    for bad in (
        {"beginDate": "2026-13-01"},
        {"beginDate": "01/02/2026"},
        {"beginDate": "2026-02-02", "endDate": "2026-02-01"},
    ):
        assert is_error(ask(path, **bad), 400)


def test_headers_of_an_answer(ask: Ask, sandbox: Sandbox) -> None:
    answer = ask("/bookings", **JUNE)
    assert answer.headers["Content-Language"] == "en-AU"
    assert ask("/bookings", **JUNE, lang="en").headers["Content-Language"] == "en-AU"
    assert ask("/bookings", **JUNE, lang="en-us").headers["Content-Language"] == "en-US"
    assert answer.headers["Date"] == "Tue, 30 Jun 2026 23:59:59 GMT"
    assert answer.raw.headers.getlist("date") == [answer.headers["Date"]]
    assert answer.headers["Content-Encoding"] == "gzip"
    sandbox.advance(days=1, seconds=1)
    plain = ask("/bookings", **JUNE, headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert plain.headers["Date"] == "Thu, 02 Jul 2026 00:00:00 GMT"


def test_language_of_the_customer(ask: Ask, sandbox: Sandbox) -> None:
    for code, language in (("en_US", "en-US"), ("fr_FR", "en-AU")):
        customer = next(c for c in sandbox.truth()["customers"] if c.get("languageCode") == code)
        answer = ask(f"/customers/{customer['id']}", lang="customerDefault")
        assert answer.headers["Content-Language"] == language, "its own, if the account speaks it"


def test_settings_lists(ask: Ask, sandbox: Sandbox) -> None:
    truth = sandbox.truth()["settings"]
    for name in ("products", "resources"):
        assert ask(f"/settings/{name}").json()["data"] == truth[name]
    for name in ("taxes", "languages"):
        assert ask(f"/settings/{name}").json() == {"data": truth[name]}
    assert [tax.keys() for tax in truth["taxes"]] == [{"id", "name", "enabled"}] * 2
    assert truth["languages"] == [
        {"tag": "en-AU", "name": "English", "customersDefault": True},
        {"tag": "en-US", "name": "English", "customersDefault": False},
    ]
    courses = ask("/settings/products", type="fixedCourse").json()["data"]
    assert {product["type"] for product in courses} == {"fixedCourse"}
    assert ask("/settings/customercustomfields").json() == truth["customercustomfields"]
    assert ask("/settings/peoplecategories").json() == {"categories": truth["peoplecategories"]}
    assert ask("/settings/business").json() == truth["business"]
    assert not truth["peoplecategories"][-1]["id"].startswith("C"), "an account's own"
    assert any(p["productCode"] == p["productId"] for p in truth["products"])
    assert {p["type"] for p in truth["products"]} == {"fixed", "fixedCourse", "flexibleTime"}


def test_slots(ask: Ask, sandbox: Sandbox) -> None:
    week = {"startTime": "2026-07-01T00:00:00-00:00", "endTime": "2026-07-07T23:59:59-00:00"}
    slots = ask("/availability/slots", **week, itemsPerPage="100").json()["data"]
    taken = next(b for b in reversed(sandbox.truth()["bookings"]) if b["productName"] == "Sunset kayak tour")
    slot = ask(
        "/availability/slots", startTime=taken["startTime"], endTime=taken["startTime"], productId=taken["productId"]
    )
    assert slot.json()["data"][0]["eventId"] == taken["eventId"]
    kinds = {p["productId"]: p["type"] for p in sandbox.truth()["settings"]["products"]}
    plain = {"eventId", "productId", "startTime", "endTime", "numSeatsAvailable"}
    for one in slots:
        assert one.keys() - {"courseSchedule"} == plain
        assert ("courseSchedule" in one) is (kinds[one["productId"]] == "fixedCourse")
    course = next(one["courseSchedule"] for one in slots if "courseSchedule" in one)
    assert course["title"]
    assert [event["eventNumber"] for event in course["events"]] == list(range(1, len(course["events"]) + 1))
    flexible = next(p for p in sandbox.truth()["settings"]["products"] if p["type"] == "flexibleTime")
    assert is_error(ask("/availability/slots", **week, productId=flexible["productId"]), 400)


def test_accounts_do_not_see_each_other(ask: Ask, sandbox: Sandbox) -> None:
    other = sandbox.truth(1)["bookings"][0]["bookingNumber"]
    assert is_error(ask(f"/bookings/{other}"), 404)
    assert ask(f"/bookings/{other}", headers={"X-Bookeo-apiKey": sandbox.accounts[1].api_key}).status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.com"])
def test_only_this_machine(host: str) -> None:
    with pytest.raises(ValueError, match=r"machine"), serve(bookings=1, host=host):
        pass
