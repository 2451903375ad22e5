"""Who is in the fleet, and how large it is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from backbone.model import semconv
from backbone.simulate.attributes import Attributes

PROCEDURES = (
    "Checkout::place",
    "Checkout::quote",
    "Catalog::search",
    "Catalog::get",
    "Ledger::post",
    "Accounts::sign_up",
)
CLIENTS = ("storefront", "mobile-gateway", "partner-api")
SERIES_PER_QUEUE = 38
"""Measured: what one queue and its shard add, histograms' buckets counted."""
_BASE_SERIES = 2700
SIZES = {"demo": 4_000, "small": 10_000, "medium": 30_000, "large": 100_000}
"""Series by name of size."""


@dataclass(frozen=True, slots=True)
class Instance:
    """A process of the fleet, which sends telemetry of its own."""

    service: str
    name: str
    host: str
    namespace: str

    @property
    def resource(self) -> Attributes:
        return {
            semconv.SERVICE_NAME: self.service,
            semconv.SERVICE_NAMESPACE: self.namespace,
            semconv.SERVICE_VERSION: "2.4.1",
            semconv.SERVICE_INSTANCE_ID: self.name,
            semconv.HOST_NAME: self.host,
            semconv.DEPLOYMENT_ENVIRONMENT_NAME: "production",
            semconv.CLOUD_REGION: "eu-west-1",
        }


@dataclass(frozen=True)
class Topology:
    """
    Clients, OmniRelay nodes, MeshKit nodes and the queues of their shards.

    Shard i carries queue i and lives on mesh node i modulo their number, unless that is lost.
    """

    relays: int = 3
    mesh_nodes: int = 4
    queues: int = 40

    @classmethod
    def of_series(cls, series: int) -> Topology:
        """Return a fleet that makes about that many Prometheus series."""
        return cls(queues=max(4, (series - _BASE_SERIES) // SERIES_PER_QUEUE))

    @cached_property
    def clients(self) -> tuple[Instance, ...]:
        return tuple(Instance(service, f"{service}-0", f"edge-{i}", "shop") for i, service in enumerate(CLIENTS))

    @cached_property
    def relay_instances(self) -> tuple[Instance, ...]:
        return tuple(Instance("omnirelay", f"omnirelay-{i}", f"relay-{i}", "mesh") for i in range(self.relays))

    @cached_property
    def mesh_instances(self) -> tuple[Instance, ...]:
        return tuple(Instance("meshkit", f"meshkit-{i}", f"mesh-{i}", "mesh") for i in range(self.mesh_nodes))

    @cached_property
    def queue_names(self) -> tuple[str, ...]:
        return tuple(f"{PROCEDURES[i % len(PROCEDURES)].split('::')[0].lower()}-{i:04d}" for i in range(self.queues))

    @cached_property
    def shards(self) -> tuple[str, ...]:
        return tuple(f"shard-{i:04d}" for i in range(self.queues))

    @staticmethod
    def peer(instance: Instance) -> str:
        """Return a node as ``rpc.peer`` names it."""
        return f"{instance.host}:8443"
