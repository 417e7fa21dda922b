"""Spans and metrics: the only module that imports opentelemetry. Thin, because the stock instruments are not.

A span costs some 14 µs and a count 5: both are taken per batch, never per event. Metrics are read as
Prometheus text; spans go to an OTLP endpoint if one is configured, and cost nothing otherwise.
"""

from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from typing import TypeAlias

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import (
    HistogramDataPoint,
    InMemoryMetricReader,
    Metric,
    NumberDataPoint,
)
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from infra.config import TelemetrySettings

Labels: TypeAlias = Mapping[str, str]
Gauge: TypeAlias = Callable[[], Iterable[tuple[float, Labels]]]

SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
SIZES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 5000.0)
NO_LABELS: Labels = {}


class Telemetry:
    """The metrics and spans of one process."""

    def __init__(self, service: str, settings: TelemetrySettings | None = None) -> None:
        """Start with no metric; spans are kept only where the settings say where they go."""
        resource = Resource.create({"service.name": f"capledger-{service}"})
        self._reader = InMemoryMetricReader()
        # exemplars and the process's own views are left out: they cost more than the sums
        self._provider = MeterProvider(
            metric_readers=[self._reader],
            resource=resource,
            views=[
                _view("*_seconds", SECONDS),
                _view("*_size", SIZES),
            ],
        )
        self._meter = self._provider.get_meter("capledger")
        self._counts: dict[str, _Count] = {}
        self._histograms: dict[str, _Histogram] = {}
        self._tracing = _tracing(resource, settings or TelemetrySettings())
        self._tracer = None if self._tracing is None else self._tracing.get_tracer("capledger")

    def count(self, name: str, by: int = 1, labels: Labels = NO_LABELS) -> None:
        """Add to a counter, such as `relayed_events_total`."""
        found = self._counts.get(name)
        if found is None:
            found = self._counts[name] = self._meter.create_counter(name).add
        found(by, dict(labels))

    def observe(self, name: str, value: float, labels: Labels = NO_LABELS) -> None:
        """Add one value to a histogram: `…_seconds` or `…_size`, which have their own buckets."""
        found = self._histograms.get(name)
        if found is None:
            found = self._histograms[name] = self._meter.create_histogram(name).record
        found(value, dict(labels))

    def gauge(self, name: str, read: Gauge) -> None:
        """Let a gauge be read whenever somebody looks: `read` yields values with their labels."""

        def observed(_: CallbackOptions) -> Iterable[Observation]:
            return [Observation(value, dict(labels)) for value, labels in read()]

        self._meter.create_observable_gauge(name, callbacks=[observed])

    @contextmanager
    def span(
        self, name: str, traceparent: str | None = None, labels: Labels = NO_LABELS
    ) -> Generator[str | None]:
        """Cover what runs inside with a span below `traceparent`; yields the span's own traceparent."""
        if self._tracer is None:
            yield traceparent
            return
        carrier = {} if traceparent is None else {"traceparent": traceparent}
        parent = _PROPAGATOR.extract(carrier)
        with self._tracer.start_as_current_span(name, context=parent, attributes=dict(labels)):
            own: dict[str, str] = {}
            _PROPAGATOR.inject(own)
            yield own.get("traceparent")

    def prometheus(self) -> str:
        """Return all metrics in Prometheus' text form."""
        data = self._reader.get_metrics_data()
        lines: list[str] = []
        for resource in data.resource_metrics if data is not None else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    lines += _lines(metric)
        return "\n".join(lines) + "\n"

    def close(self) -> None:
        """Send what spans are left, and stop."""
        if self._tracing is not None:
            self._tracing.shutdown()
        self._provider.shutdown()


_Count: TypeAlias = Callable[[int, dict[str, str]], None]
_Histogram: TypeAlias = Callable[[float, dict[str, str]], None]
_PROPAGATOR = TraceContextTextMapPropagator()


def _view(pattern: str, boundaries: tuple[float, ...]) -> View:
    return View(
        instrument_type=Histogram,
        instrument_name=pattern,
        aggregation=ExplicitBucketHistogramAggregation(boundaries),
    )


def _tracing(resource: Resource, settings: TelemetrySettings) -> TracerProvider | None:
    if settings.otlp_endpoint is None:
        return None
    sampler = ParentBased(TraceIdRatioBased(settings.sampled_percent / 100))
    provider = TracerProvider(resource=resource, sampler=sampler)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.otlp_endpoint)))
    return provider


def _lines(metric: Metric) -> list[str]:
    name = f"capledger_{metric.name}"
    points = list(metric.data.data_points)
    if any(isinstance(point, HistogramDataPoint) for point in points):
        kind = "histogram"
    else:
        kind = "counter" if metric.name.endswith("_total") else "gauge"
    lines = [f"# TYPE {name} {kind}"]
    for point in points:
        match point:
            case HistogramDataPoint():
                lines += _histogram(name, point)
            case NumberDataPoint():
                lines.append(f"{name}{_labels(point.attributes)} {_number(point.value)}")
            case _:
                assert False, f"no such metric here: {type(point).__name__}"  # noqa: B011, PT015
    return lines


def _histogram(name: str, point: HistogramDataPoint) -> list[str]:
    lines: list[str] = []
    below = 0
    for bound, count in zip((*point.explicit_bounds, None), point.bucket_counts, strict=True):
        below += count
        upper = "+Inf" if bound is None else _number(bound)
        lines.append(f"{name}_bucket{_labels(point.attributes, le=upper)} {below}")
    lines.append(f"{name}_sum{_labels(point.attributes)} {_number(point.sum)}")
    lines.append(f"{name}_count{_labels(point.attributes)} {point.count}")
    return lines


def _labels(attributes: Mapping[str, AttributeValue] | None, **more: str) -> str:
    pairs = {**(attributes or {}), **more}
    if not pairs:
        return ""
    return "{" + ",".join(f'{key}="{_escaped(str(value))}"' for key, value in pairs.items()) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
