"""JSON that any program can read, of any value that a database holds: exact, in ASCII, and never an error."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

_INDENT = "  "


def json_text(value: Any, *, indented: bool = True) -> str:
    """Write a value as JSON.

    Decimals and whole numbers keep all digits, as numbers. NaN and infinities, which JSON has none of, are texts. Times
    are ISO 8601 with all their digits, those with a time zone in UTC with a `Z`; durations likewise, with days of 24
    hours. Bytes are hexadecimal digits. What is none of these is its text.

    Args:
        value: Objects, lists and scalars.
        indented: Whether each value of objects and lists is on a line of its own.

    Returns:
        JSON in ASCII: nothing in it acts on a terminal, and any encoding of the output can carry it.
    """
    return "".join(_written(value, "\n" if indented else ""))


def _written(value: Any, line: str) -> Iterator[str]:
    inner = line + _INDENT if line else ""
    after = "," + (inner or " ")
    if isinstance(value, Mapping):
        yield "{"
        for number, (name, item) in enumerate(value.items()):
            yield (after if number else inner) + f"{json.dumps(_key(name))}: "
            yield from _written(item, inner)
        yield (line if value else "") + "}"
    elif isinstance(value, list | tuple | set | frozenset):
        yield "["
        for number, item in enumerate(value):
            yield after if number else inner
            yield from _written(item, inner)
        yield (line if value else "") + "]"
    else:
        yield _scalar(value)


def _key(name: Any) -> str:
    if isinstance(name, str):
        return str(name)
    text = _scalar(name)
    return str(json.loads(text)) if text.startswith('"') else text


def _scalar(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() else json.dumps(str(value))
    if isinstance(value, float) and not math.isfinite(value):
        return json.dumps("NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity")
    if value is None or isinstance(value, str | bool | int | float):
        return json.dumps(value)
    return json.dumps(_text(value))


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        aware = value.tzinfo is not None
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if aware else value.isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return duration(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    return str(value)


def duration(span: timedelta) -> str:
    """Write a duration as ISO 8601 does, in days and seconds.

    Args:
        span: The duration.

    Returns:
        For example `P2DT3.5S`; a minus sign in front of it where it goes back.
    """
    sign, span = ("-", -span) if span < timedelta(0) else ("", span)
    seconds = Decimal(span.seconds) + Decimal(span.microseconds).scaleb(-6)
    days = f"{span.days}D" if span.days else ""
    return f"{sign}P{days}" + (f"T{seconds.normalize():f}S" if seconds or not days else "")
