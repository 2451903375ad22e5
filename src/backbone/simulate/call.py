"""One call through the fleet: client, OmniRelay, MeshKit, Hugo queue; its times, and what went wrong."""

from __future__ import annotations

from dataclasses import dataclass

from backbone.simulate.topology import Instance

DEADLINE_MS = 2500.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """OmniRelay's try to reach a peer."""

    peer: Instance
    duration_ms: float
    status: str
    span_id: bytes


@dataclass(frozen=True, slots=True)
class Call:
    """
    A call as it went; durations in ms, each within the one before it.

    ``mesh_ms`` and ``queue_ms`` are of the last attempt, and 0 where it got nowhere.
    """

    trace_id: bytes
    start_ns: int
    client: Instance
    relay: Instance
    procedure: str
    transport: str
    queue: int
    attempts: tuple[Attempt, ...]
    client_ms: float
    relay_ms: float
    mesh_ms: float
    wait_ms: float
    work_ms: float
    status: str
    client_span: bytes
    relay_span: bytes
    mesh_span: bytes
    enqueue_span: bytes
    process_span: bytes

    @property
    def ok(self) -> bool:
        return self.status == "ok"

    @property
    def service(self) -> str:
        return self.procedure.split("::")[0]

    @property
    def reached_mesh(self) -> bool:
        return self.mesh_ms > 0
