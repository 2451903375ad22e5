"""One call through the fleet: client, OmniRelay, MeshKit, Hugo queue; its times, and what went wrong."""

from __future__ import annotations

from dataclasses import dataclass

from backbone.simulate.topology import PROCEDURES, WORKFLOWS, Instance

DEADLINE_MS = 2500.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """OmniRelay's try to reach a peer; ``delay_ms`` is how long it held back before."""

    peer: Instance
    duration_ms: float
    status: str
    span_id: bytes
    delay_ms: float


@dataclass(frozen=True, slots=True)
class SpanIds:
    client: bytes
    relay: bytes
    mesh: bytes
    enqueue: bytes
    process: bytes
    select: bytes
    workflow: bytes
    commit: bytes


@dataclass(frozen=True, slots=True)
class Call:
    """
    A call as it went; durations in ms, each within the one before it.

    ``mesh_ms``, ``wait_ms`` and ``work_ms`` are of the last attempt; ``mesh_ms`` is 0 where that got nowhere.
    """

    trace_id: bytes
    spans: SpanIds
    start_ns: int
    client: Instance
    relay: Instance
    procedure: str
    http_version: str
    """Of HTTP, ``3`` or ``2``; empty for a client that speaks gRPC."""
    messages: int
    queue: int
    attempts: tuple[Attempt, ...]
    client_ms: float
    relay_ms: float
    mesh_ms: float
    wait_ms: float
    work_ms: float
    status: str

    @property
    def ok(self) -> bool:
        return self.status == "ok"

    @property
    def service(self) -> str:
        return self.procedure.partition("::")[0]

    @property
    def type(self) -> str:
        return PROCEDURES[self.procedure]

    @property
    def transport(self) -> str:
        return "http" if self.http_version else "grpc"

    @property
    def workflow(self) -> str:
        """The namespace of the workflow the call runs; empty where it runs none."""
        return WORKFLOWS.get(self.procedure, "")

    @property
    def workflow_id(self) -> str:
        return f"{self.workflow}-{self.trace_id.hex()[:12]}"

    @property
    def reached_mesh(self) -> bool:
        return self.mesh_ms > 0

    @property
    def node(self) -> Instance:
        """The MeshKit node the last attempt went to."""
        return self.attempts[-1].peer
