"""The marts: tables of figures, made of the loaded tables by the dbt project."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Any

from bookeo.errors import BookeoError, FatalError, SettingsError
from bookeo.schema import TABLES
from bookeo_pipelines.destinations.errors import DestinationAway, because_of
from bookeo_pipelines.destinations.target import Target, translate
from bookeo_pipelines.marts.dbt import check_dbt, run_dbt
from bookeo_pipelines.share.publish import Publication
from bookeo_pipelines.warehouse.access import sole_access
from bookeo_pipelines.warehouse.reading import reading

MARTS_SCHEMA = "bookeo_marts"
STAGING_SCHEMA = "bookeo_staging"
REFUSAL = re.compile(r"Refused: (.+)")
"""What the project's macros say where a table cannot be changed without taking something from its readers."""


class MartsFailed(FatalError):
    """Tables could not be made, or figures do not add up."""


@dataclass(frozen=True)
class Schemas:
    """Where the results go, in the database that holds the loaded tables.

    Args:
        marts: Schema of the tables.
        staging: Schema of the views that they are made of.
    """

    marts: str = MARTS_SCHEMA
    staging: str = STAGING_SCHEMA

    def variables(self, target: Target) -> dict[str, str]:
        """Gives the variables of the dbt project.

        Args:
            target: Where the loaded tables are.

        Returns:
            Names of schemas.

        Raises:
            SettingsError: A name is unusable, or not a name of its own.
        """
        for option, name in (("--marts-schema", self.marts), ("--staging-schema", self.staging)):
            if not re.fullmatch(r"[a-z_][a-z0-9_]{0,60}", name):
                raise SettingsError(f"{option} is {name!r}; it takes lower-case letters, digits and underscores.")
            # dlt prepares its merges in a schema of that name.
            if name == target.dataset or name.startswith(f"{target.dataset}_staging"):
                raise SettingsError(f"{option} is {name!r}, a schema that loads write to; give another name.")
            if target.database is not None and name == target.database.stem:
                raise SettingsError(
                    f"{option} is {name!r}, which is the DuckDB file's name, too; every query would be ambiguous."
                )
        if self.marts == self.staging:
            raise SettingsError("--marts-schema and --staging-schema are the same; give each a name of its own.")
        return {"raw_schema": target.dataset, "marts_schema": self.marts, "staging_schema": self.staging}


@dataclass(frozen=True)
class MartsResult:
    """What a build made.

    Args:
        target: The database.
        schema: Schema of the tables.
        tables: Their names.
        checks: Checks that were made of them.
        warnings: Checks that found something unusual which changes no figure.
        seconds: How long it took.
    """

    target: Target
    schema: str
    tables: tuple[str, ...]
    checks: int
    warnings: tuple[str, ...]
    seconds: float


def build_marts(
    target: Target,
    schemas: Schemas | None = None,
    *,
    wait_seconds: float = 0,
    publication: Publication | None = None,
    debug: bool = False,
) -> MartsResult:
    """Makes all tables anew and checks them, while nobody loads.

    Args:
        target: Where the loaded tables are: a DuckDB file or Postgres.
        schemas: Where the results go.
        wait_seconds: How long to wait for a load that is running.
        publication: The copy for readers that is made afterwards.
        debug: Whether dbt prints what it does.

    Returns:
        What was made.

    Raises:
        MartsFailed: A table could not be made, or a check failed.
        BookeoError: The database cannot be used, or a load is running.
    """
    names = schemas or Schemas()
    variables = names.variables(target)
    check_dbt(target)
    started = time.monotonic()
    with sole_access(target, wait_seconds=wait_seconds):
        variables["raw_schema"] = _loaded_schema(target)
        # Unit tests are about the project, not about anybody's data.
        done = run_dbt(target, ["build", "--exclude-resource-type", "unit_test"], variables, debug=debug)
        result = _result(done, target, names.marts, started)
        if publication is not None:
            publication.make()
    return result


def _loaded_schema(target: Target) -> str:
    """Return the name of the loaded schema as the database has it; long names are shortened there.

    Raises:
        SettingsError: There are no loaded tables, or the role may not read them: figures made of nothing would replace
            those of the last build.
    """
    with reading(target) as source:
        if not source.tables.intersection(TABLES):
            raise SettingsError(
                f"There are no loaded tables in {target.description}, or this user may not read them; the marts stay "
                "as they are. Check --dataset, or run bookeo load first."
            )
        return source.schema


def _result(done: Any, target: Target, schema: str, started: float) -> MartsResult:
    if isinstance(done.exception, Exception):
        raise because_of(_said(done.exception, target), done.exception) from None
    if done.exception is not None:
        raise done.exception  # Ctrl-C and the like, which dbt catches, too
    outcomes: dict[str, list[str]] = {}
    refusals: list[str] = []
    for result in done.result.results:
        refusal = REFUSAL.search(result.message or "")
        if refusal:
            refusals.append(refusal[1])
        kind = "refused" if refusal else f"{result.node.resource_type} {result.status}"
        outcomes.setdefault(kind, []).append(str(result.node.name))
    broken = outcomes.get("model error", [])
    failed = outcomes.get("test fail", []) + outcomes.get("test error", [])
    if broken or failed or not done.success:
        said = refusals
        if broken:
            said.append(f"{len(broken)} table(s) could not be made ({', '.join(broken)})")
        if failed:
            said.append(f"{len(failed)} check(s) failed ({', '.join(failed)})")
        skipped = len(outcomes.get("model skipped", []))
        if skipped:
            said.append(f"{skipped} table(s) that depend on them were left as they were")
        more = " Run it again with --debug to see what the database says." if broken or failed else ""
        raise MartsFailed(
            f"The marts in {target.description.partition(', ')[0]} are not whole: {'; '.join(said)}.{more}"
        )
    tables = (r.node.name for r in done.result.results if r.node.resource_type == "model" and r.node.schema == schema)
    return MartsResult(
        target=target,
        schema=schema,
        tables=tuple(sorted(map(str, tables))),
        checks=sum(len(found) for kind, found in outcomes.items() if kind.startswith("test ")),
        warnings=tuple(sorted(outcomes.get("test warn", []))),
        seconds=time.monotonic() - started,
    )


def _said(error: BaseException, target: Target) -> BookeoError:
    """Says in a sentence why dbt could not even begin; its own texts may quote anything."""
    text = str(error)
    if target.database is not None and ("IO Error" in text or "different configuration" in text):
        return translate(error, target)
    chain = {type(error).__name__, type(error.__cause__).__name__, type(error.__context__).__name__}
    if chain & {"FailedToConnectError", "OperationalError", "DbtDatabaseError"}:
        return DestinationAway(
            f"The destination {target.description} cannot be reached or does not accept the credentials; check both, "
            "then run the same command again."
        )
    return MartsFailed(f"dbt could not begin ({type(error).__name__}); run it again with --debug to see more.")
