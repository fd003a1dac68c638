"""Which destinations there are besides a DuckDB file, what each of them needs, and how dlt loads into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any

from bookeo.errors import SettingsError


@dataclass(frozen=True)
class Kind:
    """What is known of a kind of destination.

    Args:
        extra: The extra that installs what it needs; None where nothing more is needed.
        modules: What must be importable.
        load_files: Format of the load files; None: what dlt prefers there.
        side_by_side: Whether several accounts may load into one dataset at the same moment; else they take turns.
        factory: Where our own version of dlt's destination is; None for dlt's.
    """

    extra: str | None = None
    modules: tuple[str, ...] = ()
    load_files: str | None = None
    side_by_side: bool = False
    factory: str | None = None


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "duckdb": Kind(),
        # Of what Postgres takes, the format that loads fastest.
        "postgres": Kind(
            "postgres",
            ("psycopg2",),
            "csv",
            side_by_side=True,
            factory="bookeo_pipelines.destinations.postgres.postgres",
        ),
        "ducklake": Kind("ducklake", ("sqlalchemy",), factory="bookeo_pipelines.destinations.ducklake.ducklake"),
        "delta": Kind("delta", ("deltalake",)),
        "motherduck": Kind("motherduck"),
        # Of Parquet it refuses columns of the type JSON.
        "bigquery": Kind("bigquery", ("google.cloud.bigquery",), "jsonl"),
        "snowflake": Kind("snowflake", ("snowflake.connector",)),
        "redshift": Kind("redshift", ("psycopg2",)),
        "clickhouse": Kind("clickhouse", ("clickhouse_driver", "clickhouse_connect")),
    }
)
"""The destinations that are documented; dlt knows more, and they are loaded into as it does by itself."""
PLAIN_FILES = "filesystem"
"""Files without a table format: dlt can only add to them."""


def kind_of(destination: str) -> Kind:
    """Finds what is known of a destination.

    Args:
        destination: dlt's name of it, or one that the settings give to a destination of some type.

    Returns:
        What is known; of an unknown one, nothing.
    """
    import dlt

    named: Any = dlt.config.get(f"destination.{destination}.destination_type") or destination
    return KINDS.get(str(named).rpartition(".")[2], Kind())


def check_destination(destination: str) -> None:
    """Makes sure that a destination can take these tables at all; nobody is asked anything yet.

    Args:
        destination: dlt's name of it.

    Raises:
        SettingsError: There is no such destination, it lacks a package, or it cannot merge.
    """
    if destination == PLAIN_FILES:
        raise SettingsError(
            "The destination filesystem writes plain files, to which rows can only be added: dlt turns every merge "
            "into an append there, and each change of a booking would be one more row. Use --destination delta, which "
            "keeps Delta tables in the same place."
        )
    kind = kind_of(destination)
    if kind.extra is not None and not all(is_there(name) for name in kind.modules):
        raise SettingsError(
            f"The destination {destination} needs the extra {kind.extra}: "
            f"pip install 'dlt-source-bookeo[{kind.extra}]'."
        )
    try:
        made = make_destination(destination)
        capabilities = made.capabilities()
    except Exception:
        raise SettingsError(
            f"There is no destination {destination!r}; there are {', '.join(KINDS)}, and others that dlt knows."
        ) from None
    strategies = list(capabilities.supported_merge_strategies or ())
    if capabilities.merge_strategies_selector:
        strategies = list(capabilities.merge_strategies_selector(strategies, table_schema={"name": "bookings"}))
    if "delete-insert" not in strategies:
        raise SettingsError(
            f"The destination {destination} cannot merge: every change of a booking would be one more row. "
            f"Use one of {', '.join(KINDS)}."
        )


def make_destination(destination: str, staging_dataset: str | None = None) -> Any:
    """Makes dlt's destination.

    Args:
        destination: dlt's name of it.
        staging_dataset: Layout of the name of the dataset in which a package waits for being merged, `%s` standing for
            the dataset; None for dlt's own.

    Returns:
        Something for the `destination` argument of `dlt.pipeline`.
    """
    from dlt.common.destination import Destination

    if destination == "delta":
        from bookeo_pipelines.destinations.delta import delta

        return delta(destination_name=PLAIN_FILES)
    kind = kind_of(destination)
    options: dict[str, Any] = {}
    if kind.load_files:
        options["preferred_loader_file_format"] = kind.load_files
    if kind.load_files == "jsonl":
        # Else dlt hands on the Parquet that the tables come in.
        options["supported_loader_file_formats"] = [kind.load_files]
    if kind.factory:
        options["destination_name"] = destination
    made: Any = Destination.from_reference(kind.factory or destination, **options)
    if staging_dataset is not None and "staging_dataset_name_layout" in made.spec.get_resolvable_fields():
        made.config_params["staging_dataset_name_layout"] = staging_dataset
    return made


def place_of(destination: str, dataset: str) -> str:
    """Says which server, database or folder a destination is, so that two of the same name are told apart.

    Args:
        destination: dlt's name of it.
        dataset: The dataset's name.

    Returns:
        The place, without passwords; the same for the same settings.

    Raises:
        SettingsError: The destination's settings are missing or cannot be read, or it lacks a package.
    """
    from dlt.common.configuration.exceptions import ConfigFieldMissingException

    from bookeo_pipelines.destinations.dlt_compat import configuration_of

    made = make_destination(destination)
    try:
        return str(configuration_of(made, dataset))
    except ConfigFieldMissingException as error:
        section = f"[destination.{made.destination_name}{'.credentials' if 'credentials' in error.fields else ''}]"
        raise SettingsError(
            f"The destination {destination} lacks {' and '.join(error.fields)}: put them under {section} in "
            ".dlt/secrets.toml; docs/destinations.md shows how."
        ) from None
    except ImportError:
        raise SettingsError(
            f"The destination {destination} needs more packages: pip install 'dlt[{destination}]'."
        ) from None
    except Exception as error:
        # What it says may quote the credentials.
        raise SettingsError(
            f"The settings of the destination {destination} cannot be read ({type(error).__name__}); "
            "docs/destinations.md shows how they look."
        ) from None


def is_there(module: str) -> bool:
    """Tells whether a module is installed, without importing it.

    Args:
        module: Its name.

    Returns:
        Whether it is.
    """
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # a package around it is missing
        return False
