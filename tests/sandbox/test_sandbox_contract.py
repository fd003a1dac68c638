"""The vendor's swagger file against what is served."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sandbox_asking import JUNE

from bookeo_sandbox import Sandbox, serve
from patience import PATIENCE


def swagger() -> dict[str, Any]:
    # The vendor's file ends with an empty second document.
    text = (Path(__file__).parent / "bookeo-swagger-2.0.yaml").read_text()
    return next(iter(yaml.safe_load_all(text)))  # type: ignore[no-any-return]


SPEC = swagger()
METHODS = ("get", "post", "put", "delete")
OPERATIONS = [(method, path) for path, item in SPEC["paths"].items() for method in METHODS if method in item]
PARAMETERS = sorted(
    (f"{method.upper()} {path}", parameter["name"])
    for method, path in OPERATIONS
    for parameter in SPEC["paths"][path][method].get("parameters", [])
    if parameter["in"] == "query"
)


class World:
    """A fresh sandbox and a way to ask it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.truth = sandbox.truth()
        tours = [b for b in self.truth["bookings"] if b["productName"] == "Sunset kayak tour" and not b["canceled"]]
        self.booking = tours[-1]
        self.number = self.booking["bookingNumber"]
        self.headers = {"X-Bookeo-secretKey": sandbox.secret_key, "X-Bookeo-apiKey": sandbox.api_key}

    def send(self, operation: str, json: Any = None, **query: Any) -> requests.Response:
        method, path = operation.split(" ")
        path = path.format(bookingNumber=self.number, id=self.booking["customerId"])
        url = self.sandbox.base_url + path
        return requests.request(method, url, params=query, json=json, headers=self.headers, timeout=PATIENCE)

    def total(self, operation: str, **query: Any) -> int:
        return int(self.send(operation, **query).json()["info"]["totalItems"])

    def new_booking(self) -> dict[str, Any]:
        names = ("productId", "eventId", "customerId", "participants")
        body = {name: self.booking[name] for name in names}
        return {**body, "participants": {"numbers": [{"peopleCategoryId": "Cadults", "number": 1}]}}

    def create(self, **query: Any) -> dict[str, Any]:
        answer = self.send("POST /bookings", json=self.new_booking(), **{"mode": "backend", **query})
        assert answer.status_code == 201
        self.number = answer.json()["bookingNumber"]
        return self.sandbox.outbox()[-1]


LIST = {"startTime": "2026-06-01T00:00:00Z", "endTime": "2026-07-01T00:00:00Z"}


def tells(name: str, kind: str) -> Callable[[World], bool]:
    def check(world: World) -> bool:
        seen = []
        for value in ("true", "false"):
            entry = world.create(**{name: value}) if kind == "POST" else (world.create(), None)[1]
            if kind == "PUT":
                world.send("PUT /bookings/{bookingNumber}", json={}, **{name: value})
            elif kind == "DELETE":
                world.send("DELETE /bookings/{bookingNumber}", **{name: value})
            seen.append((entry or world.sandbox.outbox()[-1])[name])
        return seen == [True, False]

    return check


def second_page(operation: str, **query: Any) -> Callable[[World], bool]:
    def check(world: World) -> bool:
        if operation.endswith("payments"):
            counts = [p["bookingNumber"] for p in world.truth["payments"] if "bookingNumber" in p]
            world.number = max(counts, key=counts.count)
        elif "{id}" in operation:
            world.booking = max(world.truth["bookings"], key=lambda b: b["customer"]["numBookings"])
        first = world.send(operation, **query, itemsPerPage=1).json()
        token = first["info"]["pageNavigationToken"]
        second = world.send(operation, pageNavigationToken=token, pageNumber=2).json()
        return len(first["data"]) == 1 and second["info"]["currentPage"] == 2 and first["data"] != second["data"]

    return check


def cancels(name: str, check: Callable[[World], Any]) -> Callable[[World], bool]:
    def both(world: World) -> bool:
        seen = []
        for value in ("true", "false"):
            world.create()
            paid = {"amount": {"amount": "9.00", "currency": "AUD"}, "paymentMethod": "cash", "reason": "Test"}
            world.send("POST /bookings/{bookingNumber}/payments", json=paid)
            world.send("DELETE /bookings/{bookingNumber}", **{name: value})
            seen.append(check(world))
        return bool(seen[0] != seen[1])

    return both


