"""What goes wrong on the way, and what the load does: it goes on, or stops as stated and the next one goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bookeo.errors import CredentialsRejected, ListUnproven, RateLimited, ServerUnavailable
from bookeo_pipelines.outcomes import ExitCode, exit_code
from bookeo_sandbox import RequestInfo, Sandbox
from load_rig import FEW_TABLES, Rig


@pytest.fixture
def rig(folder: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Rig:
    # Between two attempts a load waits, which is the transport's concern; here it need not take the time.
    monkeypatch.setattr("bookeo.http.transport.FIRST_BACKOFF_SECONDS", 0.001)
    return Rig(folder, sandbox, tables=FEW_TABLES, chunk_bookings=70)


def test_five_in_a_hundred_answers_each_of_five_kinds_of_fault_change_nothing(rig: Rig, sandbox: Sandbox) -> None:
    rules: list[dict[str, Any]] = [
        {"kind": "rate_limit", "retry_after": 0},
        {"kind": "error", "status": 500},
        {"kind": "reset"},
        {"kind": "cut"},
        # Longer than the load waits for an answer, as 30 s are too long for a client that waits 20.
        {"kind": "delay", "seconds": 0.6},
    ]
    sandbox.faults([{**rule, "probability": 0.05, "seed": seed} for seed, rule in enumerate(rules)])
    many_pages = {"items_per_page": 2, "timeout_seconds": 0.3, "max_attempts": 12}

    result = rig.load(**many_pages)
    while isinstance(result.failure, ServerUnavailable):  # So many failures that the load gave up: the next goes on.
        result = rig.load(**many_pages)

    assert result.failure is None
    assert {fault["kind"] for fault in sandbox.faults() if fault["count"]} >= {"rate_limit", "error", "reset", "cut"}
    sandbox.faults([])
    assert rig.load().failure is None
    assert rig.differences() == []
    assert rig.ledger_gaps() == []


def stop_after(sandbox: Sandbox, requests: int, happens: Any) -> None:
    """Lets something happen once so many pages of bookings have been asked for."""
    seen = 0

    def hook(request: RequestInfo) -> None:
        nonlocal seen
        seen += request.operation == "GET /bookings"
        if seen == requests:
            happens()

    sandbox.on_request(hook)


def test_keys_revoked_half_way_keep_what_is_loaded_and_new_ones_go_on(rig: Rig, sandbox: Sandbox) -> None:
    stop_after(sandbox, 20, sandbox.revoke)
    result = rig.load()
    assert isinstance(result.failure, CredentialsRejected)
    assert exit_code(result.failure) == ExitCode.FATAL
    ((loaded,),) = rig.ask("SELECT count(*) FROM bookings")
    assert 0 < loaded < 120

    sandbox.remove_hooks()
    with pytest.raises(CredentialsRejected):
        rig.load()
    sandbox.revoke(revoked=False)
    sandbox.clear_requests()
    assert rig.load().failure is None
    assert rig.differences() == []
    assert sandbox.requests()["by_operation"]["GET /bookings"]["200"] < 20, "what was loaded is not asked for again"


def test_a_limit_that_lasts_longer_than_the_patience_ends_the_load_and_the_next_goes_on(
    rig: Rig, sandbox: Sandbox
) -> None:
    # Five minutes and a patience of fifteen, scaled down alike: waits are capped at 0.1 s, patience is three of them.
    stop_after(sandbox, 15, lambda: sandbox.fault("rate_limit", retry_after=300))
    result = rig.load(max_wait_seconds=0.1)
    assert isinstance(result.failure, RateLimited)
    assert exit_code(result.failure) == ExitCode.TRY_LATER
    sandbox.remove_hooks()
    sandbox.faults([])
    assert rig.load().failure is None
    assert rig.differences() == []


def test_a_limit_that_passes_is_waited_for(rig: Rig, sandbox: Sandbox) -> None:
    stop_after(sandbox, 8, lambda: sandbox.fault("rate_limit", retry_after=300, for_seconds=0.5))
    result = rig.load(max_wait_seconds=0.6)
    assert result.failure is None
    assert result.usage.throttled > 0
    assert rig.differences() == []


def test_a_server_that_stays_down_ends_the_load_and_the_next_goes_on(rig: Rig, sandbox: Sandbox) -> None:
    stop_after(sandbox, 15, lambda: sandbox.fault("error", status=502))
    result = rig.load(max_attempts=2)
    assert isinstance(result.failure, ServerUnavailable)
    assert exit_code(result.failure) == ExitCode.TRY_LATER
    assert rig.ask("SELECT count(*) FROM bookings") != [(0,)]
    sandbox.remove_hooks()
    sandbox.faults([])
    assert rig.load().failure is None
    assert rig.differences() == []


def test_windows_that_never_add_up_are_loaded_and_read_again(rig: Rig, sandbox: Sandbox) -> None:
    stop_after(sandbox, 15, lambda: sandbox.fault("wrong_total", "GET /bookings"))
    result = rig.load()
    assert isinstance(result.failure, ListUnproven)
    assert exit_code(result.failure) == ExitCode.TRY_LATER
    assert "the next load reads them again" in result.failure.message
    assert rig.differences() == []
    unproven = "SELECT count(*) FROM load_windows WHERE status = 'unproven' AND items_announced <> items_landed"
    assert rig.ask(unproven) != [(0,)]
    assert rig.ledger_gaps() != []
    sandbox.remove_hooks()
    sandbox.faults([])
    assert rig.load().failure is None
    assert rig.ledger_gaps() == []
    assert rig.differences() == []


@pytest.mark.parametrize("answer", ["403", "empty"])
def test_permission_for_payments_lost_half_way_leaves_the_rest_to_be_loaded(
    folder: Path, sandbox: Sandbox, answer: str
) -> None:
    rig = Rig(folder, sandbox, tables=("bookings", "payments"), chunk_bookings=70, payments="always")
    sandbox.switches(booking_payments_without_permission=answer)
    asked = 0

    def hook(request: RequestInfo) -> None:
        nonlocal asked
        asked += request.operation == "GET /bookings/{bookingNumber}/payments"
        if asked == 40:
            sandbox.permissions({"bookings_r_all", "customers_r_all"})

    sandbox.on_request(hook)
    result = rig.load()
    assert result.failure is None
    assert rig.differences() == [], "all bookings are there"
    ((with_payments,),) = rig.ask("SELECT count(DISTINCT booking_number) FROM payments")
    assert with_payments > 0, "what was read before stays"
    if answer == "403":
        assert result.notes.skipped["payments", "not readable"] > 0
        assert any("payments = as_needed" in message for message in result.notes.messages)
    for number in [booking["bookingNumber"] for booking in sandbox.truth()["bookings"][:10]]:
        sandbox.touch(number)
    sandbox.advance(hours=1)
    before = rig.ask("SELECT * EXCLUDE (fetched_at) FROM payments ORDER BY ALL")
    again = rig.load()
    assert again.notes.skipped["payments", "not permitted"] == 10
    assert any("payments_r_all" in message for message in again.notes.messages)
    assert rig.ask("SELECT * EXCLUDE (fetched_at) FROM payments ORDER BY ALL") == before, (
        "an empty answer takes nothing"
    )

    sandbox.remove_hooks()
    sandbox.permissions({"bookings_r_all", "customers_r_all", "payments_r_all"})
    sandbox.advance(hours=1)
    assert rig.load(payments="as_needed").failure is None
    assert rig.differences(payments=True) == []
