"""Edges between services count all calls, also around the moment at which sampling is switched on or off."""

from __future__ import annotations

from typing import Any

import pytest

from backbone.model.time import NANOSECONDS_PER_SECOND
from backbone.query.service_graph import edges
from backbone.store.edges import EdgeSums
from backbone.store.engine import QueryLimits
from tests.process.sample.sampled import Sampled, tail
from tests.process.sample.streams import Trace, send, settled_ns

OFF: dict[str, Any] = {}
ON = {"traces": tail({"kind": "error"})}
HEAD = {"traces": {"head": {"ratio": 0.01}}}


async def _send(sampled: Sampled, number: int, at_ns: int, *services: str) -> None:
    """Send the spans that some services have of a trace that no policy keeps."""
    trace = Trace(f"{number:032x}", is_failed=False, is_slow=False)
    for service, one in trace.spans(at_ns):
        if service in services:
            await send(sampled.stored, "t", {service: [one]}, sampled.now_ns)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(OFF, OFF, id="off"),
        pytest.param(ON, ON, id="on"),
        pytest.param(HEAD, HEAD, id="at the head"),
        pytest.param(OFF, ON, id="switched on"),
        pytest.param(ON, OFF, id="switched off"),
    ],
)
async def test_edges_count_all_calls(sampled: Sampled, before: dict[str, Any], after: dict[str, Any]) -> None:
    at_ns = settled_ns(sampled.now_ns) + NANOSECONDS_PER_SECOND
    await sampled.use(before)
    await _send(sampled, 1, at_ns, "edge", "shop", "store")
    await _send(sampled, 2, at_ns, "edge", "store")
    await sampled.pass_seconds(1)
    await sampled.use(after)
    await _send(sampled, 2, at_ns, "shop")
    await sampled.pass_seconds(5)

    window = (at_ns - 60 * NANOSECONDS_PER_SECOND, at_ns + 60 * NANOSECONDS_PER_SECOND)
    recent = await edges(sampled.stored.engine, "t", window, at_ns + NANOSECONDS_PER_SECOND, QueryLimits())
    assert [(edge.client, edge.server, edge.calls) for edge in recent] == [("edge", "shop", 2), ("shop", "store", 2)]
    await EdgeSums(sampled.stored.engine).sum_up(at_ns + 150 * NANOSECONDS_PER_SECOND)
    assert await sampled.rows("SELECT client, server, sum(calls) AS n FROM edges GROUP BY ALL ORDER BY ALL") == [
        {"client": "edge", "server": "shop", "n": 2},
        {"client": "shop", "server": "store", "n": 2},
    ]


@pytest.mark.parametrize("second", [0, 9, 10, 59])
async def test_calls_are_let_go_of_when_they_are_summed_up(sampled: Sampled, second: int) -> None:
    sampled.now_ns = settled_ns(sampled.now_ns) + second * NANOSECONDS_PER_SECOND
    await sampled.use(ON)
    await _send(sampled, 1, sampled.now_ns, "edge", "shop", "store")
    sums = EdgeSums(sampled.stored.engine)
    await sums.sum_up(sampled.now_ns + 200 * NANOSECONDS_PER_SECOND)
    assert await sampled.values("SELECT count() FROM calls") == [4]
    await sums.sum_up(sampled.now_ns + 3_600 * NANOSECONDS_PER_SECOND)

    assert await sampled.values("SELECT count() FROM calls") == [0]
    assert await sampled.values("SELECT sum(calls) FROM edges") == [2]
