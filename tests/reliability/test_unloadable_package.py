"""A package that can never load is named and put aside; what was in it is read again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from dlt.common.storages import FileStorage

from bookeo import BookeoError
from bookeo_pipelines.warehouse.load_packages import working_folder
from bookeo_sandbox import Sandbox
from killed_load import Moment, run_and_kill
from load_rig import FEW_TABLES, Rig, environment


@pytest.mark.parametrize(("phase", "nth"), [("normalize", 20), ("load", 4), ("load", 100)])
def test_a_damaged_package_is_put_aside_and_its_windows_are_read_again(
    folder: Path, sandbox: Sandbox, phase: str, nth: int
) -> None:
    rig = Rig(folder, sandbox, tables=FEW_TABLES)
    assert run_and_kill(rig, Moment(phase, nth), environment(folder)).killed
    waiting = [file for file in working_folder(rig.target).rglob("*.parquet") if "completed_jobs" not in file.parts]
    assert waiting, "something is pending"
    for file in waiting:
        file.write_bytes(b"PAR1 damaged PAR1")

    result = rig.load()

    assert result.failure is None
    assert result.pending.put_aside
    assert rig.differences() == []
    assert rig.ledger_gaps() == []
    assert rig.load().pending.put_aside == (), "it is put aside once"


def test_a_package_that_is_marked_as_loaded_but_not_yet_moved_does_not_block_the_next(
    folder: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(folder, sandbox, tables=FEW_TABLES)
    move = FileStorage.rename_tree

    def interrupted(storage: FileStorage, place: str, other: str) -> None:
        if other.startswith("loaded"):
            raise RuntimeError("killed")
        move(storage, place, other)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(FileStorage, "rename_tree", interrupted)
        with pytest.raises(BookeoError):
            rig.load()

    result = rig.load()

    assert result.failure is None
    assert (result.pending.finished, result.pending.put_aside) == (1, ())
    assert rig.differences() == []
    assert rig.ledger_gaps() == []


def test_a_job_that_was_not_copied_to_the_end_does_not_block_the_next(folder: Path, sandbox: Sandbox) -> None:
    rig = Rig(folder, sandbox, tables=FEW_TABLES)
    assert run_and_kill(rig, Moment("load", 20), environment(folder)).killed
    jobs = {path for path in working_folder(rig.target).rglob("*_jobs") if path.is_dir()}
    assert {path.name for path in jobs} >= {"new_jobs", "started_jobs"}
    for path in jobs:
        (path / "cedcb5428a6c59c5726db655b515c306").write_bytes(b"DELETE FR")

    result = rig.load()

    assert result.failure is None
    assert (result.pending.finished, result.pending.put_aside) == (1, ())
    assert rig.differences() == []
    assert rig.ledger_gaps() == []


def test_a_working_folder_of_which_only_a_part_was_made_or_deleted_is_made_anew(folder: Path, sandbox: Sandbox) -> None:
    rig = Rig(folder, sandbox, tables=("bookings",))
    assert rig.load().failure is None
    [work] = working_folder(rig.target).iterdir()
    whole = folder / "whole"
    shutil.copytree(work, whole)
    inside = sorted(path.relative_to(whole) for path in whole.rglob("*") if "loaded" not in path.parts[:-1])
    assert Path("load/normalized") in inside
    for gone in inside:
        shutil.rmtree(work)
        shutil.copytree(whole, work)
        shutil.rmtree(work / gone) if (work / gone).is_dir() else (work / gone).unlink()
        sandbox.advance(hours=1)
        assert rig.load().failure is None, gone
    assert rig.differences() == []
    assert rig.ledger_gaps() == []
