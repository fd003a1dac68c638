"""What programs that we start see of the environment: what every program needs, and nothing that may be a secret."""

from __future__ import annotations

import os
import re

ALLOWED = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|TMP|TEMP|SSL_CERT_FILE|SSL_CERT_DIR"
    r"|DISPLAY|WAYLAND_DISPLAY|XAUTHORITY|XDG_RUNTIME_DIR|DBUS_SESSION_BUS_ADDRESS|BROWSER"
    r"|SYSTEMROOT|SYSTEMDRIVE|COMSPEC|PATHEXT|USERPROFILE|APPDATA|LOCALAPPDATA"
)
PROXIES = re.compile(r"(?:HTTP|HTTPS|ALL|NO)_PROXY", re.IGNORECASE)


def child_environment() -> dict[str, str]:
    """Return the variables to start a program with.

    Returns:
        Those that are on the list, and proxies unless their address holds a password.
    """
    return {
        name: value
        for name, value in os.environ.items()
        if ALLOWED.fullmatch(name) or (PROXIES.fullmatch(name) and "@" not in value)
    }
