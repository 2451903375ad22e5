"""A group of requests as one block of rows for the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from backbone.model.renames import Renames
from backbone.receive.form import Request, Unfit
from backbone.receive.rows import logs, traces
from backbone.receive.rows.block import Block
from backbone.receive.rows.items import Fault, Items, refused
from backbone.receive.rows.shredded import Shredder
from backbone.store.engine import Piece
from backbone.store.wire import WireName, wire
from backbone.store.wire.columns import declared
from backbone.store.wire.shape import NO_SHAPE


@dataclass(frozen=True, slots=True)
class _Signal:
    path: str
    faults: Callable[[Items], Iterator[Fault]]
    put: Callable[[Block, Items, Sequence[Request]], None]


_SIGNALS: Mapping[WireName, _Signal] = {
    "traces": _Signal(traces.PATH, traces.faults, traces.put_spans),
    "logs": _Signal(logs.PATH, logs.faults, logs.put_logs),
}


class GroupRows:
    """
    Requests taken apart into rows, see `backbone.receive.form.Form`.

    Args:
        renames: asked before each group which attributes get other names.
    """

    def __init__(self, name: WireName, renames: Callable[[], Renames] = Renames) -> None:
        self._signal = _SIGNALS[name]
        self._renames = renames
        self._types = declared(wire(name).columns)
        self._shredder = Shredder(name)

    def payload(self, requests: Sequence[Request]) -> list[Piece]:
        shredded = self._shredder.shred([one.body for one in requests])
        if shredded.malformed:
            raise Unfit(dict.fromkeys(shredded.malformed, NO_SHAPE))
        items = Items(shredded, self._signal.path, self._renames())
        if blamed := refused(self._signal.faults(items)):
            raise Unfit(blamed)
        if items.are_too_much and len(requests) > 1:
            raise Unfit({})
        block = Block(self._types, len(items.rows))
        self._signal.put(block, items, requests)
        return block.pieces()

    async def blame(self, _requests: Sequence[Request]) -> dict[int, str]:
        """Return nobody: whoever is at fault was found before."""
        return {}
