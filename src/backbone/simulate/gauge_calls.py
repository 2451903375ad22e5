"""What clients, OmniRelay and its transports say of each call."""

from __future__ import annotations

import math

from backbone.model import semconv
from backbone.model.time import MILLISECONDS_PER_SECOND
from backbone.simulate.attributes import Attributes
from backbone.simulate.call import Attempt, Call
from backbone.simulate.instruments import GRPC_MESSAGES
from backbone.simulate.meters import Exemplar, Meters
from backbone.simulate.topology import CLIENTS, GRPC_CLIENTS, PROCEDURES, Instance, Topology

_ENCODING = "protobuf"


class CallGauges:
    """Writes calls into the meters of who took part."""

    def __init__(self, topology: Topology, meters: dict[str, Meters]) -> None:
        self._meters = meters
        self._busy_ms: dict[tuple[str, str, Instance], float] = {}
        for client in topology.clients:
            for procedure in CLIENTS[client.service]:
                self._prepare(topology, client, procedure)

    def record(self, calls: list[Call]) -> None:
        """Write one second's calls."""
        self._busy_ms = dict.fromkeys(self._busy_ms, 0.0)
        for call in calls:
            self._record(call)
        for (relay, service, node), busy_ms in self._busy_ms.items():
            # Little's law: as many are under way as come in a second, times the seconds each takes.
            inflight = self._meters[relay].number("omnirelay.peer.inflight", _peer_labels(service, node))
            inflight.level(math.ceil(busy_ms / MILLISECONDS_PER_SECOND))

    def _record(self, call: Call) -> None:
        by_client = Exemplar(call.start_ns, call.trace_id, call.spans.client)
        by_relay = Exemplar(call.start_ns, call.trace_id, call.spans.relay)
        self._rpc(call, call.client, "outbound", call.client_ms, by_client)
        self._rpc(call, call.relay, "inbound", call.relay_ms, by_relay)
        if call.http_version:
            self._http(call, by_relay)
        else:
            self._grpc(call, call.relay, "server", call.relay_ms, by_relay)
        self._retries(call)
        for attempt in call.attempts:
            self._attempt(call, attempt)
        if call.reached_mesh:
            by_mesh = Exemplar(call.start_ns, call.trace_id, call.spans.mesh)
            self._grpc(call, call.node, "server", call.mesh_ms, by_mesh)

    def _prepare(self, topology: Topology, client: Instance, procedure: str) -> None:
        """Have the points that every healthy fleet has, so that its size is known from the start."""
        transport = "grpc" if client.service in GRPC_CLIENTS else "http"
        sides = [(client, "outbound"), *((relay, "inbound") for relay in topology.relay_instances)]
        for instance, direction in sides:
            labels = _rpc_labels(procedure, transport, client.service, direction)
            meters = self._meters[instance.name]
            meters.number("omnirelay.rpc.requests", labels)
            meters.number("omnirelay.rpc.success", labels)
            meters.distribution("omnirelay.rpc.duration", labels)
        service, kind = procedure.partition("::")[0], PROCEDURES[procedure]
        for relay in topology.relay_instances:
            meters = self._meters[relay.name]
            meters.distribution(f"omnirelay.grpc.client.{kind}.duration", _grpc_labels(procedure))
            if transport == "http":
                labels = _http_labels(procedure, "3")
                meters.number("omnirelay.http.requests.started", labels)
                meters.distribution("omnirelay.http.request.duration", labels)
            for node in topology.mesh_instances:
                peer = _peer_labels(service, node)
                self._busy_ms[relay.name, service, node] = 0.0
                meters.number("omnirelay.peer.successes", peer)
                meters.distribution("omnirelay.peer.lease.duration", peer)

    def _rpc(self, call: Call, instance: Instance, direction: str, duration_ms: float, exemplar: Exemplar) -> None:
        meters = self._meters[instance.name]
        labels = _rpc_labels(call.procedure, call.transport, call.client.service, direction)
        meters.number("omnirelay.rpc.requests", labels).add()
        if call.ok:
            meters.number("omnirelay.rpc.success", labels).add()
        else:
            meters.number("omnirelay.rpc.failure", {**labels, semconv.RPC_STATUS: call.status}).add()
        meters.distribution("omnirelay.rpc.duration", labels).record(duration_ms, exemplar)

    def _http(self, call: Call, exemplar: Exemplar) -> None:
        meters, labels = self._meters[call.relay.name], _http_labels(call.procedure, call.http_version)
        meters.number("omnirelay.http.requests.started", labels).add()
        meters.number("omnirelay.http.requests.completed", {**labels, semconv.RPC_STATUS: call.status}).add()
        meters.distribution("omnirelay.http.request.duration", labels).record(call.relay_ms, exemplar)
        for way in GRPC_MESSAGES[call.type]:
            if call.type != "client_stream":
                meters.number(f"omnirelay.http.{call.type}.{way}_messages", labels).add(call.messages)
        if call.http_version == "2":
            self._meters[call.client.name].number("omnirelay.http.client.fallbacks", labels).add()

    def _grpc(self, call: Call, instance: Instance, side: str, duration_ms: float, exemplar: Exemplar) -> None:
        meters, labels = self._meters[instance.name], _grpc_labels(call.procedure)
        base = f"omnirelay.grpc.{side}.{call.type}"
        meters.distribution(f"{base}.duration", labels).record(duration_ms, exemplar)
        for way in GRPC_MESSAGES[call.type]:
            meters.distribution(f"{base}.{way}s", labels).record(call.messages)
            meters.number(f"{base}.{way}_messages", labels).add(call.messages)

    def _attempt(self, call: Call, attempt: Attempt) -> None:
        meters, labels = self._meters[call.relay.name], _peer_labels(call.service, attempt.peer)
        exemplar = Exemplar(call.start_ns, call.trace_id, attempt.span_id)
        self._busy_ms[call.relay.name, call.service, attempt.peer] += attempt.duration_ms
        outcome = "successes" if attempt.status == "ok" else "failures"
        meters.number(f"omnirelay.peer.{outcome}", labels).add()
        meters.distribution("omnirelay.peer.lease.duration", labels).record(attempt.duration_ms, exemplar)
        if attempt.status == "unavailable":
            # No answer over QUIC: the next one is asked for over HTTP/2.
            meters.number("omnirelay.grpc.client.fallbacks", _grpc_labels(call.procedure)).add()
        if attempt.status == "resource-exhausted":
            meters.number("omnirelay.peer.lease_rejected", labels).add()
        self._grpc(call, call.relay, "client", attempt.duration_ms, exemplar)

    def _retries(self, call: Call) -> None:
        meters = self._meters[call.relay.name]
        labels: Attributes = {semconv.RPC_SERVICE: call.service, semconv.RPC_PROCEDURE: call.procedure}
        for number, attempt in enumerate(call.attempts[:-1], 1):
            why: Attributes = {semconv.ERROR_STATUS: attempt.status, semconv.RETRY_ATTEMPT: number}
            meters.number("omnirelay.retry.scheduled", {**labels, **why}).add()
        if len(call.attempts) == 1:
            return
        if call.ok:
            meters.number("omnirelay.retry.succeeded", labels).add()
        elif call.status == "unavailable":
            meters.number("omnirelay.retry.exhausted", {**labels, semconv.ERROR_STATUS: call.status}).add()
            meters.number("omnirelay.peer.pool_exhausted", labels).add()


