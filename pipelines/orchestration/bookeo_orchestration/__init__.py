"""The loads and the marts in Dagster: assets, partitions, schedules and checks over what `bookeo_pipelines` does."""

from bookeo_pipelines.runtime.trusted_places import check_places, require_home

# As for the command, but before anything is changed: the process may run other pipelines, too.
require_home()
check_places()

from bookeo_orchestration.build import bookeo_definitions  # noqa: E402 - this imports dlt, which reads those places

__all__ = ["bookeo_definitions"]
