"""One load package after another, each read, normalised and loaded before the next is begun."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

from dlt.extract import DltResource

from bookeo import LoadSession
from bookeo.dlt_compat import parent_of
from bookeo.errors import BookeoError, RequestBudgetSpent, RetriableError
from bookeo_pipelines.destinations.errors import as_bookeo_error, note_cause
from bookeo_pipelines.destinations.same_file import SameFile
from bookeo_pipelines.destinations.target import Target, kept_open
from bookeo_pipelines.observability.observer import LoadWatch
from bookeo_pipelines.warehouse.client import Warehouse
from bookeo_pipelines.warehouse.comments import describe_tables
from bookeo_pipelines.warehouse.load_packages import extract, load_pending
from bookeo_pipelines.warehouse.package_origin import is_stray, note_origin
from bookeo_pipelines.warehouse.writer_lock import WriterLock


class OvertakenByAnother(RetriableError):
    """The destination's state is not the one that a package grew from."""


class Committing:
    """Commits package after package; keeps count of them.

    Args:
        pipeline: The pipeline, in step with its destination and without pending packages.
        session: The load. Its `failure` says why it stopped early.
        target: Where the tables go.
        loading: Held while the destination is asked or written to; several accounts of one process take turns.
        watch: Told of each package.
        writing: Keeps other writers out.
    """

    def __init__(
        self,
        pipeline: Any,
        session: LoadSession,
        target: Target,
        loading: AbstractContextManager[Any],
        watch: LoadWatch,
        writing: WriterLock,
    ) -> None:
        self._writing = writing
        self._watch = watch
        self._loading = loading
        self._session = session
        self._target = target
        self._left_open = ExitStack()
        self._file = SameFile(target.database)
        self.pipeline = pipeline
        """The pipeline."""
        self.warehouse = Warehouse(pipeline, session.account_id, self._loading)
        """The account's tables."""
        self.packages = 0
        """Packages committed so far."""

    def commit(self, source: Any) -> bool:
        """Extracts and loads one package.

        Args:
            source: What to read, as resources of dlt.

        Returns:
            Whether it is in the destination; where it is not, the session's `failure` says why.

        Raises:
            BookeoError: Not even the first package could be committed.
        """
        counted = Counter(self._session.rows)
        self.close()
        try:
            with self._watch.step("extract"):
                extract(self.pipeline, source)
            # They are of this package alone, and take more memory than anything else.
            self._session.versions.clear()
            with self._watch.step("normalize"):
                self.pipeline.normalize()
            with self._loading, self._watch.step("load"):
                # When it is closed, DuckDB writes down anew where all of its tables are.
                self._left_open.enter_context(kept_open(self._target))
                self._require_sole_writer()
                info = load_pending(self.pipeline)
                self._file.check()
        except Exception as error:
            # The package is not in the destination, so its rows do not count.
            self._session.rows = counted
            failure = as_bookeo_error(error, self._target)
            if not self.packages and not isinstance(failure, RequestBudgetSpent):
                raise failure from None
            self._session.failure = failure
            return False
        self.packages += 1
        note_origin(self.pipeline)
        self._watch.committed(self.packages, self._session.rows - counted)
        changed = {name for package in info.load_packages for name in package.schema_update}
        # Another account's load may have made tables, too.
        if changed or not self._session.rows.keys() <= self.warehouse.tables:
            self.warehouse.look_again()
        if changed:
            self._describe(changed)
        return True

    def _require_sole_writer(self) -> None:
        """Make sure that nobody else has written since this package was begun; it is dropped otherwise."""
        if not self._writing.is_held:
            return
        try:
            self._writing.check()
            if is_stray(self.pipeline):
                raise OvertakenByAnother(
                    f"Another load has written to {self._target.description} meanwhile, so this one stops; what it had "
                    "not committed is read again by the next."
                )
        except BookeoError:
            self.pipeline.drop_pending_packages()
            raise

    def close(self) -> None:
        """Closes a DuckDB file, which each package leaves open for the questions that follow it."""
        self._left_open.close()

    @contextmanager
    def questions(self) -> Iterator[None]:
        """Keeps the destination open, and to this account, while several questions are asked of it.

        Yields:
            Nothing; no package is committed meanwhile, and the API is not asked.
        """
        with self._loading, kept_open(self._target):
            yield

    def _describe(self, tables: set[str]) -> None:
        try:
            with self._loading:
                describe_tables(self.pipeline, tables)
        except Exception as error:
            # The rows are there; that nobody explains them is no reason to call the load failed.
            note_cause(error)
            self._session.notes.say(f"The columns' descriptions could not be written ({type(error).__name__}).")


def answers_of(resource: DltResource) -> str:
    """Names the hidden resource out of whose answers a table is made.

    Args:
        resource: The table's resource.

    Returns:
        The other's name.
    """
    return str(parent_of(resource))
