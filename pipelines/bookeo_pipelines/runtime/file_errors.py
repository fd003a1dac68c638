"""What the system says of a file, in words that say what to do."""

from __future__ import annotations

import errno
import os
import re

_ERRNO_IN_TEXT = re.compile(r"\[errno (\d+)\]", re.IGNORECASE)


def trouble_with_file(error: OSError) -> str:
    """Say what is wrong with a file, and what to do.

    Args:
        error: What the system says.

    Returns:
        The end of a sentence.
    """
    advice = {
        errno.ENOSPC: "make some room on the disk",
        errno.EDQUOT: "make some room, or have the quota raised",
        errno.EACCES: "check its owner and permissions",
        errno.EPERM: "check its owner and permissions",
        errno.EROFS: "name a place that may be written",
        errno.ENOENT: "it is not there, or no more",
        errno.ENOTDIR: "a part of its path is no folder",
        errno.EISDIR: "it is a folder; name a file",
        errno.ENAMETOOLONG: "give a shorter name",
        errno.EMFILE: "raise the number of open files (ulimit -n)",
        errno.ENFILE: "too many files are open on this machine",
        errno.EIO: "the disk may be damaged",
    }
    code = _code(error)
    what = error.strerror or (os.strerror(code) if code else "the system gives no reason")
    named = f": {error.filename}" if error.filename else ""
    todo = advice.get(code, "" if error.strerror else "see that there is room on the disk")
    return f"{what}{named}{f'; {todo}' if todo else ''}."


def _code(error: OSError) -> int:
    """Find the system's number of an error; libraries that write files themselves put it into their text."""
    found = _ERRNO_IN_TEXT.search(str(error))
    if error.errno is not None or found is None:
        return error.errno or (errno.ENOSPC if "No space left" in str(error) else 0)
    return int(found[1])
