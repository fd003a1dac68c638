"""No test asks what day it is: a test that passes today passes on any other day."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
CLOCKS = {
    "datetime.date.today",
    "datetime.datetime.now",
    "datetime.datetime.today",
    "datetime.datetime.utcnow",
    "pandas.Timestamp.now",
    "pandas.Timestamp.today",
    "pandas.Timestamp.utcnow",
    "pendulum.now",
    "pendulum.today",
    "pendulum.tomorrow",
    "pendulum.yesterday",
    "time.ctime",
    "time.gmtime",
    "time.localtime",
    "time.strftime",
    "time.time",
    "time.time_ns",
}
"""Functions that tell the date. How much time has passed is asked of `time.monotonic`."""
SQL_CLOCKS = re.compile(r"\bcurrent_(date|time|timestamp)\b|\b(now|today|get_current_timestamp)\(\)", re.IGNORECASE)
"""The same in SQL, in any text of the tests."""


def clocks_in(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the name of each place where a module asks for today's date."""
    tree = ast.parse(source)
    imported: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {name.asname or name.name: name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported |= {name.asname or name.name: f"{node.module}.{name.name}" for name in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            first, *rest = ast.unparse(node).split(".")
            full = ".".join([imported.get(first, first), *rest])
            if full in CLOCKS and first in imported:
                yield node.lineno, full
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and (said := SQL_CLOCKS.search(node.value)):
            yield node.lineno, said[0]


def test_no_test_asks_for_the_date() -> None:
    found = [
        f"{path.relative_to(TESTS)}:{line} {name}"
        for path in TESTS.rglob("*.py")
        if path != Path(__file__)  # it names them
        for line, name in clocks_in(path.read_text())
    ]
    assert not found, "give the test a fixed date, or a clock that it passes in"


@pytest.mark.parametrize(
    "source",
    [
        "from datetime import datetime\nx = datetime.now()",
        "from datetime import UTC, datetime as moment\nx = moment.now(UTC).date()",
        "import datetime as dt\nx = dt.date.today()",
        "import time\nclock = time.time",
        "from time import time as seconds\nx = seconds()",
        "import pendulum\nx = pendulum.now('UTC')",
        "import pandas as pd\nx = pd.Timestamp.now()",
        "x = f'SELECT CURRENT_DATE - {1}'",
        "x = 'UPDATE t SET a = now() WHERE b'",
    ],
)
def test_every_way_to_ask_for_the_date_is_found(source: str) -> None:
    assert list(clocks_in(source))


@pytest.mark.parametrize(
    "source",
    [
        "import time\nx = time.monotonic()",
        "x = sandbox.now()",
        "from datetime import UTC, datetime\nx = datetime(2024, 2, 29, tzinfo=UTC)",
        "def now(): return 1\nx = now()",
    ],
)
def test_other_clocks_are_let_be(source: str) -> None:
    assert not list(clocks_in(source))
