"""What is put into the archive comes out of it, byte by byte, or is called damaged; nobody else may read it."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bookeo import load_settings
from bookeo.archive.file_format import ArchiveFile, Kept, KeptAnswer, operation_folder, pack, unpack
from bookeo.archive.store import Archive
from bookeo.errors import ArchiveFileDamaged, ArchiveUnusable, SettingsError

NOON = datetime(2026, 6, 30, 12, 0, 0, 5, tzinfo=UTC)
BODIES = [b'{"data": [1]}', b"", b'\n{"blake2b": "0"}\n', bytes(range(256)), "ü\ud800".encode("utf-8", "surrogatepass")]
KEPT = Kept({"entity": "Booking"}, [KeptAnswer(body, {"records": "data", "page": n}) for n, body in enumerate(BODIES)])


def a_file(minutes: int = 0, account: str = "a1", package: str = "1.5") -> ArchiveFile:
    return ArchiveFile(account, "bookings", NOON + timedelta(minutes=minutes), package)


def test_a_file_holds_what_was_put_in() -> None:
    assert unpack(pack(KEPT), "it") == KEPT
    assert unpack(pack(Kept({})), "it") == Kept({}, [])


def test_no_byte_can_be_other_or_missing_without_being_seen() -> None:
    packed = pack(KEPT)
    damaged = [packed[:length] for length in range(len(packed))]
    damaged += [
        packed[:at] + bytes([packed[at] ^ 1 << bit]) + packed[at + 1 :] for at in range(len(packed)) for bit in (0, 7)
    ]
    damaged += [packed + packed, packed + b"\0", b"", pack(Kept({}))[:-1] + packed]
    for content in damaged:
        try:
            # There are bits in a frame of zstd that mean nothing.
            assert unpack(content, "it") == KEPT
        except ArchiveFileDamaged:
            continue
    with pytest.raises(ArchiveFileDamaged, match="The archive's file it is damaged"):
        unpack(packed[:-1], "it")
    with pytest.raises(ArchiveFileDamaged):
        unpack(packed + packed, "it")


@pytest.mark.parametrize("place", ["kept", "deep/er", "memory:/{}/kept", "file://{}/kept"])
def test_files_come_back_in_the_order_of_their_packages(folder: Path, place: str) -> None:
    archive = Archive(place.format(folder))
    archive.check()
    files = [a_file(3, package="1.5"), a_file(0, package="10.25"), a_file(5, package="10.25")]
    for file in [a_file(account="../a/.."), *reversed(files)]:
        archive.write(file, KEPT)
    (folder / "kept").mkdir(exist_ok=True)
    (folder / "kept" / "notes.txt").write_text("somebody's own")
    assert archive.accounts() == ["../a/..", "a1"]
    assert archive.files("a1") == files
    assert list(archive.read_all(files * 9)) == [(file, KEPT) for file in files * 9]
    assert archive.files("a2") == []


def test_on_this_machine_only_the_owner_may_read_it(folder: Path) -> None:
    before = os.umask(0)
    try:
        Archive("deep/er").write(a_file(), KEPT)
    finally:
        os.umask(before)
    for path in (folder / "deep", *(folder / "deep").rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_a_file_is_there_whole_or_not_at_all(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = Archive("kept")
    archive.write(a_file(), KEPT)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for file in (a_file(), a_file(1)):
        with pytest.raises(ArchiveUnusable, match="kept cannot be written: No space left on device"):
            archive.write(file, Kept({}))
    assert archive.files("a1") == [a_file()]
    assert archive.read(a_file()) == KEPT
    monkeypatch.undo()
    archive.rewrite("a1", lambda kept: kept)
    assert list(folder.glob("kept/**/*.part")) == []


def test_answers_go_through_the_scrubber_before_they_are_written() -> None:
    archive = Archive("kept", scrub=lambda entity, records, body: f"{entity} {records}".encode() + body[:1])
    archive.write(a_file(), KEPT)
    assert [one.body for one in archive.read(a_file()).answers] == [b"Booking data" + body[:1] for body in BODIES]


def test_files_can_be_rewritten_in_their_places(folder: Path) -> None:
    archive = Archive("kept")
    for minutes in range(4):
        archive.write(a_file(minutes), Kept({"n": minutes}, KEPT.answers))
    archive.write(a_file(account="a2"), KEPT)
    broken = folder / "kept" / a_file(3).path
    broken.write_bytes(broken.read_bytes()[:-1])

    def change(kept: Kept) -> Kept | None:
        return {0: kept, 1: None, 2: Kept({"n": 2})}[kept.facts["n"]]

    result = archive.rewrite("a1", change)
    assert (result.changed, result.damaged) == (2, (str(broken),))
    assert archive.files("a1") == [a_file(0), a_file(2), a_file(3)]
    assert archive.read(a_file(0)).answers == KEPT.answers
    assert archive.read(a_file(2)) == Kept({"n": 2}, [])
    assert archive.read(a_file(account="a2")) == KEPT


def test_what_cannot_be_an_archive_is_said_in_a_sentence(folder: Path) -> None:
    (folder / "file").write_text("")
    for place, words in (
        ("nosuch://bucket", "The archive nosuch://bucket cannot be used: Protocol not known: nosuch"),
        ("file/in", "The archive file/in cannot be written: File exists"),
    ):
        with pytest.raises(ArchiveUnusable) as raised:
            Archive(place).check()
        assert words in raised.value.message
    with pytest.raises(ArchiveUnusable, match="The archive nowhere cannot be read: there is no such place"):
        Archive("nowhere").accounts()
    keys = {"api_key": "a", "secret_key": "s"}
    for place in ("", "  ", "ftp://me:secret@host/folder"):
        with pytest.raises(SettingsError, match="setting archive") as refused:
            load_settings(archive=place, **keys)
        assert "secret" not in refused.value.message


def test_operations_have_folders_of_their_own() -> None:
    assert operation_folder("GET /bookings/{bookingNumber}/payments") == "bookings.bookingNumber.payments"
    assert operation_folder("GET /settings/products") == "settings.products"
