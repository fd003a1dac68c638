"""JSON as other writers of JSON spell it: the same values, more escapes."""

from __future__ import annotations

import json
import re

_HTML = {char.encode(): f"\\u{ord(char):04x}".encode() for char in "<>&='"}
_NOT_ASCII = re.compile(r"[^\x00-\x7f\udc80-\udcff]")


def escaped(body: bytes, how: str) -> bytes:
    """Escapes what JSON allows to be escaped. None of it can stand outside of a text.

    Args:
        body: JSON in UTF-8, or anything else.
        how: `html`: what means something in HTML; `all`: that, slashes, and letters that are not ASCII; `none`.

    Returns:
        JSON that says the same.
    """
    if how == "none":
        return body
    for char, escape in _HTML.items():
        body = body.replace(char, escape)
    if how == "all":
        text = body.decode("utf-8", "surrogateescape").replace("/", "\\/")
        body = _NOT_ASCII.sub(lambda found: json.dumps(found[0])[1:-1], text).encode("utf-8", "surrogateescape")
    return body
