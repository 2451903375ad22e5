"""Label sets that selectors found, kept as long as no series is written."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

from backbone.query.promql.kernels.arrange import Fingerprints
from backbone.query.promql.labels import Labels

Found = tuple[Fingerprints, Labels]


class SeriesCache:
    """What was found for a key, the least recently used forgotten first; safe within one event loop."""

    def __init__(self, max_series: int) -> None:
        self._max_series = max_series
        self._held = 0
        self._found: OrderedDict[Hashable, tuple[int, Found]] = OrderedDict()

    def get(self, key: Hashable, version: int) -> Found | None:
        """Return what was put for *key* if the table was of the same *version* then."""
        entry = self._found.get(key)
        if entry is None or entry[0] != version:
            return None
        self._found.move_to_end(key)
        return entry[1]

    def put(self, key: Hashable, version: int, found: Found) -> None:
        self._drop(key)
        self._found[key] = (version, found)
        self._held += found[1].size + 1
        while self._held > self._max_series:
            self._drop(next(iter(self._found)))

    def _drop(self, key: Hashable) -> None:
        if (entry := self._found.pop(key, None)) is not None:
            self._held -= entry[1][1].size + 1
