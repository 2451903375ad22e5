"""OTLP logs requests: 2,000 records of 250-byte body and 12 attributes, ids, times and trace context new in each."""

from __future__ import annotations

import struct
import time

import numpy as np
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from bench.bodies.attributes import attribute, resource
from bench.bodies.template import Places, little_endian, random_hex, random_ids

RECORDS = 2_000
RECORDS_PER_TRACE = 5
SERVICES_PER_REQUEST = 5
BODY_BYTES = 250
ATTRIBUTES = 12
TEMPLATES = 8
REQUEST_WIDTH, TOKEN_WIDTH, KEY_WIDTH = 32, 16, 16
TIME_NEEDLE = 0x4E4F570000000000
TIME_TAG, OBSERVED_TAG, TRACE_TAG, SPAN_TAG = b"\x09", b"\x59", b"\x4a\x10", b"\x52\x08"

MESSAGES = (
    "outbound unary call failed with deadline-exceeded, the retry is scheduled on another peer of the pool",
    "lease granted after waiting in the queue, the worker renews it by a heartbeat until the item is done",
    "peer joined the mesh and was given its shards, replication starts from the last checkpoint it has seen",
    "control update applied, the extension was reloaded without dropping a request of any caller in flight",
    "gossip round finished, suspects were probed through other members before they are taken for dead",
    "backpressure cleared, pending items are under the low watermark again and callers are let in",
)
SEVERITIES = ((9, "INFO"), (9, "INFO"), (9, "INFO"), (5, "DEBUG"), (13, "WARN"), (17, "ERROR"))


def _text(random: np.random.Generator, request_id: str, token: str) -> str:
    """Return a line of exactly `BODY_BYTES` bytes that carries both ids."""
    message = MESSAGES[random.integers(len(MESSAGES))]
    head = f"request {request_id} on shard {random.integers(2000)}: {message}; token {token}"
    words = " elapsed_ms={} attempt={} pending={} watermark={} region=eu-{} node=node-{:03d} queue=queue-{} epoch={}"
    line = head + words.format(*(int(n) for n in random.integers(0, 900, size=8)))
    return line[:BODY_BYTES].ljust(BODY_BYTES, ".")


def _attributes(random: np.random.Generator, key: str) -> list[KeyValue]:
    return [
        attribute("event.id", int(random.integers(1, 60))),
        attribute("log.category", f"OmniRelay.Core.{('Gossip', 'Leases', 'Retry', 'Control')[random.integers(4)]}"),
        attribute("rpc.service", ("shop.Orders", "shop.Shards", "shop.Peers")[random.integers(3)]),
        attribute("rpc.procedure", f"procedure-{random.integers(120)}"),
        attribute("rpc.request_id", key),
        attribute("rpc.protocol", ("http3", "http2", "grpc")[random.integers(3)]),
        attribute("rpc.peer", f"10.4.{random.integers(12)}.{random.integers(200)}"),
        attribute("rpc.peer_port", int(7000 + random.integers(8))),
        attribute("rpc.request_encoding", "protobuf"),
        attribute("mesh.cluster", f"cluster-{random.integers(4)}"),
        attribute("shard.id", int(random.integers(2000))),
        attribute("thread.name", f"worker-{random.integers(32)}"),
    ]


class LogTemplate:
    """One encoded request and the places in it that are written anew each time."""

    def __init__(self, random: np.random.Generator, number: int) -> None:
        traces, spans = random_ids(random, RECORDS, 16), random_ids(random, RECORDS, 8)
        requests = [row.tobytes() for row in random_hex(random, RECORDS, REQUEST_WIDTH)]
        tokens = [row.tobytes() for row in random_hex(random, RECORDS, TOKEN_WIDTH)]
        keys = [row.tobytes() for row in random_hex(random, RECORDS, KEY_WIDTH)]
        request = ExportLogsServiceRequest()
        of_scope = None
        for record in range(RECORDS):
            if record % (RECORDS // SERVICES_PER_REQUEST) == 0:
                of_resource = request.resource_logs.add()
                service = f"service-{len(request.resource_logs)}"
                of_resource.resource.attributes.extend(resource(service, number))
                of_scope = of_resource.scope_logs.add()
                of_scope.scope.name = "omnirelay"
            severity, severity_text = SEVERITIES[random.integers(len(SEVERITIES))]
            assert of_scope is not None
            of_scope.log_records.append(
                LogRecord(
                    time_unix_nano=TIME_NEEDLE + record,
                    observed_time_unix_nano=TIME_NEEDLE + record,
                    severity_number=severity,  # type: ignore[arg-type]
                    severity_text=severity_text,
                    body=AnyValue(string_value=_text(random, requests[record].decode(), tokens[record].decode())),
                    attributes=_attributes(random, keys[record].decode()),
                    trace_id=traces[record].tobytes(),
                    span_id=spans[record].tobytes(),
                )
            )
        self._body = request.SerializeToString()
        times = [struct.pack("<Q", TIME_NEEDLE + n) for n in range(RECORDS)]
        self._times = Places.find(self._body, times, prefix=TIME_TAG)
        self._observed = Places.find(self._body, times, prefix=OBSERVED_TAG)
        self._requests = Places.find(self._body, requests)
        self._tokens = Places.find(self._body, tokens)
        self._keys = Places.find(self._body, keys)
        self._traces = Places.find(self._body, (row.tobytes() for row in traces), prefix=TRACE_TAG)
        self._spans = Places.find(self._body, (row.tobytes() for row in spans), prefix=SPAN_TAG)

    def fill(self, random: np.random.Generator, now_ns: int) -> bytes:
        """Return the request with ids from *random*, its records written in the second before *now_ns*."""
        body = np.frombuffer(self._body, dtype=np.uint8).copy()
        times = now_ns - 1_000_000_000 + np.sort(random.integers(0, 1_000_000_000, RECORDS))
        traces = random_ids(random, RECORDS // RECORDS_PER_TRACE, 16)
        self._times.write(body, little_endian(times))
        self._observed.write(body, little_endian(times + random.integers(0, 2_000_000, RECORDS)))
        self._requests.write(body, random_hex(random, RECORDS, REQUEST_WIDTH))
        self._tokens.write(body, random_hex(random, RECORDS, TOKEN_WIDTH))
        self._keys.write(body, random_hex(random, RECORDS, KEY_WIDTH))
        self._traces.write(body, np.repeat(traces, RECORDS_PER_TRACE, axis=0))
        self._spans.write(body, random_ids(random, RECORDS, 8))
        return body.tobytes()


class LogBodies:
    """See `Bodies`; times are the clock's at the call."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._templates = [LogTemplate(self._random, number) for number in range(TEMPLATES)]

    def body(self, number: int) -> bytes:
        return self._templates[number % TEMPLATES].fill(self._random, time.time_ns())
