"""
Remote write's way into the store: samples of known series as columns, all else as it came.

What comes as it came is committed first: if it is refused, nothing of the request is stored.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from backbone.receive import envelope
from backbone.receive.body import unpack_snappy
from backbone.receive.commit import Lane, Receipt
from backbone.receive.known_series import RESOLVED, KnownSeries, Parted
from backbone.receive.scratch import Scratch
from backbone.store.engine import Engine, Statement

_BLOCKING_BYTES = 64 << 10
"""Larger requests are unpacked and parted in a thread."""
_REST_SECONDS, _LONGEST_REST_SECONDS = 200e-6, 2.0
"""How long the lane of series rests after each that was over a limit, about seven times what it took."""

_RESOLVED = Statement(
    "SELECT key, fp, day FROM resolved WHERE received = fromUnixTimestamp64Nano({received_ns:Int64}, 'UTC')"
)


@dataclass(frozen=True, slots=True)
class Taken:
    """A request of ``size``, unpacked: its parts, or where it cannot be parted, all of it as ``message``."""

    size: int
    era: int
    parted: Parted | None
    message: bytes = b""

    @property
    def held_bytes(self) -> int:
        """How much of it waits to be stored."""
        return len(self.message) if self.parted is None else self.parted.size


class SampleIntake:
    """Commits remote-write requests; ``series`` is the lane of requests as they come, ``samples`` that of columns."""

    def __init__(self, series: Lane, samples: Lane, engine: Engine, known: KnownSeries) -> None:
        self._series = series
        self._samples = samples
        self._engine = engine
        self._known = known
        self._scratch = Scratch()

    async def take(self, body: bytes, tenant: str, max_bytes: int) -> Taken:
        """
        Unpack and part a request.

        Raises:
            UserInputError: it is broken, or larger than *max_bytes* when unpacked.
        """
        if len(body) > _BLOCKING_BYTES:
            return await asyncio.to_thread(self._take, body, tenant, max_bytes)
        return self._take(body, tenant, max_bytes)

    async def store(self, taken: Taken, tenant: str) -> Receipt:
        """Write a request and return when it is durable and visible; raises as `Lane.commit` does."""
        parted = taken.parted
        if parted is None:
            return await self._series.commit(taken.message, tenant)
        receipt = await self._series.commit(parted.rest, tenant) if parted.rest else Receipt()
        if parted.unknown:
            await self._learn(receipt.received_ns, taken.era)
        if parted.again:
            # The labels were taken just now, so the engine takes what it is still to judge, too.
            again = await asyncio.to_thread(self._known.part, parted.again, tenant, last=True)
            assert again is not None
            receipt += await self._series.commit(again.rest, tenant) if again.rest else Receipt()
            parted = parted.with_columns_of(again)
        if columns := _columns(parted):
            receipt += await self._samples.commit(columns, tenant)
        return receipt

    def _take(self, body: bytes, tenant: str, max_bytes: int) -> Taken:
        era = self._known.era
        message = unpack_snappy(body, max_bytes, partial(self._scratch.take, "message", kind=np.uint8))
        parted = self._known.part(message, tenant)
        return Taken(len(message), era, parted, message.tobytes() if parted is None else b"")

    async def _learn(self, received_ns: int, era: int) -> None:
        statement = Statement(_RESOLVED.sql, {"received_ns": received_ns})
        rows = np.frombuffer(await self._engine.query(statement, output="RowBinary"), RESOLVED)
        over = self._known.learn(rows, era)
        # Senders of ever new series are not to take the engine from all others; the more of them wait, the more are
        # written at once.
        self._series.rest(min(over * _REST_SECONDS, _LONGEST_REST_SECONDS))


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
