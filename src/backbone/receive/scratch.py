"""Memory that a thread uses again from request to request: to find room anew costs more than to read what is there."""

from __future__ import annotations

import threading
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_Kind = TypeVar("_Kind", bound=np.generic)
_KEPT_BYTES = 8 << 20
"""What is larger is given back."""


class Scratch(threading.local):
    """Arrays by name, one set for each thread; what is in them holds until the same thread takes them again."""

    def __init__(self) -> None:
        self._kept: dict[str, NDArray[np.uint8]] = {}

    def take(self, name: str, count: int, kind: type[_Kind]) -> NDArray[_Kind]:
        """Return an array of *count* of a kind, holding anything."""
        size = count * np.dtype(kind).itemsize
        kept = self._kept.get(name)
        if kept is None or len(kept) < size:
            kept = np.empty(size, np.uint8)
            if size <= _KEPT_BYTES:
                self._kept[name] = kept
        return kept[:size].view(kind)
