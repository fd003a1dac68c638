"""The dbt project of the marts: where it is, how it reaches the database, and running it in this process."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from importlib.resources import files
from pathlib import Path
from typing import Any

from bookeo.errors import SettingsError
from bookeo_pipelines.destinations.dlt_compat import configuration_of
from bookeo_pipelines.destinations.registry import is_there, make_destination
from bookeo_pipelines.destinations.target import Target
from bookeo_pipelines.runtime.terminal import VisibleLines
from bookeo_pipelines.runtime.umask import private_folder
from bookeo_pipelines.warehouse.load_packages import working_folder

VARIABLE = "DBT_ENV_SECRET_BOOKEO_"
"""What the names of variables begin with that hold credentials: dbt keeps the values of such out of its logs."""


def project_folder() -> Path:
    """Finds the dbt project, which is installed along with this package.

    Returns:
        The folder with `dbt_project.yml`.
    """
    return Path(str(files("bookeo_marts")))


def check_dbt(target: Target) -> None:
    """Make sure that dbt can be run for a target at all.

    Args:
        target: The database.

    Raises:
        SettingsError: dbt is not installed, or the destination is none that the project is made for.
    """
    if not all(is_there(f"dbt.{name}") for name in ("cli", "adapters.duckdb", "adapters.postgres")):
        raise SettingsError("The marts need the extra marts: pip install 'dlt-source-bookeo[marts]'.")
    _connection(target)


def run_dbt(target: Target, arguments: Sequence[str], variables: Mapping[str, str], *, debug: bool = False) -> Any:
    """Runs dbt in this process. It writes nothing but tables and a working folder, and calls nobody.

    Args:
        target: The database, a DuckDB file or Postgres.
        arguments: The subcommand and what belongs to it.
        variables: Variables of the project.
        debug: Whether dbt prints what it does.

    Returns:
        dbt's `dbtRunnerResult`.

    Raises:
        SettingsError: dbt is not installed, or the destination is none that the project is made for.
    """
    check_dbt(target)
    from dbt.cli.main import dbtRunner

    output, environment = _connection(target)
    work = working_folder(target) / "marts"
    private_folder(work.parent)
    private_folder(work)
    with tempfile.TemporaryDirectory(prefix="bookeo-marts-") as folder, _environment(environment):
        profile = {"bookeo": {"target": "loaded", "outputs": {"loaded": output}}}
        Path(folder, "profiles.yml").write_text(json.dumps(profile))  # JSON is YAML
        level = "info" if debug else "none"
        try:
            # What dbt prints is not what the command was asked for.
            with redirect_stdout(VisibleLines(sys.stderr)):
                return dbtRunner().invoke(
                    [
                        *arguments,
                        *("--project-dir", str(project_folder()), "--profiles-dir", folder),
                        *("--target-path", str(work / "target"), "--log-path", str(work / "logs")),
                        *("--log-level", level, "--log-level-file", "none", "--no-use-colors"),
                        *("--no-send-anonymous-usage-stats", "--no-version-check", "--no-write-json"),
                        *("--vars", json.dumps(dict(variables))),
                    ]
                )
        finally:
            _close()


def _close() -> None:
    """Lets go of the database: dbt-duckdb keeps the file open until the process ends, and nobody else could open it."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    if DuckDBConnectionManager._ENV is not None:
        DuckDBConnectionManager._ENV.close()
        DuckDBConnectionManager._ENV = None


def _connection(target: Target) -> tuple[dict[str, Any], dict[str, str]]:
    """The database as dbt describes it, and the variables that it reads the credentials from."""
    # The schema is for nothing: every model says which of the variables names its own.
    common = {"schema": target.dataset}
    if target.database is not None:
        if {"'", '"'} & {*target.database.name}:
            raise SettingsError(
                f"dbt cannot build marts in {target.database}: its name holds a quotation mark. Rename it."
            )
        # As a variable, for dbt renders what stands in a profile, and a folder may be called `{{ 7*7 }}`.
        path = {f"{VARIABLE}PATH": str(target.database.resolve())}
        output = {"type": "duckdb", "path": _variable("path"), "threads": 1, "settings": {"TimeZone": "UTC"}}
        return {**output, **common}, path
    made = make_destination(target.destination)
    if not made.destination_type.endswith(".postgres"):
        raise SettingsError(
            f"The marts are made in a DuckDB file or in Postgres, not in {target.destination}; its tables can be "
            "exported, or loaded into one of the two as well."
        )
    credentials = configuration_of(made, target.dataset).credentials
    given = {
        "host": credentials.host,
        "user": credentials.username,
        "password": credentials.password,
        "dbname": credentials.database,
    }
    output = {
        "type": "postgres",
        # As variables, too, what is no secret: dbt would make a number of a name that looks like one.
        **{name: _variable(name) for name in given},
        "port": credentials.port,
        "connect_timeout": credentials.connect_timeout,
        "threads": 4,
        **common,
    }
    # dbt knows few of a connection string's parameters; PostgreSQL's library takes them from the environment.
    parameters = {f"PG{name.replace('_', '').upper()}": value for name, value in (credentials.query or {}).items()}
    secrets = {f"{VARIABLE}{name.upper()}": value for name, value in given.items()}
    return output, {name: str(value or "") for name, value in (secrets | parameters).items()}


def _variable(name: str) -> str:
    return f"{{{{ env_var('{VARIABLE}{name.upper()}') | as_text }}}}"


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables while the block runs, and hide those by which other projects of the machine direct dbt."""
    foreign = {name for name in os.environ if name.startswith("DBT_")}
    before = {name: os.environ.pop(name, None) for name in foreign | values.keys()}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
