from __future__ import annotations

import pytest
from sandbox_asking import JUNE, Ask

from bookeo_sandbox import Sandbox
from bookeo_sandbox.serving.service import RequestInfo

QUESTION = {**JUNE, "includeCanceled": "true", "itemsPerPage": "10"}


def numbers(answer: dict) -> list[str]:
    return [row["bookingNumber"] for row in answer["data"]]


def test_pages_are_the_whole_in_order(ask: Ask) -> None:
    first = ask("/bookings", **QUESTION).json()
    info = first["info"]
    found = numbers(first)
    assert info["currentPage"] == 1
    for page in range(2, info["totalPages"] + 1):
        more = ask("/bookings", pageNavigationToken=info["pageNavigationToken"], pageNumber=page).json()
        assert more["info"] == {**info, "currentPage": page}
        found += numbers(more)
    assert len(found) == len(set(found)) == info["totalItems"] > 30
    assert found == numbers(ask("/bookings", **{**QUESTION, "itemsPerPage": "100"}).json())


def test_one_page_has_no_token(ask: Ask) -> None:
    info = ask("/bookings", **{**QUESTION, "itemsPerPage": "100"}).json()["info"]
    assert info["totalPages"] == 1
    assert "pageNavigationToken" not in info


def test_the_default_is_50_items(ask: Ask) -> None:
    page = ask("/customers").json()
    assert len(page["data"]) == 50


def test_a_token_without_a_number_is_the_first_page(ask: Ask) -> None:
    first = ask("/bookings", **QUESTION).json()
    assert ask("/bookings", pageNavigationToken=first["info"]["pageNavigationToken"]).json() == first


@pytest.mark.parametrize("snapshot", [False, True])
def test_rows_shift_unless_the_result_is_pinned(ask: Ask, sandbox: Sandbox, snapshot: bool) -> None:
    everything = numbers(ask("/bookings", **{**QUESTION, "itemsPerPage": "100"}).json())
    sandbox.switches(snapshot=snapshot)
    first = ask("/bookings", **QUESTION).json()
    token = first["info"]["pageNavigationToken"]
    sandbox.touch(everything[0], seconds=86_400)  # leaves the window: page 2 begins a row later
    second = ask("/bookings", pageNavigationToken=token, pageNumber=2).json()
    assert numbers(second) == (everything[10:20] if snapshot else everything[11:21])
    assert second["info"]["totalItems"] == len(everything) - (not snapshot)


def test_a_result_can_shrink_to_one_page_and_past_the_page_asked_for(ask: Ask, sandbox: Sandbox) -> None:
    first = ask("/bookings", **QUESTION).json()
    for number in numbers(ask("/bookings", **{**QUESTION, "itemsPerPage": "100"}).json())[:-10]:
        sandbox.delete(number)
    last = ask("/bookings", pageNavigationToken=first["info"]["pageNavigationToken"], pageNumber=3).json()
    assert last == {"info": {"totalItems": 10, "totalPages": 1, "currentPage": 3}, "data": []}


def test_a_hook_acts_between_two_pages(ask: Ask, sandbox: Sandbox) -> None:
    first = ask("/bookings", **QUESTION).json()
    seen: list[RequestInfo] = []

    def vanish(request: RequestInfo) -> None:
        seen.append(request)
        sandbox.delete(numbers(first)[0])

    sandbox.on_request(vanish)
    second = ask("/bookings", pageNavigationToken=first["info"]["pageNavigationToken"], pageNumber=2).json()
    assert second["info"]["totalItems"] == first["info"]["totalItems"] - 1
    assert (seen[0].operation, seen[0].number, seen[0].query["pageNumber"]) == ("GET /bookings", 2, "2")


def test_a_token_belongs_to_its_key_and_its_list(ask: Ask, sandbox: Sandbox) -> None:
    token = ask("/bookings", **QUESTION).json()["info"]["pageNavigationToken"]
    page = {"pageNavigationToken": token, "pageNumber": "2"}
    assert ask("/bookings", **page).status_code == 200
    assert ask("/payments", **page).status_code == 400
    assert ask("/bookings", **page, headers={"X-Bookeo-apiKey": sandbox.accounts[1].api_key}).status_code == 400
    sandbox.expire_tokens()
    assert ask("/bookings", **page).status_code == 400


@pytest.mark.parametrize("size", ["1", "2"])
def test_short_lists_have_pages_too(ask: Ask, sandbox: Sandbox, size: str) -> None:
    truth = sandbox.truth()
    counts: dict[str, int] = {}
    for payment in truth["payments"]:
        if "bookingNumber" in payment:
            counts[payment["bookingNumber"]] = counts.get(payment["bookingNumber"], 0) + 1
    number = max(counts, key=counts.__getitem__)
    path = f"/bookings/{number}/payments"
    first = ask(path, itemsPerPage=size).json()
    found = first["data"]
    for page in range(2, first["info"]["totalPages"] + 1):
        found += ask(path, pageNavigationToken=first["info"]["pageNavigationToken"], pageNumber=page).json()["data"]
    assert len(found) == counts[number] >= 2
    assert {row["id"] for row in found} == {p["id"] for p in truth["payments"] if p.get("bookingNumber") == number}


def test_payments_have_300_on_a_page(ask: Ask, sandbox: Sandbox) -> None:
    month = {"startTime": "2026-06-01T00:00:00-00:00", "endTime": "2026-06-30T23:59:59-00:00"}
    rows = ask("/payments", **month, itemsPerPage="300").json()["data"]
    assert len(rows) > 50
    assert len(ask("/payments", **month).json()["data"]) == 50