def updated_filter(world: World) -> bool:
    at = world.booking.get("lastChangeTime", world.booking["creationTime"])
    return world.total("GET /bookings", lastUpdatedStartTime=at, lastUpdatedEndTime=at, includeCanceled="true") >= 1


def start_filter(world: World) -> bool:
    at = world.booking["startTime"]
    return (
        world.total("GET /bookings", startTime=at, endTime=at)
        >= 1
        > world.total("GET /bookings", startTime="2001-01-01T00:00:00Z", endTime="2001-01-02T00:00:00Z")
    )


def history_from(name: str) -> Callable[[World], bool]:
    def check(world: World) -> bool:
        world.booking = max(world.truth["bookings"], key=lambda b: b["customer"]["numBookings"])
        mine = sorted(
            b["startTime"][:10] for b in world.truth["bookings"] if b["customerId"] == world.booking["customerId"]
        )
        left = [day for day in mine if (day >= mine[-1] if name == "beginDate" else day <= mine[0])]
        edge = mine[-1] if name == "beginDate" else mine[0]
        return world.total("GET /customers/{id}/bookings", **{name: edge}) == len(left) < len(mine)

    return check


def series(_: World) -> bool:
    with serve(bookings=600, years=0.1) as busy:
        rows = next(s for s in busy.business.life(busy.business.account()).recurring() if len(s) > 2)
        rows = sorted(rows, key=lambda booking: booking.start)
        world = World(busy)
        world.number = rows[0].number
        world.send("DELETE /bookings/{bookingNumber}", cancelRemainingSeries="true")
        return all(row.canceled for row in rows)


def expanded(operation: str) -> Callable[[World], bool]:
    def check(world: World) -> bool:
        seen = []
        for value in ("true", "false"):
            extra = LIST if operation == "GET /bookings" else {}
            body = world.send(operation, expandParticipants=value, expandCustomer=value, **extra).json()
            row = body["data"][0] if "data" in body else body
            seen.append(("details" in row["participants"], "customer" in row))
        return seen == [(True, "{id}" not in operation), (False, False)]

    return check


BOOKING, CUSTOMERS = "/bookings/{bookingNumber}", "/customers/{id}/bookings"
HONOURED: dict[tuple[str, str], Callable[[World], bool]] = {
    ("GET /bookings", "startTime"): start_filter,
    ("GET /bookings", "endTime"): start_filter,
    ("GET /bookings", "lastUpdatedStartTime"): updated_filter,
    ("GET /bookings", "lastUpdatedEndTime"): updated_filter,
    ("GET /bookings", "expandCustomer"): expanded("GET /bookings"),
    ("GET /bookings", "expandParticipants"): expanded("GET /bookings"),
    ("GET /bookings", "includeCanceled"): lambda w: (
        w.total("GET /bookings", **JUNE, includeCanceled="true") > w.total("GET /bookings", **JUNE)
    ),
    ("GET /bookings", "productId"): lambda w: (
        0 < w.total("GET /bookings", **JUNE, productId=w.booking["productId"]) < w.total("GET /bookings", **JUNE)
    ),
    ("POST /bookings", "mode"): lambda w: (
        [w.create(mode="backend")["backend"], w.create(mode=None)["backend"]] == [True, False]
    ),
    ("POST /bookings", "previousHoldId"): lambda w: w.create(previousHoldId="H1")["previousHoldId"] == "H1",
    **{
        ("POST /bookings", name): tells(name, "POST")
        for name in ("notifyCustomer", "notifyUsers", "sendCustomerReminders", "sendCustomerThankyou")
    },
    (f"GET {BOOKING}", "expandCustomer"): expanded(f"GET {BOOKING}"),
    (f"GET {BOOKING}", "expandParticipants"): expanded(f"GET {BOOKING}"),
    (f"PUT {BOOKING}", "mode"): lambda w: (
        (w.send(f"PUT {BOOKING}", json={}, mode="backend"), w.sandbox.outbox()[-1]["backend"])[1] is True
    ),
    (f"PUT {BOOKING}", "notifyCustomer"): tells("notifyCustomer", "PUT"),
    (f"PUT {BOOKING}", "notifyUsers"): tells("notifyUsers", "PUT"),
    (f"DELETE {BOOKING}", "notifyCustomer"): tells("notifyCustomer", "DELETE"),
    (f"DELETE {BOOKING}", "notifyUsers"): tells("notifyUsers", "DELETE"),
    (f"DELETE {BOOKING}", "reason"): lambda w: (
        (w.send(f"DELETE {BOOKING}", reason="rain"), w.sandbox.outbox()[-1]["reason"])[1] == "rain"
    ),
    (f"DELETE {BOOKING}", "applyCancellationPolicy"): cancels(
        "applyCancellationPolicy", lambda w: w.total(f"GET {BOOKING}/payments")
    ),
    (f"DELETE {BOOKING}", "trackInCustomerHistory"): lambda w: cancels(
        "trackInCustomerHistory",
        lambda w: (
            w.send(f"GET {BOOKING}/customer").json()["numCancelations"]
            - sum(b.canceled > 0 for b in w.sandbox.business.account().customers[w.booking["customerId"]].bookings)
        ),
    )(w),
    (f"DELETE {BOOKING}", "cancelRemainingSeries"): series,
    (f"GET {CUSTOMERS}", "beginDate"): history_from("beginDate"),
    (f"GET {CUSTOMERS}", "endDate"): history_from("endDate"),
    (f"GET {CUSTOMERS}", "expandParticipants"): expanded(f"GET {CUSTOMERS}"),
    **{
        (operation, name): second_page(operation, **query)
        for operation, query in (("GET /bookings", JUNE), (f"GET {BOOKING}/payments", {}), (f"GET {CUSTOMERS}", {}))
        for name in ("itemsPerPage", "pageNavigationToken", "pageNumber")
    },
}


