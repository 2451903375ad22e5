"""A fleet in virtual time: no clock, no network, and all it said to look at."""

from __future__ import annotations

from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from backbone.simulate.fleet import Fleet
from backbone.simulate.gauging import Gauging
from backbone.simulate.logs import write_logs
from backbone.simulate.spans import SpanBatch, trace
from backbone.simulate.topology import Topology

START_NS = 1_790_000_000 * 10**9


class Run:
    """A fleet stepped through virtual seconds, and all it said."""

    def __init__(self, topology: Topology = Topology(), seed: int = 1, start_ns: int = START_NS) -> None:  # noqa: B008 - frozen
        self.fleet = Fleet(topology, 40, seed)
        self.gauging = Gauging(self.fleet, start_ns)
        self.now_ns = start_ns
        self.spans: list[tuple[str, Span]] = []
        self.logs: list[tuple[str, LogRecord]] = []
        self.senders: set[tuple[str, str]] = set()

    def forward(self, seconds: int) -> None:
        """Step, and keep only what these seconds said."""
        self.spans, self.logs, self.senders = [], [], set()
        for _ in range(seconds):
            self.now_ns += 10**9
            step = self.fleet.step(self.now_ns)
            batch = SpanBatch()
            for call in step.calls:
                trace(call, self.fleet.topology, batch)
            for resource in ExportTraceServiceRequest.FromString(joined(batch.requests())).resource_spans:
                service = named(resource.resource.attributes, "service.name")
                self.senders.add((named(resource.resource.attributes, "service.instance.id"), "traces"))
                self.spans += [(service, span) for scope in resource.scope_spans for span in scope.spans]
            for records in ExportLogsServiceRequest.FromString(
                joined(write_logs(self.fleet, step).requests())
            ).resource_logs:
                service = named(records.resource.attributes, "service.name")
                self.senders.add((named(records.resource.attributes, "service.instance.id"), "logs"))
                self.logs += [(service, record) for scope in records.scope_logs for record in scope.log_records]
            self.gauging.record(step)

    def skip(self, seconds: int) -> None:
        """Step without listening to spans and logs."""
        for _ in range(seconds):
            self.now_ns += 10**9
            self.gauging.record(self.fleet.step(self.now_ns))

    def metrics(self) -> list[tuple[str, Metric]]:
        """Return each metric with the meter it comes from."""
        requests = [ExportMetricsServiceRequest.FromString(body) for body, _ in self.gauging.export(self.now_ns)]
        scopes = (s for request in requests for resource in request.resource_metrics for s in resource.scope_metrics)
        return [(scope.scope.name, metric) for scope in scopes for metric in scope.metrics]

    def by_instance(self) -> list[tuple[str, Metric]]:
        """Return each metric with the name of the instance that sends it."""
        requests = [ExportMetricsServiceRequest.FromString(body) for body, _ in self.gauging.export(self.now_ns)]
        return [
            (named(resource.resource.attributes, "service.instance.id"), metric)
            for request in requests
            for resource in request.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        ]

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of a metric's points that have these labels."""
        wanted = {key.replace("_", ".", 1): value for key, value in labels.items()}
        total = 0.0
        for _, metric in self.metrics():
            if metric.name == name:
                for point in (*metric.sum.data_points, *metric.gauge.data_points):
                    has = {pair.key: pair.value.string_value for pair in point.attributes}
                    if wanted.items() <= has.items():
                        total += point.as_int + point.as_double
        return total

    def median_ms(self, service: str, kind: int) -> float:
        """Return the median duration of a service's spans of that kind."""
        spans = (span for by, span in self.spans if by == service and span.kind == kind)
        durations = sorted(span.end_time_unix_nano - span.start_time_unix_nano for span in spans)
        return durations[len(durations) // 2] / 1e6

    def count_logs(self, part: str) -> int:
        return sum(part in record.body.string_value for _, record in self.logs)


def joined(requests: list[tuple[bytes, int]]) -> bytes:
    """Return requests as one: what is repeated in protobuf messages adds up when they are joined."""
    return b"".join(body for body, _ in requests)


def named(attributes: Any, key: str) -> str:
    return next((pair.value.string_value for pair in attributes if pair.key == key), "")


def kind_of(metric: Metric) -> str:
    data = metric.WhichOneof("data")
    if data == "sum":
        return "counter" if metric.sum.is_monotonic else "up-down"
    return "exponential" if data == "exponential_histogram" else str(data)


def points(metric: Metric) -> list[Any]:
    return list(getattr(metric, str(metric.WhichOneof("data"))).data_points)
