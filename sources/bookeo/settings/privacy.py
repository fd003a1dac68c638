"""Which kinds of personal data are kept, hashed or dropped, and how a text is hashed. No input, no output.

The declarations in `bookeo.schema` say of each column, and of each field in the API's JSON, of which class it is. These
rules say what becomes of a class. `bookeo.privacy` applies them.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

from bookeo.errors import SettingsError
from bookeo.schema.model import Personal

Action = Literal["keep", "hash", "drop"]
"""What becomes of a class, from the mildest to the strictest."""

HASH_PREFIX = "hmac:"
HASH_DIGITS = 32
"""Hexadecimal digits of a hash: 128 bits, so that no two texts share one."""
SHORTEST_KEY = 16
"""Characters. Names and birthdays are few: with a key that can be guessed, so can they be."""

_CLASSES: tuple[Personal, ...] = get_args(Personal)
_ACTIONS: tuple[Action, ...] = get_args(Action)
_HASHED = re.compile(rf"{HASH_PREFIX}[0-9a-f]{{{HASH_DIGITS}}}")


@dataclass(frozen=True)
class Privacy:
    """The rules of a load.

    Args:
        actions: What becomes of each class; one that is missing is kept.
        key: Key of the hashes; needed only where something is hashed.
    """

    actions: Mapping[Personal, Action] = field(default_factory=dict)
    key: bytes = field(default=b"", repr=False)

    @property
    def keeps_all(self) -> bool:
        """Whether nothing is to be done."""
        return all(action == "keep" for action in self.actions.values())

    def action(self, classes: Iterable[Personal]) -> Action:
        """Says what becomes of something.

        Args:
            classes: All classes that it may belong to.

        Returns:
            The strictest of their actions; `keep` where there are none.
        """
        return max((self.actions.get(one, "keep") for one in classes), key=_ACTIONS.index, default="keep")

    def hashed(self, text: str) -> str:
        """Hashes a text. Equal texts have equal hashes, in whatever column they are, so joins still work.

        Args:
            text: The text.

        Returns:
            `hmac:` and the first 32 hexadecimal digits of its HMAC-SHA256 (of its UTF-8). An empty text, and one that
            is such a hash already, stay as they are: what was hashed on its way into an archive is so after a replay.
        """
        if not text or _HASHED.fullmatch(text):
            return text
        digest = hmac.digest(self.key, text.encode("utf-8", "surrogatepass"), "sha256").hex()
        return HASH_PREFIX + digest[:HASH_DIGITS]


KEEP_ALL = Privacy()
DROP_ALL = Privacy(dict.fromkeys(_CLASSES, "drop"))


def read_actions(value: Any) -> dict[Personal, Action]:
    """Reads the setting `privacy`.

    Args:
        value: One action for all classes, or a table of actions by class; as JSON where it comes from the environment.

    Returns:
        The action of every class.

    Raises:
        SettingsError: There is no such class or action.
    """
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = json.loads(value)
        except ValueError:
            raise SettingsError(
                'The setting privacy is no JSON; write it like {"name": "hash", "ip": "drop"}.'
            ) from None
    given = dict.fromkeys(_CLASSES, value) if not isinstance(value, Mapping) else dict(value)
    unknown = [name for name in given if name not in _CLASSES]
    if unknown:
        raise SettingsError(
            f"The setting privacy names the class {unknown[0]!r}; there are {', '.join(_CLASSES)}, or one word for all."
        )
    for name, action in given.items():
        if action not in _ACTIONS:
            raise SettingsError(f"The setting privacy is {action!r} for {name}; it takes one of {', '.join(_ACTIONS)}.")
    return {name: cast("Action", given.get(name, "keep")) for name in _CLASSES}


def make_privacy(value: Any, key: str | None) -> Privacy:
    """Makes the rules.

    Args:
        value: The setting `privacy`, see `read_actions`.
        key: The setting `privacy_key`.

    Returns:
        The rules.

    Raises:
        SettingsError: As `read_actions`; or something is to be hashed and the key is missing or too short.
    """
    actions = read_actions(value)
    key = (key or "").strip()
    if "hash" in actions.values() and len(key) < SHORTEST_KEY:
        raise SettingsError(
            f"The setting privacy says hash, which needs a privacy_key of at least {SHORTEST_KEY} characters: put one "
            "under [sources.bookeo] in .dlt/secrets.toml, or set SOURCES__BOOKEO__PRIVACY_KEY."
        )
    return Privacy(actions, key.encode())
