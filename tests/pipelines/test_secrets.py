"""The keys stay out of everything that a load leaves behind, however much it is asked to tell."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from bookeo import BookeoError
from bookeo.errors import CredentialsRejected, NotBookeo, PermissionMissing, RateLimited, ServerUnavailable
from bookeo_pipelines.destinations.target import target
from bookeo_pipelines.load.runner import LoadRequest, run_load
from bookeo_sandbox import Sandbox
from loading import load, settings_of
from truth import DATASET, contents, table_types


def texts_in(database: Path) -> str:
    """Everything in every table, dlt's own among them."""
    return repr(contents(database, table_types(database)))


def test_a_load_at_its_most_talkative(
    folder: Path, sandbox: Sandbox, records: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    database = folder / "bookeo.duckdb"
    load(sandbox, database)
    printed = capfd.readouterr()
    logged = "\n".join(records)
    assert "GET /v2/bookings" in logged, "nothing was logged, so nothing was tested"
    assert "dlt" in logged
    files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert len(files) > 3
    for key in (sandbox.api_key, sandbox.secret_key):
        assert key not in printed.out + printed.err
        assert key not in logged
        assert [path for path, content in files.items() if key.encode() in content] == []
        assert key not in texts_in(database)
    assert sandbox.requests()["keys_in_query"] is False
    # Nor is anything about customers logged.
    customer = sandbox.truth()["customers"][0]
    assert customer["emailAddress"] not in logged + printed.out + printed.err


FAILURES: dict[str, tuple[type[BookeoError], Callable[[Sandbox], object]]] = {
    "revoked": (CredentialsRejected, lambda sandbox: sandbox.revoke()),
    "5xx": (ServerUnavailable, lambda sandbox: sandbox.fault("error")),
    "429": (RateLimited, lambda sandbox: sandbox.fault("rate_limit", retry_after=0)),
    "reset": (ServerUnavailable, lambda sandbox: sandbox.fault("reset")),
    "cut": (ServerUnavailable, lambda sandbox: sandbox.fault("cut")),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_load_that_fails(
    folder: Path, sandbox: Sandbox, records: list[str], capfd: pytest.CaptureFixture[str], case: str
) -> None:
    kind, break_it = FAILURES[case]
    break_it(sandbox)
    with pytest.raises(kind) as raised:
        load(sandbox, folder / "bookeo.duckdb", max_attempts=2, max_wait_seconds=0.1)
    said = capfd.readouterr()
    chain: list[BaseException | None] = [raised.value]
    told = ["".join(traceback.format_exception(raised.value)), said.out, said.err, *records]
    while chain:
        error = chain.pop()
        if error is not None:
            told += [repr(error), repr(vars(error)), repr(error.args)]
            chain += [error.__cause__, error.__context__]
    for key in (sandbox.api_key, sandbox.secret_key):
        assert key not in "\n".join(told)
    assert not (folder / "bookeo.duckdb").exists()


def test_a_listener_that_is_no_bookeo(folder: Path, sandbox: Sandbox) -> None:
    with pytest.raises(NotBookeo) as raised:
        load(sandbox, folder / "bookeo.duckdb", base_url=f"{sandbox.root_url}/elsewhere")
    assert sandbox.api_key not in "".join(traceback.format_exception(raised.value))


def test_settings_do_not_show_the_keys(sandbox: Sandbox) -> None:
    settings = settings_of(sandbox)
    for key in (sandbox.api_key, sandbox.secret_key):
        assert key not in repr(settings) + str(settings)


def test_a_permission_is_named_without_the_key(folder: Path, sandbox: Sandbox) -> None:
    sandbox.permissions(["customers_r_all"])
    where = target("duckdb", DATASET, folder / "bookeo.duckdb")
    with pytest.raises(PermissionMissing, match="bookings_r_all") as failed:
        run_load(LoadRequest(settings_of(sandbox), where, tables=("bookings",)))
    assert sandbox.api_key not in "".join(traceback.format_exception(failed.value))


def test_no_rows_stay_in_the_working_folder(folder: Path, sandbox: Sandbox) -> None:
    load(sandbox, folder / "bookeo.duckdb")
    left = [path for path in (folder / "dlt").rglob("*") if path.suffix in (".parquet", ".csv", ".jsonl", ".gz")]
    assert left == []
    assert list((folder / "dlt").rglob("trace.pickle")), "dlt works elsewhere, so nothing was tested"
