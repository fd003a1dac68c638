"""What loads remember: written and read back, rewound, and brought over from before it had a version."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bookeo.cursor.coverage import span
from bookeo.cursor.state import KEY, MOST_RECENT_KEPT, ListState, LoadState, Rereading, changing
from bookeo.errors import SettingsError
from bookeo.http.clocks import Reading

BEGIN = datetime(2026, 6, 1, tzinfo=UTC)
MIDDLE = datetime(2026, 6, 15, tzinfo=UTC)
END = datetime(2026, 7, 1, 23, 59, 59, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)

UNVERSIONED: dict[str, Any] = {
    "resources": {
        "booking_pages": {
            "incremental": {
                "updated_at": {
                    "initial_value": datetime(1970, 1, 1, tzinfo=UTC),
                    "last_value": END,
                    "unique_hashes": [],
                    "start_value": datetime(1970, 1, 1, tzinfo=UTC),
                }
            },
            "account_id": "1A0X6W34KYTE",
            "fed": ["booking_options", "bookings", "customers"],
            "loaded_from": "2026-06-01T00:00:00+00:00",
            "recent": {"9855129492481": "1483632137e3ce27"},
        },
        "payment_feed": {
            "incremental": {
                "received_time": {
                    "initial_value": datetime(1970, 1, 1, tzinfo=UTC),
                    "last_value": END,
                    "unique_hashes": [],
                    "start_value": datetime(1970, 1, 1, tzinfo=UTC),
                }
            },
            "recent": {},
            "read_again_at": "2026-07-01T23:59:59+00:00",
        },
        "settings_answers": {"read_at": "2026-06-30T23:59:59+00:00"},
        "booking_answers": {},
    }
}
"""What the source kept after two loads before the state had a version."""


def filled() -> LoadState:
    known = ListState(
        covered={"bookings": span(BEGIN, END), "booking_options": span(BEGIN, MIDDLE)},
        recent={"1": "6a432a19.aa"},
        recent_tables=frozenset({"bookings"}),
        start=BEGIN,
        unfinished=span(MIDDLE, END),
        newest=END,
        settled_at=END,
        overlap_seconds=7200,
        late=3,
        rereading=Rereading(BEGIN, None, frozenset({"bookings"}), span(BEGIN, MIDDLE)),
    )
    return LoadState("A", known, ListState(), {"settings": END}, Reading(END, END, DAY))


def test_what_is_written_is_read_back() -> None:
    source: dict[str, Any] = {"forgotten": {"kept": True}}
    filled().write_to(source)
    assert LoadState.from_source(source) == filled()
    assert source["forgotten"] == {"kept": True}
    assert LoadState.from_source({}) == LoadState()


def test_a_state_without_a_version_is_brought_over() -> None:
    source = copy.deepcopy(UNVERSIONED)
    with changing(source) as state:
        assert state.account_id == "1A0X6W34KYTE"
        assert state.bookings.covered == dict.fromkeys(["booking_options", "bookings", "customers"], span(BEGIN, END))
        assert not state.bookings.recent, "its digests had no key"
        assert not state.payments.covered, "it does not say from when on they were read, so they are read once more"
        assert state.done_at == {"settings": datetime(2026, 6, 30, 23, 59, 59, tzinfo=UTC)}
    assert set(source) == {KEY}
    assert LoadState.from_source(source) == state


def test_a_later_version_is_refused() -> None:
    with pytest.raises(SettingsError, match="a later version of this program"):
        LoadState.from_source({KEY: {"version": 99}})


def test_a_change_that_fails_is_not_written() -> None:
    source: dict[str, Any] = {}

    def fail() -> None:
        with changing(source) as state:
            state.account_id = "A"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert source == {}


def test_another_account_is_refused() -> None:
    state = LoadState()
    state.belongs_to("A")
    state.belongs_to("A")
    with pytest.raises(SettingsError, match="account B, but this pipeline has loaded the account A"):
        state.belongs_to("B")


def test_a_rewound_list_is_read_again_from_there() -> None:
    known = filled().bookings
    known.rewind(MIDDLE - DAY)
    assert known.common(["bookings", "booking_options"]) == span(BEGIN, MIDDLE - DAY - SECOND)
    assert (known.rereading, known.recent) == (None, {})


def test_the_days_of_what_could_not_be_seen_are_read_again() -> None:
    known = ListState(covered=dict.fromkeys(("bookings", "booking_people"), span(BEGIN, END)))
    day = datetime(2026, 6, 15, tzinfo=UTC)
    known.unsee([day + timedelta(hours=3), day + timedelta(hours=20)], {"booking_people", "customers"})
    assert known.covered["bookings"] == span(BEGIN, END)
    assert known.covered["booking_people"] == span(BEGIN, END) - span(day, day + DAY - SECOND)
    assert set(known.covered) == {"bookings", "booking_people"}


def test_coverage_of_a_table_that_is_gone_is_forgotten() -> None:
    state = filled()
    state.payments.covered["payments"] = span(BEGIN, END)
    state.forget_coverage({"booking_options", "payments", "unknown"})
    assert set(state.bookings.covered) == {"bookings"}
    assert not state.payments.covered
    assert state.bookings.known_digests({"bookings", "booking_options"}) == {}
    untouched = filled()
    untouched.forget_coverage({"payments"})
    assert untouched == filled()


def test_marks_count_only_for_tables_that_hold_the_records() -> None:
    known = ListState()
    known.remember({"1": "6a432a19.aa"}, {"bookings", "taxes"}, BEGIN)
    assert known.known_digests({"bookings"}) == {"1": "6a432a19.aa"}
    assert known.known_digests({"bookings", "options"}) == {}
    known.remember({"2": "6a432a1a.bb"}, {"bookings"}, BEGIN)
    assert set(known.recent) == {"1", "2"}
    assert known.known_digests({"taxes"}) == {}
    known.remember({"3": "6a432a1b.cc"}, {"bookings", "options"}, BEGIN)
    assert set(known.recent) == {"3"}, "the options of the others are not held"


def test_marks_are_dropped_when_they_are_old_or_too_many() -> None:
    known = ListState()
    known.remember({"old": "1.aa", "1": "6a432a19.aa"}, {"bookings"}, BEGIN)
    known.remember({"2": "6a432a19.bb"}, {"bookings"}, BEGIN)
    assert set(known.recent) == {"1", "2"}
    known.remember({str(number): "6a432a19.aa" for number in range(3, 2000)}, {"bookings"}, BEGIN)
    assert len(known.recent) == MOST_RECENT_KEPT
    assert "1999" in known.recent


def test_what_is_missing_is_what_was_wanted_less_what_is_covered() -> None:
    known = ListState()
    assert (known.missing, known.reached(), known.first) == (span(END, BEGIN), None, None)
    known.landed(span(BEGIN, MIDDLE), ["bookings"])
    known.landed(span(MIDDLE + DAY, END), ["bookings"])
    assert known.missing == span(MIDDLE + SECOND, MIDDLE + DAY - SECOND)
    assert (known.reached(), known.reached(MIDDLE + DAY), known.reached(BEGIN - DAY)) == (MIDDLE, END, MIDDLE)
    known.start = BEGIN - DAY
    known.unfinished = span(BEGIN, END + DAY)
    assert [window.start for window in known.missing.windows] == [BEGIN - DAY, MIDDLE + SECOND, END + SECOND]


def test_what_was_done_in_the_future_is_due() -> None:
    state = LoadState(done_at={"settings": END})
    assert not state.due("settings", END + DAY - SECOND, DAY)
    assert state.due("settings", END + DAY, DAY)
    assert state.due("settings", END - DAY, DAY), "a clock was wrong"
    assert state.due("slots", END, DAY)
