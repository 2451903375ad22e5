"""OTLP trace requests: 1,000 spans of 15 attributes, ten to a trace, ids, times and measured values new in each."""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass

import numpy as np
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from bench.bodies.attributes import attribute, resource
from bench.bodies.template import Bytes, Floats, Ints, Places, little_endian, random_hex, random_ids

SPANS = 1_000
SPANS_PER_TRACE = 10
SERVICES_PER_REQUEST = 5
TEMPLATES = 16
KEY_WIDTH = 16
TIME_NEEDLE = 0x4E4F570000000000
START_TAG, END_TAG = b"\x39", b"\x41"
SPAN_ID_TAG, PARENT_TAG = b"\x12\x08", b"\x22\x08"
DOUBLE_TAG = b"\x21"

METHODS = tuple(
    (noun, verb) for noun in ("Order", "Shard", "Peer", "Lease") for verb in ("Get", "Put", "List", "Watch")
)


def _attributes(random: np.random.Generator, method: tuple[str, str], key: str, measured: float) -> list[KeyValue]:
    peer = int(random.integers(200))
    return [
        attribute("rpc.system", "grpc"),
        attribute("rpc.service", f"shop.{method[0]}Service"),
        attribute("rpc.method", "".join(reversed(method))),
        attribute("rpc.transport", ("http3", "http2", "in-process")[random.integers(3)]),
        attribute("rpc.encoding", "protobuf"),
        attribute("rpc.kind", "unary"),
        attribute("rpc.caller", f"caller-{random.integers(40)}"),
        attribute("rpc.shard_key", key),
        attribute("rpc.grpc.status_code", int(random.choice((0, 0, 0, 0, 0, 0, 0, 4, 14)))),
        attribute("net.peer.ip", f"10.4.{peer // 16}.{peer}"),
        attribute("net.peer.port", 7000 + peer % 8),
        attribute("omnirelay.peer.supports_h3", bool(random.integers(2))),
        attribute("hugo.select.duration_ms", measured),
        attribute("taskqueue.name", f"queue-{random.integers(1000)}"),
        attribute("taskqueue.attempt", int(random.integers(1, 4))),
    ]


@dataclass(frozen=True, slots=True)
class Needles:
    """Values that occur once in a body, by which its fields are found again."""

    traces: Bytes
    spans: Bytes
    keys: Bytes
    measured: Floats


def _span(random: np.random.Generator, needles: Needles, number: int) -> Span:
    method = METHODS[random.integers(len(METHODS))]
    first = number - number % SPANS_PER_TRACE
    measured = float(needles.measured[number])
    span = Span(
        trace_id=needles.traces[number // SPANS_PER_TRACE].tobytes(),
        span_id=needles.spans[number].tobytes(),
        parent_span_id=needles.spans[first].tobytes() if number != first else b"",
        name=f"shop.{method[0]}Service/{method[1]}{method[0]}",
        kind=(Span.SPAN_KIND_SERVER, Span.SPAN_KIND_CLIENT)[number % 2],
        start_time_unix_nano=TIME_NEEDLE + number,
        end_time_unix_nano=TIME_NEEDLE + number,
        attributes=_attributes(random, method, needles.keys[number].tobytes().decode(), measured),
    )
    if random.random() < 0.02:
        span.status.CopyFrom(Status(code=Status.STATUS_CODE_ERROR, message="deadline-exceeded"))
    return span


class SpanTemplate:
    """One encoded request and the places in it that are written anew each time."""

    def __init__(self, random: np.random.Generator, number: int) -> None:
        needles = Needles(
            random_ids(random, SPANS // SPANS_PER_TRACE, 16),
            random_ids(random, SPANS, 8),
            random_hex(random, SPANS, KEY_WIDTH),
            random.random(SPANS),
        )
        request = ExportTraceServiceRequest()
        for start in range(0, SPANS, SPANS // SERVICES_PER_REQUEST):
            of_service = request.resource_spans.add()
            of_service.resource.attributes.extend(resource(f"service-{start // 200}", number))
            scope = of_service.scope_spans.add()
            scope.scope.name = "omnirelay.rpc"
            scope.spans.extend(_span(random, needles, n) for n in range(start, start + SPANS // SERVICES_PER_REQUEST))
        self._body = request.SerializeToString()
        self._trace_of: Ints = np.arange(SPANS) // SPANS_PER_TRACE
        children = np.array([n for n in range(SPANS) if n % SPANS_PER_TRACE])
        self._parent_of: Ints = children - children % SPANS_PER_TRACE
        times = [struct.pack("<Q", TIME_NEEDLE + n) for n in range(SPANS)]
        self._traces = Places.find(self._body, (needles.traces[n].tobytes() for n in self._trace_of))
        self._spans = Places.find(self._body, (row.tobytes() for row in needles.spans), prefix=SPAN_ID_TAG)
        self._parents = Places.find(
            self._body, (needles.spans[n].tobytes() for n in self._parent_of), prefix=PARENT_TAG
        )
        self._starts = Places.find(self._body, times, prefix=START_TAG)
        self._ends = Places.find(self._body, times, prefix=END_TAG)
        self._keys = Places.find(self._body, (row.tobytes() for row in needles.keys))
        self._measured = Places.find(self._body, (struct.pack("<d", m) for m in needles.measured), prefix=DOUBLE_TAG)

    def fill(self, random: np.random.Generator, now_ns: int) -> bytes:
        """Return the request with ids and values from *random*, its spans ended in the second before *now_ns*."""
        body = np.frombuffer(self._body, dtype=np.uint8).copy()
        spans = random_ids(random, SPANS, 8)
        durations, ends = _times(random, now_ns)
        self._traces.write(body, random_ids(random, SPANS // SPANS_PER_TRACE, 16)[self._trace_of])
        self._spans.write(body, spans)
        self._parents.write(body, spans[self._parent_of])
        self._starts.write(body, little_endian(ends - durations))
        self._ends.write(body, little_endian(ends))
        self._keys.write(body, random_hex(random, SPANS, KEY_WIDTH))
        self._measured.write(body, little_endian(np.round(durations / 1e6, 3)))
        return body.tobytes()


def _times(random: np.random.Generator, now_ns: int) -> tuple[Ints, Ints]:
    """Return how long spans took, and when they ended: the first of each trace began and ended around all others."""
    durations = random.lognormal(14, 1.5, (SPANS // SPANS_PER_TRACE, SPANS_PER_TRACE)).astype(np.int64)
    durations[:, 0] = durations.max(axis=1)
    last = now_ns - random.integers(0, 1_000_000_000, (len(durations), 1))
    ends = last - (random.random(durations.shape) * (durations[:, :1] - durations)).astype(np.int64)
    return durations.ravel(), ends.ravel()


class SpanBodies:
    """See `Bodies`; times are the clock's at the call."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._templates = [SpanTemplate(self._random, number) for number in range(TEMPLATES)]

    def body(self, number: int) -> bytes:
        return self._templates[number % TEMPLATES].fill(self._random, time.time_ns())
