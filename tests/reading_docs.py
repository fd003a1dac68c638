"""What stands in the documents: code blocks, links, headings."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "docs"))

DOCUMENTS = sorted(
    {
        *(ROOT / name for name in ("README.md", "SECURITY.md", "CHANGELOG.md", "sources/bookeo/README.md")),
        *(ROOT / "docs").rglob("*.md"),
        *(path for path in ROOT.glob("*/README.md")),
    }
)
WITH_CODE = (ROOT / "README.md", ROOT / "sources" / "bookeo" / "README.md")
"""Documents whose code is run."""


@dataclass(frozen=True)
class Block:
    document: Path
    line: int
    section: str
    language: str
    code: str

    @property
    def name(self) -> str:
        return f"{self.document.relative_to(ROOT)}:{self.line}"


def blocks(document: Path) -> Iterator[Block]:
    """The fenced blocks of a document, each with the heading that it stands under."""
    section, language, begin = "", None, 0
    lines: list[str] = []
    for number, line in enumerate(document.read_text().splitlines(), start=1):
        fence = re.match(r"\s*```(\S*)", line)
        if fence and language is None:
            language, begin, lines = fence[1], number, []
        elif fence and language is not None:
            yield Block(document, begin, section, language, textwrap.dedent("\n".join(lines)))
            language = None
        elif language is not None:
            lines.append(line)
        elif line.startswith("#"):
            section = line.lstrip("# ")
    assert language is None, f"{document} ends within a block"


def blocks_of(*languages: str) -> list[Block]:
    return [block for document in WITH_CODE for block in blocks(document) if block.language in languages]


def prose(document: Path) -> str:
    """A document without its fenced blocks."""
    return re.sub(r"^\s*```.*?^\s*```$", "", document.read_text(), flags=re.DOTALL | re.MULTILINE)


def anchors(document: Path) -> set[str]:
    """The names that GitHub gives to headings."""
    headings = re.findall(r"^#+ (.*)$", prose(document), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
