"""What dlt is told through the environment, before it is imported."""

from __future__ import annotations

import os


def quiet_dlt() -> None:
    """Keeps dlt from calling home and from writing lines of its own."""
    # Whoever wants the telemetry sets it to true.
    os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
    # Its lines are for those who build pipelines, and may quote a row; what matters is in the error that it raises.
    os.environ["RUNTIME__LOG_LEVEL"] = "CRITICAL"
