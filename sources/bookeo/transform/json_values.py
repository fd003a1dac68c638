"""JSON read and written without loss: numbers stay as they are spelt, and every text can be stored."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

from bookeo.schema.model import DECIMAL_PRECISION, DECIMAL_SCALE

_TROUBLE = re.compile(rb"\\u(?:[dD][89a-fA-F]|0000)")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_AMOUNT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d{1,12}))?)?)?(?:([Zz])|([+-]\d\d)(?::?(\d\d))?)", re.ASCII
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_LIMIT = Decimal(10) ** (DECIMAL_PRECISION - DECIMAL_SCALE)
_INT64 = range(-(2**63), 2**63)


CONSTANTS = ("NaN", "Infinity", "-Infinity")
"""What some servers write for a number that is none, although JSON has no such thing."""


class MisfitError(ValueError):
    """A value cannot be made into what is declared; the message says why, never what it is."""


@dataclass(frozen=True, slots=True)
class Number:
    """A JSON number as it was spelt: `1.50` and `1e3` are lost in a float.

    Args:
        text: Its spelling.
    """

    text: str


def load(body: bytes) -> Any:
    """Reads JSON.

    Numbers become `Number`. A lone surrogate and NUL, which no text column can hold, become U+FFFD; so does what is not
    UTF-8.

    Args:
        body: The bytes of an answer.

    Returns:
        The value.

    Raises:
        MisfitError: It is not JSON, or nested too deeply to be read.
    """
    text = body.decode("utf-8-sig", errors="replace")
    try:
        value = json.loads(text, parse_float=Number, parse_int=Number, parse_constant=Number)
        return _storable(value) if _TROUBLE.search(body) else value
    except RecursionError:
        raise MisfitError("nested too deeply") from None
    except ValueError:
        raise MisfitError("not JSON") from None


def has_constant(value: Any) -> bool:
    """Tell whether NaN or an infinity stands somewhere in a value.

    Args:
        value: What `load` returned.

    Returns:
        Whether it does.
    """
    if isinstance(value, Number):
        return value.text in CONSTANTS
    if isinstance(value, dict):
        return any(has_constant(item) for item in value.values())
    return isinstance(value, list) and any(has_constant(item) for item in value)


def dump(value: Any) -> str:
    """Writes JSON, numbers as they were spelt.

    Args:
        value: What `load` gave.

    Returns:
        The JSON text; of what is nested too deeply, only a text that says so.
    """
    try:
        return orjson.dumps(value, default=_spell, option=orjson.OPT_PASSTHROUGH_DATACLASS).decode()
    except orjson.JSONEncodeError:
        return '"(nested too deeply)"'


def type_name(value: Any) -> str:
    """Names the JSON type of a value, for messages.

    Args:
        value: What `load` gave.

    Returns:
        text, number, true or false, list, object or null.
    """
    names = {str: "a text", Number: "a number", bool: "true or false", list: "a list", dict: "an object"}
    return names.get(type(value), "null")


def to_text(value: Any) -> str:
    """Makes a text of a text, number or flag.

    Args:
        value: What `load` gave.

    Returns:
        The text; a number as it was spelt.

    Raises:
        MisfitError: It is a list or an object.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Number) and _NUMBER.fullmatch(value.text):
        return value.text
    raise MisfitError(f"{type_name(value)} where a text belongs")


