"""
The model: each second, load becomes calls, calls meet the state of nodes and queues, and move it.

Load follows the hour of the day; latencies are lognormal with a Pareto tail, as real ones are.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field

from backbone.model.time import NANOSECONDS_PER_SECOND
from backbone.simulate.call import DEADLINE_MS, Attempt, Call
from backbone.simulate.faults import Faults
from backbone.simulate.queue import Moved, TaskQueue
from backbone.simulate.topology import CLIENTS, PROCEDURES, Instance, Topology

_DAY_SECONDS = 86_400
_PEAK_SECONDS = 15 * 3600
_MAX_ATTEMPTS = 3
_LOSS_NOTICED_STEPS = 8


@dataclass(slots=True)
class Step:
    """What happened in one second."""

    now_ns: int
    calls: list[Call] = field(default_factory=list)
    moved: dict[int, Moved] = field(default_factory=dict)
    joined: list[Instance] = field(default_factory=list)
    suspected: list[Instance] = field(default_factory=list)
    left: list[Instance] = field(default_factory=list)


class Fleet:
    """The state of all nodes and queues."""

    def __init__(self, topology: Topology, calls_per_second: float, seed: int) -> None:
        self.topology = topology
        self.random = random.Random(seed)
        self.queues = [TaskQueue() for _ in range(topology.queues)]
        self.faults = Faults(
            {
                "queue-jam": topology.queue_names,
                "peer-loss": tuple(node.name for node in topology.mesh_instances),
                "slow-shard": topology.shards,
                "error-burst": PROCEDURES,
                "log-flood": ("omnirelay", "meshkit", *CLIENTS),
                "cardinality-bomb": CLIENTS,
            }
        )
        self._calls_per_second = calls_per_second
        self._lost_steps: dict[str, int] = {}

    def step(self, now_ns: int) -> Step:
        """Advance by one second to *now_ns*."""
        self.faults.expire(now_ns)
        step = Step(now_ns)
        self._watch_nodes(step)
        arrived: dict[int, int] = {}
        for _ in range(self._load(now_ns)):
            call = self._call(now_ns)
            step.calls.append(call)
            if call.reached_mesh:
                arrived[call.queue] = arrived.get(call.queue, 0) + self.random.randint(1, 4)
        for index, queue in enumerate(self.queues):
            jammed = self.faults.hits("queue-jam", self.topology.queue_names[index])
            # A jammed queue gets work from the rest of the fleet as well; the others have just their share.
            background = 12 if jammed else int(self.random.random() < 0.2)
            step.moved[index] = queue.step(arrived.get(index, 0) + background, jammed=jammed, randomness=self.random)
        return step

    def is_lost(self, node: Instance) -> bool:
        return self.faults.hits("peer-loss", node.name)

    def is_noticed(self, node: Instance) -> bool:
        """Tell whether the others have noticed the loss, and moved the node's shards."""
        return self._lost_steps.get(node.name, 0) >= _LOSS_NOTICED_STEPS

    def owner(self, queue: int) -> Instance:
        """Return the node that has the queue's shard; after a loss has been noticed, another one."""
        nodes = self.topology.mesh_instances
        owner = nodes[queue % len(nodes)]
        if self.is_noticed(owner):
            return nodes[(queue + 1) % len(nodes)]
        return owner

    def _watch_nodes(self, step: Step) -> None:
        for node in self.topology.mesh_instances:
            steps = self._lost_steps.get(node.name, 0)
            if self.is_lost(node):
                self._lost_steps[node.name] = steps + 1
                if steps == 0:
                    step.suspected.append(node)
                elif steps + 1 == _LOSS_NOTICED_STEPS:
                    step.left.append(node)
            elif steps:
                del self._lost_steps[node.name]
                step.joined.append(node)

    def _load(self, now_ns: int) -> int:
        second = now_ns // NANOSECONDS_PER_SECOND % _DAY_SECONDS
        rhythm = 1 + 0.5 * math.cos((second - _PEAK_SECONDS) / _DAY_SECONDS * math.tau)
        return max(1, round(self.random.gauss(1, 0.1) * rhythm * self._calls_per_second))

    def _latency(self, median_ms: float) -> float:
        latency = self.random.lognormvariate(math.log(median_ms), 0.4)
        return latency * self.random.paretovariate(1.5) if self.random.random() < 0.02 else latency

    def _call(self, now_ns: int) -> Call:
        rnd, topology = self.random, self.topology
        queue = self._queue()
        procedure = PROCEDURES[queue % len(PROCEDURES)]
        work_ms, wait_ms = self._latency(8), self.queues[queue].wait_ms
        if self.faults.hits("slow-shard", topology.shards[queue]):
            work_ms *= 20
        owner = self.owner(queue)
        attempts, overhead_ms = [], self._latency(0.3)
        for number in range(_MAX_ATTEMPTS):
            status, mesh_ms = self._attempt(owner, procedure, wait_ms + work_ms)
            hop_ms = mesh_ms + self._latency(0.4) if mesh_ms else self._latency(30)
            attempts.append(Attempt(owner, min(hop_ms, DEADLINE_MS), status, rnd.randbytes(8)))
            overhead_ms += self._latency(20) * number
            if status != "unavailable":
                break
        relay_ms = overhead_ms + sum(attempt.duration_ms for attempt in attempts)
        return Call(
            trace_id=rnd.randbytes(16),
            start_ns=now_ns - NANOSECONDS_PER_SECOND + rnd.randrange(NANOSECONDS_PER_SECOND),
            client=rnd.choice(topology.clients),
            relay=rnd.choice(topology.relay_instances),
            procedure=procedure,
            transport=rnd.choice(("http3", "http3", "http2", "grpc")),
            queue=queue,
            attempts=tuple(attempts),
            client_ms=relay_ms + self._latency(1.5),
            relay_ms=relay_ms,
            mesh_ms=min(mesh_ms, DEADLINE_MS),
            wait_ms=min(wait_ms, DEADLINE_MS * 0.9),
            work_ms=min(work_ms, DEADLINE_MS * 0.9),
            status=status,
            client_span=rnd.randbytes(8),
            relay_span=rnd.randbytes(8),
            mesh_span=rnd.randbytes(8),
            enqueue_span=rnd.randbytes(8),
            process_span=rnd.randbytes(8),
        )

    def _queue(self) -> int:
        """Choose a queue, some more often than others; a jammed one has the busiest callers."""
        for index, name in enumerate(self.topology.queue_names):
            if self.faults.hits("queue-jam", name) and self.random.random() < 0.3:
                return index
        for index, shard in enumerate(self.topology.shards):
            if self.faults.hits("slow-shard", shard) and self.random.random() < 0.3:
                return index
        return min(int(self.random.expovariate(4) * len(self.queues)), len(self.queues) - 1)

    def _attempt(self, owner: Instance, procedure: str, inner_ms: float) -> tuple[str, float]:
        """Return the status of a try and how long MeshKit took, 0 where it was not reached."""
        if self.is_lost(owner):
            return "unavailable", 0.0
        mesh_ms = inner_ms + self._latency(1)
        if inner_ms > DEADLINE_MS * 0.9:
            return "deadline-exceeded", DEADLINE_MS
        if self.faults.hits("error-burst", procedure) and self.random.random() < 0.4:
            return "internal", mesh_ms
        chance = self.random.random()
        if chance < 0.004:
            return "unavailable", 0.0
        if chance < 0.008:
            return self.random.choice(("invalid-argument", "not-found", "resource-exhausted", "internal")), mesh_ms
        return "ok", mesh_ms
