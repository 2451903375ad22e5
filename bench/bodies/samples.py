"""
Remote-write requests: 10,000 samples in snappy, of 10,000 series with 7 labels: counters, steps of 0 to 20.

Series are divided among the lanes, as a sender's shards do, so that each series' samples arrive in order however many
requests are on their way: a request holds 10,000 / lanes series at as many times as there are lanes. Each sample is a
message of its own with all its labels, as Prometheus sends it.
"""

from __future__ import annotations

import cramjam
import numpy as np

from bench.bodies.template import Bytes, Floats, Places, little_endian

SERIES = 10_000
SAMPLES = 10_000
STEP_MS = 15_000
TIME_BYTES = 6
"""A time in milliseconds takes 6 bytes as a varint from the year 2004 to 2109."""
VALUE_NEEDLE = b"\x09" + b"\xfe" * 8
TIME_NEEDLE = b"\x10" + b"\xfd" * TIME_BYTES


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def labels(series: int) -> dict[str, str]:
    """Return the labels of a series, sorted by name as remote write wants them; four metrics, so 2,500 series each."""
    return {
        "__name__": ("requests_total", "bytes_total", "errors_total", "leases_total")[series % 4],
        "instance": f"10.4.{series // 800}.{series // 4 % 200}:9090",
        "job": "omnirelay",
        "queue": f"queue-{series // 4 % 250}",
        "region": ("eu-west", "eu-north", "us-east")[series // 4 % 3],
        "service": f"service-{series // 40}",
        "shard": f"shard-{series // 4 % 50}",
    }


def time_series(of: dict[str, str], samples: int = 1) -> bytes:
    """Return one `TimeSeries` whose samples' values and times are needles to be written over."""
    pairs = b"".join(_field(1, _field(1, name.encode()) + _field(2, value.encode())) for name, value in of.items())
    return _field(1, pairs + _field(2, VALUE_NEEDLE + TIME_NEEDLE) * samples)


def time_bytes(time_ms: int) -> Bytes:
    return np.frombuffer(varint(time_ms), dtype=np.uint8)


class SampleLane:
    """The series of one lane; their counters rise from one call to the next."""

    def __init__(self, random: np.random.Generator, series: range, steps: int) -> None:
        self._random, self._steps, self._count = random, steps, len(series)
        once = b"".join(time_series(labels(number)) for number in series)
        self._once = np.frombuffer(once, dtype=np.uint8)
        self._values = Places.find(once, [VALUE_NEEDLE[1:]] * self._count, prefix=VALUE_NEEDLE[:1])
        self._times = Places.find(once, [TIME_NEEDLE[1:]] * self._count, prefix=TIME_NEEDLE[:1])
        self._counters: Floats = random.integers(0, 1_000_000, self._count).astype(np.float64)

    def next(self, start_ms: int) -> bytes:
        """Return the snappy body of the next steps, the first at *start_ms*."""
        parts = [self._step(start_ms + step * STEP_MS) for step in range(self._steps)]
        return bytes(cramjam.snappy.compress_raw(np.concatenate(parts).tobytes()))

    def _step(self, time_ms: int) -> Bytes:
        self._counters += self._random.integers(0, 21, self._count)
        body = self._once.copy()
        self._values.write(body, little_endian(self._counters))
        self._times.write(body, time_bytes(time_ms))
        return body


class SampleBodies:
    """See `Bodies`; all requests are encoded here, so that the sender only sends."""

    def __init__(self, seed: int, *, lanes: int, requests: int, start_ms: int, first_step: int) -> None:
        random = np.random.default_rng(seed)
        per_lane = SERIES // lanes
        steps = SAMPLES // per_lane
        of_lane = [SampleLane(random, range(lane * per_lane, (lane + 1) * per_lane), steps) for lane in range(lanes)]
        start_ms += first_step * STEP_MS
        self._bodies = [
            of_lane[number % lanes].next(start_ms + number // lanes * steps * STEP_MS) for number in range(requests)
        ]

    def body(self, number: int) -> bytes:
        return self._bodies[number]
