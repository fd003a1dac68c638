"""What the transport tries again, how long it waits, and what it counts."""

from __future__ import annotations

import functools
import gzip
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

import pytest
from scripted_server import API_KEY, SECRET_KEY, Asked, Clock, Reply, Script, scripted_server, settings_for

from bookeo.errors import (
    NotBookeo,
    NotFound,
    RateLimited,
    RequestBudgetSpent,
    RequestRejected,
    RetriableError,
    ServerUnavailable,
    SettingsError,
)
from bookeo.http.api_errors import Redaction
from bookeo.http.body import BodyRefused, read_body
from bookeo.http.rate_limiter import Gate
from bookeo.http.response import Answer, parse_body
from bookeo.http.transport import FIRST_BACKOFF_SECONDS, Transport
from bookeo.http.usage import FREE_RETRIES, RETRY_SHARE, UsageCounter
from patience import PATIENCE, wait_until

OK = Reply(payload={"ok": True})
LIST = "GET /bookings"


@pytest.fixture
def server() -> Iterator[Script]:
    with scripted_server() as script:
        yield script


@pytest.fixture
def clock() -> Clock:
    return Clock()


def make(base_url: str, clock: Clock, **values: Any) -> Transport:
    settings = settings_for(base_url, **values)
    gate = Gate(settings.effective_requests_per_second, settings.burst, clock=clock)
    return Transport(settings, gate=gate, clock=clock, sleep=clock.sleep, jitter=lambda: 0.5)


def ask(transport: Transport, **more: Any) -> Answer:
    return transport.request("GET", "/bookings", operation=LIST, **more)


def test_an_answer_brings_payload_server_time_and_cost(server: Script, clock: Clock) -> None:
    server.otherwise = Reply(
        payload={"ok": True},
        headers={"Date": "Tue, 15 Nov 1994 08:12:31 GMT", "Location": "/x", "Content-Language": "en-AU"},
    )
    answer = ask(make(server.base_url, clock), params={"startTime": "2026-01-31T23:00:00+00:00"})

    assert answer.payload == {"ok": True}
    assert answer.payload is answer.payload
    assert answer.server_time == datetime(1994, 11, 15, 8, 12, 31, tzinfo=UTC)
    assert (answer.attempts, answer.seconds) == (1, 0)
    assert (answer.location, answer.language, answer.operation) == ("/x", "en-AU", LIST)
    assert server.asked[0].params == {"startTime": "2026-01-31T23:00:00+00:00"}
    assert server.asked[0].headers["accept-encoding"] == "gzip"


def test_gzip_is_undone_and_lone_surrogates_are_read(server: Script, clock: Clock) -> None:
    body = b'{"name": "\\ud800"}'
    server.otherwise = Reply(body=gzip.compress(body), headers={"Content-Encoding": "gzip"})
    answer = ask(make(server.base_url, clock))
    assert answer.body == body
    assert answer.payload == {"name": "\ud800"}


@pytest.mark.parametrize("body", [b"", b"{", b'{"a": nan}', b"\xff", b"[" * 100_000, b"<html>"])
def test_what_is_not_json_is_refused_without_being_repeated(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"^the body is not JSON$") as caught:
        parse_body(body)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "broken",
    [
        Reply(500, {}),
        Reply(503, body=b"<html>busy</html>"),
        Reply(408, {}),
        Reply(302, {}, headers={"Location": "https://elsewhere.test/"}),
        Reply(reset=True),
        Reply(payload={"long": "x" * 1000}, cut_off=300),
        Reply(body=b'{"data": [{"a"'),
        Reply(body=b""),
        Reply(204, body=b""),
        Reply(body=b"not gzip", headers={"Content-Encoding": "gzip"}),
        Reply(body=gzip.compress(b'{"a": "' + bytes(range(32, 91)) * 99)[:60], headers={"Content-Encoding": "gzip"}),
    ],
)
def test_broken_answers_are_asked_for_again_with_growing_waits(server: Script, clock: Clock, broken: Reply) -> None:
    server.replies = [OK, broken, broken, broken, OK]
    transport = make(server.base_url, clock)
    ask(transport)

    answer = ask(transport)

    assert answer.payload == {"ok": True}
    assert answer.attempts == 4
    assert clock.sleeps == [FIRST_BACKOFF_SECONDS * 2**n * 0.5 for n in (1, 2, 3)]
    assert answer.seconds == sum(clock.sleeps)
    assert transport.usage.retries == 3
    assert transport.usage.requests == {LIST: 5}
    assert transport.usage.seconds_waited == sum(clock.sleeps)


