"""For any sequence of time going by, loads, kills and nothing at all: the tables equal a fresh full load."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bookeo_sandbox import serve
from killed_load import Moment, run_and_kill
from load_rig import FEW_TABLES, SMALL_BUSINESS, Rig, environment

steps = st.lists(
    st.one_of(
        st.tuples(st.just("advance"), st.integers(1, 96)),
        st.tuples(st.just("load"), st.just(0)),
        st.tuples(st.just("kill at request"), st.integers(1, 30)),
        st.tuples(st.just("kill while loading"), st.integers(1, 120)),
        st.tuples(st.just("forget"), st.just(0)),
        st.tuples(st.just("change in passing"), st.integers(1, 25)),
    ),
    min_size=1,
    max_size=4,
)


@settings(
    max_examples=int(os.environ.get("BOOKEO_SEQUENCES", "5")),
    deadline=None,
    database=None,
    derandomize=True,
    # Every example is a load of seconds: a failing sequence is short enough as it is.
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
@given(steps)
def test_any_sequence_ends_like_a_fresh_full_load(monkeypatch: pytest.MonkeyPatch, sequence: list[Any]) -> None:
    place = Path(tempfile.mkdtemp())
    try:
        with serve(**SMALL_BUSINESS) as sandbox, monkeypatch.context() as patch:
            for name, value in environment(place).items():
                patch.setenv(name, value)
            patch.setattr("bookeo.extract.chunks.PAGES_AT_ONCE", 2)  # Each chunk is several batches.
            rig = Rig(place, sandbox, tables=FEW_TABLES, chunk_bookings=70)
            for what, number in sequence:
                _do(rig, what, number, environment(place))
            sandbox.advance(minutes=20)
            assert rig.load().failure is None
            assert rig.differences() == []
            assert rig.ledger_gaps() == []
    finally:
        shutil.rmtree(place)


def _do(rig: Rig, what: str, number: int, variables: dict[str, str]) -> None:
    sandbox = rig.sandbox
    if what == "advance":
        sandbox.advance(hours=number)
    elif what == "forget":
        rig.delete_working_folder()
    elif what == "kill at request":
        run_and_kill(rig, Moment("request", number), variables)
    elif what == "kill while loading":
        run_and_kill(rig, Moment("load", number), variables)
    else:
        if what == "change in passing":
            numbers = [booking["bookingNumber"] for booking in sandbox.truth()["bookings"]]
            first = sandbox.requests()["total"]

            def hook(_: Any) -> None:
                # Each request finds another booking changed since the one before it.
                made = sandbox.requests()["total"] - first
                if made < number:
                    sandbox.touch(numbers[made * 7 % len(numbers)])

            sandbox.on_request(hook)
        assert rig.load().failure is None
        sandbox.remove_hooks()
