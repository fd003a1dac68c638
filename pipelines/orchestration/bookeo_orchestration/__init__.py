"""The loads and the marts in Dagster: assets, partitions, schedules and checks over what `bookeo_pipelines` does."""

from bookeo_pipelines.runtime.startup import quiet_dlt

quiet_dlt()

from bookeo_orchestration.build import bookeo_definitions  # noqa: E402 - this imports dlt

__all__ = ["bookeo_definitions"]
