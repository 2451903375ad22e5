"""How a group of requests is handed to the engine, and how those are found that it cannot take."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from backbone.receive import envelope
from backbone.store.engine import Engine, Piece, RefusedByEngine
from backbone.store.wire import Wire
from backbone.store.wire.shape import NO_SHAPE, has_shape


@dataclass(frozen=True, slots=True)
class Request:
    """A message, whose it is, and when it came."""

    body: bytes
    tenant: str
    received_ns: int


class Unfit(Exception):  # noqa: N818 - says what they are
    """Requests that cannot be written together: those at fault and why, by their place; none if there is too much."""

    def __init__(self, refused: dict[int, str]) -> None:
        super().__init__(f"{len(refused)} requests at fault")
        self.refused = refused


class Form(Protocol):
    """What the engine is given of requests."""

    def payload(self, requests: Sequence[Request]) -> list[Piece]:
        """
        Return what is inserted of a group; one group at a time.

        Raises:
            Unfit: some of them, or all together, cannot be inserted.
        """
        ...

    async def blame(self, requests: Sequence[Request], /) -> dict[int, str]:
        """Return the places of requests because of which the engine refused a group, and why; it may find none."""
        ...


class Messages:
    """
    Requests as they came, for the engine to decode.

    Args:
        faults: a select of what views refuse, see `backbone.process.faults`.
    """

    def __init__(self, wire: Wire, faults: str, engine: Engine) -> None:
        self._wire = wire
        self._faults = faults
        self._engine = engine

    def payload(self, requests: Sequence[Request]) -> list[Piece]:
        return [piece for one in requests for piece in envelope.pieces(one.body, one.tenant, one.received_ns)]

    async def blame(self, requests: Sequence[Request]) -> dict[int, str]:
        """Look without writing: at their shape first, then by asking the engine about them."""
        sound = await asyncio.to_thread(lambda: [has_shape(self._wire, one.body) for one in requests])
        blamed = {index: NO_SHAPE for index, whole in enumerate(sound) if not whole}
        rest = [index for index, whole in enumerate(sound) if whole]
        if rest:
            blamed |= await self._inspect(requests, rest)
        return blamed

    async def _inspect(self, requests: Sequence[Request], indexes: list[int]) -> dict[int, str]:
        payload = self.payload([requests[index] for index in indexes])
        try:
            rows = await self._engine.inspect(self._faults, self._wire.proto, self._wire.columns, payload)
        except RefusedByEngine as error:
            if len(indexes) == 1:
                return {indexes[0]: str(error)}
            middle = len(indexes) // 2
            return await self._inspect(requests, indexes[:middle]) | await self._inspect(requests, indexes[middle:])
        return {indexes[row["place"]]: row["reason"] for row in rows}
