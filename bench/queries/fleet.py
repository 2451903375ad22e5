"""
The series that are queried: of a fleet of relays, in proportion to its shards, 100 series a shard.

All of an instance's series have the instance's own time of scrape, as a scraper spreads them; no sample falls on a
multiple of 15 seconds, so that it does not matter whether a window's left end belongs to it (it did before Prometheus
3). Values follow from the seed alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cramjam
import numpy as np

from bench.bodies.samples import STEP_MS, TIME_BYTES, TIME_NEEDLE, VALUE_NEEDLE, time_series
from bench.bodies.template import Bytes, Floats, Ints, Places, little_endian

COUNTER = "bench_requests_total"
HISTOGRAM = "bench_latency_seconds"
GAUGE = "bench_queue_length"
INFO = "bench_build_info"
PEER_UP = "bench_peer_up"
"""Lives for the last two minutes only, and gives the label `peer` its many values."""
BOUNDS = ("0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "+Inf")
MIDDLES = np.array([0.003, 0.007, 0.018, 0.038, 0.075, 0.18, 0.38, 0.75, 1.8, 5.0])
SHARES = np.array([1, 2, 4, 8, 12, 9, 5, 2, 1, 0.4])
"""Observations a step in each bucket, the mean."""
COUNTERS_PER_SHARD = 70
HISTOGRAMS_PER_SHARD = 2
GAUGES_PER_SHARD = 5
PEERS_PER_SHARD = 100
STEPS_PER_BODY = 10
PEER_STEPS = 8
REGIONS = ("eu-west", "eu-north", "us-east")

Labels = dict[str, str]


@dataclass(frozen=True, slots=True)
class Fleet:
    """How large the fleet is, and of what time it tells."""

    shards: int
    seconds: int
    """The longest time that is asked for."""
    lead_seconds: int
    """So much longer ago the samples begin: a window that ends so much earlier is still full."""
    end_s: int
    """Where the newest questions end: a whole minute."""
    seed: int = 20

    @property
    def series(self) -> int:
        """Return the number of series that live all the time."""
        return self.shards * (COUNTERS_PER_SHARD + HISTOGRAMS_PER_SHARD * (len(BOUNDS) + 2) + GAUGES_PER_SHARD + 1)

    @property
    def peers(self) -> int:
        return self.shards * PEERS_PER_SHARD

    @property
    def steps(self) -> int:
        return (self.seconds + self.lead_seconds) * 1000 // STEP_MS

    @property
    def start_ms(self) -> int:
        return (self.end_s - self.seconds - self.lead_seconds) * 1000

    @property
    def samples(self) -> int:
        return self.series * self.steps + self.peers * PEER_STEPS


def _instance(fleet: Fleet, number: int) -> str:
    return f"relay-{number % fleet.shards:03}:9090"


def _counter(fleet: Fleet, number: int) -> Labels:
    return {
        "__name__": COUNTER,
        "instance": _instance(fleet, number + number // fleet.shards),
        "job": "omnirelay",
        "peer": f"peer-{number:05}",
        "queue": f"queue-{number % (10 * fleet.shards)}",
        "region": REGIONS[number % len(REGIONS)],
        "service": f"service-{number % 20}",
        "shard": f"shard-{number % fleet.shards}",
    }


def _of_histogram(fleet: Fleet, suffix: str, number: int, bound: str | None = None) -> Labels:
    le = {"le": bound} if bound else {}
    return {
        "__name__": HISTOGRAM + suffix,
        "instance": _instance(fleet, number),
        "job": "omnirelay",
        **le,
        "region": REGIONS[number // fleet.shards % len(REGIONS)],
        "shard": f"shard-{number % fleet.shards}",
    }


def _gauge(fleet: Fleet, number: int) -> Labels:
    return {
        "__name__": GAUGE,
        "instance": _instance(fleet, number),
        "job": "omnirelay",
        "queue": f"queue-{number}",
        "shard": f"shard-{number % fleet.shards}",
    }


def _info(fleet: Fleet, number: int) -> Labels:
    return {
        "__name__": INFO,
        "instance": _instance(fleet, number),
        "job": "omnirelay",
        "version": f"1.{number % 5}.0",
    }


def lasting_labels(fleet: Fleet) -> list[Labels]:
    """Return the labels of the series that live all the time, in the order of `Values`."""
    histograms = range(fleet.shards * HISTOGRAMS_PER_SHARD)
    return [
        *(_counter(fleet, number) for number in range(fleet.shards * COUNTERS_PER_SHARD)),
        *(_of_histogram(fleet, "_bucket", number, bound) for number in histograms for bound in BOUNDS),
        *(_of_histogram(fleet, "_count", number) for number in histograms),
        *(_of_histogram(fleet, "_sum", number) for number in histograms),
        *(_gauge(fleet, number) for number in range(fleet.shards * GAUGES_PER_SHARD)),
        *(_info(fleet, number) for number in range(fleet.shards)),
    ]


def peer_labels(fleet: Fleet) -> list[Labels]:
    return [
        {
            "__name__": PEER_UP,
            "instance": _instance(fleet, number),
            "job": "omnirelay",
            "peer": f"peer-{number:05}",
            "shard": f"shard-{number % fleet.shards}",
        }
        for number in range(fleet.peers)
    ]


def offsets_ms(labels: Sequence[Labels], fleet: Fleet) -> Ints:
    """Return how long after a multiple of 15 seconds each series is scraped: between 0 and 15 seconds, never at one."""
    numbers = [int(of["instance"][len("relay-") :].split(":")[0]) for of in labels]
    apart = STEP_MS // fleet.shards
    return np.array(numbers, dtype=np.int64) * apart + apart // 2


class Values:
    """The values of all lasting series, some steps at a time; counters rise from one call to the next."""

    def __init__(self, fleet: Fleet) -> None:
        self._random = np.random.default_rng(fleet.seed)
        self._fleet = fleet
        counters = fleet.shards * COUNTERS_PER_SHARD
        histograms = fleet.shards * HISTOGRAMS_PER_SHARD
        self._rates: Floats = self._random.lognormal(3.0, 1.5, counters)
        self._busy: Floats = self._random.uniform(0.5, 2.0, histograms)
        self._counters: Floats = self._random.integers(0, 1_000_000, counters).astype(np.float64)
        self._buckets: Floats = np.zeros((histograms, len(BOUNDS)))
        self._gauges: Floats = self._random.integers(0, 1_000, fleet.shards * GAUGES_PER_SHARD).astype(np.float64)

    def next(self, steps: int) -> Floats:
        """Return the values of the next *steps*, (series, step)."""
        counters = self._counters[:, None] + self._rises(self._rates, steps)
        self._counters = counters[:, -1]
        means = (self._busy[:, None] * SHARES).ravel()
        buckets = self._buckets[..., None] + self._rises(means, steps).reshape(*self._buckets.shape, steps)
        self._buckets = buckets[..., -1]
        upto = buckets.cumsum(axis=1)
        sums = np.tensordot(buckets, MIDDLES, axes=(1, 0)).round(3)
        walk = self._random.integers(-5, 6, (len(self._gauges), steps)).cumsum(axis=1)
        gauges = np.abs(self._gauges[:, None] + walk)
        self._gauges = gauges[:, -1]
        info = np.ones((self._fleet.shards, steps))
        return np.concatenate([counters, upto.reshape(-1, steps), upto[:, -1], sums, gauges, info])

    def _rises(self, means: Floats, steps: int) -> Floats:
        return self._random.poisson(means[:, None], (len(means), steps)).cumsum(axis=1).astype(np.float64)


def varint_bytes(times_ms: Ints) -> Bytes:
    """Return times as 6-byte varints, (time, byte)."""
    bits = times_ms.reshape(-1, 1) >> (7 * np.arange(TIME_BYTES))
    more = np.full(TIME_BYTES, 0x80)
    more[-1] = 0
    found: Bytes = (bits & 0x7F | more).astype(np.uint8)
    return found


class Template:
    """A remote-write request of some series with as many samples each; values and times are written in."""

    def __init__(self, labels: Sequence[Labels], offsets: Ints, samples: int) -> None:
        once = b"".join(time_series(of, samples) for of in labels)
        count = len(labels) * samples
        self._once = np.frombuffer(once, dtype=np.uint8)
        self._values = Places.find(once, [VALUE_NEEDLE[1:]] * count, prefix=VALUE_NEEDLE[:1])
        self._times = Places.find(once, [TIME_NEEDLE[1:]] * count, prefix=TIME_NEEDLE[:1])
        self._apart = offsets[:, None] + np.arange(samples) * STEP_MS

    def body(self, start_ms: int, values: Floats) -> bytes:
        """Return the snappy body of the samples from *start_ms* on; *values* is (series, sample)."""
        body = self._once.copy()
        self._values.write(body, little_endian(values).reshape(-1, 8))
        self._times.write(body, varint_bytes(self._apart + start_ms))
        return bytes(cramjam.snappy.compress_raw(body.tobytes()))


def _rounds(labels: Sequence[Labels], fleet: Fleet, lanes: int, samples: int) -> list[tuple[slice, Template]]:
    """Return each lane's rows and its template."""
    offsets = offsets_ms(labels, fleet)
    edges = [len(labels) * lane // lanes for lane in range(lanes + 1)]
    rows = [slice(first, last) for first, last in pairwise(edges)]
    return [(of, Template(labels[of], offsets[of], samples)) for of in rows]


def rounds(fleet: Fleet, lanes: int) -> Iterator[list[bytes]]:
    """Yield the requests in rounds: those of one may be sent side by side, after those of the one before."""
    values = Values(fleet)
    lasting = _rounds(lasting_labels(fleet), fleet, lanes, STEPS_PER_BODY)
    for step in range(0, fleet.steps, STEPS_PER_BODY):
        block = values.next(STEPS_PER_BODY)
        yield [template.body(fleet.start_ms + step * STEP_MS, block[rows]) for rows, template in lasting]
    first_ms = fleet.end_s * 1000 - PEER_STEPS * STEP_MS
    ones = np.ones((fleet.peers, PEER_STEPS))
    peers = _rounds(peer_labels(fleet), fleet, lanes, PEER_STEPS)
    yield [template.body(first_ms, ones[rows]) for rows, template in peers]
