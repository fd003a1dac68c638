"""The parts of the documents that follow from declarations: settings, tables, commands, personal columns."""

from __future__ import annotations

import ast
import inspect
import itertools
import textwrap
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer
import yaml

from bookeo.schema import TABLES
from bookeo.settings import model as settings_module
from bookeo.settings.model import BookeoSettings
from bookeo_pipelines.cli.app import app

UNITS = {
    "_seconds": "seconds",
    "_hours": "hours",
    "_days": "days",
    "_per_second": "requests/s",
    "_per_page": "items",
    "_bookings": "bookings",
    "_requests": "requests",
    "_attempts": "tries",
    "accounts_at_once": "accounts",
    "concurrency": "requests",
    "burst": "requests",
}
"""Units of settings, by how their names end."""


def _rows(header: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)


def _code(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def table_list() -> str:
    """Lists the tables with what they hold.

    Returns:
        A Markdown table.
    """
    return _rows(("table", "what it holds"), ((f"`{table.name}`", table.description) for table in TABLES.values()))


def table_reference() -> str:
    """Lists the tables with where they come from and how they are written.

    Returns:
        A Markdown table.
    """
    return _rows(
        ("table", "from", "key", "write disposition"),
        ((f"`{t.name}`", t.source, _code(t.key), t.disposition) for t in TABLES.values()),
    )


def personal_columns() -> str:
    """Lists the columns that hold personal data.

    Returns:
        A Markdown table.
    """

    def rows() -> Iterator[tuple[str, ...]]:
        for table in TABLES.values():
            columns = tuple(column.name for column in table.columns if column.personal)
            if columns:
                yield f"`{table.name}`", _code(columns)

    return _rows(("table", "columns"), rows())


def setting_meanings() -> dict[str, str]:
    """Reads what each setting means from the text below it.

    Returns:
        Meanings by name, in the order of declaration.
    """
    source = ast.parse(textwrap.dedent(inspect.getsource(settings_module.BookeoSettings)))
    body = source.body[0].body  # type: ignore[attr-defined]
    found = {}
    for statement, following in itertools.pairwise(body):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            text = following.value.value if isinstance(following, ast.Expr) else ""  # type: ignore[attr-defined]
            found[statement.target.id] = " ".join(text.split()).removeprefix("... ")
    return found


def setting_reference() -> str:
    """Lists the settings.

    Returns:
        A Markdown table.
    """

    def rows() -> Iterator[tuple[str, ...]]:
        for name, meaning in setting_meanings().items():
            default = getattr(BookeoSettings, name)
            shown = "" if default is None else f"`{str(default).lower() if isinstance(default, bool) else default}`"
            unit = next((unit for ending, unit in UNITS.items() if name.endswith(ending)), "")
            yield f"`{name}`", shown, unit, meaning

    return _rows(("setting", "default", "unit", "meaning"), rows())


def command_reference() -> str:
    """Describes each command with its options.

    Returns:
        Markdown.
    """
    parts = []
    for name, command in commands().items():
        arguments = [p for p in command.params if p.param_type_name == "argument"]
        options = [p for p in command.params if p.param_type_name == "option" and not p.hidden]
        usage = " ".join(["bookeo", name, *(f"[{p.name}]" if not p.required else p.name.upper() for p in arguments)])
        lines = [f"## `{usage}`", "", " ".join(command.help.split())]
        if options or arguments:
            rows = ((_spelled(p), _default(p), " ".join((p.help or "").split())) for p in [*arguments, *options])
            lines += ["", _rows(("argument or option", "default", "meaning"), rows)]
        if command.epilog:
            lines += ["", " ".join(command.epilog.split())]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def commands() -> dict[str, Any]:
    """Finds the commands, those in groups with both names.

    Returns:
        Typer's commands by name.
    """

    def walk(group: Any, prefix: str) -> Iterator[tuple[str, Any]]:
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                yield from walk(command, f"{prefix}{name} ")
            elif not command.hidden:
                yield f"{prefix}{name}", command

    return dict(walk(typer.main.get_command(app), ""))


def _spelled(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{parameter.name.upper()}`"
    return ", ".join(f"`{spelling}`" for spelling in (*parameter.opts, *parameter.secondary_opts))


def _default(parameter: Any) -> str:
    if parameter.default is None or parameter.is_flag or parameter.show_default is False:
        return ""
    return f"`{parameter.default}`"


MARTS = Path(__file__).parents[1] / "pipelines" / "marts" / "models"
"""The models of the dbt project."""


def mart_reference() -> str:
    """Describes each table of the marts with its grain and columns.

    Returns:
        Markdown.
    """
    parts = []
    for path in (MARTS / "core" / "core.yml", MARTS / "figures" / "figures.yml"):
        for model in yaml.safe_load(path.read_text())["models"]:
            parts.append(
                f"### `{model['name']}`\n\n{model['description']} One row for each {_code(mart_key(model))}.\n\n"
                + _rows(("column", "meaning"), ((f"`{c['name']}`", c["description"]) for c in model["columns"]))
            )
    return "\n\n".join(parts)


def mart_key(model: dict[str, Any]) -> tuple[str, ...]:
    """Finds the columns that tell the rows of a model apart, by its tests.

    Args:
        model: What its YAML file says.

    Returns:
        Names of columns.
    """
    [key] = [test["keyed"]["arguments"]["columns"] for test in model["data_tests"] if "keyed" in test]
    return tuple(key)


ROOT = Path(__file__).parents[1]


def package_list() -> str:
    """Lists the packages from the top down, in the order of the contracts in pyproject.toml.

    Returns:
        A Markdown table.
    """
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    folders = {"bookeo_pipelines": ROOT / "pipelines" / "bookeo_pipelines", "bookeo": ROOT / "sources" / "bookeo"}
    layers = {contract["containers"][0]: contract["layers"] for contract in contracts if "containers" in contract}

    def rows() -> Iterator[tuple[str, ...]]:
        for name, folder in folders.items():
            for layer in layers[name]:
                for part in layer.split(" | "):
                    path = folder / part / "__init__.py"
                    module = ast.parse((path if path.exists() else folder / f"{part}.py").read_text())
                    yield f"`{name}.{part}`", (ast.get_docstring(module) or "").split("\n\n")[0].replace("\n", " ")

    return _rows(("package", "what it is for"), rows())


FRAGMENTS: dict[tuple[str, str], Callable[[], str]] = {
    ("README.md", "tables"): table_list,
    ("SECURITY.md", "personal"): personal_columns,
    ("docs/architecture.md", "packages"): package_list,
    ("docs/commands.md", "commands"): command_reference,
    ("docs/marts.md", "marts"): mart_reference,
    ("sources/bookeo/README.md", "settings"): setting_reference,
    ("sources/bookeo/README.md", "tables"): table_reference,
}
"""Where each part goes: the document, and the name between the markers in it."""


def fragment_in(document: str, name: str) -> str:
    """Finds a part in its document.

    Args:
        document: The document's text.
        name: The part's name.

    Returns:
        What stands between the part's markers.

    Raises:
        ValueError: The document has no such markers.
    """
    begin, end = markers(name)
    return document[document.index(begin) + len(begin) : document.index(end)].strip("\n")


def with_fragment(document: str, name: str, text: str) -> str:
    """Puts a part into its document.

    Args:
        document: The document's text.
        name: The part's name.
        text: The part.

    Returns:
        The document with the part between its markers.

    Raises:
        ValueError: The document has no such markers.
    """
    begin, end = markers(name)
    return f"{document[: document.index(begin)]}{begin}\n{text}\n{document[document.index(end) :]}"


def markers(name: str) -> tuple[str, str]:
    """Says what stands around a part.

    Args:
        name: The part's name.

    Returns:
        The lines before and after it.
    """
    return f"<!-- {name}: made by docs/refresh.py -->", f"<!-- end of {name} -->"
