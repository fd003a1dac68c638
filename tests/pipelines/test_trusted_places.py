"""A folder is trusted by its owner, never by its name; what is written follows nobody's links."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from bookeo.archive.file_format import ArchiveFile, Kept, account_folder
from bookeo.archive.store import Archive
from bookeo.errors import ArchiveUnusable, SettingsError
from bookeo_pipelines.runtime.atomic_file import placed
from bookeo_pipelines.runtime.trusted_places import (
    UntrustedPlace,
    foreign_link,
    global_folder,
    prepare_places,
    require_home,
)
from bookeo_pipelines.warehouse.lock import one_at_a_time
from bookeo_sandbox import Sandbox
from command_runs import Run
from isolation import write_secrets

NOBODY, STRANGER = 65534, 12345
KEY = "THE-VICTIMS-REAL-API-KEY"

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of other users")


@pytest.fixture
def project(folder: Path) -> Path:
    """A project with settings."""
    write_secrets(folder, "[sources.bookeo]\n")
    (folder / ".dlt" / "config.toml").write_text("[sources.bookeo]\n")
    return folder


def refused(*arguments: str) -> str:
    with pytest.raises(UntrustedPlace) as raised:
        prepare_places(arguments)
    return raised.value.message


def test_a_project_of_ones_own_is_trusted(project: Path) -> None:
    prepare_places(["load"])
    assert (project / ".dlt").is_dir()


@as_root
@pytest.mark.parametrize("what", [".dlt", ".dlt/config.toml", ".dlt/secrets.toml", "dlt"])
def test_what_belongs_to_somebody_else_is_not(project: Path, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "dlt").mkdir(exist_ok=True)
    os.chown(project / what, STRANGER, STRANGER)
    said = refused("load")
    assert str(project / what) in said
    assert str(STRANGER) in said
    monkeypatch.setenv("BOOKEO_TRUSTED_FOLDERS", str(project))
    prepare_places(["load"])


@pytest.mark.parametrize("what", [".dlt", ".dlt/config.toml", ".dlt/secrets.toml", "dlt"])
def test_what_others_may_write_to_is_not(project: Path, what: str) -> None:
    (project / "dlt").mkdir(exist_ok=True)
    before = (project / what).stat().st_mode
    (project / what).chmod(before | 0o002)
    assert f"run `chmod go-w {project / what}`" in refused("load")
    subprocess.run(["chmod", "go-w", project / what], check=True)
    prepare_places(["load"])


@pytest.mark.parametrize("mode", [0o644, 0o604])
def test_secrets_that_others_may_read_are_refused(project: Path, mode: int) -> None:
    (project / ".dlt" / "secrets.toml").chmod(mode)
    said = refused("check")
    command = said[said.index("`") + 1 : said.rindex("`")]
    subprocess.run(command, shell=True, check=True)
    prepare_places(["check"])


def test_the_command_says_so_and_does_nothing(bookeo: Run, keys: Sandbox, project: Path) -> None:
    (project / ".dlt").chmod(0o777)
    outcome = bookeo("load")
    assert outcome.code == 2
    assert outcome.err.startswith("Error: Other users may write to ")
    assert keys.requests()["total"] == 0
    assert not (project / "bookeo.duckdb").exists()
    assert bookeo("load", "--help").code == 0


@as_root
def test_dlts_data_is_not_put_where_somebody_else_could_have_made_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = folder / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    monkeypatch.setenv("DLT_DATA_DIR", str(shared / "data"))
    prepare_places(["load"])
    assert (shared / "data").stat().st_mode & 0o777 == 0o700
    os.chown(shared / "data", STRANGER, STRANGER)
    assert "data belongs to another user" in refused("load")


def as_nobody(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command as the user nobody, who may read everything: Python may lie in somebody's home."""
    capability = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
    user = (f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *capability)
    program = "from bookeo_pipelines.cli.app import main; main()"
    return subprocess.run(
        ["setpriv", *user, sys.executable, "-c", program, *words],
        cwd=folder,
        env={"HOME": "/nonexistent", "PATH": os.environ["PATH"], "RUNTIME__DLTHUB_TELEMETRY": "false", **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@as_root
def test_a_service_account_without_a_home_reads_nothing_from_temporary_folders(folder: Path, sandbox: Sandbox) -> None:
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv is missing; it is in the Debian package util-linux")
    temporary, own = folder / "tmp", folder / "own"
    temporary.mkdir()
    temporary.chmod(0o1777)
    stranger = temporary / "dlt"
    stranger.mkdir()
    (stranger / "config.toml").write_text(
        f'[sources.bookeo]\nbase_url = "{sandbox.root_url}/evil"\non_failure = "touch {temporary}/pwned"\n'
    )
    (stranger / "secrets.toml").write_text("not TOML at all")
    for path in (stranger, *stranger.iterdir()):
        os.chown(path, STRANGER, STRANGER)
    own.mkdir(mode=0o700)
    secrets = write_secrets(own, f'[sources.bookeo]\napi_key = "{sandbox.api_key}"\n')
    for path in (own, secrets.parent, secrets):
        os.chown(path, NOBODY, NOBODY)
    place = {"TMPDIR": str(temporary), "SOURCES__BOOKEO__SECRET_KEY": "s"}
    shown = as_nobody(own, "config", "--json", **place)
    assert shown.returncode == 0, shown.stderr
    assert "evil" not in shown.stdout
    assert str(own / ".bookeo") in shown.stdout, "packages go beside the database"
    assert sandbox.api_key not in shown.stdout
    failed = as_nobody(
        own, "load", SOURCES__BOOKEO__BASE_URL="http://127.0.0.1:9/v2", SOURCES__BOOKEO__MAX_ATTEMPTS="1", **place
    )
    assert failed.returncode in (1, 4), failed.stderr
    assert not (temporary / "pwned").exists()
    assert sandbox.requests()["total"] == 0


@pytest.mark.parametrize("home", ["/nonexistent", "/proc"])
@pytest.mark.parametrize(
    ("options", "place"), [([], ""), (["--database", "a/b.duckdb"], "a"), (["--database=x/y.duckdb"], "x")]
)
def test_the_data_folder_without_a_home_is_beside_the_database(
    folder: Path, monkeypatch: pytest.MonkeyPatch, home: str, options: list[str], place: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
    monkeypatch.setattr("bookeo_pipelines.runtime.trusted_places._check", lambda *_, **__: None)
    monkeypatch.setenv("HOME", home)
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).startswith(home))
    monkeypatch.delenv("DLT_DATA_DIR")
    prepare_places(["load", *options])
    assert os.environ.pop("DLT_DATA_DIR") == str(folder / place / ".bookeo")
    assert global_folder() == Path(home, ".dlt")


@as_root
def test_links_of_others_are_found(folder: Path) -> None:
    (folder / "mine").mkdir()
    (folder / "own").symlink_to("mine")
    (folder / "again").symlink_to(folder / "own")
    (folder / "theirs").symlink_to(folder / "mine")
    os.lchown(folder / "theirs", STRANGER, STRANGER)
    (folder / "onwards").symlink_to("theirs/deeper")
    (folder / "circle").symlink_to("circle")
    found = {name: foreign_link(folder / name / "file") for name in ("mine", "own", "again", "none")}
    assert found == dict.fromkeys(found)
    assert foreign_link(folder / "theirs" / "file") == folder / "theirs"
    assert foreign_link(folder / "mine" / ".." / "onwards") == folder / "theirs"
    assert foreign_link(folder / "circle") == folder / "circle"


@as_root
def test_nothing_is_written_through_a_link_of_somebody_else(
    bookeo: Run, keys: Sandbox, loaded: Path, folder: Path
) -> None:
    victim = folder / "victim"
    victim.write_text("untouched")
    (folder / "export").mkdir()
    (folder / "elsewhere").mkdir()
    links = {
        "export/bookings.csv": victim,
        "copy.duckdb": victim,
        "new.duckdb": victim,
        "certificate.json": victim,
        "person.html": victim,
        "archive": folder / "elsewhere",
        "dictionary": folder / "elsewhere",
    }
    for link, leads_to in links.items():
        (folder / link).symlink_to(leads_to)
        os.lchown(folder / link, STRANGER, STRANGER)
    with duckdb.connect(str(loaded), read_only=True) as connection:
        [(customer,)] = connection.execute("SELECT min(customer_id) FROM bookeo_data.customers").fetchall()
    before = loaded.read_bytes()
    for words in (
        ("export", "--format", "csv", "--tables", "bookings"),
        ("publish", "--to", "copy.duckdb"),
        ("docs", "--output", "dictionary"),
        ("forget", "--customer", customer, "--yes", "--certificate", "certificate.json"),
        ("person", "--customer", customer, "--output", "person.html"),
        ("load", "--database", "new.duckdb"),
        ("load", "--archive", "archive"),
    ):
        outcome = bookeo(*words)
        assert outcome.code == 1, words
        assert "a symbolic link that another user has made" in outcome.err.replace("\n", " "), words
    assert victim.read_text() == "untouched"
    assert [*(folder / "elsewhere").iterdir()] == []
    assert loaded.read_bytes() == before
    assert keys.requests()["total"] == 0


@as_root
def test_the_archive_follows_no_link_inside_it(folder: Path) -> None:
    archive = Archive(str(folder / "archive"))
    archive.check()
    file = ArchiveFile("A1", "bookings", datetime(2026, 6, 1, tzinfo=UTC), "1")
    (folder / "elsewhere").mkdir()
    link = Path(folder, "archive", account_folder("A1"))
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(folder / "elsewhere")
    os.lchown(link, STRANGER, STRANGER)
    with pytest.raises(ArchiveUnusable, match="a symbolic link that another user has made"):
        archive.write(file, Kept({"entity": "bookings"}, []))
    assert [*(folder / "elsewhere").iterdir()] == []


def test_dlt_as_it_is_needs_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    require_home()
    monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
    monkeypatch.setenv("HOME", "/nonexistent")
    with pytest.raises(UntrustedPlace, match="set HOME to a folder of this user's own"):
        require_home()


def test_dagster_asks_as_the_command_does(project: Path) -> None:
    """Before anything of dlt is imported, of which there is none here."""
    (project / ".dlt").chmod(0o777)
    (project / "modules").mkdir()
    (project / "modules" / "dlt.py").write_text("raise SystemExit('dlt is imported')")
    done = subprocess.run(
        [sys.executable, "-c", "import bookeo_orchestration"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(project / "modules")},
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(f"run `chmod go-w {project / '.dlt'}`.")


def test_who_holds_a_lock_is_not_written_through_a_link(folder: Path) -> None:
    victim = folder / "victim"
    victim.write_text("untouched")
    lock = folder / ".bookeo.duckdb.lock"
    (folder / ".bookeo.duckdb.holder").symlink_to(victim)
    with one_at_a_time(lock, "bookeo.duckdb"):
        assert not (folder / ".bookeo.duckdb.holder").is_symlink()
    assert victim.read_text() == "untouched"


def test_a_lock_that_is_a_link_is_refused_in_a_sentence(folder: Path) -> None:
    lock = folder / ".bookeo.duckdb.lock"
    lock.symlink_to(folder / "victim")
    with pytest.raises(SettingsError, match="it is a symbolic link"), one_at_a_time(lock, "bookeo.duckdb"):
        pass
    assert not (folder / "victim").exists()


def test_a_link_of_ones_own_is_followed(folder: Path) -> None:
    (folder / "real").write_text("old")
    (folder / "link").symlink_to("real")
    with placed(folder / "link") as made:
        made.write_text("new")
    assert (folder / "real").read_text() == "new"
    assert (folder / "link").is_symlink()
