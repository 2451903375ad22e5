"""Payloads as files in memory, which is how the engine reads what it is given."""

from __future__ import annotations

import contextlib
import os
import queue
import tempfile
from collections.abc import Iterator, Sequence

from backbone.store.engine import Piece

_PIECES_AT_ONCE = 1000
"""The system takes 1,024."""
_KEPT_BYTES = 48 << 20
"""Of a file that waits to be used again."""


class MemoryFiles:
    """
    Gives payloads a path, in memory where the system can.

    A file is used again when its payload was read: most of what it takes to write one is finding room for it.
    """

    def __init__(self) -> None:
        self._idle: queue.SimpleQueue[int] = queue.SimpleQueue()

    @contextlib.contextmanager
    def holding(self, payload: Sequence[Piece]) -> Iterator[str]:
        """Give the path of a file that holds the payload for as long as the context lasts."""
        if not hasattr(os, "memfd_create"):
            with tempfile.NamedTemporaryFile(prefix="backbone-group-") as file:
                file.writelines(payload)
                file.flush()
                yield file.name
            return
        descriptor = self._take()
        try:
            size = _write(descriptor, payload)
            yield f"/proc/self/fd/{descriptor}"
        except BaseException:
            os.close(descriptor)
            raise
        if size > _KEPT_BYTES:
            os.ftruncate(descriptor, _KEPT_BYTES)
        self._idle.put(descriptor)

    def close(self) -> None:
        """Give up the files that nobody uses."""
        with contextlib.suppress(queue.Empty):
            while True:
                os.close(self._idle.get_nowait())

    def _take(self) -> int:
        with contextlib.suppress(queue.Empty):
            return self._idle.get_nowait()
        return os.memfd_create("group")


def _write(descriptor: int, payload: Sequence[Piece]) -> int:
    """Make the payload all that is in the file, and return its size."""
    at = 0
    for first in range(0, len(payload), _PIECES_AT_ONCE):
        pieces = payload[first : first + _PIECES_AT_ONCE]
        size = sum(map(len, pieces))
        written = os.pwritev(descriptor, pieces, at)
        while written < size:
            # A write ends early past 2 GiB, and where memory runs out, which the next one reports.
            written += os.pwrite(descriptor, b"".join(pieces)[written:], at + written)
        at += size
    os.ftruncate(descriptor, at)
    return at