def test_attempts_end_in_an_error_that_can_be_tried_later(server: Script, clock: Clock) -> None:
    server.otherwise = Reply(502, {"errorId": "E-17", "message": "down"})
    with pytest.raises(
        ServerUnavailable, match=r"GET /bookings got no whole answer in 4 attempts .*HTTP 502"
    ) as caught:
        ask(make(server.base_url, clock, max_attempts=4))
    assert (caught.value.status, caught.value.error_id, caught.value.operation) == (502, "E-17", LIST)
    assert len(server.asked) == 4


def test_a_time_out_is_tried_again(server: Script, clock: Clock) -> None:
    never = threading.Event()
    server.replies = [Reply(hold=never)]
    answer = ask(make(server.base_url, clock, timeout_seconds=0.2, max_attempts=100))
    never.set()
    assert answer.attempts >= 2, "on a busy machine an answer may take as long"


def test_a_busy_servers_retry_after_is_kept(server: Script, clock: Clock) -> None:
    server.replies = [Reply(503, {}, headers={"Retry-After": "20"})]
    ask(make(server.base_url, clock))
    assert clock.sleeps == [20]


def test_a_server_that_fails_too_often_is_left_alone(server: Script, clock: Clock) -> None:
    fail = [False]

    def every_other(asked: Asked) -> Reply:
        fail[0] = not fail[0]
        return Reply(500, {}) if fail[0] else OK

    server.otherwise = every_other
    transport = make(server.base_url, clock)
    for _ in range(FREE_RETRIES):
        ask(transport)
    with pytest.raises(ServerUnavailable, match=r"requests had to be repeated"):
        ask(transport)
    assert transport.usage.retries == FREE_RETRIES


def test_a_long_run_may_repeat_a_share_of_its_requests() -> None:
    counter = UsageCounter()
    for _ in range(1000):
        counter.spend(LIST)
    assert sum(counter.may_retry() for _ in range(1000)) == 1000 * RETRY_SHARE


@pytest.mark.parametrize(
    ("reply", "wait"),
    [
        (Reply(429, {}, headers={"Retry-After": "7"}), 7),
        (Reply(429, {"retryAfter": 9}), 9),
        (Reply(429, {"retryAfter": "9"}), 9),
        (Reply(429, {"retryAfter": 9}, headers={"Retry-After": "7"}), 7),
        (Reply(429, {"retryAfter": 9}, headers={"Retry-After": "soon"}), 9),
        (
            Reply(
                429,
                {},
                headers={
                    "Date": format_datetime(datetime(1994, 1, 1, 0, 0, 0, tzinfo=UTC), usegmt=True),
                    "Retry-After": format_datetime(datetime(1994, 1, 1, 0, 0, 40, tzinfo=UTC), usegmt=True),
                },
            ),
            40,
        ),
        (Reply(429, {}, headers={"Retry-After": "86400"}), 300),
        (Reply(429, {"retryAfter": 1e400}), FIRST_BACKOFF_SECONDS * 2 * 0.75),
        (Reply(429, {"retryAfter": -3}), FIRST_BACKOFF_SECONDS * 2 * 0.75),
        (Reply(429, body=b"slow down", headers={"Content-Type": "text/plain"}), FIRST_BACKOFF_SECONDS * 2 * 0.75),
    ],
)
def test_a_429_waits_as_told(server: Script, clock: Clock, reply: Reply, wait: float) -> None:
    server.replies = [reply]
    transport = make(server.base_url, clock)
    answer = ask(transport)
    assert clock.sleeps == [wait]
    assert answer.attempts == 2
    assert (transport.usage.throttled, transport.usage.retries, transport.usage.seconds_waited) == (1, 0, wait)


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "1"}, {"Retry-After": "0"}, {"Retry-After": "300"}])
def test_five_minutes_of_429_are_survived_with_few_requests(
    server: Script, clock: Clock, headers: dict[str, str]
) -> None:
    server.otherwise = lambda _: Reply(429, {}, headers=headers) if clock.now < 1300 else OK
    transport = make(server.base_url, clock, max_attempts=2)
    assert ask(transport).payload == {"ok": True}
    assert len(server.asked) <= 20


