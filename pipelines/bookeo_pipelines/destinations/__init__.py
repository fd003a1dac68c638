"""Where tables go: one module an engine, and all that is overridden of dlt's destinations."""
