"""How large a fleet has to be to make a number of series."""

from __future__ import annotations

from dataclasses import replace

from backbone.model.time import NANOSECONDS_PER_SECOND
from backbone.simulate.fleet import Fleet
from backbone.simulate.gauging import Gauging
from backbone.simulate.topology import PROCEDURES, Topology

SIZES = {"demo": 2_500, "small": 10_000, "medium": 30_000, "large": 100_000}
"""Prometheus series by name of size."""
_SERIES_PER_NODE = 3_500
_SERIES_PER_RELAY = 12_000


_WARM_UP_SECONDS = 30
_WARM_UP_CALLS = 60.0
_NOON_SECONDS = 12 * 3600


def topology_of(series: int) -> Topology:
    """
    Return a fleet that makes about that many series once it is warm: nodes by steps, and queues for the rest.

    A fleet has to have some of everything, so one of less than about 2,200 series does not exist.
    """
    nodes = min(29, max(3, series // _SERIES_PER_NODE | 1))
    relays = min(8, max(2, series // _SERIES_PER_RELAY))
    smallest = Topology(relays, nodes, queues=max(nodes * 2, len(PROCEDURES)))
    larger = replace(smallest, queues=smallest.queues * 2)
    each = (_count(larger, 0) - _count(smallest, 0)) / smallest.queues
    rest = series - _count(smallest, _WARM_UP_SECONDS)
    return replace(smallest, queues=smallest.queues + max(0, round(rest / each)))


def _count(topology: Topology, seconds: int) -> int:
    """Return the series after some seconds; failures, retries and streams are known only when there were some."""
    fleet = Fleet(topology, _WARM_UP_CALLS, 0)
    gauging = Gauging(fleet, _NOON_SECONDS * NANOSECONDS_PER_SECOND)
    for second in range(seconds):
        gauging.record(fleet.step((_NOON_SECONDS + second) * NANOSECONDS_PER_SECOND))
    return gauging.series_count
