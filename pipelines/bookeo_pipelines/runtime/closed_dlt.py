"""Keep dlt from taking settings from places that are nobody's: bare variables, and folders for temporary files.

dlt looks for `DESTINATION__POSTGRES__CREDENTIALS`, and then for `DESTINATION__CREDENTIALS` and `CREDENTIALS`. The last
one, like `WORKERS`, `REFRESH` or `DEV_MODE`, may be another program's. And without a home that it can write to it reads
settings from a folder of a fixed name among the temporary files, which anybody can make.

It also takes a percent sign in a folder's name for the place of a file's id.

The library leaves dlt as it is; only our own processes are changed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import MappingProxyType, ModuleType
from typing import Any

from bookeo_pipelines.runtime.trusted_places import global_folder

SECTIONS = ("destination", "runtime", "extract", "normalize", "load", "schema", "data_writer", "providers")
"""What the first part of a variable's name is that dlt may read; of `sources` it is ours only."""


def close_dlt() -> None:
    """Change dlt, now if it is imported already, else as soon as it is."""
    os.environ["DLT_DISABLE_PLUGINS"] = "true"
    waiting = {name: change for name, change in _CHANGES.items() if name not in sys.modules}
    for name, change in _CHANGES.items():
        if name in sys.modules:
            change(sys.modules[name])
    if waiting and not any(isinstance(finder, _Changing) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Changing())


class _Changing:
    """Finds the modules to change, and has them changed once they are executed."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        change = _CHANGES.get(fullname)
        found = PathFinder.find_spec(fullname, path) if change is not None else None
        if change is None or found is None or found.loader is None:
            return None
        execute = found.loader.exec_module

        def execute_and_change(module: ModuleType) -> None:
            execute(module)
            change(module)

        found.loader.exec_module = execute_and_change  # type: ignore[method-assign]
        return found


def _change_environ(module: Any) -> None:
    if hasattr(module.EnvironProvider, "bookeo_closed"):
        return
    get_value = module.EnvironProvider.get_value

    def get_sectioned_value(
        self: Any, key: str, hint: Any, pipeline_name: str | None, *sections: str
    ) -> tuple[Any, str]:
        if not pipeline_name and ({*sections[:1]} & {*SECTIONS} or sections[:2] == ("sources", "bookeo")):
            value: tuple[Any, str] = get_value(self, key, hint, pipeline_name, *sections)
            return value
        return None, self.get_key_name(key, *filter(None, (pipeline_name, *sections)))

    module.EnvironProvider.get_value = get_sectioned_value
    module.EnvironProvider.bookeo_closed = True


def _change_run_context(module: Any) -> None:
    if os.name == "posix":
        module.global_dir = lambda: str(global_folder())


def _change_writer(module: Any) -> None:
    if hasattr(module.BufferedDataWriter, "bookeo_escapes"):
        return
    initialize = module.BufferedDataWriter.__init__

    def initialize_escaped(self: Any, writer_spec: Any, file_name_template: str, **options: Any) -> None:
        folder, id_place, ending = file_name_template.rpartition("%s")
        initialize(self, writer_spec, folder.replace("%", "%%") + id_place + ending, **options)

    module.BufferedDataWriter.__init__ = initialize_escaped
    module.BufferedDataWriter.bookeo_escapes = True


_CHANGES: Mapping[str, Callable[[Any], None]] = MappingProxyType(
    {
        "dlt.common.configuration.providers.environ": _change_environ,
        "dlt.common.data_writers.buffered": _change_writer,
        "dlt.common.runtime.run_context": _change_run_context,
    }
)
