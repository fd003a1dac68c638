from __future__ import annotations

import time

import pytest
import requests
from sandbox_asking import JUNE, Ask

from bookeo_sandbox import Sandbox
from patience import PATIENCE


@pytest.mark.parametrize("where", ["header", "body", "none"])
def test_rate_limit_says_how_long(ask: Ask, sandbox: Sandbox, where: str) -> None:
    sandbox.fault("rate_limit", "GET /bookings", times=1, retry_after=7, retry_after_in=where)
    answer = ask("/bookings", **JUNE)
    assert answer.status_code == 429
    assert answer.headers.get("Retry-After") == ("7" if where == "header" else None)
    assert answer.json().get("retryAfter") == (7 if where == "body" else None)
    assert ask("/bookings", **JUNE).status_code == 200


@pytest.mark.parametrize("status", [500, 502, 503])
def test_server_errors(ask: Ask, sandbox: Sandbox, status: int) -> None:
    sandbox.fault("error", status=status)
    answer = ask("/customers")
    assert (answer.status_code, answer.json()["httpStatus"]) == (status, status)


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_cut_off_bodies(ask: Ask, sandbox: Sandbox, encoding: str) -> None:
    sandbox.fault("cut", times=1)
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError)):
        ask("/bookings", **JUNE, headers={"Accept-Encoding": encoding})
    assert ask("/bookings", **JUNE).status_code == 200


@pytest.mark.parametrize("executed", [True, False])
def test_broken_connections(ask: Ask, sandbox: Sandbox, executed: bool) -> None:
    sandbox.fault("reset", times=1, executed=executed)
    number = sandbox.truth()["bookings"][-1]["bookingNumber"]
    paid = {"amount": {"amount": "1.00", "currency": "AUD"}, "paymentMethod": "cash", "reason": "Test"}
    before = len(sandbox.truth()["payments"])
    with pytest.raises(requests.exceptions.ConnectionError):
        ask(f"/bookings/{number}/payments", "POST", json=paid)
    assert len(sandbox.truth()["payments"]) - before == executed
    assert ask("/bookings", **JUNE).status_code == 200


def test_a_200_that_is_not_json(ask: Ask, sandbox: Sandbox) -> None:
    sandbox.faults([{"kind": "html", "times": 1}])
    answer = ask("/bookings", **JUNE)
    assert (answer.status_code, answer.headers["Content-Type"], answer.text[:9]) == (
        200,
        "text/html; charset=utf-8",
        "<!DOCTYPE",
    )
    sandbox.faults([{"kind": "empty", "times": 1}])
    answer = ask("/bookings", **JUNE)
    assert (answer.status_code, answer.content) == (200, b"")


def test_a_total_that_is_never_reached(ask: Ask, sandbox: Sandbox) -> None:
    right = ask("/bookings", **JUNE).json()
    sandbox.fault("wrong_total")
    wrong = ask("/bookings", **JUNE).json()
    assert wrong["info"]["totalItems"] == right["info"]["totalItems"] + 1
    assert wrong["data"] == right["data"]


def test_a_delay(ask: Ask, sandbox: Sandbox) -> None:
    sandbox.fault("delay", times=1, seconds=0.3)
    begun = time.monotonic()
    assert ask("/settings/taxes").status_code == 200
    assert time.monotonic() - begun >= 0.3


def test_by_operation_after_some_and_by_chance(ask: Ask, sandbox: Sandbox) -> None:
    sandbox.fault("error", "GET /settings/taxes", after=2)
    assert [ask("/settings/taxes").status_code for _ in range(4)] == [200, 200, 503, 503]
    assert ask("/settings/products").status_code == 200
    patterns = []
    for _ in range(2):
        sandbox.faults([{"kind": "error", "probability": 0.5, "seed": 4}])
        patterns.append([ask("/settings/taxes").status_code for _ in range(20)])
    assert patterns[0] == patterns[1]
    assert set(patterns[0]) == {200, 503}


def test_a_rule_can_end_by_the_clock(ask: Ask, sandbox: Sandbox) -> None:
    sandbox.fault("rate_limit", for_seconds=0.2)
    assert ask("/settings/taxes").status_code == 429
    time.sleep(0.25)
    assert ask("/settings/taxes").status_code == 200


def test_a_true_rate_limit(ask: Ask, sandbox: Sandbox) -> None:
    sandbox.rate_limit(0.001, burst=3)
    answers = [ask("/settings/taxes") for _ in range(5)]
    assert [a.status_code for a in answers] == [200, 200, 200, 429, 429]
    assert 1000 - PATIENCE <= int(answers[-1].headers["Retry-After"]) <= 1000
    assert ask("/settings/taxes", headers={"X-Bookeo-apiKey": sandbox.accounts[1].api_key}).status_code == 200


def test_requests_are_counted_by_operation_and_status(ask: Ask, sandbox: Sandbox) -> None:
    sandbox.clear_requests()
    number = sandbox.truth()["bookings"][0]["bookingNumber"]
    sandbox.fault("error", "GET /bookings", times=1)
    ask("/bookings", **JUNE)
    ask("/bookings", **JUNE)
    ask(f"/bookings/{number}/payments")
    seen = sandbox.requests()
    assert seen["total"] == 3
    assert seen["by_operation"] == {
        "GET /bookings": {"503": 1, "200": 1},
        "GET /bookings/{bookingNumber}/payments": {"200": 1},
    }
    assert [entry["faults"] for entry in seen["log"]] == [["error"], [], []]
    assert seen["log"][1]["query"] == JUNE
    assert seen["log"][2]["path"] == {"bookingNumber": number}


@pytest.mark.parametrize(
    "rule", [{"kind": "flood"}, {"kind": "error", "status": 302}, {"kind": "rate_limit", "retry_after_in": "post"}]
)
def test_impossible_faults_are_refused(sandbox: Sandbox, rule: dict) -> None:
    with pytest.raises(ValueError, match=r".+"):
        sandbox.fault(**rule)