def test_a_429_for_ever_is_given_up_after_three_of_the_longest_waits(server: Script, clock: Clock) -> None:
    server.otherwise = Reply(429, {}, headers={"Retry-After": "100"})
    with pytest.raises(RateLimited, match=r"900 s of waiting") as caught:
        ask(make(server.base_url, clock))
    assert caught.value.status == 429
    assert clock.now == 1900


def test_a_told_wait_is_believed_twice(server: Script, clock: Clock) -> None:
    server.replies = [Reply(429, {}, headers={"Retry-After": "1"})] * 4
    ask(make(server.base_url, clock))
    assert clock.sleeps == [1, 1, *(FIRST_BACKOFF_SECONDS * 2**nth * 0.75 for nth in (3, 4))]


def test_another_failure_ends_a_row_of_429s(server: Script, clock: Clock) -> None:
    limited = Reply(429, {}, headers={"Retry-After": "10"})
    server.replies = [limited, limited, Reply(500, {}), limited, limited]
    assert ask(make(server.base_url, clock, max_wait_seconds=10)).attempts == 6
    assert clock.sleeps == [10, 10, FIRST_BACKOFF_SECONDS, 10, 10]


def test_who_waits_for_nothing_gives_up_at_the_first_429(server: Script, clock: Clock) -> None:
    server.replies = [Reply(429, {})]
    with pytest.raises(RateLimited, match=r"\(1 times HTTP 429"):
        ask(make(server.base_url, clock, max_wait_seconds=0))
    assert len(server.asked) == 1


def test_a_429_in_one_thread_holds_all_transports_of_the_key(server: Script) -> None:
    clock = Clock()
    gate = Gate(0, 4, clock=clock)
    settings = settings_for(server.base_url)
    one, two = (Transport(settings, gate=gate, clock=clock, sleep=clock.sleep) for _ in range(2))
    server.replies = [Reply(429, {}, headers={"Retry-After": "50"}), Reply(429, {}, headers={"Retry-After": "0"})]
    with pytest.raises(RequestBudgetSpent):
        Transport(settings_for(server.base_url, max_requests=1), gate=gate, clock=clock, sleep=clock.sleep).request(
            "GET", "/bookings", operation=LIST
        )
    one.close()
    assert ask(two).attempts == 2
    assert clock.sleeps[0] == 50


def test_transports_of_one_key_share_their_gate_by_default(server: Script) -> None:
    one, two = (Transport(settings_for(server.base_url)) for _ in range(2))
    other = Transport(settings_for(server.base_url, api_key="other"))
    assert one._gate is two._gate is not other._gate


