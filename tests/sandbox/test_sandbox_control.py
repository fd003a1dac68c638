from __future__ import annotations

import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from sandbox_asking import JUNE, Ask

from bookeo_sandbox import Business, Sandbox, main, serve
from patience import PATIENCE


def control(sandbox: Sandbox, path: str, method: str = "GET", **arguments: Any) -> requests.Response:
    body = arguments.pop("body", None)
    return requests.request(
        method, f"{sandbox.root_url}/_sandbox{path}", json=arguments or None, data=body, timeout=PATIENCE
    )


def test_control_calls_do_what_the_methods_do(sandbox: Sandbox) -> None:
    assert control(sandbox, "/").json() == sandbox.describe()
    assert control(sandbox, "/truth").json() == sandbox.truth()
    assert control(sandbox, "/truth?account=1").json() == sandbox.truth(1)
    assert control(sandbox, "/advance", "POST", days=1, seconds=2).json() == {"now": "2026-07-02T10:00:01+10:00"}
    assert control(sandbox, "/switches", "POST", snapshot=True).json()["snapshot"] is True
    assert control(sandbox, "/faults", "POST", kind="error", status=502).json()["status"] == 502
    assert control(sandbox, "/faults", "POST", faults=[{"kind": "cut"}]).json()[0]["kind"] == "cut"
    assert [fault["kind"] for fault in control(sandbox, "/faults").json()] == ["cut"]
    assert control(sandbox, "/faults", "DELETE").json() == []
    assert control(sandbox, "/rate_limit", "POST", per_second=2, burst=2).status_code == 200
    assert control(sandbox, "/requests").json()["total"] == 0
    assert control(sandbox, "/requests", "DELETE").status_code == 200
    assert control(sandbox, "/outbox").json() == []
    assert control(sandbox, "/expire_tokens", "POST").status_code == 200


def test_control_calls_on_single_records(sandbox: Sandbox, ask: Ask) -> None:
    alive = [b for b in sandbox.truth()["bookings"] if not b["canceled"]]
    touched, canceled, gone = (b["bookingNumber"] for b in alive[:3])
    control(sandbox, f"/bookings/{touched}/touch", "POST", seconds=-90)
    assert ask(f"/bookings/{touched}").json()["lastChangeTime"] == "2026-07-01T09:58:29+10:00"
    control(sandbox, f"/bookings/{canceled}/cancel", "POST")
    assert ask(f"/bookings/{canceled}").json()["canceled"] is True
    control(sandbox, f"/bookings/{gone}/delete", "POST")
    assert ask(f"/bookings/{gone}").status_code == 404
    customer = alive[10]["customerId"]
    control(sandbox, f"/customers/{customer}/edit", "POST", firstName="Zed")
    assert ask(f"/customers/{customer}").json()["firstName"] == "Zed"
    control(sandbox, f"/customers/{customer}/delete", "POST")
    assert ask(f"/customers/{customer}").status_code == 404
    truth = sandbox.truth()
    assert {gone, alive[10]["bookingNumber"]} <= set(truth["deletedBookings"])
    assert not any(p.get("bookingNumber") == gone or p.get("customerId") == customer for p in truth["payments"])


def test_anything_can_be_served_for_a_booking(sandbox: Sandbox, ask: Ask) -> None:
    truth = sandbox.truth()
    number = truth["bookings"][0]["bookingNumber"]
    sandbox.override(number, b'{"bookingNumber": 17, "title": "\\ud800"')
    assert ask(f"/bookings/{number}").content == b'{"bookingNumber": 17, "title": "\\ud800"'
    assert sandbox.truth() == truth
    assert control(sandbox, f"/bookings/{number}/override", "PUT", body=b'{"a": 1}').status_code == 200
    created = truth["bookings"][0]["creationTime"]
    updated = truth["bookings"][0].get("lastChangeTime", created)
    page = ask("/bookings", lastUpdatedStartTime=updated, lastUpdatedEndTime=updated, includeCanceled="true").json()
    assert {"a": 1} in page["data"]
    control(sandbox, f"/bookings/{number}/override", "DELETE")
    assert ask(f"/bookings/{number}").json()["bookingNumber"] == number


