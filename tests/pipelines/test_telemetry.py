"""Spans and metrics of a load, as OpenTelemetry's own in-memory exporters get them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from bookeo.errors import CredentialsRejected, RequestRejected
from bookeo.http.api_errors import Redaction
from bookeo_pipelines.observability import telemetry as choosing
from bookeo_pipelines.observability.spans import Telemetry
from bookeo_sandbox import Sandbox
from loading import AS_NEEDED, load

Points = dict[str, list[Any]]


class Collected:
    """What OpenTelemetry was told."""

    def __init__(self) -> None:
        self.spans = InMemorySpanExporter()
        self.reader = InMemoryMetricReader()
        traces = TracerProvider()
        traces.add_span_processor(SimpleSpanProcessor(self.spans))
        self.telemetry = Telemetry(traces, MeterProvider([self.reader]))

    def points(self) -> Points:
        """The points of each metric, by its name."""
        data = self.reader.get_metrics_data()
        assert data is not None
        [resource] = data.resource_metrics
        [scope] = resource.scope_metrics
        return {metric.name: list(metric.data.data_points) for metric in scope.metrics}


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Collected:
    found = Collected()
    monkeypatch.setattr(choosing, "telemetry", lambda: found.telemetry)
    return found


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lets the environment be looked at anew, before and after."""
    choosing.telemetry.cache_clear()
    yield
    choosing.telemetry.cache_clear()


def test_a_load_is_spans_and_metrics(folder: Path, sandbox: Sandbox, collected: Collected) -> None:
    sandbox.fault("rate_limit", "GET /bookings", times=1, retry_after=0)
    sandbox.fault("reset", "GET /payments", times=1)
    result = load(sandbox, folder / "bookeo.duckdb", tables=("bookings", "customers", "payments"), **AS_NEEDED)
    points = collected.points()
    requests = points["bookeo.requests"]
    assert sum(point.value for point in requests) == result.usage.total_requests
    by_status: dict[tuple[str, Any], int] = {}
    for point in requests:
        attributes = dict(point.attributes)
        key = attributes["bookeo.operation"], attributes.get("http.response.status_code", attributes.get("error.type"))
        by_status[key] = by_status.get(key, 0) + point.value
    asked = sandbox.requests()["by_operation"]
    # The sandbox had answered what never arrived.
    by_status["GET /payments", 200] += by_status.pop(("GET /payments", "the connection broke off"))
    for (operation, status), count in by_status.items():
        assert asked[operation][str(status)] == count, operation
    assert by_status["GET /bookings", 429] == 1
    assert sum(point.value for point in points["bookeo.throttled"]) == result.usage.throttled == 1
    assert points["bookeo.wait"][0].value == pytest.approx(result.usage.seconds_waited)
    rows = {dict(point.attributes)["bookeo.table"]: point.value for point in points["bookeo.rows"]}
    assert rows == {name: change.loaded for name, change in result.tables.items() if change.loaded}
    [lag], [loads] = points["bookeo.lag"], points["bookeo.loads"]
    assert result.lag is not None
    assert lag.value == result.lag.total_seconds() >= 0
    assert (loads.value, dict(loads.attributes)["bookeo.outcome"]) == (1, "done")

    spans = collected.spans.get_finished_spans()
    [whole] = [span for span in spans if span.name == "bookeo load"]
    assert whole.attributes is not None
    assert whole.attributes["bookeo.account_id"] == result.account_id
    children = [span for span in spans if span is not whole]
    assert all(span.parent and span.parent.span_id == whole.context.span_id for span in children)
    names = [span.name for span in children]
    assert [names.count(step) for step in ("extract", "normalize", "load")] == [result.chunks] * 3
    assert len([span for span in children if span.name.startswith("GET ")]) == result.usage.total_requests
    told = repr([(span.name, dict(span.attributes or {}), span.status.description) for span in spans])
    truth = sandbox.truth()
    for word in (sandbox.api_key, sandbox.secret_key, truth["bookings"][0]["bookingNumber"]):
        assert word not in told


def test_a_load_that_fails(folder: Path, sandbox: Sandbox, collected: Collected) -> None:
    sandbox.revoke()
    with pytest.raises(CredentialsRejected):
        load(sandbox, folder / "bookeo.duckdb")
    [whole] = [span for span in collected.spans.get_finished_spans() if span.name == "bookeo load"]
    assert whole.attributes is not None
    assert whole.attributes["error.type"] == "CredentialsRejected"
    points = collected.points()
    assert dict(points["bookeo.loads"][0].attributes)["bookeo.outcome"] == "fatal"
    assert "bookeo.lag" not in points


def test_it_is_off_and_costs_nothing_where_nobody_asks() -> None:
    script = (
        "import sys; from bookeo_pipelines.observability.telemetry import telemetry;"
        "import bookeo_pipelines.load.runner;"
        "print(telemetry(), [name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "None []\n"


@pytest.mark.parametrize(
    ("variables", "signals"),
    [
        ({"OTEL_TRACES_EXPORTER": "console"}, (True, False)),
        ({"OTEL_METRICS_EXPORTER": "console"}, (False, True)),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}, (True, True)),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_TRACES_EXPORTER": "none"}, (False, True)),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://127.0.0.1:9"}, (False, True)),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"}, None),
        ({"OTEL_TRACES_EXPORTER": "nothing_of_the_kind"}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, None),
    ],
)
def test_what_the_environment_asks_for(
    variables: dict[str, str], signals: tuple[bool, bool] | None, chosen: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = choosing.telemetry()
    if signals is None:
        assert found is None
        return
    assert found is not None
    providers = found._providers
    assert tuple(type(provider) in (TracerProvider, MeterProvider) for provider in providers) == signals
    for provider in providers:
        if type(provider) in (TracerProvider, MeterProvider):
            monkeypatch.setattr(provider, "force_flush", lambda _: None)
            provider.shutdown()


def test_the_missing_extra_is_said_and_the_load_goes_on(
    chosen: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    assert choosing.telemetry() is None
    assert "pip install 'dlt-source-bookeo[telemetry]'" in caplog.text


def test_no_trace_or_metric_holds_words_of_the_api(
    folder: Path, sandbox: Sandbox, collected: Collected, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "Booking of Anna Karenina, 12 Rose Street, is not allowed"
    monkeypatch.setattr(Redaction, "clean", lambda *_, **__: words)
    sandbox.fault("error", "GET /bookings").status = 400
    failure = load(sandbox, folder / "bookeo.duckdb", tables=("bookings",), may_fail=True, **AS_NEEDED).failure
    assert isinstance(failure, RequestRejected)
    assert failure.api_message == words
    spans = collected.spans.get_finished_spans()
    told = "".join(span.to_json() for span in spans) + repr(collected.points())
    assert "RequestRejected" in told
    assert "with HTTP 400" in told
    assert "Karenina" not in told