def test_the_pace_is_kept(server: Script, clock: Clock) -> None:
    transport = make(server.base_url, clock, requests_per_second=2.0, burst=1)
    for _ in range(5):
        ask(transport)
    assert clock.now - 1000 == pytest.approx(2, abs=1e-3)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "reply", [Reply(500, {}), Reply(408, {}), Reply(reset=True), Reply(payload={"long": "x" * 1000}, cut_off=300)]
)
def test_writing_is_not_repeated_when_its_outcome_is_unknown(
    server: Script, clock: Clock, method: Any, reply: Reply
) -> None:
    server.replies = [reply]
    with pytest.raises(ServerUnavailable, match=r"whether Bookeo carried it out is not known"):
        make(server.base_url, clock).request(method, "/bookings", operation=f"{method} /bookings", json={"title": "x"})
    assert len(server.asked) == 1


def test_writing_is_repeated_after_a_429(server: Script, clock: Clock) -> None:
    server.replies = [Reply(429, {}, headers={"Retry-After": "3"}), Reply(201, {"bookingNumber": "1"})]
    answer = make(server.base_url, clock).request("POST", "/bookings", operation="POST /bookings", json={"title": "x"})
    assert answer.payload == {"bookingNumber": "1"}
    assert [asked.body for asked in server.asked] == [b'{"title":"x"}'] * 2
    assert server.asked[0].headers["content-type"] == "application/json"


def test_writing_may_be_answered_with_nothing(server: Script, clock: Clock) -> None:
    server.replies = [Reply(204, body=b"")]
    answer = make(server.base_url, clock).request("DELETE", "/bookings/1", operation="DELETE /bookings/{bookingNumber}")
    assert answer.payload is None


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 422])
def test_refusals_are_final(server: Script, clock: Clock, status: int) -> None:
    server.replies = [OK, Reply(status, {"httpStatus": status, "message": "no", "errorId": "1"})]
    transport = make(server.base_url, clock)
    ask(transport)
    with pytest.raises(Exception, match=r"error id: 1") as caught:
        ask(transport)
    assert not isinstance(caught.value, RetriableError)
    assert len(server.asked) == 2


def test_a_host_that_does_not_exist_or_listen_is_the_wrong_one(clock: Clock) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    for host in (f"127.0.0.1:{port}", "no-such-host.invalid"):
        clock.sleeps.clear()
        with pytest.raises(NotBookeo, match=rf"{host}.*check the setting base_url"):
            ask(make(f"http://{host}/v2", clock))
        assert len(clock.sleeps) == 2


def test_a_host_that_answered_before_is_only_away(clock: Clock) -> None:
    with scripted_server() as server:
        transport = make(server.base_url, clock)
        ask(transport)
    transport._session.close()
    with pytest.raises(ServerUnavailable, match=r"6 attempts .*refused"):
        ask(transport)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, body=b"<!doctype html><p>Welcome</p>", headers={"Content-Type": "text/html"}),
        Reply(404, body=b"not found", headers={"Content-Type": "text/plain"}),
        Reply(404, {"detail": "Not Found"}),
        Reply(403, body=b"<html>blocked by the proxy</html>"),
        Reply(301, body=b"", headers={"Location": "https://elsewhere.test/v2/bookings"}),
    ],
)
def test_something_else_at_the_base_url_is_recognised(server: Script, clock: Clock, reply: Reply) -> None:
    server.otherwise = reply
    with pytest.raises(NotBookeo, match=r"does not seem to be at 127\.0\.0\.1:\d+: .*base_url"):
        ask(make(server.base_url, clock))
    assert len(server.asked) == 1


def test_a_web_page_in_between_is_a_broken_answer(server: Script, clock: Clock) -> None:
    server.replies = [OK, Reply(body=b"<html>maintenance</html>", headers={"Content-Type": "text/html"}), OK]
    transport = make(server.base_url, clock)
    ask(transport)
    assert ask(transport).attempts == 2


def test_keys_do_not_follow_a_redirect(server: Script, clock: Clock) -> None:
    with scripted_server() as thief:
        server.otherwise = Reply(307, {}, headers={"Location": thief.base_url + "/bookings"})
        with pytest.raises(NotBookeo, match=r"redirects to 127\.0\.0\.1, where the keys are not sent"):
            ask(make(server.base_url, clock))
        assert thief.asked == []


