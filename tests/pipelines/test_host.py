"""A process that uses the library besides others is afterwards as it was before: only the command changes its own."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from bookeo_pipelines.cli import app
from bookeo_pipelines.destinations.target import Target
from bookeo_pipelines.warehouse.load_packages import working_folder
from bookeo_sandbox import Sandbox
from isolation import write_secrets
from loading import START

HOST = """
import gc, importlib, json, logging, os, signal, sys, warnings
from pathlib import Path
import dagster, dlt, duckdb, pandas, pyarrow  # they may change whatever they like
import dlt.destinations.impl.duckdb.duck, dlt.load, dlt.normalize
from dlt.common.configuration.container import Container
from dlt.common.configuration.providers.environ import EnvironProvider
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from dlt.common.data_writers.buffered import BufferedDataWriter
from dlt.common.runtime import run_context

def theirs(number):
    pipeline = dlt.pipeline("theirs", destination=dlt.destinations.duckdb("theirs.duckdb"), dataset_name="data")
    pipeline.run([{"a": number}], table_name="t")
    return pipeline

def umask():
    now = os.umask(0o077)
    os.umask(now)
    return oct(now)

def snapshot():
    loggers = [logging.getLogger(), *(logging.getLogger(name) for name in KNOWN)]
    return {
        "environment": dict(os.environ),
        "umask": umask(),
        "folder": os.getcwd(),
        "finders": [repr(type(finder)) if not isinstance(finder, type) else repr(finder) for finder in sys.meta_path],
        "garbage": [gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()],
        "signals": {number: repr(signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)},
        "loggers": {
            log.name: [log.level, log.disabled, log.propagate, log.handlers[:], log.filters[:]] for log in loggers
        },
        "dlt.config": {
            provider.name: sorted((name, repr(value)) for name, value in vars(provider).items())
            for provider in Container()[PluggableRunContext].providers.providers
        },
        "dlt": [EnvironProvider.get_value, BufferedDataWriter.__init__, run_context.global_dir],
        "active pipeline": dlt.pipeline().pipeline_name,
        "hooks": [sys.excepthook, sys.unraisablehook, warnings.showwarning],
    }

theirs(1)
KNOWN = sorted(logging.root.manager.loggerDict)
before = snapshot()
"""
OURS = """
from bookeo import bookeo_source, load_settings
from bookeo_orchestration import bookeo_definitions
from bookeo_pipelines.destinations.target import target
from bookeo_pipelines.load.runner import LoadRequest, run_load
from bookeo_pipelines.status.status import read_status

kept = dlt.pipeline()
plain = dlt.pipeline("plain", destination=dlt.destinations.duckdb("plain.duckdb"), dataset_name="data")
plain.run(bookeo_source().with_resources("bookings"))
kept.activate()
bookeo_definitions()
where = target("duckdb", "bookeo_data", Path("bookeo.duckdb"))
result = run_load(LoadRequest(load_settings(), where, tables=("bookings",)))
assert result.failure is None and result.chunks, result
read_status(where)
theirs(2)

after = snapshot()
print(json.dumps({name: [repr(before[name]), repr(after[name])] for name in before if before[name] != after[name]}))
"""


def test_a_host_with_a_pipeline_of_its_own_is_as_before(folder: Path, sandbox: Sandbox) -> None:
    keys = {"api_key": sandbox.accounts[0].api_key, "secret_key": sandbox.secret_key, "base_url": sandbox.base_url}
    settings = {**keys, "start": START, "customers": "never", "payments": "never", "histories": "never"}
    write_secrets(folder, "\n".join(["[sources.bookeo]", *(f'{name} = "{value}"' for name, value in settings.items())]))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", HOST + OURS], stdout=subprocess.PIPE, text=True, check=True
    )
    assert json.loads(done.stdout.splitlines()[-1]) == {}
    # What it wrote is nobody else's to read, whatever the host's umask.
    made = [folder / "bookeo.duckdb", working_folder(Target(database=Path("bookeo.duckdb")))]
    assert [stat.S_IMODE(path.stat().st_mode) for path in made] == [0o600, 0o700]


def test_the_command_makes_files_for_their_owner_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bookeo_pipelines.cli.exit.run_and_exit", lambda *_, **__: (folder / "made").touch())
    for name in ("gc.set_threshold", "atexit.register"):
        monkeypatch.setattr(name, lambda *_: None)
    app.main()
    assert stat.S_IMODE((folder / "made").stat().st_mode) == 0o600