def test_the_file_has_five_paths_and_nine_operations() -> None:
    assert (len(SPEC["paths"]), len(OPERATIONS)) == (5, 9)


def test_a_check_for_each_parameter_of_the_file() -> None:
    assert sorted(HONOURED) == PARAMETERS


@pytest.mark.parametrize(("operation", "name"), PARAMETERS)
def test_each_parameter_is_honoured(sandbox: Sandbox, operation: str, name: str) -> None:
    assert HONOURED[operation, name](World(sandbox))


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_each_operation_is_served(sandbox: Sandbox, method: str, path: str) -> None:
    world = World(sandbox)
    world.create()
    body: Any = {"amount": {"amount": "9.00", "currency": "AUD"}, "paymentMethod": "cash", "reason": "Test"}
    if path == "/bookings":
        body = world.new_booking()
    answer = world.send(
        f"{method.upper()} {path}", json=body, **(JUNE if (method, path) == ("get", "/bookings") else {})
    )
    assert answer.status_code == (201 if method == "post" else 200)
    assert answer.json()
    assert sandbox.requests()["log"][-1]["operation"] == f"{method.upper()} {path}"


def _usable(spec: dict[str, Any]) -> dict[str, Any]:
    """The file names no types and refers to a definition that it lacks; a generator needs both."""
    for path, method in ((path, method) for method, path in OPERATIONS):
        for parameter in spec["paths"][path][method].get("parameters", []):
            if parameter["in"] == "body":
                parameter["schema"] = {"type": "object"}
            else:
                parameter |= {"type": "string", "required": parameter["in"] == "path"}
        spec["paths"][path][method]["responses"] = {str(code): {"description": ""} for code in (200, 201, 400, 404)}
    return spec


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_whatever_is_sent_gets_an_answer_of_the_api(method: str, path: str) -> None:
    raw = _usable(swagger())
    operation = schemathesis.openapi.from_dict(raw)[path][method.upper()]
    with serve(seed=7, bookings=30, years=0.2) as sandbox, requests.Session() as session:
        session.headers.update({"X-Bookeo-secretKey": sandbox.secret_key, "X-Bookeo-apiKey": sandbox.api_key})

        @given(case=operation.as_strategy(), known=st.booleans())
        @settings(
            max_examples=25, deadline=None, database=None, derandomize=True,
            phases=[Phase.generate], suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        def try_it(case: Any, known: bool) -> None:
            if known and "bookingNumber" in case.path_parameters:
                case.path_parameters["bookingNumber"] = sandbox.truth()["bookings"][0]["bookingNumber"]
            answer = case.call(base_url=sandbox.base_url, session=session)
            assert answer.status_code in (200, 201, 400, 404, 405)
            body = answer.json()
            if answer.status_code >= 400:
                assert set(body) == {"httpStatus", "message", "errorId"}

        try_it()
