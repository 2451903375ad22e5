"""OTLP metrics requests: 2,000 points, nine of twenty of cumulative sums, as many of gauges, two of histograms."""

from __future__ import annotations

import struct

import numpy as np
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality, ScopeMetrics

from bench.bodies.attributes import attribute, resource
from bench.bodies.template import Bytes, Ints, Places, little_endian

SUMS, GAUGES, HISTOGRAMS = 900, 900, 200
POINTS = SUMS + GAUGES + HISTOGRAMS
POINTS_PER_METRIC = 100
BOUNDS = (1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0)
BUCKETS = len(BOUNDS) + 1
STEP_NS = 15_000_000_000
NEEDLE = 0x5AFE000000000000
"""Added to a point's number to make a value that is found again; each field's tag tells which field it is."""
TIME_TAG, SUM_TAG, GAUGE_TAG, COUNT_TAG, TOTAL_TAG = b"\x19", b"\x31", b"\x21", b"\x21", b"\x29"
COUNTS_TAG = b"\x32" + bytes([8 * BUCKETS])


def _labels(lane: int, point: int) -> list[KeyValue]:
    return [
        attribute("taskqueue.name", f"queue-{point % POINTS_PER_METRIC}"),
        attribute("shard.id", lane * 50 + point % 50),
        attribute("rpc.service", f"service-{point % 7}"),
        attribute("rpc.transport", ("http3", "http2", "in-process")[point % 3]),
        attribute("mesh.cluster", f"cluster-{lane % 4}"),
    ]


def _double_needle(point: int) -> float:
    return float(struct.unpack("<d", struct.pack("<Q", NEEDLE + point))[0])


def _add_sums(scope: ScopeMetrics, lane: int, start_ns: int) -> None:
    for first in range(0, SUMS, POINTS_PER_METRIC):
        metric = scope.metrics.add(name=f"bench.taskqueue.completed{first // POINTS_PER_METRIC}", unit="{lease}")
        metric.sum.aggregation_temporality = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
        metric.sum.is_monotonic = True
        for point in range(first, first + POINTS_PER_METRIC):
            time_ns, labels = NEEDLE + point, _labels(lane, point)
            metric.sum.data_points.add(
                start_time_unix_nano=start_ns, time_unix_nano=time_ns, as_int=NEEDLE + point, attributes=labels
            )


def _add_gauges(scope: ScopeMetrics, lane: int) -> None:
    for first in range(0, GAUGES, POINTS_PER_METRIC):
        metric = scope.metrics.add(name=f"bench.taskqueue.fill{first // POINTS_PER_METRIC}", unit="1")
        for point in range(first, first + POINTS_PER_METRIC):
            time_ns, labels = NEEDLE + SUMS + point, _labels(lane, point)
            metric.gauge.data_points.add(time_unix_nano=time_ns, as_double=_double_needle(point), attributes=labels)


def _add_histograms(scope: ScopeMetrics, lane: int, start_ns: int) -> None:
    for first in range(0, HISTOGRAMS, POINTS_PER_METRIC):
        metric = scope.metrics.add(name=f"bench.taskqueue.lease.duration{first // POINTS_PER_METRIC}", unit="ms")
        metric.histogram.aggregation_temporality = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
        for point in range(first, first + POINTS_PER_METRIC):
            metric.histogram.data_points.add(
                start_time_unix_nano=start_ns,
                time_unix_nano=NEEDLE + SUMS + GAUGES + point,
                count=NEEDLE + GAUGES + point,
                sum=_double_needle(point),
                bucket_counts=[NEEDLE + point, *range(1, BUCKETS)],
                explicit_bounds=BOUNDS,
                attributes=_labels(lane, point),
            )


def _needles(first: int, count: int) -> list[bytes]:
    return [struct.pack("<Q", NEEDLE + number) for number in range(first, first + count)]


class PointTemplate:
    """One sender's request; its counters rise from one call to the next."""

    def __init__(self, random: np.random.Generator, lane: int, start_ns: int) -> None:
        self._random = random
        request = ExportMetricsServiceRequest()
        of_resource = request.resource_metrics.add()
        of_resource.resource.attributes.extend(resource("service-metrics", lane))
        scope = of_resource.scope_metrics.add()
        scope.scope.name = "Hugo.Go"
        _add_sums(scope, lane, start_ns)
        _add_gauges(scope, lane)
        _add_histograms(scope, lane, start_ns)
        self._body = request.SerializeToString()
        self._times = Places.find(self._body, _needles(0, POINTS), prefix=TIME_TAG)
        self._sums = Places.find(self._body, _needles(0, SUMS), prefix=SUM_TAG)
        self._gauges = Places.find(self._body, _needles(0, GAUGES), prefix=GAUGE_TAG)
        self._counts = Places.find(self._body, _needles(GAUGES, HISTOGRAMS), prefix=COUNT_TAG)
        self._totals = Places.find(self._body, _needles(0, HISTOGRAMS), prefix=TOTAL_TAG)
        buckets = (
            needle + b"".join(struct.pack("<Q", n) for n in range(1, BUCKETS)) for needle in _needles(0, HISTOGRAMS)
        )
        self._buckets = Places.find(self._body, buckets, prefix=COUNTS_TAG)
        self._sum_values: Ints = random.integers(0, 1_000_000, SUMS)
        self._bucket_values: Ints = random.integers(0, 10_000, (HISTOGRAMS, BUCKETS))
        self._total_values = random.uniform(0, 1e6, HISTOGRAMS)

    def next(self, time_ns: int) -> bytes:
        """Return the request of the next step, all its points of *time_ns*."""
        body = np.frombuffer(self._body, dtype=np.uint8).copy()
        seen = self._random.integers(0, 4, (HISTOGRAMS, BUCKETS))
        self._sum_values += self._random.integers(0, 21, SUMS)
        self._bucket_values += seen
        self._total_values += np.round(seen @ np.array((*BOUNDS, 2000.0)), 1)
        self._times.write(body, little_endian(np.full(POINTS, time_ns, dtype=np.int64)))
        self._sums.write(body, little_endian(self._sum_values))
        self._gauges.write(body, little_endian(np.round(self._random.uniform(0, 100, GAUGES), 1)))
        self._counts.write(body, little_endian(self._bucket_values.sum(axis=1)))
        self._totals.write(body, little_endian(self._total_values))
        self._buckets.write(body, self._bucket_bytes())
        return body.tobytes()

    def _bucket_bytes(self) -> Bytes:
        return little_endian(self._bucket_values).reshape(HISTOGRAMS, 8 * BUCKETS)


class PointBodies:
    """See `Bodies`; each lane is a sender with series of its own, its requests 15 s apart from *start_ns* on."""

    def __init__(self, seed: int, *, lanes: int, start_ns: int, first_step: int) -> None:
        random = np.random.default_rng(seed)
        self._start_ns = start_ns + first_step * STEP_NS
        self._lanes = [PointTemplate(random, lane, start_ns) for lane in range(lanes)]

    def body(self, number: int) -> bytes:
        step, lane = divmod(number, len(self._lanes))
        return self._lanes[lane].next(self._start_ns + step * STEP_NS)
