"""The destination is the only memory: what was made for another one, or for an older copy of it, is not loaded."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bookeo import BookeoError
from bookeo_pipelines.destinations.same_file import DatabaseReplaced, SameFile
from bookeo_pipelines.outcomes import ExitCode, exit_code
from bookeo_pipelines.warehouse.load_packages import working_folder
from bookeo_sandbox import RequestInfo, Sandbox
from killed_load import Moment, run_and_kill
from load_rig import FEW_TABLES, Rig, environment


def remove(database: Path) -> None:
    for name in (database, Path(f"{database}.wal")):
        name.unlink(missing_ok=True)


@pytest.mark.parametrize("what", ["an older copy", "nothing at all"])
def test_a_database_that_is_put_back_while_a_package_waits(folder: Path, sandbox: Sandbox, what: str) -> None:
    rig = Rig(folder, sandbox, tables=FEW_TABLES)
    assert rig.load().failure is None
    copy = folder / "copy.duckdb"
    shutil.copy(rig.database, copy)
    for number in [booking["bookingNumber"] for booking in sandbox.truth()["bookings"]][:20]:
        sandbox.touch(number)
    sandbox.advance(hours=12)
    assert rig.load().failure is None  # In the present database, and not in the copy.
    sandbox.advance(hours=12)
    assert run_and_kill(rig, Moment("load", 3), environment(folder)).killed
    assert any(working_folder(rig.target).rglob("*.parquet")), "something waits"

    remove(rig.database)
    if what == "an older copy":
        shutil.copy(copy, rig.database)

    result = rig.load()
    assert result.failure is None
    assert result.pending.finished == 0
    assert rig.differences() == []
    assert rig.ledger_gaps() == []


def test_a_package_for_the_very_state_of_the_database_is_loaded(folder: Path, sandbox: Sandbox) -> None:
    rig = Rig(folder, sandbox, tables=FEW_TABLES)
    assert rig.load().failure is None
    sandbox.advance(days=3)
    assert run_and_kill(rig, Moment("load", 3), environment(folder)).killed
    result = rig.load()
    assert result.pending.finished == 1
    assert rig.differences() == []


def test_a_database_that_is_deleted_during_a_load(folder: Path, sandbox: Sandbox) -> None:
    rig = Rig(folder, sandbox, tables=FEW_TABLES)
    asked = 0

    def hook(_: RequestInfo) -> None:
        nonlocal asked
        asked += 1
        if asked == 12 and rig.database.exists():
            remove(rig.database)

    sandbox.on_request(hook)
    try:
        failure = rig.load().failure
    except BookeoError as error:
        failure = error
    sandbox.remove_hooks()
    if failure is not None:  # Else it was deleted before the first package.
        assert isinstance(failure, DatabaseReplaced)
        assert exit_code(failure) == ExitCode.TRY_LATER
    assert rig.load().failure is None
    assert rig.differences() == []


def test_when_a_file_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "file"
    first = SameFile(path)
    with pytest.raises(DatabaseReplaced, match="deleted or replaced"):
        first.check()
    path.write_text("1")
    first.check()
    path.write_text("2")
    first.check()
    path.rename(tmp_path / "elsewhere")
    path.write_text("3")
    with pytest.raises(DatabaseReplaced):
        first.check()
    SameFile(None).check()
