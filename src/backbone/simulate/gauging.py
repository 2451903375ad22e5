"""What the fleet's instruments say of each second."""

from __future__ import annotations

from backbone.simulate.call import Call
from backbone.simulate.fleet import Fleet, Step
from backbone.simulate.gauge_calls import CallGauges
from backbone.simulate.gauge_mesh import MeshGauges
from backbone.simulate.gauge_queues import QueueGauges
from backbone.simulate.meters import Meters

_SIGN_UP = "Accounts::sign_up"
_ORDER = "Checkout::place"


class Gauging:
    """Holds the meters of all instances and writes each step into them."""

    def __init__(self, fleet: Fleet, start_ns: int) -> None:
        self._fleet = fleet
        topology = fleet.topology
        instances = (*topology.clients, *topology.relay_instances, *topology.mesh_instances)
        self._meters = {instance.name: Meters(instance.resource, start_ns) for instance in instances}
        self._calls = CallGauges(topology, self._meters)
        self._queues = QueueGauges(fleet, self._meters)
        self._mesh = MeshGauges(fleet, self._meters)
        self._tenants = 200

    @property
    def series_count(self) -> int:
        """How many Prometheus series the fleet has so far."""
        return sum(meters.series_count for meters in self._meters.values())

    def record(self, step: Step) -> None:
        """Write one second into the instruments."""
        self._calls.record(step.calls)
        for call in step.calls:
            self._business(call)
        self._queues.record(step)
        self._mesh.record(step)
        self._tenants = max(50, self._tenants + self._fleet.random.randint(-2, 2))

    def export(self, now_ns: int) -> list[tuple[bytes, int]]:
        """Return a request and its number of points for each instance that is there to send it."""
        lost = {node.name for node in self._fleet.topology.mesh_instances if self._fleet.is_lost(node)}
        present = {name: meters for name, meters in self._meters.items() if name not in lost}
        return [(meters.export(now_ns), meters.point_count) for meters in present.values()]

    def _business(self, call: Call) -> None:
        meters, randomness = self._meters[call.client.name], self._fleet.random
        if call.ok and call.procedure == _ORDER:
            meters.number("shop.orders.completed", {}).add()
            meters.number("shop.orders.value", {}).add(int(randomness.lognormvariate(3.5, 0.8)) + 1)
        if call.ok and call.procedure == _SIGN_UP:
            meters.number("shop.sign_ups", {}).add()
        meters.number("shop.tenants.active", {}).set(self._tenants)
        # A call costs the time it holds a worker, and every try again.
        cost = 0.25 + 0.05 * len(call.attempts) + call.work_ms / 10_000
        meters.number("shop.cost_per_thousand_calls", {}).set(round(cost, 4))
