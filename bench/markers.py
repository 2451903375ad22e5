"""
Markers: single items sent among the load, by which it is seen how long it takes until a query finds what was sent.

Metrics' markers are samples of a few series whose value is the marker's number, so that no server's care for new series
is measured; those of spans and logs carry it in a name or body. One query, asked again and again, returns all of them.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cramjam
import httpx
import orjson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from bench.bodies.attributes import attribute
from bench.bodies.samples import TIME_NEEDLE, VALUE_NEEDLE, time_bytes, time_series
from bench.parts import PartName

LANES = 10
"""Markers are on their way side by side, each lane with a series of its own: in a series, samples come in order."""
SERVICE = "bench-marker"
METRIC = "bench_marker"
TEXT = re.compile(rb"marker-(\d+)")
"""A marker as `_span` and `_log` write it, in an answer of any shape."""
VALUE = re.compile(rb'\[\s*[\d.e+]+\s*,\s*"(\d+)"\s*\]')
"""A sample in Prometheus' API: ``[time, "value"]``."""


def _span(number: int, time_ns: int) -> bytes:
    request = ExportTraceServiceRequest()
    of_resource = request.resource_spans.add()
    of_resource.resource.attributes.append(attribute("service.name", SERVICE))
    of_resource.scope_spans.add().spans.add(
        name=f"marker-{number}",
        trace_id=number.to_bytes(16, "big"),
        span_id=(number + 1).to_bytes(8, "big"),
        start_time_unix_nano=time_ns,
        end_time_unix_nano=time_ns + 1_000,
    )
    return request.SerializeToString()


def _log(number: int, time_ns: int) -> bytes:
    request = ExportLogsServiceRequest()
    of_resource = request.resource_logs.add()
    of_resource.resource.attributes.append(attribute("service.name", SERVICE))
    record = of_resource.scope_logs.add().log_records.add(time_unix_nano=time_ns, observed_time_unix_nano=time_ns)
    record.body.string_value = f"marker-{number}"
    return request.SerializeToString()


def _point(number: int, time_ns: int) -> bytes:
    request = ExportMetricsServiceRequest()
    of_resource = request.resource_metrics.add()
    of_resource.resource.attributes.append(attribute("service.name", SERVICE))
    metric = of_resource.scope_metrics.add().metrics.add(name=METRIC)
    lane = attribute("lane", str(number % LANES))
    metric.gauge.data_points.add(time_unix_nano=time_ns, as_double=float(number), attributes=[lane])
    return request.SerializeToString()


def _sample(number: int, time_ns: int) -> bytes:
    series = time_series({"__name__": METRIC, "job": SERVICE, "lane": str(number % LANES)})
    series = series.replace(VALUE_NEEDLE[1:], struct.pack("<d", number))
    series = series.replace(TIME_NEEDLE[1:], time_bytes(time_ns // 1_000_000).tobytes())
    return bytes(cramjam.snappy.compress_raw(series))


_VALUES = f"""SELECT concat('marker-', toString(toUInt64(value))) FROM samples
WHERE fp IN (SELECT fp FROM series WHERE metric = '{METRIC}')"""
_BODIES = {"spans": _span, "logs": _log, "points": _point, "samples": _sample}


SQL: dict[PartName, str] = {
    "spans": f"SELECT name FROM spans WHERE service = '{SERVICE}'",
    "logs": f"SELECT body FROM logs WHERE service = '{SERVICE}'",
    "points": _VALUES,
    "samples": _VALUES,
}
"""Statements over Backbone's tables whose answers have the markers in them."""


def body(part: PartName, number: int, time_ns: int) -> bytes:
    """Return a request with one item that is marker *number*, of *time_ns*."""
    return _BODIES[part](number, time_ns)


@dataclass(frozen=True, slots=True)
class Probe:
    """The query by which markers are seen; it is asked again and again while they come in."""

    method: str
    url: str
    params: Mapping[str, str]
    content: bytes
    headers: Mapping[str, str]
    pattern: re.Pattern[bytes]
    """Finds the markers' numbers in the answer."""
    how: str
    """In words, for the report."""

    def request(self) -> httpx.Request:
        content = self.content or None
        return httpx.Request(self.method, self.url, params=self.params, content=content, headers=self.headers)

    async def seen(self, client: httpx.AsyncClient) -> set[int]:
        """
        Return the numbers of all markers that the query finds.

        Raises:
            httpx.HTTPError: there was no answer, or not of success.
        """
        response = await client.send(self.request())
        response.raise_for_status()
        return {int(number) for number in self.pattern.findall(response.content)}


def first_answered(probes: Sequence[Probe]) -> Probe | None:
    """Return the first of *probes* that the server answers with success, None if it answers none."""
    with httpx.Client(timeout=30) as client:
        for probe in probes:
            if client.send(probe.request()).is_success:
                return probe
    return None


def promql_probe(base_url: str, *, end_s: int) -> Probe:
    """Return a probe by Prometheus' API: all samples of the markers' series in the day before *end_s*."""
    query = f"{METRIC}[1d]"
    params = {"query": query, "time": str(end_s)}
    return Probe("GET", f"{base_url}/api/v1/query", params, b"", {}, VALUE, f"GET /api/v1/query?query={query}")


def loki_probe(base_url: str) -> Probe:
    """Return a probe by Loki's API."""
    query = f'{{service_name="{SERVICE}"}}'
    params = {"query": query, "limit": "1000", "since": "1h"}
    url = f"{base_url}/loki/api/v1/query_range"
    return Probe("GET", url, params, b"", {}, TEXT, f"GET /loki/api/v1/query_range?query={query}")


def tempo_probe(base_url: str) -> Probe:
    """Return a probe by Tempo's API."""
    query = f'{{ resource.service.name = "{SERVICE}" }}'
    params = {"q": query, "limit": "1000"}
    return Probe("GET", f"{base_url}/api/search", params, b"", {}, TEXT, f"GET /api/search?q={query}")


def sql_probe(base_url: str, part: PartName) -> Probe:
    """Return a probe by Backbone's own SQL door."""
    sql = SQL[part]
    content, headers = orjson.dumps({"sql": sql, "limit": 1000}), {"Content-Type": "application/json"}
    url = f"{base_url}/api/backbone/v1/sql"
    return Probe("POST", url, {}, content, headers, TEXT, f"POST /api/backbone/v1/sql, {' '.join(sql.split())}")
