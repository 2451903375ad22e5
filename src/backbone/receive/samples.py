"""
Remote write's way into the store: samples of known series as columns, all else as it came.

What comes as it came is committed first: if it is refused, nothing of the request is stored.
"""

from __future__ import annotations

import asyncio

import numpy as np
from numpy.typing import NDArray

from backbone.receive import envelope
from backbone.receive.commit import Lane, Receipt
from backbone.receive.known_series import RESOLVED, KnownSeries, Parted
from backbone.store.engine import Engine, Statement

_BLOCKING_BYTES = 64 << 10
"""Larger requests are parted in a thread."""

_RESOLVED = Statement(
    "SELECT key, fp, day FROM resolved WHERE received = fromUnixTimestamp64Nano({received_ns:Int64}, 'UTC')"
)


class SampleIntake:
    """Commits remote-write requests; ``series`` is the lane of requests as they come, ``samples`` that of columns."""

    def __init__(self, series: Lane, samples: Lane, engine: Engine, known: KnownSeries) -> None:
        self._series = series
        self._samples = samples
        self._engine = engine
        self._known = known

    async def commit(self, body: bytes, tenant: str) -> Receipt:
        """Write a request and return when it is durable and visible; raises as `Lane.commit` does."""
        era = self._known.era
        if len(body) > _BLOCKING_BYTES:
            parted = await asyncio.to_thread(self._known.part, body, tenant)
        else:
            parted = self._known.part(body, tenant)
        if parted is None:
            return await self._series.commit(body, tenant)
        receipt = await self._series.commit(parted.rest, tenant) if parted.rest else Receipt()
        if columns := _columns(parted):
            receipt += await self._samples.commit(columns, tenant)
        if parted.unknown:
            await self._learn(receipt.received_ns, era)
        return receipt

    async def _learn(self, received_ns: int, era: int) -> None:
        statement = Statement(_RESOLVED.sql, {"received_ns": received_ns})
        rows = await self._engine.query(statement, output="RowBinary")
        self._known.learn(np.frombuffer(rows, RESOLVED), era)


def _columns(parted: Parted) -> bytes:
    """Return the samples of known series as the wire's message ``samples``."""
    fields: dict[int, NDArray[np.uint64] | NDArray[np.int64]] = {}
    if len(parted.fps):
        fields = {1: parted.fps, 2: parted.times_ms, 3: parted.values}
    if parted.left_out.any():
        fields[4] = parted.left_out
    # A column without numbers is left out: the engine takes it for a mistake.
    pieces = []
    for number, column in fields.items():
        pieces += [envelope.varint(number << 3 | 2), envelope.varint(column.nbytes), column.tobytes()]
    return b"".join(pieces)
