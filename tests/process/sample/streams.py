"""Streams of traces through three services, some failed, some slow, whose spans come in any order."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status, TracesData

from backbone.model.time import NANOSECONDS_PER_SECOND
from backbone.process.sample.threshold import threshold
from tests.stored import Stored, of, span

SLOW_MS, QUICK_MS = 1500.0, 20.0
_CALLS = (("edge", "client", 0, 1), ("shop", "server", 1, 2), ("shop", "client", 2, 3), ("store", "server", 3, 4))
"""Service, kind, parent's and own span id of each of a trace's spans."""


@dataclass(frozen=True, slots=True)
class Trace:
    trace_id: str
    is_failed: bool
    is_slow: bool

    @property
    def randomness(self) -> int:
        return int(self.trace_id[-14:], 16)

    def is_kept(self, ratio: float) -> bool:
        return self.is_failed or self.is_slow or self.randomness >= int(threshold(ratio).ljust(14, "0"), 16)

    def spans(self, at_ns: int) -> list[tuple[str, Span]]:
        found = []
        for number, (service, kind, parent, own) in enumerate(_CALLS):
            one = span(
                self.trace_id,
                f"{service} {kind}",
                at_ns=at_ns + number,
                ms=SLOW_MS if self.is_slow and number == 1 else QUICK_MS,
                identity=own,
                kind={"client": Span.SPAN_KIND_CLIENT, "server": Span.SPAN_KIND_SERVER}[kind],
                status=Status(code=Status.STATUS_CODE_ERROR) if self.is_failed and number == 3 else None,
            )
            if parent:
                one.parent_span_id = parent.to_bytes(8)
            found.append((service, one))
        return found


def traces(chance: random.Random, count: int) -> list[Trace]:
    """Return traces of which a tenth is failed, a tenth slow."""
    return [
        Trace(f"{chance.getrandbits(128):032x}", chance.random() < 0.1, chance.random() < 0.1) for _ in range(count)
    ]


def requests(chance: random.Random, of: Sequence[Trace], at_ns: int, count: int) -> list[dict[str, list[Span]]]:
    """Return the traces' spans, spread over requests in any order, by service."""
    spans = [pair for number, trace in enumerate(of) for pair in trace.spans(at_ns + number)]
    chance.shuffle(spans)
    parted: list[dict[str, list[Span]]] = [defaultdict(list) for _ in range(count)]
    for number, (service, one) in enumerate(spans):
        parted[number % count][service].append(one)
    return parted


async def send(stored: Stored, tenant: str, request: dict[str, list[Span]], received_ns: int) -> None:
    """Send the spans of several services in one request."""
    data = TracesData()
    for service, spans in request.items():
        data.resource_spans.add(resource=of(service)).scope_spans.add(spans=spans)
    await stored.send("traces", tenant, data.SerializeToString(), received_ns=received_ns)


def settled_ns(now_ns: int) -> int:
    """Return the start of the newest minute that is complete at that time."""
    minute_ns = 60 * NANOSECONDS_PER_SECOND
    return (now_ns - 150 * NANOSECONDS_PER_SECOND) // minute_ns * minute_ns
