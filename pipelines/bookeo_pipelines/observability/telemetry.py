"""Whether anybody collects spans and metrics, as OpenTelemetry's own environment variables say.

`OTEL_EXPORTER_OTLP_ENDPOINT` is the one that matters most. A program that has set up providers by itself gets the spans
and metrics of its loads there.
"""

from __future__ import annotations

import functools
import logging
import os
import sys
from typing import Any

from bookeo_pipelines.observability.spans import Telemetry

_log = logging.getLogger(__name__)


@functools.cache
def telemetry() -> Telemetry | None:
    """Finds out, once for the process, whether anybody collects spans and metrics.

    Returns:
        Where they go; None where nobody asks for them, or the extra `telemetry` is missing, which is then said.
    """
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    try:
        traces, metrics = _traces(_exporter("TRACES")), _metrics(_exporter("METRICS"))
        if traces is None and metrics is None:
            return None
        from opentelemetry.metrics import NoOpMeterProvider
        from opentelemetry.trace import NoOpTracerProvider

        return Telemetry(traces or NoOpTracerProvider(), metrics or NoOpMeterProvider())
    except ImportError:
        _log.warning(
            "The environment asks for telemetry (OTEL_*), which needs more packages: "
            "pip install 'dlt-source-bookeo[telemetry]'. The load goes on without it."
        )
    except LookupError as error:
        _log.warning("Telemetry is left out: no exporter of the name %s is installed.", error)
    return None


def _exporter(signal: str) -> str | None:
    """The name of the exporter that the environment asks for; None for none."""
    named = os.environ.get(f"OTEL_{signal}_EXPORTER", "").strip()
    endpoints = "OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"
    name = named or ("otlp" if any(os.environ.get(endpoint) for endpoint in endpoints) else "none")
    return None if name == "none" else name


def _load_exporter(signal: str, name: str) -> Any:
    from importlib.metadata import entry_points

    if name == "otlp":
        protocols = f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"
        grpc = next((value for p in protocols if (value := os.environ.get(p))), "") == "grpc"
        name = "otlp_proto_grpc" if grpc else "otlp_proto_http"
    for found in entry_points(group=f"opentelemetry_{signal.lower()}_exporter", name=name):
        return found.load()()
    raise LookupError(name)


def _traces(exporter: str | None) -> Any:
    if "opentelemetry.sdk.trace" not in sys.modules and exporter is None:
        return None
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    if isinstance(present := trace.get_tracer_provider(), TracerProvider) or exporter is None:
        return present if isinstance(present, TracerProvider) else None
    provider = TracerProvider(resource=_resource())
    provider.add_span_processor(BatchSpanProcessor(_load_exporter("TRACES", exporter)))
    return provider


def _metrics(exporter: str | None) -> Any:
    if "opentelemetry.sdk.metrics" not in sys.modules and exporter is None:
        return None
    from opentelemetry import metrics
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    if isinstance(present := metrics.get_meter_provider(), MeterProvider) or exporter is None:
        return present if isinstance(present, MeterProvider) else None
    reader = PeriodicExportingMetricReader(_load_exporter("METRICS", exporter))
    return MeterProvider(metric_readers=[reader], resource=_resource())


def _resource() -> Any:
    from importlib.metadata import version

    from opentelemetry.sdk.resources import Resource

    # What OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say goes before.
    named = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": "bookeo"}
    return Resource.create({**named, "service.version": version("dlt-source-bookeo")})
