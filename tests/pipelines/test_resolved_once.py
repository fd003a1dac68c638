"""A destination looks for its settings once, and for each dataset by itself."""

from __future__ import annotations

from pathlib import Path

import dlt
import pytest
from dlt.common.configuration import resolve

from bookeo_pipelines.destinations.dlt_compat import resolved_once


def test_settings_are_looked_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    look = resolve._resolve_single_value

    def counted(key: str, *arguments: object) -> object:
        looked.append(key)
        return look(key, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(resolve, "_resolve_single_value", counted)
    destination = resolved_once(dlt.destinations.duckdb(str(tmp_path / "a.duckdb")))
    schema = dlt.Schema("bookeo")

    def client(dataset: str) -> object:
        return destination.client(schema, destination.spec()._bind_dataset_name(dataset_name=dataset))

    first = client("one")
    destination.capabilities()
    assert looked
    looked.clear()
    assert client("one").config is first.config  # type: ignore[attr-defined]
    assert destination.capabilities().supported_merge_strategies
    assert not looked
    assert client("two").config.dataset_name == "two"  # type: ignore[attr-defined]
    assert looked
