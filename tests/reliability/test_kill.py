"""Killed at any instant, a load goes on where it was: nothing lost, nothing there twice, little asked again."""

from __future__ import annotations

from pathlib import Path

import pytest

from bookeo_sandbox import Sandbox
from killed_load import Moment, run_and_kill
from load_rig import FEW_TABLES, Rig, environment

KILLS = [
    # Two packages of these tables take about 48 steps of extracting, 28 of normalising, 155 of loading, 27 between.
    ("request", 3, False),
    ("request", 30, True),
    ("extract", 9, False),
    ("extract", 23, False),
    ("extract", 37, True),
    ("normalize", 5, False),
    ("normalize", 18, True),
    ("load", 20, False),
    ("load", 60, False),
    ("load", 100, True),
    ("load", 140, False),
    ("between", 18, False),
]


def largest_chunk(rig: Rig) -> int:
    """The most requests that one package of the ledger took."""
    # All windows of a package were complete at the same moment.
    return max(int(n) for (n,) in rig.ask("SELECT sum(requests) FROM load_windows GROUP BY loaded_at"))


@pytest.mark.parametrize(("phase", "nth", "forget"), KILLS)
def test_a_killed_load_goes_on_and_ends_in_the_truth(
    folder: Path, sandbox: Sandbox, phase: str, nth: int, forget: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    rig = Rig(folder, sandbox, tables=FEW_TABLES, window_days=2)
    death = run_and_kill(rig, Moment(phase, nth), environment(folder))
    assert death.killed, f"the load took fewer steps than it used to ({death})"
    if forget:
        rig.delete_working_folder()

    result = rig.load()

    assert result.failure is None
    assert rig.differences() == []
    assert rig.ledger_gaps() == []
    ((needed,),) = rig.ask("SELECT sum(requests) FROM load_windows")
    repeated = sandbox.requests()["by_operation"]["GET /bookings"]["200"] - int(needed)
    # A package's own requests, and the windows that were being read ahead of it.
    bound = largest_chunk(rig) + rig.settings().concurrency + 1
    with capsys.disabled():
        print(f"\nkilled in {death.phase}: {repeated} of {needed} requests repeated, at most {bound} may be", end=" ")
    assert repeated <= bound


def test_killed_again_and_again_it_still_ends_in_the_truth_while_the_business_goes_on(
    rig: Rig, sandbox: Sandbox, folder: Path
) -> None:
    settings = {"payments": "always", "archive": str(folder / "archive")}
    bad = sandbox.truth()["bookings"][0]["bookingNumber"]
    sandbox.override(bad, {"bookingNumber": bad, "creationTime": "not a time"})
    for phase, nth in (("load", 200), ("extract", 20), ("load", 12), ("normalize", 4), ("load", 120)):
        death = run_and_kill(rig, Moment(phase, nth), environment(folder), **settings)
        assert death.killed, f"the load took fewer steps than it used to ({death})"
        sandbox.advance(days=1)
        sandbox.touch(bad)
    assert rig.load(**settings).failure is None
    assert rig.differences(payments=True, but=[bad]) == []

    # Every answer that became rows is in the archive, and those of the packages that were lost become none.
    assert rig.replayed(folder / "archive", folder / "rebuilt.duckdb") == rig.rows(rig.database)


def test_killed_right_after_rows_were_written_they_are_not_there_twice(folder: Path, sandbox: Sandbox) -> None:
    # The database has them, but nothing in the working folder says so yet: they are written again.
    rig = Rig(folder, sandbox, tables=FEW_TABLES, chunk_bookings=1000)
    bad = [booking["bookingNumber"] for booking in sandbox.truth()["bookings"][:3]]
    for number in bad:
        sandbox.override(number, {"bookingNumber": number, "creationTime": "not a time"})
    for table in ("rejected_rows", "booking_people"):
        rig.delete_working_folder()
        rig.database.unlink(missing_ok=True)
        statement = Moment("statement", text=f'INSERT INTO "bookeo_data"."{table}"')
        assert run_and_kill(rig, statement, environment(folder)).killed
        assert rig.load().failure is None
        assert rig.differences(but=bad) == []
        # The load that goes on asks for what was rejected once more, which is another row with another time.
        assert rig.ask("SELECT DISTINCT raw_id FROM rejected_rows ORDER BY ALL") == [
            (number,) for number in sorted(bad)
        ]
        assert rig.ask("SELECT raw_id, fetched_at FROM rejected_rows GROUP BY ALL HAVING count(*) > 1") == []
