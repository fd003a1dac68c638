"""Tells somebody that a command failed: the setting `on_failure` names a command or a webhook that gets a summary."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

import requests

from bookeo.errors import SettingsError
from bookeo.http.transport_errors import connection_failure
from bookeo.settings.lookup import find_setting
from bookeo.settings.model import check_hook, is_loopback, is_url
from bookeo_pipelines.outcomes import ExitCode
from bookeo_pipelines.runtime.child_environment import child_environment

COMMAND_SECONDS = 60
WEBHOOK_SECONDS = 10


def alert(command: str, code: int, accounts: Sequence[Mapping[str, Any]], sentences: Sequence[str] = ()) -> str | None:
    """Tells whoever the setting `on_failure` names; nobody where it is not set.

    Args:
        command: Which of our commands failed, e.g. `load`.
        code: Its exit code.
        accounts: What became of each account, as JSON values without personal data.
        sentences: What people were told of why, likewise.

    Returns:
        A sentence if the alert could not be delivered; None if it was, or nobody is to be told.
    """
    try:
        found = find_setting("on_failure", str)
    except SettingsError:  # which is why the command failed, and is being told
        return None
    if found is None or not found.value:
        return None
    hook: str = found.value
    why = "; ".join(sentences) or ("records were rejected" if code == ExitCode.REJECTED else "see its output")
    # Chat programs show what a webhook's field `text` holds.
    text = f"bookeo {command} ended with exit code {code}: {why}"
    summary = {"text": text, "command": command, "exit_code": code, "accounts": [*accounts]}
    try:
        check_hook(hook)
        trouble = (_post if is_url(hook) else _run)(hook, json.dumps(summary))
    except SettingsError as error:
        return error.message
    return f"The alert (setting on_failure) could not be delivered: {trouble}." if trouble else None


def _run(hook: str, body: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 - the user's own command, of their own settings; no shell is asked
            shlex.split(hook),
            input=body.encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=child_environment(),
            timeout=COMMAND_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"the command did not end within {COMMAND_SECONDS} s"
    except ValueError as error:
        return f"the command cannot be read ({error})"
    except OSError as error:
        return f"the command cannot be run ({error.strerror})"
    return f"the command ended with exit code {done.returncode}" if done.returncode else None


def _post(hook: str, body: str) -> str | None:
    with requests.Session() as session:
        session.trust_env = not is_loopback(hook)
        try:
            answer = session.post(
                hook,
                data=body.encode(),
                headers={"Content-Type": "application/json"},
                timeout=WEBHOOK_SECONDS,
                allow_redirects=False,
            )
        except (OSError, ValueError) as error:
            # Said in words of ours: the exception quotes the address, which is a secret by itself.
            return connection_failure(error).what
    return f"the webhook answered with HTTP {answer.status_code}" if answer.status_code >= 300 else None
