"""Which requests of a group that could not be written are to blame."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from backbone.store.engine import Engine, RefusedByEngine
from backbone.store.wire import Wire
from backbone.store.wire.shape import NO_SHAPE, has_shape

Pieces = tuple[bytes, bytes, bytes]
"""A request: its length, its message, and what it carries besides."""


class Blame:
    """Finds the requests at fault without writing: by their shape first, then by asking the engine about them."""

    def __init__(self, wire: Wire, faults: str, engine: Engine) -> None:
        self._wire = wire
        self._faults = faults
        self._engine = engine

    async def find(self, group: Sequence[Pieces]) -> dict[int, str]:
        """
        Return the place in the group of each request at fault, and why; it may find none.

        Args:
            group: requests as `backbone.receive.envelope.pieces` returns them.
        """
        sound = await asyncio.to_thread(lambda: [has_shape(self._wire, b"".join(sealed[1:])) for sealed in group])
        blamed = {index: NO_SHAPE for index, whole in enumerate(sound) if not whole}
        rest = [index for index, whole in enumerate(sound) if whole]
        if rest:
            blamed |= await self._inspect(group, rest)
        return blamed

    async def _inspect(self, group: Sequence[Pieces], indexes: list[int]) -> dict[int, str]:
        try:
            rows = await self._engine.inspect(
                self._faults,
                self._wire.proto,
                self._wire.columns,
                [piece for index in indexes for piece in group[index]],
            )
        except RefusedByEngine as error:
            if len(indexes) == 1:
                return {indexes[0]: str(error)}
            middle = len(indexes) // 2
            return await self._inspect(group, indexes[:middle]) | await self._inspect(group, indexes[middle:])
        return {indexes[row["place"]]: row["reason"] for row in rows}
