from __future__ import annotations

import heapq
import math
import random
import threading

import pytest
from scripted_server import API_KEY, Clock

from bookeo.http.rate_limiter import PROBING_STEPS, RECOVERED_SHARE, SLOWEST_SHARE, Gate, gate_for
from bookeo_sandbox.serving.faults import RateLimiter


def test_a_burst_goes_out_at_once_and_the_rest_at_the_rate() -> None:
    clock = Clock()
    gate = Gate(2.0, 4, clock=clock)
    moments = []
    for _ in range(8):
        gate.enter(clock.sleep)
        moments.append(clock.now - 1000)
    assert moments == pytest.approx([0, 0, 0, 0, 0.5, 1, 1.5, 2], abs=1e-3)


def test_a_pause_earns_a_burst_and_no_more() -> None:
    clock = Clock()
    gate = Gate(2.0, 4, clock=clock)
    clock.now += 3600
    for _ in range(5):
        gate.enter(clock.sleep)
    assert clock.now - 1000 - 3600 == pytest.approx(0.5, abs=1e-3)


def test_without_a_rate_there_is_no_pace_but_a_429_still_closes() -> None:
    clock = Clock()
    gate = Gate(0, 1, clock=clock)
    for _ in range(100):
        ticket = gate.enter(clock.sleep)
    assert clock.sleeps == []
    gate.throttle(ticket, 30)
    gate.enter(clock.sleep)
    assert clock.sleeps == [30]


def test_after_a_429_one_request_goes_first_and_others_follow_at_half_the_rate() -> None:
    clock = Clock()
    gate = Gate(2.0, 4, clock=clock)
    gate.throttle(gate.enter(clock.sleep), 10)
    moments = []
    for _ in range(3):
        gate.enter(clock.sleep)
        moments.append(clock.now - 1000)
    assert moments == pytest.approx([10, 11, 12], abs=1e-3)


def test_requests_under_way_together_halve_the_rate_once() -> None:
    clock = Clock()
    gate = Gate(1.6, 4, clock=clock)
    tickets = [gate.enter(clock.sleep) for _ in range(4)]
    for ticket in tickets:
        gate.throttle(ticket, 5)
    assert gate.rate == 0.8
    gate.throttle(gate.enter(clock.sleep), 5)
    assert gate.rate == 0.4


def test_a_shorter_wait_does_not_open_a_gate_closed_for_longer() -> None:
    clock = Clock()
    gate = Gate(0, 4, clock=clock)
    first, second = gate.enter(clock.sleep), gate.enter(clock.sleep)
    gate.throttle(first, 60)
    gate.throttle(second, 1)
    gate.enter(clock.sleep)
    assert clock.now == 1060


def test_the_rate_comes_back_step_by_step_and_not_beyond() -> None:
    clock = Clock()
    gate = Gate(1.6, 4, clock=clock)
    for _ in range(20):
        gate.throttle(gate.enter(clock.sleep), 1)
    assert gate.rate == pytest.approx(1.6 * SLOWEST_SHARE)
    rates = []
    for _ in range(PROBING_STEPS + 1):
        gate.succeed()
        rates.append(gate.rate)
    assert rates[0] < rates[1] < rates[PROBING_STEPS // 2] < 1.6
    assert rates[-1] == 1.6


def test_after_a_429_the_rate_is_soon_a_little_below_the_one_that_was_refused() -> None:
    clock = Clock()
    gate = Gate(1.6, 4, clock=clock)
    gate.throttle(gate.enter(clock.sleep), 1)
    for _ in range(15):
        gate.succeed()
    assert 1.6 * RECOVERED_SHARE * 0.99 < gate.rate < 1.6
    clock.now += 3600
    before = clock.now
    for _ in range(3):
        gate.enter(clock.sleep)
    assert clock.now - before == pytest.approx(2 / gate.rate, rel=0.01), "a server that refused has no room for bursts"


@pytest.mark.parametrize("room", [1, 2, 5])
@pytest.mark.parametrize("limit", [1.6, 1.59, 1.2, 0.8])
def test_a_limit_is_used_to_nine_tenths_and_hardly_ever_hit(limit: float, room: int) -> None:
    """Four threads against a server with a bucket of its own; requests reach it, and answers come, irregularly."""
    chance = random.Random(f"{limit} {room}")
    clock = Clock()
    gate = Gate(1.6, 4, clock=clock)
    server = RateLimiter(limit, room, clock=lambda: clock.now + chance.uniform(0.01, 0.03))
    under_way: list[tuple[float, int, int]] = []
    answered = refused = 0

    def sleep(seconds: float) -> None:
        nonlocal answered, refused
        end = clock.now + seconds
        while under_way and under_way[0][0] <= end:
            clock.now, ticket, wait = heapq.heappop(under_way)
            if wait:
                refused += 1
                gate.throttle(ticket, wait)
            else:
                answered += 1
                gate.succeed()
        clock.now = end

    while answered < 400:
        if len(under_way) == 4:
            sleep(under_way[0][0] - clock.now)
        ticket = gate.enter(sleep)
        early = server.wait("key")
        heapq.heappush(under_way, (clock.now + chance.uniform(0.06, 0.4), ticket, math.ceil(early)))
    assert clock.now - 1000 <= 1.1 * 400 / limit
    assert refused <= (4 if limit > 1.5 else 20)


def test_one_gate_for_each_key_and_server_whoever_asks() -> None:
    gate = gate_for(API_KEY, "https://one.test/v2", 1.6, 4)
    assert gate_for(API_KEY, "https://one.test/v2/", 1.6, 4) is gate
    assert gate_for("other", "https://one.test/v2", 1.6, 4) is not gate
    assert gate_for(API_KEY, "https://two.test/v2", 1.6, 4) is not gate
    assert gate_for(API_KEY, "https://one.test/v2", 0.5, 4).rate == 0.5
    from bookeo.http import rate_limiter as pace

    assert API_KEY not in repr(vars(pace))


def test_a_changed_pace_does_not_open_a_closed_gate() -> None:
    clock = Clock()
    gate = Gate(1.0, 4, clock=clock)
    gate.throttle(gate.enter(clock.sleep), 40)
    gate.configure(5.0, 10)
    gate.enter(clock.sleep)
    assert clock.now == 1040


def test_a_smaller_burst_holds_at_once_and_a_larger_one_is_earned() -> None:
    clock = Clock()
    gate = Gate(1.0, 10, clock=clock)
    gate.configure(1.0, 2)
    for _ in range(3):
        gate.enter(clock.sleep)
    assert clock.sleeps == pytest.approx([1])
    gate.configure(1.0, 10)
    gate.enter(clock.sleep)
    assert clock.sleeps == pytest.approx([1, 1])


def test_threads_share_the_pace_and_none_starves() -> None:
    clock = Clock()
    gate = Gate(10.0, 2, clock=clock)
    lock = threading.Lock()
    passed: list[float] = []

    def sleep(seconds: float) -> None:
        with lock:
            clock.now += seconds / 4

    def run() -> None:
        for _ in range(25):
            gate.enter(sleep)
            with lock:
                passed.append(clock.now)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(passed) == 200
    assert (200 - 2) / (max(passed) - 1000) <= 10.01
