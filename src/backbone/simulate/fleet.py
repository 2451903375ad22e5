"""
The model: each second, load becomes calls, calls meet the state of nodes and queues, and move it.

Load follows the hour of the day; latencies are lognormal with a Pareto tail, as real ones are.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field

from backbone.model.time import NANOSECONDS_PER_MILLISECOND, NANOSECONDS_PER_SECOND
from backbone.simulate.call import DEADLINE_MS, Attempt, Call, SpanIds
from backbone.simulate.faults import Faults
from backbone.simulate.membership import Changes, Membership
from backbone.simulate.queue import Moved, TaskQueue
from backbone.simulate.topology import CLIENTS, GRPC_CLIENTS, PROCEDURES, WORKFLOWS, Instance, Topology

_DAY_SECONDS = 86_400
_PEAK_SECONDS = 15 * 3600
_MAX_ATTEMPTS = 3
_SLOWER = 20
_ERROR_SHARE = 0.4
_TROUBLED_SHARE = 0.3
"""The share of calls that goes to a queue or shard in trouble: clients repeat what failed."""
_FLOOD_COST_MS = 4.0
"""What fifty times the log lines cost a call."""


@dataclass(slots=True)
class Step:
    """What happened in one second."""

    now_ns: int
    changes: Changes
    calls: list[Call] = field(default_factory=list)
    moved: list[Moved] = field(default_factory=list)


class Fleet:
    """The state of all nodes and queues."""

    def __init__(self, topology: Topology, calls_per_second: float, seed: int) -> None:
        self.topology = topology
        self.random = random.Random(seed)
        self.queues = [TaskQueue() for _ in range(topology.queues)]
        self.members = Membership(topology, self.random)
        self.faults = Faults(
            {
                "queue-jam": topology.queue_names,
                "peer-loss": tuple(node.name for node in topology.mesh_instances),
                "slow-shard": topology.shards,
                "error-burst": tuple(PROCEDURES),
                "log-flood": ("omnirelay", "meshkit", *CLIENTS),
                "cardinality-bomb": tuple(WORKFLOWS.values()),
            }
        )
        self._calls_per_second = calls_per_second

    def step(self, now_ns: int) -> Step:
        """Advance by one second to *now_ns*."""
        self.faults.expire(now_ns)
        step = Step(now_ns, self.members.step(lambda node: self.faults.hits("peer-loss", node.name)))
        arrived = [0] * len(self.queues)
        rhythm = _rhythm(now_ns)
        troubled = self._troubled()
        for _ in range(max(1, round(self.random.gauss(1, 0.1) * rhythm * self._calls_per_second))):
            call = self._call(now_ns, self._queue(troubled))
            step.calls.append(call)
            if call.reached_mesh:
                arrived[call.queue] += self.random.randint(1, 4)
        jammed = self._jammed
        for index, queue in enumerate(self.queues):
            # Work of calls whose traces were not sampled.
            mean = (4 + 12 / (1 + index)) * rhythm
            background = 0 if self.members.is_lost(self.owner(index)) else int(self.random.random() * 2 * mean)
            moved = queue.step(arrived[index] + background, jammed=index == jammed, randomness=self.random)
            step.moved.append(moved)
        return step

    def is_lost(self, node: Instance) -> bool:
        return self.members.is_lost(node)

    def owner(self, queue: int) -> Instance:
        """Return the node that has the queue's shard now."""
        return self.members.owner(queue)

    def work_factor(self, queue: int) -> float:
        """Return how much longer than usual work takes on the queue's shard."""
        return _SLOWER if self.faults.hits("slow-shard", self.topology.shards[queue]) else 1.0

    def latency(self, median_ms: float) -> float:
        """Return a duration: lognormal, with a Pareto tail for one in fifty."""
        latency = self.random.lognormvariate(math.log(median_ms), 0.4)
        return latency * self.random.paretovariate(1.5) if self.random.random() < 0.02 else latency

    @property
    def _jammed(self) -> int | None:
        target = self.faults.target("queue-jam")
        return None if target is None else self.topology.queue_names.index(target)

    def _troubled(self) -> list[int]:
        slow = self.faults.target("slow-shard")
        found = [self._jammed, None if slow is None else self.topology.shards.index(slow)]
        return [index for index in found if index is not None]

    def _queue(self, troubled: list[int]) -> int:
        """Choose a queue: most calls go to a few busy ones, the rest to any."""
        for index in troubled:
            if self.random.random() < _TROUBLED_SHARE:
                return index
        if self.random.random() < 0.7:
            return int(self.random.expovariate(1 / 8)) % len(self.queues)
        return self.random.randrange(len(self.queues))

    def _call(self, now_ns: int, queue: int) -> Call:
        rnd, topology = self.random, self.topology
        procedure = topology.queue_procedures[queue]
        client, relay = rnd.choice(topology.callers[procedure]), rnd.choice(topology.relay_instances)
        wait_ms = self.queues[queue].wait_ms + self.latency(0.2)
        work_ms = self.latency(8) * self.work_factor(queue)
        if queue == self._jammed:
            # The worker that leased it never comes back.
            work_ms = DEADLINE_MS
        attempts, mesh_ms = self._attempts(self.owner(queue), procedure, wait_ms + work_ms)
        relay_ms = self.latency(0.3) + self._flood_ms(relay) + sum(a.delay_ms + a.duration_ms for a in attempts)
        client_ms = relay_ms + self.latency(1.5) + self._flood_ms(client)
        end_ns = now_ns - rnd.randrange(NANOSECONDS_PER_SECOND)
        return Call(
            trace_id=rnd.randbytes(16),
            spans=SpanIds(*(rnd.randbytes(8) for _ in range(8))),
            start_ns=end_ns - int(client_ms * NANOSECONDS_PER_MILLISECOND),
            client=client,
            relay=relay,
            procedure=procedure,
            http_version="" if client.service in GRPC_CLIENTS else "2" if rnd.random() < 0.06 else "3",
            messages=1 if PROCEDURES[procedure] == "unary" else rnd.randint(2, 60),
            queue=queue,
            attempts=attempts,
            client_ms=client_ms,
            relay_ms=relay_ms,
            mesh_ms=mesh_ms,
            wait_ms=min(wait_ms, DEADLINE_MS * 0.9),
            work_ms=min(work_ms, DEADLINE_MS * 0.9),
            status=attempts[-1].status,
        )

    def _attempts(self, owner: Instance, procedure: str, inner_ms: float) -> tuple[tuple[Attempt, ...], float]:
        """Return the relay's tries and how long MeshKit took in the last one, 0 where it was not reached."""
        attempts: list[Attempt] = []
        mesh_ms = 0.0
        for number in range(_MAX_ATTEMPTS):
            status, mesh_ms = self._attempt(owner, procedure, inner_ms)
            hop_ms = mesh_ms + self.latency(0.4) if mesh_ms else self.latency(30)
            delay_ms = self.latency(20) * number
            attempts.append(Attempt(owner, hop_ms, status, self.random.randbytes(8), delay_ms))
            if status != "unavailable":
                break
        return tuple(attempts), mesh_ms

    def _attempt(self, owner: Instance, procedure: str, inner_ms: float) -> tuple[str, float]:
        """Return the status of a try and how long MeshKit took, 0 where it was not reached."""
        if self.is_lost(owner):
            return "unavailable", 0.0
        mesh_ms = inner_ms + self.latency(1) + self._flood_ms(owner)
        if inner_ms > DEADLINE_MS * 0.9:
            return "deadline-exceeded", DEADLINE_MS
        if self.faults.hits("error-burst", procedure) and self.random.random() < _ERROR_SHARE:
            return "internal", mesh_ms
        chance = self.random.random()
        if chance < 0.004:
            return "unavailable", 0.0
        if chance < 0.008:
            return self.random.choice(("invalid-argument", "not-found", "resource-exhausted", "internal")), mesh_ms
        return "ok", mesh_ms

    def _flood_ms(self, instance: Instance) -> float:
        return self.latency(_FLOOD_COST_MS) if self.faults.hits("log-flood", instance.service) else 0.0


def _rhythm(now_ns: int) -> float:
    """Return the load of the hour, 0.5 to 1.5 of the mean, highest at 15:00 UTC."""
    second = now_ns // NANOSECONDS_PER_SECOND % _DAY_SECONDS
    return 1 + 0.5 * math.cos((second - _PEAK_SECONDS) / _DAY_SECONDS * math.tau)
