from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bookeo_sandbox import Business

Json = dict[str, Any]


@pytest.fixture(scope="module")
def business() -> Business:
    business = Business.generate(seed=3, bookings=1000, accounts=5)
    business.advance(40 * 86_400)
    return business


@pytest.fixture(scope="module")
def truths(business: Business) -> list[Json]:
    return [business.truth(account) for account in business.accounts]


def walk(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    yield path, value
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from walk(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner, f"{path}[]")


def amount(money: Json) -> Decimal:
    return Decimal(money["amount"])


def test_as_many_bookings_as_asked_for_and_all_made_in_the_time_asked_for() -> None:
    for count in (0, 1, 7, 333):
        truth = (b := Business.generate(bookings=count, years=0.5, end="2026-03-01")).truth(b.accounts[0])
        assert len(truth["bookings"]) == count
        created = [datetime.fromisoformat(row["creationTime"]) for row in truth["bookings"]]
        assert all(datetime.fromisoformat("2025-08-28T00:00:00+00:00") < at for at in created)
        assert all(at <= datetime.fromisoformat("2026-03-01T23:59:59+00:00") for at in created)


def test_the_same_arguments_make_the_same_business() -> None:
    first, second, other = (Business.generate(seed=seed, bookings=120, years=1) for seed in (5, 5, 6))
    assert first.truth(first.accounts[0]) == second.truth(second.accounts[0])
    assert first.truth(first.accounts[0])["bookings"] != other.truth(other.accounts[0])["bookings"]


def test_it_makes_no_difference_in_how_many_steps_the_clock_moves() -> None:
    once, often = (Business.generate(bookings=600, years=1, customer_edits=True) for _ in range(2))
    once.advance(30 * 86_400)
    for _ in range(90):
        often.advance(8 * 3600)
    assert once.truth(once.accounts[0]) == often.truth(often.accounts[0])


def test_payments_add_up_to_what_is_paid(truths: list[Json]) -> None:
    for truth in truths:
        paid: dict[str, Decimal] = defaultdict(Decimal)
        for payment in truth["payments"]:
            if "bookingNumber" in payment:
                assert payment["description"] == f"Booking {payment['bookingNumber']}"
                paid[payment["bookingNumber"]] += amount(payment["amount"])
        assert any(total for total in paid.values())
        for booking in truth["bookings"]:
            assert amount(booking["price"]["totalPaid"]) == paid.pop(booking["bookingNumber"], 0)
        assert not paid


def test_net_and_taxes_make_gross(truths: list[Json]) -> None:
    for truth in truths:
        for price in (booking["price"] for booking in truth["bookings"]):
            assert amount(price["totalNet"]) + amount(price["totalTaxes"]) == amount(price["totalGross"]) >= 0
            assert sum(amount(tax["amount"]) for tax in price["taxes"]) == amount(price["totalTaxes"])


def test_amounts_have_no_needless_decimals(truths: list[Json]) -> None:
    seen = {}
    for truth in truths:
        texts = {
            v["amount"] for _, v in walk(truth["bookings"]) if isinstance(v, dict) and "amount" in v and "currency" in v
        }
        seen[truth["currency"]] = {len(text.partition(".")[2]) for text in texts}
        assert not [text for text in texts if "." in text and text.endswith("0")]
    assert seen == {"AUD": {0, 1, 2}, "EUR": {0, 1, 2}, "KWD": {0, 1, 2, 3}, "CAD": {0, 1, 2}, "JPY": {0}}


def test_times_are_whole_minutes(truths: list[Json], business: Business) -> None:
    times = [
        value
        for truth in truths
        for path, value in walk(truth)
        if isinstance(value, str) and (path.endswith("Time") or path.rpartition(".")[2].startswith("startTimeOf"))
    ]
    assert len(times) > 10_000
    assert {datetime.fromisoformat(text).second for text in times} == {0}
    assert business.now() % 60 == 59, "the clock itself goes by seconds"


def test_what_customers_book_online_has_no_agent(truths: list[Json]) -> None:
    agents = Counter(b.get("creationAgent") for truth in truths for b in truth["bookings"])
    assert agents[None] > sum(agents.values()) / 2
    assert {agent for agent in agents if agent} == {"Maria", "Tom W.", "Front desk", "Zoë"}


def test_booking_numbers_grow_longer(truths: list[Json]) -> None:
    lengths = {
        (b["creationTime"] > "2025-01-02", len(b["bookingNumber"]))
        for truth in truths
        for b in truth["bookings"]
        if b["creationTime"][:10] not in ("2024-12-31", "2025-01-01")
    }
    assert lengths == {(False, 14), (True, 16)}


def test_events_are_named_by_product_schedule_and_day(truths: list[Json]) -> None:
    schedules = set()
    for truth in truths:
        for booking in (b for b in truth["bookings"] if "eventId" in b):
            product, schedule, day = booking["eventId"].rsplit("_", 2)
            assert product == booking["productId"]
            clock = booking["startTime"][10:16]
            schedules.add((product, schedule, clock))
            if not {"firstCourseEnrolledEventId", "dropinCourseEnrolledEventId"} & booking.keys():
                assert booking["startTime"].startswith(day)
    assert len({schedule for _, schedule, _ in schedules}) == len(schedules), "one for each hour of each product"
    assert any("_" in p["productId"] for truth in truths for p in truth["settings"]["products"])


def test_online_bookings_begin_before_they_are_listed() -> None:
    quick, slow = (Business.generate(bookings=400, years=1, checkout_minutes=minutes) for minutes in (0, 12))
    waits: Counter[tuple[bool, int]] = Counter()
    rows = [{b["bookingNumber"]: b for b in w.truth(w.accounts[0])["bookings"]} for w in (quick, slow)]
    assert rows[0].keys() == rows[1].keys()
    for number, listed in rows[0].items():
        begun = rows[1][number]
        waited = datetime.fromisoformat(listed["creationTime"]) - datetime.fromisoformat(begun["creationTime"])
        waits["creationAgent" in begun, waited.seconds // 60] += 1
        assert begun["price"] == listed["price"]
    assert {minutes for staff, minutes in waits if staff} == {0}
    assert {minutes for staff, minutes in waits if not staff} == set(range(1, 13))
    paid = [w.truth(w.accounts[0])["payments"] for w in (quick, slow)]
    assert paid[0] == paid[1], "paid at the end of the checkout"


def test_nothing_is_null(truths: list[Json]) -> None:
    for truth in truths:
        assert not [path for path, value in walk(truth) if value is None]


def test_times_have_the_offset_of_their_day(truths: list[Json]) -> None:
    fields = ("startTime", "endTime", "creationTime", "lastChangeTime", "cancelationTime")
    offsets: dict[str, set[str]] = defaultdict(set)
    for truth in truths:
        zone = ZoneInfo(truth["timeZone"])
        for booking in truth["bookings"]:
            for text in (booking[field] for field in fields if field in booking):
                at = datetime.fromisoformat(text)
                assert at.astimezone(zone).isoformat() == text
                offsets[truth["timeZone"]].add(text[-6:])
    assert offsets["Australia/Sydney"] == {"+10:00", "+11:00"}
    assert offsets["America/St_Johns"] == {"-03:30", "-02:30"}
    assert offsets["Asia/Tokyo"] == {"+09:00"}


def test_a_booking_that_never_changed_has_no_time_of_change(truths: list[Json]) -> None:
    changed = Counter("lastChangeTime" in booking for truth in truths for booking in truth["bookings"])
    assert changed[False] > changed[True] > 100
    for truth in truths:
        for booking in truth["bookings"]:
            assert booking.get("lastChangeTime", "9") >= booking["creationTime"][:4]
            assert ("cancelationTime" in booking) == booking["canceled"]


def test_customers_statistics_are_those_of_their_bookings(truths: list[Json], business: Business) -> None:
    now = datetime.fromtimestamp(business.now(), ZoneInfo("UTC"))
    for truth in truths:
        mine: dict[str, list[Json]] = defaultdict(list)
        for booking in truth["bookings"]:
            assert booking["customer"]["id"] == booking["customerId"]
            mine[booking["customerId"]].append(booking)
        for customer in truth["customers"]:
            rows = mine[customer["id"]]
            alive = [row for row in rows if not row["canceled"]]
            starts = sorted(datetime.fromisoformat(row["startTime"]) for row in alive)
            assert customer["numBookings"] == len(rows)
            assert customer["numCancelations"] == len(rows) - len(alive)
            assert customer["numNoShows"] == sum(row.get("noShow", False) for row in rows)
            past = [at for at in starts if at <= now]
            future = [at for at in starts if at > now]
            assert customer.get("startTimeOfPreviousBooking") == (past[-1].isoformat() if past else None)
            assert customer.get("startTimeOfNextBooking") == (future[0].isoformat() if future else None)


def test_participants_add_up(truths: list[Json]) -> None:
    kinds: Counter[str] = Counter()
    for truth in truths:
        people = {c["id"] for c in truth["customers"]}
        for booking in truth["bookings"]:
            counted = Counter(d["peopleCategoryId"] for d in booking["participants"]["details"])
            assert counted == {n["peopleCategoryId"]: n["number"] for n in booking["participants"]["numbers"]}
            for person in booking["participants"]["details"]:
                linked = person["personId"] not in ("PSELF", "PUNKNOWN")
                kinds["linked" if linked else person["personId"]] += 1
                assert ("personDetails" in person) == linked
                if linked:
                    assert person["personDetails"]["customerId"] in people
    assert min(kinds["PSELF"], kinds["PUNKNOWN"], kinds["linked"]) > 0


def test_the_rare_variants_are_there(truths: list[Json]) -> None:
    bookings = [b for truth in truths for b in truth["bookings"]]
    fields = Counter(name for booking in bookings for name in booking)
    for name in (
        "firstCourseEnrolledEventId", "dropinCourseEnrolledEventId", "giftVoucherCodeInput", "specificVoucherCode",
        "creationAgent", "externalRef", "sourceIp", "promotionName", "couponCodes", "priceAdjustments", "resources",
        "cancelationAgent",
    ):  # fmt: skip
        assert 0 < fields[name] < len(bookings), name
    assert any(b["privateEvent"] for b in bookings)
    assert {b["noShow"] for b in bookings} == {True, False}
    customers = [c for truth in truths for c in truth["customers"]]
    bare = [c for c in customers if not {"phoneNumbers", "emailAddress"} & c.keys()]
    assert 0 < len(bare) < len(customers)
    assert not any("languageCode" in c for c in bare)
    assert any(c["streetAddress"].keys() == {"countryCode"} for c in customers)
    assert any(b.get("options") == [] for b in bookings)
    assert any(amount(b["price"]["totalGross"]) == 0 for b in bookings)
    assert any(not b["title"].isascii() for b in bookings)
    assert any(b["bookingNumber"].startswith("0") for b in bookings)
    assert all(len(b.get("externalRef", "")) <= 64 for b in bookings)
    payments = [p for truth in truths for p in truth["payments"]]
    loose = [p for p in payments if "bookingNumber" not in p]
    assert any(p.get("description", "").startswith("Gift voucher") for p in loose)
    assert any("Booking " in p.get("description", "") for p in loose)
    assert not any(p.get("description", "").removeprefix("Booking ").isdigit() for p in loose)
    assert any(amount(p["amount"]) < 0 for p in payments)
    assert any(p["receivedTime"] < p["creationTime"] for p in payments)
    assert len({p["paymentMethod"] for p in payments}) >= 8


def test_it_has_seasons_weekdays_and_returning_customers() -> None:
    truth = (b := Business.generate(bookings=3000)).truth(b.accounts[0])
    months = Counter(row["creationTime"][5:7] for row in truth["bookings"])
    years = Counter(row["creationTime"][:4] for row in truth["bookings"])
    days = Counter(datetime.fromisoformat(row["creationTime"]).weekday() for row in truth["bookings"])
    assert months["01"] > 1.5 * months["07"]  # Sydney's summer
    assert years["2025"] > years["2024"]
    assert days[5] > 1.2 * days[1]
    assert sum(c["numBookings"] > 1 for c in truth["customers"]) > 300


def test_time_brings_everything(business: Business) -> None:
    fresh = Business.generate(seed=3, bookings=1000, accounts=5)
    happened: Counter[str] = Counter()
    for account, later in zip(fresh.accounts, business.accounts, strict=True):
        before = {b["bookingNumber"]: b for b in fresh.truth(account)["bookings"]}
        after = {b["bookingNumber"]: b for b in business.truth(later)["bookings"]}
        happened["new"] += len(after.keys() - before.keys())
        happened["vanished"] += len(before.keys() - after.keys())
        for number in before.keys() & after.keys():
            old, new = before[number], after[number]
            happened["canceled"] += new["canceled"] and not old["canceled"]
            happened["paid"] += new["price"]["totalPaid"] != old["price"]["totalPaid"]
            happened["moved"] += new["startTime"] != old["startTime"]
            happened["no-show"] += new["noShow"] and not old["noShow"]
            quiet = new.get("lastChangeTime") == old.get("lastChangeTime")
            happened["paid quietly"] += quiet and new["price"]["totalPaid"] != old["price"]["totalPaid"]
    assert min(happened[k] for k in ("new", "vanished", "canceled", "paid", "moved", "no-show", "paid quietly")) > 0, (
        happened
    )


def test_payments_can_move_the_time_of_change() -> None:
    moving = Business.generate(seed=3, bookings=300, years=1, payments_move_change=True)
    quiet = Business.generate(seed=3, bookings=300, years=1)
    changed = [sum("lastChangeTime" in b for b in w.truth(w.accounts[0])["bookings"]) for w in (moving, quiet)]
    assert changed[0] > changed[1]


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu", "Antarctica/Troll"])
def test_any_zone_and_currency(zone: str) -> None:
    truth = (b := Business.generate(bookings=60, time_zones=[zone], currencies=["TND"])).truth(b.accounts[0])
    assert truth["timeZone"] == zone
    assert max(len(p["amount"]["amount"].partition(".")[2]) for p in truth["payments"]) == 3


@pytest.mark.parametrize(
    "options", [{"bookings": -1}, {"accounts": 0}, {"years": 0}, {"snapshots": True}, {"snapshot": "yes"}]
)
def test_bad_options_are_refused(options: Json) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Business.generate(**{"bookings": 1, **options})
