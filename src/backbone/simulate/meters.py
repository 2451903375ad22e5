"""
Instruments that live in the message they are sent in: recording changes a point, exporting stamps and serializes.

So a hundred thousand series cost a time stamp each per export, and nothing is built twice.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_CUMULATIVE,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    ScopeMetrics,
)

from backbone.simulate.attributes import Attributes, key_values

LATENCY_MS = (1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 10000.0)
DEPTH = (0.0, 1.0, 5.0, 10.0, 50.0, 100.0, 500.0, 1000.0, 5000.0)


@dataclass(frozen=True, slots=True)
class Number:
    """A counter, an up-down counter or a gauge, of one set of attributes."""

    point: NumberDataPoint

    def add(self, amount: int = 1) -> None:
        self.point.as_int += amount

    def set(self, value: float) -> None:
        self.point.as_double = value

    def level(self, value: int) -> None:
        """Set what an up-down counter has come to."""
        self.point.as_int = value


@dataclass(frozen=True, slots=True)
class Distribution:
    """A histogram of one set of attributes."""

    point: HistogramDataPoint

    def record(self, value: float, trace_id: bytes = b"", span_id: bytes = b"", time_ns: int = 0) -> None:
        """Record a value; with a trace's id it is an exemplar as well."""
        point = self.point
        point.count += 1
        point.sum += value
        point.min = min(point.min, value) if point.count > 1 else value
        point.max = max(point.max, value)
        point.bucket_counts[bisect_left(point.explicit_bounds, value)] += 1
        if trace_id and len(point.exemplars) < 2:
            point.exemplars.add(time_unix_nano=time_ns, as_double=value, trace_id=trace_id, span_id=span_id)


class Meters:
    """All instruments of one resource."""

    def __init__(self, resource: Attributes, start_ns: int) -> None:
        self._request = ExportMetricsServiceRequest()
        self._resource = self._request.resource_metrics.add()
        self._resource.resource.attributes.extend(key_values(resource))
        self._start_ns = start_ns
        self._scopes: dict[str, ScopeMetrics] = {}
        self._metrics: dict[str, Metric] = {}
        self._points: dict[tuple[str, tuple[object, ...]], Any] = {}

    def counter(self, scope: str, name: str, unit: str, attributes: Attributes) -> Number:
        return self._number(scope, name, unit, attributes, monotonic=True)

    def updown(self, scope: str, name: str, unit: str, attributes: Attributes) -> Number:
        return self._number(scope, name, unit, attributes, monotonic=False)

    def gauge(self, scope: str, name: str, unit: str, attributes: Attributes) -> Number:
        key = (name, tuple(attributes.items()))
        if key not in self._points:
            point = self._metric(scope, name, unit).gauge.data_points.add(attributes=key_values(attributes))
            self._points[key] = Number(point)
        found: Number = self._points[key]
        return found

    def histogram(
        self, scope: str, name: str, unit: str, attributes: Attributes, bounds: tuple[float, ...] = LATENCY_MS
    ) -> Distribution:
        key = (name, tuple(attributes.items()))
        if key not in self._points:
            histogram = self._metric(scope, name, unit).histogram
            histogram.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
            point = histogram.data_points.add(
                attributes=key_values(attributes),
                start_time_unix_nano=self._start_ns,
                explicit_bounds=bounds,
                bucket_counts=[0] * (len(bounds) + 1),
                sum=0,
            )
            self._points[key] = Distribution(point)
        found: Distribution = self._points[key]
        return found

    @property
    def point_count(self) -> int:
        return len(self._points)

    @property
    def series_count(self) -> int:
        """How many Prometheus series the points make."""
        points = (handle.point for handle in self._points.values())
        return sum(len(p.bucket_counts) + 2 if isinstance(p, HistogramDataPoint) else 1 for p in points)

    def export(self, now_ns: int) -> bytes:
        """Return all points as of now, as a request; exemplars are sent once."""
        for handle in self._points.values():
            handle.point.time_unix_nano = now_ns
        body = self._request.SerializeToString()
        for handle in self._points.values():
            if isinstance(handle, Distribution) and handle.point.exemplars:
                del handle.point.exemplars[:]
        return body

    def _number(self, scope: str, name: str, unit: str, attributes: Attributes, *, monotonic: bool) -> Number:
        key = (name, tuple(attributes.items()))
        if key not in self._points:
            total = self._metric(scope, name, unit).sum
            total.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
            total.is_monotonic = monotonic
            point = total.data_points.add(
                attributes=key_values(attributes), start_time_unix_nano=self._start_ns, as_int=0
            )
            self._points[key] = Number(point)
        found: Number = self._points[key]
        return found

    def _metric(self, scope: str, name: str, unit: str) -> Metric:
        if name not in self._metrics:
            if scope not in self._scopes:
                self._scopes[scope] = self._resource.scope_metrics.add()
                self._scopes[scope].scope.name = scope
            self._metrics[name] = self._scopes[scope].metrics.add(name=name, unit=unit)
        return self._metrics[name]
