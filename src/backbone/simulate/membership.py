"""Who of the mesh is there, who owns a shard, and who leads a scope."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from backbone.simulate.topology import Instance, Topology

LOSS_NOTICED_SECONDS = 8
_CATCH_UP_SECONDS = 15


@dataclass(frozen=True, slots=True)
class Election:
    scope: str
    scope_kind: str
    before: Instance
    leader: Instance
    duration_ms: float


@dataclass(frozen=True, slots=True)
class Changes:
    """What one second changed."""

    suspected: tuple[Instance, ...] = ()
    left: tuple[Instance, ...] = ()
    joined: tuple[Instance, ...] = ()
    elections: tuple[Election, ...] = ()


class Membership:
    """A lost node is suspected at once, and after some seconds left; then its shards and leaderships move."""

    def __init__(self, topology: Topology, randomness: random.Random) -> None:
        self._topology = topology
        self._random = randomness
        self._lost_seconds: dict[str, int] = {}
        self._catching_up: dict[str, int] = {}
        nodes = topology.mesh_instances
        self.leaders = {scope: nodes[i % len(nodes)] for i, (scope, _) in enumerate(topology.scopes)}

    def step(self, is_lost: Callable[[Instance], bool]) -> Changes:
        """Advance by one second."""
        suspected, left, joined = [], [], []
        self._catching_up = {name: seconds - 1 for name, seconds in self._catching_up.items() if seconds > 1}
        for node in self._topology.mesh_instances:
            seconds = self._lost_seconds.get(node.name, 0)
            if is_lost(node):
                self._lost_seconds[node.name] = seconds + 1
                if seconds == 0:
                    suspected.append(node)
                elif seconds + 1 == LOSS_NOTICED_SECONDS:
                    left.append(node)
            elif seconds:
                del self._lost_seconds[node.name]
                self._catching_up[node.name] = _CATCH_UP_SECONDS
                joined.append(node)
        elections = tuple(self._elect()) if left else ()
        return Changes(tuple(suspected), tuple(left), tuple(joined), elections)

    def is_lost(self, node: Instance) -> bool:
        return node.name in self._lost_seconds

    def is_left(self, node: Instance) -> bool:
        """Tell whether the others have given the node up."""
        return self._lost_seconds.get(node.name, 0) >= LOSS_NOTICED_SECONDS

    def owner(self, queue: int) -> Instance:
        """Return the node that has the queue's shard; when that has left, the next one."""
        home = self._topology.home(queue)
        return self._topology.home(queue + 1) if self.is_left(home) else home

    def lag_seconds(self, queue: int) -> float:
        """Return how far the replica of a shard is behind: far while a node that took part is away or catches up."""
        home = self._topology.home(queue)
        behind = 1.0 * self._lost_seconds.get(home.name, 0) if not self.is_left(home) else 0.0
        return behind + 0.6 * self._catching_up.get(home.name, 0) + self._random.lognormvariate(-4, 0.5)

    def _elect(self) -> list[Election]:
        elections = []
        nodes = [node for node in self._topology.mesh_instances if not self.is_lost(node)]
        for number, (scope, kind) in enumerate(self._topology.scopes):
            before = self.leaders[scope]
            if self.is_left(before):
                leader = self.leaders[scope] = nodes[number % len(nodes)]
                elections.append(Election(scope, kind, before, leader, self._random.lognormvariate(5, 0.5)))
        return elections