def to_bool(value: Any) -> bool | None:
    """Makes a flag of a flag, or of the texts true and false in any case.

    Args:
        value: What `load` gave.

    Returns:
        The flag, None for an empty text.

    Raises:
        MisfitError: It is anything else.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false", ""):
        return {"true": True, "false": False}.get(value.lower())
    raise MisfitError(f"{type_name(value)} where true or false belongs")


def to_integer(value: Any) -> int | None:
    """Makes a whole number of a number or a text that spells one.

    Args:
        value: What `load` gave.

    Returns:
        The number, None for an empty text.

    Raises:
        MisfitError: It is not whole, does not fit 64 bits, or is no number.
    """
    number = _decimal(value, "a whole number")
    if number is None:
        return None
    if number != number.to_integral_value() or int(number) not in _INT64:
        raise MisfitError(f"{type_name(value)} that is not whole or does not fit 64 bits")
    return int(number)


def to_amount(value: Any) -> str | None:
    """Makes an amount of a text or number, exactly: nothing is rounded.

    Args:
        value: What `load` gave.

    Returns:
        The amount in plain decimal notation, None for an empty text.

    Raises:
        MisfitError: It is no number (`1,000.00` could mean two things), or does not fit DECIMAL(19,4).
    """
    number = _decimal(value, "an amount")
    if number is None:
        return None
    if abs(number) >= _LIMIT or number != round(number, DECIMAL_SCALE):
        raise MisfitError(f"{type_name(value)} that does not fit DECIMAL({DECIMAL_PRECISION},{DECIMAL_SCALE})")
    return f"{number:.{DECIMAL_SCALE}f}"


def to_time(value: Any) -> str | None:
    """Checks a point in time and spells it as RFC 3339 does.

    Args:
        value: What `load` gave.

    Returns:
        For example `2015-03-30T17:02:00+11:00`, None for an empty text.

    Raises:
        MisfitError: It is no time, has no offset, or lies outside of the years 1 to 9999 in UTC.
    """
    if value == "":
        return None
    parts = _TIME.fullmatch(value) if isinstance(value, str) else None
    if parts is None:
        raise MisfitError(f"{type_name(value)} where a time with an offset belongs")
    day, hour, minute, second, fraction, zulu, offset_hours, offset_minutes = parts.groups()
    micros = (fraction or "").rstrip("0")
    offset = "+00:00" if zulu else f"{offset_hours}:{offset_minutes or '00'}"
    spelt = f"{day}T{hour}:{minute or '00'}:{second or '00'}{'.' + micros if micros else ''}{offset}"
    try:
        instant = datetime.fromisoformat(spelt)
        instant.timestamp()
        too_far = not -62_135_596_800 <= instant.timestamp() < 253_402_300_800
    except (ValueError, OverflowError):
        raise MisfitError("a time that does not exist") from None
    if too_far or len(micros) > 6:
        raise MisfitError("a time that does not fit a timestamp with microseconds")
    return spelt


def to_date(value: Any) -> str | None:
    """Checks a date; of a point in time it takes the local day.

    Args:
        value: What `load` gave.

    Returns:
        For example `2015-03-30`, None for an empty text.

    Raises:
        MisfitError: It is no date.
    """
    if value == "":
        return None
    if not isinstance(value, str):
        raise MisfitError(f"{type_name(value)} where a date belongs")
    if not _DATE.fullmatch(value):
        return str(to_time(value))[:10]
    try:
        return datetime.fromisoformat(value).date().isoformat()
    except ValueError:
        raise MisfitError("a date that does not exist") from None


def _decimal(value: Any, what: str) -> Decimal | None:
    if value == "":
        return None
    spelt = value.text if isinstance(value, Number) else value
    if isinstance(spelt, str) and _AMOUNT.fullmatch(spelt) and len(spelt) < 1000:
        try:
            number = Decimal(spelt)
            # beyond this, arithmetic would round or fail, and nothing declared fits anyway
            if number.is_zero() or abs(number.adjusted()) < 40:
                return Decimal(0) if number.is_zero() else number
        except InvalidOperation:
            pass
        raise MisfitError(f"{type_name(value)} of a size that cannot be {what}")
    raise MisfitError(f"{type_name(value)} where {what} belongs")


def _spell(value: Any) -> Any:
    if isinstance(value, Number):
        return orjson.Fragment(value.text) if _NUMBER.fullmatch(value.text) else value.text
    raise TypeError(type(value).__name__)


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        joined = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return _UNSTORABLE.sub("\ufffd", joined)
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {_storable(name): _storable(item) for name, item in value.items()}
    return value
