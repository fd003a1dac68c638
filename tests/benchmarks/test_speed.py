"""Contenders are run, checked and weighed; what the documents show follows from the figures that are kept."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from patience import wait_until

ROOT = Path(__file__).parents[2]
# A file of that folder has the name of a library that others need: the folder goes behind theirs.
sys.path.append(str(ROOT / "benchmarks"))

from measuring.answers import served  # noqa: E402
from measuring.bounds import bounds  # noqa: E402
from measuring.peers import ALL, FLOOR, OURS, REST_API_PARQUET  # noqa: E402
from measuring.process import Limits, Unfit, run  # noqa: E402
from measuring.report import BEGIN, END, marked, report, summary  # noqa: E402
from measuring.results import Entry, Results, merged, middle, shown_size  # noqa: E402
from measuring.rounds import Bench, rounds, too_much  # noqa: E402

KEPT = json.loads((ROOT / "benchmarks" / "speed.json").read_text())
LIMITS = Limits(seconds=120, megabytes=4000)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with served(150) as api:
        yield Bench(api, tmp_path_factory.mktemp("bench"), LIMITS)


def entry(*cpu: float, wall: float = 60, memory: float = 300, note: str = "") -> Entry:
    return {"cpu": list(cpu), "wall": [wall] * len(cpu), "memory": [memory] * len(cpu), "note": note}


def test_everybody_makes_the_same_of_the_same_bytes(bench: Bench) -> None:
    contenders = [OURS, FLOOR]
    entries = rounds(bench, contenders, 1, 100, dict.fromkeys((one.name for one in contenders), ""), print)
    for name, one in entries.items():
        assert one["note"] == "", name
        assert [len(one[measure]) for measure in ("cpu", "wall", "memory")] == [1, 1, 1], name
        assert one["cpu"][0] > 0.1, name
        assert one["memory"][0] > 30, name


@pytest.mark.parametrize("missing", ["a row", "a cent"])
def test_a_load_that_made_something_else_does_not_count(bench: Bench, missing: str) -> None:
    right = bench.truth
    bench.truth = replace(right, rows=right.rows.copy())
    if missing == "a row":
        bench.truth.rows["booking_options"] += 1
    else:
        bench.truth.gross += bench.truth.gross.__class__("0.01")
    try:
        entries = rounds(bench, [FLOOR], 2, 100, {FLOOR.name: ""}, print)
    finally:
        bench.truth = right
    assert entries[FLOOR.name] == entry(note="other rows or totals")


def test_the_cost_is_that_of_all_processes(tmp_path: Path) -> None:
    burn = "import time\nx = b'x' * 60_000_000\nwhile time.process_time() < 0.3: pass"
    command = ["bash", "-c", f'{sys.executable} -c "{burn}" | {sys.executable} -c "{burn}"']
    cost = run(command, tmp_path, os.environ, LIMITS)
    assert cost.cpu >= 0.6
    assert cost.memory > 120


@pytest.mark.parametrize(
    ("limits", "why"),
    [(Limits(0.2, 4000), "more than 0 min"), (Limits(60, 5), "more than 0 GB")],
    ids=["time", "memory"],
)
def test_what_takes_too_much_is_ended_with_all_its_processes(tmp_path: Path, limits: Limits, why: str) -> None:
    command = ["bash", "-c", f"{sys.executable} -c 'import time; time.sleep(60)' & echo $! > child; wait"]
    with pytest.raises(Unfit, match=why):
        run(command, tmp_path, os.environ, limits)
    if not (tmp_path / "child").exists():
        return  # It was ended before it had a child.
    child = Path("/proc") / (tmp_path / "child").read_text().strip()
    wait_until(lambda: not child.exists() or "Z (zombie)" in (child / "status").read_text())


def test_a_failure_is_told_with_what_was_printed(tmp_path: Path) -> None:
    with pytest.raises(Unfit, match=r"^exit code 3: no such key"):
        run(["bash", "-c", "echo no such key; exit 3"], tmp_path, os.environ, LIMITS)


def test_who_would_take_too_long_or_too_much_is_left_out() -> None:
    smaller = {1000: entry(1, wall=6), 20_000: entry(9, wall=60, memory=400)}
    assert too_much(smaller, 200_000, 601, LIMITS) == ""
    assert too_much(smaller, 200_000, 599, LIMITS) == "not run: about 10 min"
    assert too_much(smaller, 400_000, 9999, LIMITS) == "not run: about 8 GB"
    assert too_much({20_000: entry(note="more than 12 GB")}, 200_000, 9999, LIMITS) == "more than 12 GB"


def results(**ours: Entry) -> Results:
    others = {FLOOR.name: entry(10), REST_API_PARQUET.name: entry(100)}
    quiet = {"nothing new": [{"cpu": 2.5, "requests": 3, "changed": 0, "wall": 3}]}
    return {
        "loads": {size.lstrip("n"): {OURS.name: one, **others} for size, one in ours.items()},
        "slow": [{"bookings": 20_000, "seconds": 0.15, "concurrency": 4, "alone": 30.0, "wall": [8.6]}],
        "increments": {"20000": quiet},
        "import_dlt": dict.fromkeys(("20000", *(size.lstrip("n") for size in ours)), 0.8),
    }


def test_bounds_hold_or_not() -> None:
    good = results(n100000=entry(12, memory=500), n200000=entry(20), n1000000=entry(99, memory=649))
    bad = results(n100000=entry(12, memory=500), n200000=entry(25.1), n1000000=entry(99, memory=701))
    bad["slow"][0]["wall"] = [8.7]
    bad["increments"]["20000"]["nothing new"][0] |= {"requests": 4, "cpu": 2.9}
    assert [bound.holds for bound in bounds(good)] == [True] * 7
    assert [bound.holds for bound in bounds(bad)] == [False] * 7
    assert bounds(results(n20000=entry(5)) | {"slow": None, "increments": {}}) == []


def test_sizes_that_are_not_measured_again_are_kept() -> None:
    kept = results(n20000=entry(5), n1000000=entry(99))
    new = results(n20000=entry(4), n100000=entry(9)) | {"increments": {"100000": {}}}
    del new["loads"]["20000"][REST_API_PARQUET.name]
    both = merged(kept, new)
    assert both["loads"]["20000"][REST_API_PARQUET.name] == entry(100)
    assert list(both["loads"]) == ["20000", "100000", "1000000"]
    assert both["loads"]["20000"][OURS.name]["cpu"] == [4]
    assert list(both["increments"]) == ["20000", "100000"]


@pytest.mark.parametrize(("document", "shown"), [("benchmarks/README.md", report), ("README.md", summary)])
def test_documents_show_the_figures_that_are_kept(document: str, shown: object) -> None:
    text = (ROOT / document).read_text()
    assert text.count(BEGIN) == text.count(END) == 1
    assert callable(shown)
    assert marked(text, shown(KEPT)) == text, "run benchmarks/speed.py --again --write"


def test_everybody_is_among_the_kept_figures() -> None:
    names = {name for loads in KEPT["loads"].values() for name in loads}
    assert names == {one.name for one in ALL}


def test_the_picture_shows_the_figures_that_are_kept() -> None:
    drawn = (ROOT / "docs" / "images" / "speed.svg").read_text()
    for name, one in KEPT["loads"][shown_size(KEPT)].items():
        if one["cpu"]:
            assert f">{name}</text>" in drawn
            assert f">{middle(one, 'cpu'):,.1f}" in drawn, name
    assert (ROOT / "docs" / "images" / "speed.png").read_bytes().startswith(b"\x89PNG")