def test_permissions_and_keys_from_outside(sandbox: Sandbox, ask: Ask) -> None:
    control(sandbox, "/permissions", "POST", permissions=["bookings_r_all"])
    assert ask("/settings/apikeyinfo").json()["permissions"] == ["bookings_r_all"]
    control(sandbox, "/revoke", "POST")
    assert ask("/settings/apikeyinfo").status_code == 401


@pytest.mark.parametrize(
    ("path", "arguments", "status"),
    [
        ("/advance", {"days": -1}, 400),
        ("/advance", {"weeks": 1}, 400),
        ("/switches", {"colour": "red"}, 400),
        ("/faults", {"kind": "flood"}, 400),
        ("/permissions", {"permissions": ["everything"]}, 400),
        ("/bookings/0/touch", {"seconds": 1}, 404),
        ("/customers/0/delete", {}, 404),
    ],
)
def test_bad_control_calls_are_refused(sandbox: Sandbox, path: str, arguments: dict[str, Any], status: int) -> None:
    assert control(sandbox, path, "POST", **arguments).status_code == status


def test_reset_makes_everything_as_it_was(sandbox: Sandbox) -> None:
    before, described = sandbox.truth(), sandbox.describe()
    sandbox.advance(days=10)
    sandbox.permissions(())
    sandbox.fault("error")
    assert sandbox.truth() != before
    control(sandbox, "/reset", "POST")
    assert (sandbox.truth(), sandbox.describe(), sandbox.faults()) == (before, described, [])


def test_many_may_ask_while_time_passes() -> None:
    with serve(seed=2, bookings=300, years=0.5) as sandbox, ThreadPoolExecutor(4) as pool:
        headers = {"X-Bookeo-secretKey": sandbox.secret_key, "X-Bookeo-apiKey": sandbox.api_key}

        def walk(_: int) -> set[int]:
            with requests.Session() as session:
                session.headers.update(headers)
                url, query = f"{sandbox.base_url}/bookings", {**JUNE, "itemsPerPage": "10", "expandCustomer": "true"}
                first = session.get(url, params=query, timeout=PATIENCE)
                token = first.json()["info"]["pageNavigationToken"]
                statuses = {first.status_code}
                for number in range(2, first.json()["info"]["totalPages"] + 1):
                    page = {"pageNavigationToken": token, "pageNumber": str(number)}
                    statuses.add(session.get(url, params=page, timeout=PATIENCE).status_code)
                return statuses

        walks = [pool.submit(walk, number) for number in range(8)]
        for _ in range(40):
            sandbox.advance(hours=6)
        assert all(walk.result() == {200} for walk in walks)
        alone = Business.generate(seed=2, bookings=300, years=0.5)
        alone.advance(10 * 86_400)
        assert sandbox.truth() == alone.truth(alone.accounts[0])


def test_a_clock_that_runs() -> None:
    with serve(bookings=5, years=0.2, running=True) as sandbox:
        sandbox.business._running_since -= 3600  # type: ignore[operator]
        assert sandbox.now() >= "2026-07-01T10:59:59+10:00"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_as_a_process_of_its_own(number: signal.Signals) -> None:
    command = [
        sys.executable,
        "-m",
        "bookeo_sandbox",
        "--bookings",
        "20",
        "--end",
        "2026-01-31",
        "--switch",
        "snapshot=true",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            described = json.loads(process.stdout.readline())
            keys = {"X-Bookeo-secretKey": described["secret_key"], "X-Bookeo-apiKey": described["api_key"]}
            answer = requests.get(f"{described['base_url']}/settings/apikeyinfo", headers=keys, timeout=PATIENCE)
            assert answer.json()["accountId"] == described["accounts"][0]["account_id"]
            process.send_signal(number)
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()


@pytest.mark.parametrize(
    "arguments", [["--host", "0.0.0.0"], ["--end", "soon"], ["--switch", "colour=red"], ["--port", "99999"]]
)
def test_bad_arguments_are_one_sentence(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--bookings", "1", *arguments]) == 2
    assert capsys.readouterr().err.count("\n") == 1