def test_the_request_budget_stops_before_the_request_beyond_it(server: Script, clock: Clock) -> None:
    server.replies = [OK, Reply(500, {}), Reply(429, {})]
    transport = make(server.base_url, clock, max_requests=3)
    ask(transport)
    with pytest.raises(RequestBudgetSpent, match=r"3 requests allowed"):
        ask(transport)
    with pytest.raises(RequestBudgetSpent):
        ask(transport)
    assert len(server.asked) == transport.usage.total_requests == 3


def test_many_threads_get_their_own_answers_and_exact_counts(server: Script) -> None:
    server.otherwise = lambda asked: Reply(payload={"path": asked.path})
    transport = Transport(settings_for(server.base_url, concurrency=8))

    def one(number: int) -> bool:
        answer = transport.request("GET", f"/bookings/{number}", operation="GET /bookings/{bookingNumber}")
        return bool(answer.payload == {"path": f"/v2/bookings/{number}"})

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(one, range(200)))
    assert transport.usage.requests == {"GET /bookings/{bookingNumber}": 200}


def test_no_more_requests_are_under_way_than_there_may_be(server: Script) -> None:
    lock = threading.Lock()
    under_way = most = 0

    def reply(_: Asked) -> Reply:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.02)
        with lock:
            under_way -= 1
        return OK

    server.otherwise = reply
    transport = Transport(settings_for(server.base_url, concurrency=2))
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: ask(transport), range(20)))
    assert most == 2


def test_an_answer_is_looked_at_while_the_next_request_is_under_way(
    server: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_asked = threading.Event()
    judge = Transport._judge

    def slow_judge(self: Transport, *arguments: Any) -> Any:
        assert both_asked.wait(PATIENCE), "the next request waits until this answer has been looked at"
        return judge(self, *arguments)

    def reply(_: Asked) -> Reply:
        if len(server.asked) == 2:
            both_asked.set()
        return OK

    monkeypatch.setattr(Transport, "_judge", slow_judge)
    server.otherwise = reply
    transport = Transport(settings_for(server.base_url, concurrency=1))
    with ThreadPoolExecutor(2) as threads:
        assert len(list(threads.map(lambda _: ask(transport), range(2)))) == 2


def test_the_budget_holds_for_all_threads_together(server: Script) -> None:
    transport = Transport(settings_for(server.base_url, concurrency=8, max_requests=50))

    def one(_: int) -> bool:
        try:
            return ask(transport).attempts == 1
        except RequestBudgetSpent:
            return False

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(one, range(80))) == 50
    assert len(server.asked) == 50


def test_closing_ends_a_wait(server: Script) -> None:
    server.otherwise = Reply(429, {}, headers={"Retry-After": "250"})
    transport = Transport(settings_for(server.base_url, api_key="closing"))
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(ask, transport)
        wait_until(lambda: transport.usage.throttled)
        transport.close()
        with pytest.raises(RetriableError, match=r"stopped"):
            waiting.result(timeout=PATIENCE)
    with pytest.raises(RetriableError, match=r"stopped"):
        ask(transport)


@pytest.mark.parametrize("key", [None, "", "  ", "with space", "line\nbreak", "schlüssel"])
@pytest.mark.parametrize("name", ["api_key", "secret_key"])
def test_a_key_that_no_header_can_carry_is_a_setting_to_mend(name: str, key: str | None) -> None:
    with pytest.raises(SettingsError, match=rf"^The setting {name} is empty or holds") as caught:
        Transport(settings_for("http://127.0.0.1:1/v2", **{name: key}))
    assert not (key or "").strip() or (key or "") not in str(caught.value)


