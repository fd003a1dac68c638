"""One file of the archive: its name, and answers of the API in it as they came, compressed and with a digest.

Unpacked by any zstd, a file is made of lines of JSON and of answers between them: a line of facts about all of them,
then for each answer a line of facts that ends in its length, and its bytes; at last the number of answers and the
BLAKE2b of everything before. That a byte is missing or another one is always seen: zstd alone does not show it.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote

import orjson
import pyarrow as pa

from bookeo.errors import ArchiveFileDamaged

FORMAT = 1
"""Rises when an older reader would misunderstand a newer file."""
NOTES = "notes"
"""The folder of what a load found out, beside those of the operations."""
FORGOTTEN = "forgotten"
"""The folder of who is forgotten; the last file counts."""
FIRST = "first"
"""Stands for the package before, where there is none."""

_NAME = re.compile(r"(\d{6}\.\d{6})-(\d+(?:\.\d+)?)-(first|\d+(?:\.\d+)?)\.zst")
_LONGEST_LINE = 1 << 30


@dataclass(frozen=True)
class KeptAnswer:
    """An answer of the API.

    Args:
        body: Its bytes.
        facts: What was asked: `records` (name of the list in it, or None), `constants` (see `RawPage`), ids in the
            path, `window`, `page`, `server_time`; JSON values.
    """

    body: bytes = field(repr=False)
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Kept:
    """What one file holds.

    Args:
        facts: What is the same for all answers, and what the load concluded from them; JSON values.
        answers: The answers in the order in which they were asked for.
    """

    facts: Mapping[str, Any]
    answers: Sequence[KeptAnswer] = ()


@dataclass(frozen=True)
class ArchiveFile:
    """Where a file is, and in which order it comes; all of it is in its path.

    Args:
        account_id: The account.
        operation: The folder of the API operation, or `NOTES`.
        moment: When the answers were read, aware, UTC.
        package: Id of the load package that their rows are in; later ones are greater numbers.
        after: Id of the package before, as the state in the destination named it; `FIRST` where it named none.
    """

    account_id: str
    operation: str
    moment: datetime
    package: str
    after: str = FIRST

    @property
    def path(self) -> str:
        """Its path within the archive."""
        name = f"{self.moment:%H%M%S.%f}-{self.package}-{self.after}.zst"
        return f"{account_folder(self.account_id)}/{self.operation}/{self.moment:%Y-%m-%d}/{name}"

    @property
    def order(self) -> tuple[float, datetime, str]:
        """Sorts files as their rows came into the destination."""
        return (float(self.package), self.moment, self.operation)


def account_folder(account_id: str) -> str:
    """Names an account's folder.

    Args:
        account_id: The account's id.

    Returns:
        The id, with whatever could mean something in a path spelt out.
    """
    return quote(account_id, safe="").replace(".", "%2E")


def operation_folder(operation: str) -> str:
    """Names an operation's folder.

    Args:
        operation: The API operation, e.g. `GET /bookings/{bookingNumber}/payments`.

    Returns:
        Its path with dots, e.g. `bookings.bookingNumber.payments`.
    """
    return re.sub(r"[^A-Za-z0-9/]", "", operation.split(" ", 1)[1]).strip("/").replace("/", ".")


def read_path(path: str) -> ArchiveFile | None:
    """Reads a path within the archive.

    Args:
        path: The path.

    Returns:
        The file; None if the path is none of the archive's.
    """
    parts = path.split("/")
    match = _NAME.fullmatch(parts[-1]) if len(parts) == 4 else None
    if match is None:
        return None
    try:
        moment = datetime.strptime(f"{parts[2]} {match[1]}", "%Y-%m-%d %H%M%S.%f").replace(tzinfo=UTC)
    except ValueError:
        return None
    return ArchiveFile(unquote(parts[0]), parts[1], moment, match[2], match[3])


def without_uncommitted(files: Iterable[ArchiveFile]) -> list[ArchiveFile]:
    """Leaves out the answers of packages that never came into the destination.

    Of several packages that were begun after the same one, all but the last were given up, unless others follow them.

    Args:
        files: Files of an account.

    Returns:
        Those that became rows, and those of which nobody can tell.
    """
    given = list(files)
    packages = {file.package: file.after for file in given if file.operation != NOTES}
    followed = set(packages.values())
    latest: dict[str, str] = {}
    for package, after in packages.items():
        latest[after] = max(latest.get(after, package), package, key=float)
    given_up = {p for p, after in packages.items() if after != FIRST and p not in followed and latest[after] != p}
    return [file for file in given if file.package not in given_up]


def pack(kept: Kept) -> bytes:
    """Makes a file's bytes. Beside them, no more memory is taken than one answer needs.

    Args:
        kept: What it is to hold.

    Returns:
        The bytes, compressed.
    """
    packed = pa.BufferOutputStream()
    digest = hashlib.blake2b(digest_size=16)
    with pa.CompressedOutputStream(packed, "zstd") as stream:

        def write(*parts: bytes) -> None:
            for part in parts:
                digest.update(part)
                stream.write(part)

        write(orjson.dumps({"format": FORMAT, **kept.facts}), b"\n")
        for answer in kept.answers:
            write(orjson.dumps({**answer.facts, "bytes": len(answer.body)}), b"\n", answer.body, b"\n")
        stream.write(orjson.dumps({"answers": len(kept.answers), "blake2b": digest.hexdigest()}) + b"\n")
    packed_bytes: bytes = packed.getvalue().to_pybytes()
    return packed_bytes


def unpack(packed: bytes, name: str) -> Kept:
    """Reads a file's bytes.

    Args:
        packed: The bytes.
        name: What to call the file in an error.

    Returns:
        What it holds.

    Raises:
        ArchiveFileDamaged: Not every byte is as it was written.
    """
    try:
        return _read(packed)
    except (OSError, ValueError, KeyError, TypeError):
        # Not chained: the parser's exception may quote an answer.
        pass
    raise ArchiveFileDamaged(f"The archive's file {name} is damaged, cut off, or of a newer version.")


def _read(packed: bytes) -> Kept:
    digest = hashlib.blake2b(digest_size=16)
    with io.BufferedReader(pa.CompressedInputStream(pa.BufferReader(packed), "zstd")) as stream:

        def line() -> tuple[bytes, dict[str, Any]]:
            text = stream.readline(_LONGEST_LINE)
            facts = orjson.loads(text)
            if not isinstance(facts, dict):
                raise TypeError
            return text, facts

        text, head = line()
        if head.pop("format") != FORMAT:
            raise ValueError
        answers = []
        while True:
            digest.update(text)
            text, facts = line()
            if "blake2b" in facts:
                break
            length = facts.pop("bytes")
            body = stream.read(length + 1)
            if len(body) != length + 1:
                raise ValueError
            digest.update(text)
            answers.append(KeptAnswer(body[:length], facts))
            text = body
        if facts != {"answers": len(answers), "blake2b": digest.hexdigest()} or stream.read(1):
            raise ValueError
    return Kept(head, answers)
