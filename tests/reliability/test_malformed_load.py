"""Records that are not what they should be: the rest of their page loads, they themselves are kept with the reason."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bookeo_pipelines.cli.app import app
from bookeo_pipelines.status.status import read_status
from bookeo_sandbox import Sandbox, serve
from load_rig import FEW_TABLES, SMALL_BUSINESS, Rig

Path_ = tuple[str | int, ...]
WRONG: tuple[Any, ...] = (None, "", "nonsense", 7, -1.5, True, [], [[1]], {}, {"a": {"b": 1}})
AMOUNTS = (
    "1e3",
    "1,000.00",
    "-0",
    "0.123456789012",
    "NaN",
    "Infinity",
    "1e400",
    "",
    " 5.00",
    "５.00",
    "9" * 30,
    "0x10",
)


def paths_of(value: Any, above: Path_ = ()) -> Iterator[Path_]:
    """Every place in a record."""
    inside: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        inside = list(value.items())
    elif isinstance(value, list) and value:
        inside = [(0, value[0])]
    for name, item in inside:
        yield (*above, name)
        yield from paths_of(item, (*above, name))


def damaged(record: dict[str, Any], path: Path_, value: Any) -> dict[str, Any]:
    made = copy.deepcopy(record)
    place: Any = made
    for name in path[:-1]:
        place = place[name]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return made


def richest(records: list[dict[str, Any]]) -> dict[str, Any]:
    """A record with everything in it that any of them has."""
    made: dict[str, Any] = {}
    for record in records:
        for name, value in record.items():
            if len(json.dumps(value)) > len(json.dumps(made.get(name))):
                made[name] = value
    return made


def test_anything_wrong_at_any_place_of_a_booking_costs_that_record_at_most(folder: Path) -> None:
    with serve(**SMALL_BUSINESS | {"bookings": 1700}) as sandbox:
        bookings = sandbox.truth()["bookings"]
        model = richest(bookings)
        # The number stays each booking's own, but where that is what is damaged: no two records claim the same.
        damages = [(path, value) for path in dict.fromkeys(paths_of(model)) for value in (*WRONG, ...)]
        # A text or a number is a good booking number, only another one: then there would be a booking more.
        damages = [
            one
            for one in damages
            if one[0] != ("bookingNumber",) or not isinstance(one[1], str | int | float) or not one[1]
        ]
        money = [path for path in dict.fromkeys(paths_of(model)) if path[-1] == "amount" and path[0] != "customer"]
        damages += [(path, value) for path in money for value in AMOUNTS]
        assert 900 < len(damages) < len(bookings) - 300
        for booking, (path, value) in zip(bookings, damages, strict=False):
            own = {name: booking[name] for name in ("bookingNumber", "creationTime")}
            sandbox.override(booking["bookingNumber"], damaged(model | own, path, value))
        touched = [booking["bookingNumber"] for booking in bookings[: len(damages)]]
        rig = Rig(folder, sandbox, items_per_page=100, chunk_bookings=10_000, window_days=31)

        result = rig.load()

        assert result.failure is None
        # Customers are shared by the bookings that are damaged and those that are not.
        assert [line for line in rig.differences(but=touched) if not line.startswith("customers")] == []
        ((kept,),) = rig.ask("SELECT count(*) FROM bookings")
        ((rejected,),) = rig.ask("SELECT count(*) FROM rejected_rows WHERE table_name = 'bookings'")
        assert kept + rejected == len(bookings), "each is in the one table or in the other"
        assert 50 < rejected < len(damages)
        assert result.notes.rejected["bookings"] == rejected
        assert rig.ask("SELECT count(*) FROM rejected_rows WHERE reason = '' OR raw IS NULL") == [(0,)]
        assert rig.ledger_gaps() == []

        # The next run is not stuck, and once the records are mended and met again, they are there.
        for number in touched:
            sandbox.override(number, None)
            sandbox.touch(number)
        sandbox.advance(hours=1)
        assert rig.load().failure is None
        assert [line for line in rig.differences() if not line.startswith("customers")] == []


def summary_of(rig: Rig, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> tuple[int, str, dict[str, Any]]:
    """Runs the command; gives its exit code, what it says to people, and to programs."""
    for name, value in rig.settings_values(**settings).items():
        monkeypatch.setenv(f"SOURCES__BOOKEO__{name.upper()}", str(value))
    runner = CliRunner()
    as_json = runner.invoke(app, ["load", "--database", str(rig.database), "--tables", ",".join(FEW_TABLES), "--json"])
    return as_json.exit_code, as_json.stderr, json.loads(as_json.stdout)


@pytest.fixture
def bad(sandbox: Sandbox) -> list[str]:
    """Numbers of bookings that can be damaged; the last ones are those that a second load meets again."""
    return [booking["bookingNumber"] for booking in sandbox.truth()["bookings"]]


def test_the_exit_code_and_the_summary_say_how_many_were_rejected(
    folder: Path, sandbox: Sandbox, bad: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(folder, sandbox, tables=FEW_TABLES, chunk_bookings=1000)
    for number in bad[5:8]:
        sandbox.override(number, {"bookingNumber": number, "creationTime": "not a time"})
    code, _, said = summary_of(rig, monkeypatch)
    assert code == 3
    assert said["rejected"] == {"bookings": 3}
    assert said["error"] is None
    assert rig.differences(but=bad[5:8]) == []

    code, _, said = summary_of(rig, monkeypatch)
    assert code == 3, "what was rejected before is still missing"
    assert (said["rejected"], said["open_rejections"]) == ({"bookings": 3}, {"bookings": 3}), "each is asked for again"
    code, _, said = summary_of(rig, monkeypatch)
    assert (code, said["rejected"], said["open_rejections"]) == (3, {}, {"bookings": 3}), "once a day"
    [status] = read_status(rig.target)
    assert status.open_rejections == {"bookings": 3}

    mended, gone, wrong = bad[5:8]
    sandbox.override(mended, None)
    sandbox.delete(gone)
    sandbox.advance(days=1)
    code, _, said = summary_of(rig, monkeypatch)
    assert (code, said["open_rejections"]) == (3, {"bookings": 1})
    assert rig.differences(but=[gone, wrong]) == []
    sandbox.override(wrong, None)
    sandbox.advance(days=1)
    code, _, said = summary_of(rig, monkeypatch)
    assert (code, said["open_rejections"]) == (0, {})
    assert read_status(rig.target)[0].open_rejections == {}


def test_a_setting_makes_rejected_records_no_failure(
    folder: Path, sandbox: Sandbox, bad: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(folder, sandbox, tables=FEW_TABLES, chunk_bookings=1000)
    sandbox.override(bad[5], {"bookingNumber": bad[5], "creationTime": "not a time"})
    code, _, said = summary_of(rig, monkeypatch, fail_on_rejected=False)
    assert code == 0
    assert said["rejected"] == {"bookings": 1}


def test_huge_texts_lone_surrogates_and_new_fields_are_loaded(folder: Path, sandbox: Sandbox, bad: list[str]) -> None:
    rig = Rig(folder, sandbox, tables=FEW_TABLES, chunk_bookings=1000)
    truth = {booking["bookingNumber"]: booking for booking in sandbox.truth()["bookings"]}
    huge, surrogate, new, newer = bad[3:7]
    sandbox.override(huge, truth[huge] | {"title": "long " * 2_000_000})
    text = json.dumps(truth[surrogate] | {"title": "half"})
    sandbox.override(surrogate, text.replace('"half"', '"half \\ud83d of \\udc00 a pair"').encode())
    for number in (new, newer):
        price = truth[number]["price"] | {"tip": "5"}
        sandbox.override(number, truth[number] | {"mood": {"level": 3, "colour": "blue"}, "price": price})

    result = rig.load()

    assert result.failure is None
    assert result.rejected == 0
    assert rig.differences(but=[huge, surrogate, new, newer]) == []
    assert rig.ask(f"SELECT len(title) FROM bookings WHERE booking_number = '{huge}'") == [(10_000_000,)]
    assert rig.ask(f"SELECT title LIKE 'half % of % a pair' FROM bookings WHERE booking_number = '{surrogate}'") == [
        (True,)
    ]
    extras = [json.loads(extra) for (extra,) in rig.ask("SELECT extra FROM bookings WHERE extra IS NOT NULL")]
    assert extras == [{"mood": {"level": 3, "colour": "blue"}, "price.tip": "5"}] * 2
    assert sorted(result.notes.unknown_fields) == ["mood", "price.tip"]
