"""Places that may tell this program what to do: those of its user or of root, to which nobody else may write.

Settings name the command that runs after a failure and the server that gets the keys, and dlt unpickles what lies among
its data. So a folder is trusted by its owner, as git trusts a repository, and never by its name.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

TRUSTED = "BOOKEO_TRUSTED_FOLDERS"
"""Variable with folders to trust whoever owns them, written like PATH."""
DATA_FOLDER = ".bookeo"
"""The folder beside the database for dlt's data, where there is no home that can be written to."""


class UntrustedPlace(Exception):
    """Somebody else could have put settings, or data that is executed, where they would be read.

    Args:
        message: Which place, why, and what to do, in one sentence.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def prepare_places(arguments: Sequence[str]) -> None:
    """Check the folders that dlt reads from, before it is imported; without a home give it one for its data.

    Args:
        arguments: The command's arguments; the option `--database` says where the database is.

    Raises:
        UntrustedPlace: Another user owns such a folder or a settings file in it, or may write to it; or others may read
            a file with secrets.
    """
    if os.name == "posix" and "DLT_DATA_DIR" not in os.environ and _has_no_home():
        os.environ["DLT_DATA_DIR"] = str(_database_folder(arguments) / DATA_FOLDER)
    check_places()


def require_home() -> None:
    """Make sure that dlt, as it is, finds the user's own folder for settings.

    Raises:
        UntrustedPlace: It would look for them among temporary files, where anybody can put them.
    """
    if os.name == "posix" and _has_no_home():
        raise UntrustedPlace(
            "This user has no home that can be written to, so dlt would read settings from a temporary folder, which "
            "anybody can make; set HOME to a folder of this user's own."
        )


def check_places() -> None:
    """Check the folders that dlt reads from; nothing is changed but that a missing data folder may be made.

    Raises:
        UntrustedPlace: As `prepare_places` says.
    """
    if os.name != "posix":
        return
    settings = Path(os.environ.get("DLT_PROJECT_DIR", "."), os.environ.get("DLT_CONFIG_FOLDER", ".dlt"))
    for folder in (settings, global_folder()):
        if folder.is_dir():
            _check(folder, sticky_will_do=True)
            for file in _settings_files(folder):
                _check(file)
                if "secrets" in file.name:
                    _check_unreadable(file)
    data = Path(os.environ.get("DLT_DATA_DIR", global_folder()))
    if not data.exists() and _writable_by_others(_nearest(data).stat()):
        data.mkdir(mode=0o700, parents=True)  # before somebody else does
    if data.exists():
        _check(data)


def global_folder() -> Path:
    """Return dlt's folder for settings of all projects and for data: what dlt says, but never a temporary one.

    Returns:
        The folder; it need not exist.
    """
    if os.geteuid() == 0:
        return Path("/var/dlt")
    home = _home()
    if home is None:
        return Path(".dlt")  # of the project, which is read anyway
    own = home / ".dlt"
    if "XDG_DATA_HOME" in os.environ and os.access(home, os.W_OK) and not own.is_dir():
        return Path(os.environ["XDG_DATA_HOME"], "dlt")
    return own


def foreign_link(path: Path) -> Path | None:
    """Find a symbolic link on the way to a file that another user has made: it could lead anywhere.

    Args:
        path: The file, which need not exist.

    Returns:
        The first such link; None where there is none.
    """
    if os.name != "posix":
        return None
    # Not `absolute().parts` at once: a link's target may hold further links.
    reached, ahead, links = Path("/"), list(reversed(path.absolute().parts[1:])), 0
    while ahead:
        part = ahead.pop()
        if part == "..":
            reached = reached.parent
            continue
        reached = reached / part
        if reached.is_symlink():
            links += 1
            if links > 40 or reached.lstat().st_uid not in _trusted_users():
                return reached
            target = reached.readlink()
            reached = Path("/") if target.is_absolute() else reached.parent
            ahead += reversed(target.parts[1:] if target.is_absolute() else target.parts)
    return None


def _settings_files(folder: Path) -> Iterator[Path]:
    for pattern in ("*config.toml", "*secrets.toml", ".workspace"):
        yield from sorted(folder.glob(pattern))


def _check(path: Path, *, sticky_will_do: bool = False) -> None:
    if _is_declared_trusted(path):
        return
    status = path.stat()
    what = path.absolute()
    if status.st_uid not in _trusted_users():
        raise UntrustedPlace(
            f"{what} belongs to another user ({_user(status.st_uid)}), who could choose where your keys go and what "
            f"runs; take it over with chown, or trust it with {TRUSTED}={_folder(what)}."
        )
    # In a folder with the sticky bit nobody can replace the files of others, and each file is checked by itself.
    if sticky_will_do and status.st_mode & stat.S_ISVTX and status.st_uid == 0:
        return
    if _writable_by_others(status):
        raise UntrustedPlace(
            f"Other users may write to {what}, and so choose where your keys go and what runs; run `chmod go-w {what}`."
        )


def _check_unreadable(path: Path) -> None:
    status = path.stat()
    ours = status.st_uid == os.geteuid() and not _is_private_group(status)
    # A group may be how a container gets to read what root provides.
    if status.st_mode & (stat.S_IROTH | (stat.S_IRGRP if ours else 0)) and not _is_declared_trusted(path):
        raise UntrustedPlace(f"Other users may read {path}, which is for keys; run `chmod 600 {path}`.")


def _writable_by_others(status: os.stat_result) -> bool:
    by_group = status.st_mode & stat.S_IWGRP and not _is_private_group(status)
    return bool(status.st_mode & stat.S_IWOTH or by_group)


def _is_private_group(status: os.stat_result) -> bool:
    """Whether a file's group is that of its owner alone, as most systems make one for each user."""
    import grp
    import pwd

    try:
        owner, group = pwd.getpwuid(status.st_uid), grp.getgrgid(status.st_gid)
    except KeyError:
        return False
    return owner.pw_gid == group.gr_gid and group.gr_name == owner.pw_name and set(group.gr_mem) <= {owner.pw_name}


def _trusted_users() -> set[int]:
    users = {0, os.geteuid()}
    if os.geteuid() == 0 and os.environ.get("SUDO_UID", "").isdigit():
        users.add(int(os.environ["SUDO_UID"]))
    return users


def _is_declared_trusted(path: Path) -> bool:
    declared = [Path(name).resolve() for name in os.environ.get(TRUSTED, "").split(os.pathsep) if name]
    return any(path.resolve().is_relative_to(folder) or path.absolute().is_relative_to(folder) for folder in declared)


def _has_no_home() -> bool:
    home = _home()
    return os.geteuid() != 0 and (home is None or not home.is_dir() or not os.access(home, os.W_OK))


def _home() -> Path | None:
    try:
        return Path.home()
    except RuntimeError:
        return None


def _database_folder(arguments: Sequence[str]) -> Path:
    for number, argument in enumerate(arguments):
        if argument.startswith("--database="):
            return Path(argument.partition("=")[2]).absolute().parent
        if argument == "--database" and number + 1 < len(arguments):
            return Path(arguments[number + 1]).absolute().parent
    return Path.cwd()


def _nearest(path: Path) -> Path:
    path = path.absolute()
    return path if path.exists() else _nearest(path.parent)


def _folder(path: Path) -> Path:
    return path if path.is_dir() else path.parent


def _user(number: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
