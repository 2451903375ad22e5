"""
Instruments that live in the message they are sent in: recording changes a point, exporting stamps and serializes.

So a hundred thousand series cost a time stamp each per export, and nothing is built twice.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_CUMULATIVE,
    ExponentialHistogramDataPoint,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    ScopeMetrics,
)

from backbone.simulate.attributes import Attributes, key_values
from backbone.simulate.instruments import CATALOGUE, Kind

_MAX_EXEMPLARS = 2
_SCALE = 3
_SMALLEST, _LARGEST = 2.0**-7, 2.0**13
"""What an exponential histogram tells apart, in its unit; what is beyond falls into its outermost buckets."""


@dataclass(frozen=True, slots=True)
class Exemplar:
    """The span a value comes from."""

    time_ns: int
    trace_id: bytes
    span_id: bytes


@dataclass(frozen=True, slots=True)
class Number:
    """A counter, an up-down counter or a gauge, of one set of attributes."""

    point: NumberDataPoint

    def add(self, amount: int = 1) -> None:
        self.point.as_int += amount

    def level(self, value: int) -> None:
        """Set what an up-down counter has come to."""
        self.point.as_int = value

    def set(self, value: float) -> None:
        self.point.as_double = value


@dataclass(frozen=True, slots=True)
class Distribution:
    """A histogram, explicit or exponential, of one set of attributes."""

    point: HistogramDataPoint | ExponentialHistogramDataPoint

    def record(self, value: float, exemplar: Exemplar | None = None) -> None:
        """Record a value that is not negative."""
        point = self.point
        point.min = min(point.min, value) if point.count else value
        point.max = max(point.max, value)
        point.count += 1
        point.sum += value
        if isinstance(point, HistogramDataPoint):
            point.bucket_counts[bisect_left(point.explicit_bounds, value)] += 1
        else:
            _count_exponentially(point, value)
        if exemplar and len(point.exemplars) < _MAX_EXEMPLARS:
            point.exemplars.add(
                time_unix_nano=exemplar.time_ns,
                as_double=value,
                trace_id=exemplar.trace_id,
                span_id=exemplar.span_id,
            )


Handle = Number | Distribution


class Meters:
    """All instruments of one resource."""

    def __init__(self, resource: Attributes, start_ns: int) -> None:
        self._request = ExportMetricsServiceRequest()
        self._resource = self._request.resource_metrics.add()
        self._resource.resource.attributes.extend(key_values(resource))
        self._start_ns = start_ns
        self._scopes: dict[str, ScopeMetrics] = {}
        self._metrics: dict[str, Metric] = {}
        self._handles: dict[tuple[str, tuple[tuple[str, object], ...]], Handle] = {}

    def number(self, name: str, attributes: Attributes) -> Number:
        """Return the point of a counter, up-down counter or gauge of the catalogue; it is sent from now on."""
        handle = self._handle(name, attributes)
        assert isinstance(handle, Number)
        return handle

    def distribution(self, name: str, attributes: Attributes) -> Distribution:
        """Return the point of a histogram of the catalogue; it is sent from now on."""
        handle = self._handle(name, attributes)
        assert isinstance(handle, Distribution)
        return handle

    def forget(self, name: str, now_ns: int) -> None:
        """Drop an instrument's points, as a restart does; those to come start at *now_ns*."""
        self._handles = {key: handle for key, handle in self._handles.items() if key[0] != name}
        metric = self._metrics.get(name)
        if metric is not None:
            data: Any = getattr(metric, str(metric.WhichOneof("data")))
            del data.data_points[:]
        self._start_ns = now_ns

    @property
    def point_count(self) -> int:
        return len(self._handles)

    @property
    def series_count(self) -> int:
        """How many Prometheus series the points make: a bucket is one, sum and count are two more."""
        points = (handle.point for handle in self._handles.values())
        return sum(len(p.bucket_counts) + 2 if isinstance(p, HistogramDataPoint) else 1 for p in points)

    def export(self, now_ns: int) -> bytes:
        """Return all points as of now, as a request; exemplars are sent once."""
        for handle in self._handles.values():
            handle.point.time_unix_nano = now_ns
        body = self._request.SerializeToString()
        for handle in self._handles.values():
            if isinstance(handle, Distribution) and handle.point.exemplars:
                del handle.point.exemplars[:]
        return body

    def _handle(self, name: str, attributes: Attributes) -> Handle:
        key = (name, tuple(attributes.items()))
        found = self._handles.get(key)
        if found is None:
            found = self._handles[key] = self._new_handle(name, attributes)
        return found

    def _new_handle(self, name: str, attributes: Attributes) -> Handle:
        instrument, metric = CATALOGUE[name], self._metric(name)
        labels: dict[str, Any] = {"attributes": key_values(attributes)}
        since = {**labels, "start_time_unix_nano": self._start_ns}
        match instrument.kind:
            case Kind.COUNTER | Kind.UP_DOWN:
                return Number(metric.sum.data_points.add(**since, as_int=0))
            case Kind.GAUGE:
                return Number(metric.gauge.data_points.add(**labels, as_double=0))
            case Kind.HISTOGRAM:
                bounds = instrument.bounds
                counts = [0] * (len(bounds) + 1)
                explicit = metric.histogram.data_points
                return Distribution(explicit.add(**since, explicit_bounds=bounds, bucket_counts=counts, sum=0))
            case Kind.EXPONENTIAL:
                point = metric.exponential_histogram.data_points.add(**since, scale=_SCALE, sum=0)
                point.positive.offset = _exponential_index(_SMALLEST)
                return Distribution(point)

    def _metric(self, name: str) -> Metric:
        metric = self._metrics.get(name)
        if metric is None:
            instrument = CATALOGUE[name]
            scope = self._scopes.get(instrument.meter)
            if scope is None:
                scope = self._scopes[instrument.meter] = self._resource.scope_metrics.add()
                scope.scope.name = instrument.meter
            metric = self._metrics[name] = scope.metrics.add(name=name, unit=instrument.unit)
            if instrument.kind in {Kind.COUNTER, Kind.UP_DOWN}:
                metric.sum.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
                metric.sum.is_monotonic = instrument.kind is Kind.COUNTER
            elif instrument.kind is Kind.HISTOGRAM:
                metric.histogram.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
            elif instrument.kind is Kind.EXPONENTIAL:
                metric.exponential_histogram.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
        return metric


def _exponential_index(value: float) -> int:
    """Return the bucket of a value: index i holds (2^(i/8), 2^((i+1)/8)] at scale 3."""
    return math.ceil(math.log2(value) * (1 << _SCALE)) - 1


def _count_exponentially(point: ExponentialHistogramDataPoint, value: float) -> None:
    if value <= 0:
        point.zero_count += 1
        return
    counts = point.positive.bucket_counts
    index = _exponential_index(min(max(value, _SMALLEST), _LARGEST)) - point.positive.offset
    if index >= len(counts):
        counts.extend([0] * (index + 1 - len(counts)))
    counts[index] += 1