def test_white_space_around_a_key_is_dropped(server: Script, clock: Clock) -> None:
    ask(make(server.base_url, clock, api_key=f"{API_KEY}\n", secret_key=f" {SECRET_KEY}"))
    assert server.asked[0].headers["x-bookeo-apikey"] == API_KEY
    assert server.asked[0].headers["x-bookeo-secretkey"] == SECRET_KEY


def test_cookies_are_not_kept(server: Script, clock: Clock) -> None:
    server.otherwise = Reply(payload={}, headers={"Set-Cookie": "session=1; Path=/"})
    transport = make(server.base_url, clock)
    ask(transport)
    ask(transport)
    assert "cookie" not in server.asked[1].headers


def test_a_missing_record_of_a_host_not_heard_before_is_not_the_wrong_host(server: Script, clock: Clock) -> None:
    server.otherwise = Reply(404, {"httpStatus": 404, "message": "no such booking"})
    with pytest.raises(NotFound):
        make(server.base_url, clock).request("GET", "/bookings/1", operation="GET /bookings/{bookingNumber}")


def test_an_unknown_list_of_a_host_heard_before_is_refused(server: Script, clock: Clock) -> None:
    server.replies = [OK, Reply(404, {})]
    transport = make(server.base_url, clock)
    ask(transport)
    with pytest.raises(RequestRejected, match=r"HTTP 404"):
        ask(transport)


def test_an_answer_that_drips_is_asked_for_again(server: Script, clock: Clock) -> None:
    body = b'{"ok": true}'
    begun = iter(range(1, 1000))
    transport = make(server.base_url, clock, timeout_seconds=1)
    # Each look at the clock is ten seconds later: the body is not whole after five time-outs.
    slow = Transport(
        transport.settings,
        gate=Gate(0, 1),
        clock=lambda: float(next(begun) * 10),
        sleep=clock.sleep,
        jitter=lambda: 0.5,
    )
    server.otherwise = Reply(body=body)
    with pytest.raises(ServerUnavailable, match="an answer that was not whole after 5 s"):
        ask(slow)
    assert len(server.asked) == slow.settings.max_attempts


def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    pieces = iter([b"x" * 1000] * 100)
    closed: list[bool] = []
    raw = SimpleNamespace(read1=lambda amount, decode_content: next(pieces))
    response = SimpleNamespace(raw=raw, close=lambda: closed.append(True))
    with pytest.raises(BodyRefused, match="more than 0 MB"):
        read_body(response, seconds=60, clock=lambda: 0.0, most_bytes=5000)
    assert len([*pieces]) == 94
    assert closed == [True]


def test_what_unpacks_to_very_much_is_refused(server: Script, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bookeo.http.transport.read_body", functools.partial(read_body, most_bytes=2**20))
    server.otherwise = Reply(body=gzip.compress(b" " * 2**22), headers={"Content-Encoding": "gzip"})
    with pytest.raises(ServerUnavailable, match="an answer of more than 1 MB"):
        ask(make(server.base_url, clock, max_attempts=2))


def test_what_is_packed_otherwise_than_it_says_is_asked_for_unpacked(server: Script, clock: Clock) -> None:
    server.otherwise = lambda asked: (
        Reply(payload={"ok": True})
        if asked.headers["accept-encoding"] == "identity"
        else Reply(body=b'{"ok": true}', headers={"Content-Encoding": "gzip"})
    )
    transport = make(server.base_url, clock)
    assert ask(transport).payload == ask(transport).payload == {"ok": True}
    assert [asked.headers["accept-encoding"] == "identity" for asked in server.asked] == [False, True, True]


@pytest.mark.parametrize("text", ["a" * 10**6, "+1" * 10**5, "(1" * 10**5, "a@" * 10**5])
def test_a_long_message_is_cut_before_any_pattern_looks_at_it(text: str) -> None:
    # With patterns over all of it, each takes minutes to days.
    assert len(Redaction(["key"]).clean(f"{text} key")) <= 200
