"""One incremental load, from its plan to its report."""
