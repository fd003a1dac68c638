"""Marks planted as personal data into what the sandbox answers, and the search for them in all that is left behind.

Which of the API's fields are personal is said once more here; nothing of it comes from the package under test.
"""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bookeo_sandbox.serving.service import Service

MARK = "Canariensis"
BORN = "1931-07-19"
IP = "203.0.113.77"
PHONE = "+34 928 000 731"
SIGNS = (MARK.lower(), "19310719", BORN, IP, "928 000 731")
"""What is searched for, in lower case."""

TEXTS = {
    "title",
    "firstName",
    "middleName",
    "lastName",
    "address1",
    "address2",
    "city",
    "postcode",
    "facebookId",
    "externalRef",
    "cancelationAgent",
    "creationAgent",
    "lastChangeAgent",
    "agent",
    "promotionCodeInput",
    "giftVoucherCodeInput",
    "specificVoucherCode",
    "transactionId",
    "reason",
    "comment",
    "paymentMethodOther",
}
SPECIAL = {"emailAddress": f"{MARK}@example.org", "dateOfBirth": BORN, "sourceIp": IP}
SPECIAL["source"] = f"utm_source=paper|utm_medium=print|gclid={MARK}|referrer=https://forum.example/{MARK}"
"""Where a booking came from: not personal, but for the ids in it."""
OF_ITEMS = {"phoneNumbers": ("number", PHONE), "customFields": ("value", MARK), "options": ("value", MARK)}
OF_ITEMS |= {"resources": ("name", MARK), "priceAdjustments": ("description", MARK)}


def planted(value: Any, mark: str = MARK) -> Any:
    """A record with a mark in every personal field that it has, and in fields that nobody declared."""
    if isinstance(value, list):
        return [planted(item, mark) for item in value]
    if not isinstance(value, dict):
        return value
    made = {name: planted(item, mark) for name, item in value.items()}
    for name in TEXTS & made.keys():
        made[name] = f"{mark} {name}"
    for name in SPECIAL.keys() & made.keys():
        made[name] = SPECIAL[name].replace(MARK, mark)
    if isinstance(made.get("couponCodes"), list):
        made["couponCodes"] = [f"{mark} coupon" for _ in made["couponCodes"]]
    for name, (field, text) in OF_ITEMS.items():
        if isinstance(made.get(name), list):
            made[name] = [{**item, field: text.replace(MARK, mark)} for item in made[name] if isinstance(item, dict)]
    return made


def enriched(booking: dict[str, Any]) -> dict[str, Any]:
    """A booking that has every personal field there is."""
    made = {"externalRef": "", "sourceIp": "", "promotionCodeInput": "", "giftVoucherCodeInput": "", **booking}
    made |= {"specificVoucherCode": "", "couponCodes": [""]}
    made["lastChangeAgent"] = made["cancelationAgent"] = ""
    made["initialPayments"] = [
        {"reason": "", "comment": "", "agent": "", "transactionId": "", "amount": {"amount": "1", "currency": "EUR"}}
    ]
    return made


def person(**more: Any) -> dict[str, Any]:
    """Everything that the API tells of somebody, but ids."""
    address = {"address1": "", "address2": "", "city": "", "postcode": "", "countryCode": "ES"}
    texts = dict.fromkeys(("firstName", "middleName", "lastName", "emailAddress", "dateOfBirth", "facebookId"), "")
    lists = {
        "phoneNumbers": [{"number": "", "type": "home"}],
        "customFields": [{"id": "F", "name": "Shoes", "value": ""}],
    }
    return {**texts, **lists, "streetAddress": address, **more}


def answer_through(monkeypatch: pytest.MonkeyPatch, change: Callable[[str, Any], Any]) -> None:
    """Lets every answer of every sandbox go through a change of its JSON, given the operation."""
    original = Service.answer

    def answer(service: Service, info: Any, *arguments: Any) -> Any:
        answered = original(service, info, *arguments)
        if answered.body:
            answered.body = json.dumps(change(info.operation, json.loads(answered.body)), ensure_ascii=False).encode()
        return answered

    monkeypatch.setattr(Service, "answer", answer)


def found_in(content: bytes, signs: Iterable[str] = SIGNS) -> list[str]:
    """What stands around the signs that are in something."""
    low = content.lower()
    places = (low.find(sign.lower().encode()) for sign in signs)
    return [low[max(at - 60, 0) : at + 60].decode("utf-8", "replace") for at in places if at >= 0]


def left_behind(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Everything that lies in a folder: the bytes of each file, and what is in it once unpacked."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        name, content = str(path.relative_to(folder)), path.read_bytes()
        yield name, content
        if path.suffix == ".parquet":
            yield f"{name}, read", _spelt(pq.read_table(path).to_pylist())
        elif content[:2] == b"\x1f\x8b":
            yield f"{name}, unpacked", gzip.decompress(content)
        elif path.suffix == ".zst":
            with pa.CompressedInputStream(pa.BufferReader(content), "zstd") as stream:
                yield f"{name}, unpacked", stream.read()
        elif path.suffix == ".duckdb":
            yield from _tables(path, name)


def _tables(path: Path, name: str) -> Iterator[tuple[str, bytes]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        for schema, table in connection.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall():
            rows = connection.execute(f'SELECT * FROM "{schema}"."{table}"').fetchall()
            yield f"{name}, {schema}.{table}", _spelt(rows)
            if table == "_dlt_pipeline_state":
                states = connection.execute(f'SELECT state FROM "{schema}"."{table}"').fetchall()
                yield f"{name}, states", b"".join(zlib.decompress(base64.b64decode(state)) for (state,) in states)


def _spelt(rows: Any) -> bytes:
    return repr(rows).encode("utf-8", "replace")
