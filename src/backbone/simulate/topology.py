"""Who is in the fleet, and how large it is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from backbone.model import semconv
from backbone.simulate.attributes import Attributes

PROCEDURES: dict[str, str] = {
    "Checkout::place": "unary",
    "Checkout::quote": "unary",
    "Catalog::search": "unary",
    "Catalog::watch": "server_stream",
    "Ledger::post": "unary",
    "Ledger::import": "client_stream",
    "Accounts::sign_up": "unary",
    "Accounts::sync": "duplex",
}
"""Procedures and their types, as ``rpc.type`` and the gRPC instruments name them."""
WORKFLOWS = {"Checkout::place": "checkout", "Ledger::post": "ledger", "Accounts::sign_up": "accounts"}
"""Procedures that run as a Hugo workflow, and its namespace."""
CLIENTS: dict[str, tuple[str, ...]] = {
    "storefront": ("Checkout::place", "Checkout::quote", "Catalog::search", "Catalog::watch"),
    "mobile-gateway": ("Checkout::quote", "Catalog::search", "Accounts::sign_up", "Accounts::sync"),
    "partner-api": ("Checkout::place", "Ledger::post", "Ledger::import"),
}
"""Calling services and what they call."""
GRPC_CLIENTS = frozenset({"partner-api"})
"""Clients that speak gRPC; the others speak HTTP/3, and HTTP/2 where it does not get through."""
REGION, CLUSTER = "eu-west-1", "eu-west-1a"
PEER_PORT = 8443


@dataclass(frozen=True, slots=True)
class Instance:
    """A process of the fleet, which sends telemetry of its own."""

    service: str
    name: str
    host: str
    namespace: str

    @property
    def peer(self) -> str:
        """What ``rpc.peer`` calls it."""
        return f"{self.host}:{PEER_PORT}"

    @property
    def resource(self) -> Attributes:
        return {
            semconv.SERVICE_NAME: self.service,
            semconv.SERVICE_NAMESPACE: self.namespace,
            semconv.SERVICE_VERSION: "2.4.1",
            semconv.SERVICE_INSTANCE_ID: self.name,
            semconv.HOST_NAME: self.host,
            semconv.DEPLOYMENT_ENVIRONMENT_NAME: "production",
            semconv.REGION: REGION,
        }


@dataclass(frozen=True)
class Topology:
    """
    Clients, OmniRelay nodes, MeshKit nodes and the queues of their shards.

    Shard i carries queue i and lives on mesh node i modulo their number, unless that is lost.
    """

    relays: int = 2
    mesh_nodes: int = 3
    queues: int = 24

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
    def callers(self) -> dict[str, tuple[Instance, ...]]:
        """Who calls each procedure."""
        return {name: tuple(c for c in self.clients if name in CLIENTS[c.service]) for name in PROCEDURES}

    @cached_property
    def queue_procedures(self) -> tuple[str, ...]:
        """The procedure whose work each queue carries."""
        names = tuple(PROCEDURES)
        return tuple(names[i % len(names)] for i in range(self.queues))

    @cached_property
    def queue_names(self) -> tuple[str, ...]:
        return tuple(f"{name.partition('::')[0].lower()}-{i:04d}" for i, name in enumerate(self.queue_procedures))

    @cached_property
    def shards(self) -> tuple[str, ...]:
        return tuple(f"shard-{i:04d}" for i in range(self.queues))

    @cached_property
    def scopes(self) -> tuple[tuple[str, str], ...]:
        """What is led by one node each: scope and its kind."""
        return (("global", "global-control"), *((shard, "shard") for shard in self.shards[:4]))

    def home(self, queue: int) -> Instance:
        """Return the node that has the queue's shard when all is well."""
        return self.mesh_instances[queue % self.mesh_nodes]
