"""The loads and the marts in Dagster: assets, partitions, schedules and checks over what `bookeo_pipelines` does."""

from bookeo_orchestration.build import bookeo_definitions

__all__ = ["bookeo_definitions"]
