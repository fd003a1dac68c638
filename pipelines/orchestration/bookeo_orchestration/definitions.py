"""What `dagster dev -m bookeo_orchestration.definitions` opens: all accounts of the settings, into bookeo.duckdb."""

from bookeo_orchestration.build import bookeo_definitions

defs = bookeo_definitions()
