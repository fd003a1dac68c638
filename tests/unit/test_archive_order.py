"""Which answers of an archive became rows is told by the packages that follow each other."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bookeo.archive.file_format import FIRST, NOTES, ArchiveFile, without_uncommitted

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("packages", "kept"),
    [
        pytest.param([("1.0", FIRST), ("2.0", "1.0")], {"1.0", "2.0"}, id="one after the other"),
        pytest.param([("1.0", FIRST), ("2.0", "1.0"), ("3.0", "1.0")], {"1.0", "3.0"}, id="one was given up"),
        pytest.param([("1.0", FIRST), ("9.0", "1.0"), ("10.0", "1.0")], {"1.0", "10.0"}, id="ids are numbers"),
        pytest.param([("1.0", FIRST), ("2.0", FIRST)], {"1.0", "2.0"}, id="of two databases, each has a first"),
        pytest.param(
            [("1.0", FIRST), ("2.0", "1.0"), ("3.0", "1.0"), ("4.0", "2.0")],
            {"1.0", "2.0", "3.0", "4.0"},
            id="what is followed was not given up",
        ),
    ],
)
def test_of_those_begun_after_the_same_one_the_last_counts(packages: list[tuple[str, str]], kept: set[str]) -> None:
    files = [ArchiveFile("A", "bookings", MOMENT, package, after) for package, after in packages]
    assert {file.package for file in without_uncommitted(reversed(files))} == kept


def test_notes_of_a_package_give_up_no_other() -> None:
    files = [ArchiveFile("A", "bookings", MOMENT, "2.0", "1.0"), ArchiveFile("A", NOTES, MOMENT, "3.0", "1.0")]
    assert without_uncommitted(files) == files