def _rpc_labels(procedure: str, transport: str, caller: str, direction: str) -> Attributes:
    return {
        semconv.RPC_SERVICE: procedure.partition("::")[0],
        semconv.RPC_PROCEDURE: procedure,
        semconv.RPC_TYPE: PROCEDURES[procedure],
        semconv.RPC_TRANSPORT: transport,
        semconv.RPC_ENCODING: _ENCODING,
        semconv.RPC_CALLER: caller,
        semconv.RPC_DIRECTION: direction,
    }


def _http_labels(procedure: str, version: str) -> Attributes:
    return {
        semconv.RPC_SERVICE: procedure.partition("::")[0],
        semconv.RPC_PROCEDURE: procedure,
        semconv.HTTP_REQUEST_METHOD: "POST",
        semconv.RPC_PROTOCOL: f"HTTP/{version}",
        semconv.NETWORK_PROTOCOL_NAME: "http",
        semconv.NETWORK_PROTOCOL_VERSION: version,
        semconv.NETWORK_TRANSPORT: "quic" if version == "3" else "tcp",
    }


def _grpc_labels(procedure: str) -> Attributes:
    return {semconv.RPC_SERVICE: procedure.partition("::")[0], semconv.RPC_PROCEDURE: procedure}


def _peer_labels(service: str, node: Instance) -> Attributes:
    return {semconv.RPC_SERVICE: service, semconv.RPC_TRANSPORT: "grpc", semconv.RPC_PEER: node.peer}
