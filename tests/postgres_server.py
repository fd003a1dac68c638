"""A real PostgreSQL server for tests: Debian's programs, a folder of its own, gone when the tests are."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from patience import PATIENCE, wait_until
from programs import missing

SUPERUSER = "loader"
VERSIONS = Path("/usr/lib/postgresql")
MISSING = missing("PostgreSQL", "postgresql")


def programs() -> Path | None:
    """The folder of Debian's newest PostgreSQL programs; None if there is none that could be run."""
    user = superuser()
    if user is not None and (shutil.which("setpriv") is None or not _is_user(user)):
        return None
    found = VERSIONS.glob("*/bin/initdb")
    return max((each.parent for each in found), key=lambda folder: int(folder.parent.name), default=None)


def superuser() -> str | None:
    """Who runs the server; None for whoever runs the tests."""
    # PostgreSQL refuses to run as root; Debian's package has made the user postgres.
    return "postgres" if os.geteuid() == 0 else None


def _is_user(name: str) -> bool:
    try:
        return bool(pwd.getpwnam(name))
    except KeyError:
        return False


@dataclass(frozen=True)
class PostgresDatabase:
    """One database on the server.

    Attributes:
        name: Its name.
        port: The server's port on 127.0.0.1.
    """

    name: str
    port: int
    user: str = SUPERUSER
    password: str = "unused-but-asked-for"  # the server trusts everybody on this machine
    host: str = "127.0.0.1"

    @property
    def url(self) -> str:
        """The connection string, as dlt's `DESTINATION__POSTGRES__CREDENTIALS` takes it."""
        return f"postgresql://{self.user}:{self.password}@{self.host}:{self.port}/{self.name}"


@dataclass(frozen=True)
class PostgresServer:
    """A running server.

    Attributes:
        port: Its port on 127.0.0.1.
        folder: Its programs.
    """

    port: int
    folder: Path

    def create(self, name: str) -> PostgresDatabase:
        """Makes a database, empty."""
        self.run(f'CREATE DATABASE "{name}"')
        return PostgresDatabase(name, self.port)

    def drop(self, name: str) -> None:
        """Removes a database, whoever is connected to it."""
        self.run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def run(self, sql: str, database: str = "postgres") -> str:
        """Runs one statement with psql.

        Returns:
            Its rows, a line each, columns parted by `|`.
        """
        command = [str(self.folder / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql]
        place = ["-h", "127.0.0.1", "-p", str(self.port), "-U", SUPERUSER, "-d", database]
        done = subprocess.run([*command, *place], capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@contextmanager
def running_server() -> Iterator[PostgresServer]:
    """Starts a server in a temporary folder; it ends with the block, and its folder with it.

    Should this process be killed, the system ends the server.

    Nothing it writes is flushed to the disk: it is to be fast, not to survive.
    """
    folder = programs()
    assert folder is not None, MISSING
    user = superuser()
    home = Path(tempfile.mkdtemp(prefix="bookeo-postgres-"))
    try:
        if user is not None:
            shutil.chown(home, user)
        data = home / "data"
        _run([folder / "initdb", "-D", data, "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C", "-N"], user)
        port = _free_port()
        settings = (
            f"listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = ''\nfsync = off\n"
            "synchronous_commit = off\nfull_page_writes = off\nautovacuum = off\nmax_connections = 200\n"
            "shared_buffers = 64MB\nlog_min_messages = fatal\ntimezone = 'Australia/Sydney'\n"
        )
        (data / "bookeo.conf").write_text(settings)
        with (data / "postgresql.conf").open("a") as file:
            file.write("include 'bookeo.conf'\n")
        with (home / "log").open("w") as log:
            server = subprocess.Popen(
                ["setpriv", "--pdeathsig=QUIT", *_become(user), str(folder / "postgres"), "-D", str(data)],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            _wait(server, folder, port, home / "log")
            yield PostgresServer(port, folder)
        finally:
            server.send_signal(signal.SIGQUIT)  # at once: nothing of it is needed any more
            server.wait(PATIENCE)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _become(user: str | None) -> list[str]:
    return [f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []


def _run(command: list[Path | str], user: str | None) -> None:
    words = ["setpriv", *_become(user), *map(str, command)] if user else [str(word) for word in command]
    done = subprocess.run(words, cwd="/", capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr


def _wait(server: subprocess.Popen[bytes], folder: Path, port: int, log: Path) -> None:
    ready = [str(folder / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]

    def answers() -> bool:
        assert server.poll() is None, log.read_text()
        return subprocess.run(ready, timeout=PATIENCE, check=False).returncode == 0

    wait_until(answers, pause=0.05)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
