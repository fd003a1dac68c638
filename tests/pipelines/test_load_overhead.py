"""What a load does once or not at all, for it would cost more than the rows where nothing or little is new."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
import yaml

from bookeo_pipelines.destinations.target import Target
from bookeo_pipelines.warehouse.load_packages import open_pipeline
from bookeo_sandbox import Sandbox
from loading import load
from patience import wait_until

HEADERS = (4096, 8192)
"""Where DuckDB keeps its two headers; each holds a checksum, then how often all was put in its place."""


def times_put_in_place(database: Path) -> int:
    """How often DuckDB has written down where everything in a file is."""
    content = database.read_bytes()[: max(HEADERS) + 16]
    return max(struct.unpack_from("<Q", content, header + 8)[0] for header in HEADERS)


def test_the_file_is_put_in_order_once(sandbox: Sandbox, loaded: Path) -> None:
    load(sandbox, loaded)
    before = times_put_in_place(loaded)
    result = load(sandbox, loaded)
    assert result.chunks == 1
    assert times_put_in_place(loaded) == before + 1
    assert not loaded.with_name(f"{loaded.name}.wal").exists()


def test_each_package_is_put_in_order_by_itself(sandbox: Sandbox, folder: Path) -> None:
    database = folder / "bookeo.duckdb"
    result = load(sandbox, database, tables=("bookings",), chunk_bookings=40)
    assert result.chunks > 1
    # The last one together with what is noted about the load.
    assert times_put_in_place(database) == result.chunks


def test_the_account_is_asked_for_while_the_pipeline_is_opened(
    sandbox: Sandbox, loaded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(name: str, where: Target) -> Any:
        wait_until(lambda: sandbox.requests()["total"])
        assert list(sandbox.requests()["by_operation"]) == ["GET /settings/apikeyinfo"]
        return open_pipeline(name, where)

    sandbox.clear_requests()
    monkeypatch.setattr("bookeo_pipelines.load.runner.open_pipeline", opened)
    load(sandbox, loaded)


def test_columns_are_not_written_into_the_trace(
    sandbox: Sandbox, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[dict[str, object]] = []
    monkeypatch.setattr(yaml, "dump", lambda data, *_, **__: written.append(data) or "")
    load(sandbox, folder / "bookeo.duckdb", customers="never", payments="never", histories="never")
    assert not [columns for columns in written if "account_id" in columns], "a page each, for every table"
