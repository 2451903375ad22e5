"""The columns of a block of native histograms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from backbone.compiled import kernel
from backbone.model.errors import LimitExceeded
from backbone.query.promql.arrays import Floats, Index

Small = NDArray[np.int8]

CUSTOM = -53
"""The schema of histograms whose bounds are their own."""
GAUGE = 3
"""The hint of a histogram that may go up and down; 0 is unknown, 1 reset, 2 not reset."""

_MAX_BYTES = 512 << 20


@dataclass(frozen=True, slots=True)
class Buckets:
    """``counts`` (row, bucket): the first has the index ``low`` of its row's own schema; what is not there is 0."""

    low: int
    counts: Floats

    @property
    def width(self) -> int:
        return self.counts.shape[1]

    def take(self, index: Index) -> Buckets:
        return Buckets(self.low, self.counts[index])

    def spread(self, low: int, width: int) -> Floats:
        """Return the counts over a range of indexes that includes the buckets' own."""
        if low == self.low and width == self.width:
            return self.counts
        out = np.zeros((len(self.counts), width))
        out[:, self.low - low : self.low - low + self.width] = self.counts
        return out

    def trimmed(self) -> Buckets:
        """Return the buckets without columns at either end that are 0 in all rows."""
        used = np.flatnonzero((self.counts != 0).any(axis=0))
        if not len(used):
            return Buckets(0, self.counts[:, :0])
        if used[0] == 0 and used[-1] == self.width - 1:
            return self
        return Buckets(self.low + int(used[0]), self.counts[:, used[0] : used[-1] + 1])


def common_range(parts: Sequence[Buckets]) -> tuple[int, int]:
    """Return the first index and the width of the range that holds all parts' buckets."""
    wide = [part for part in parts if part.width]
    if not wide:
        return 0, 0
    low = min(part.low for part in wide)
    width = max(part.low + part.width for part in wide) - low
    rows = sum(len(part.counts) for part in parts)
    if rows * width * 8 > _MAX_BYTES:
        raise LimitExceeded(
            f"native histograms of {rows} points with {width} buckets are more than a query may hold",
            limit="histograms",
        )
    return low, width


@dataclass(frozen=True, slots=True)
class HistogramRow:
    """One histogram, for tests and tools; ``positive`` and ``negative`` are pairs of index and count."""

    schema: int = 0
    count: float = 0.0
    sum: float = 0.0
    zero_threshold: float = 0.0
    zero_count: float = 0.0
    hint: int = 0
    positive: list[tuple[int, float]] = field(default_factory=list)
    negative: list[tuple[int, float]] = field(default_factory=list)
    custom: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Histograms:
    """
    A block of histograms; shapes (row,).

    ``bounds`` is an index into ``custom``, the upper bounds of rows with schema -53, and -1 for the others.
    """

    schema: Small
    hint: Small
    count: Floats
    sum: Floats
    zero_threshold: Floats
    zero_count: Floats
    positive: Buckets
    negative: Buckets
    bounds: NDArray[np.int32]
    custom: tuple[tuple[float, ...], ...] = ()

    def __len__(self) -> int:
        return len(self.schema)

    @classmethod
    def from_rows(cls, rows: Sequence[HistogramRow]) -> Histograms:
        known: dict[tuple[float, ...], int] = {}
        bounds = [known.setdefault(row.custom, len(known)) if row.schema == CUSTOM else -1 for row in rows]
        return cls(
            np.array([row.schema for row in rows], np.int8),
            np.array([row.hint for row in rows], np.int8),
            np.array([row.count for row in rows], np.float64),
            np.array([row.sum for row in rows], np.float64),
            np.array([row.zero_threshold for row in rows], np.float64),
            np.array([row.zero_count for row in rows], np.float64),
            _dense([row.positive for row in rows]),
            _dense([row.negative for row in rows]),
            np.array(bounds, np.int32),
            tuple(known),
        )

    def row(self, index: int) -> HistogramRow:
        def listed(buckets: Buckets) -> list[tuple[int, float]]:
            counts = buckets.counts[index]
            return [(buckets.low + int(at), float(counts[at])) for at in np.flatnonzero(counts)]

        return HistogramRow(
            int(self.schema[index]),
            float(self.count[index]),
            float(self.sum[index]),
            float(self.zero_threshold[index]),
            float(self.zero_count[index]),
            int(self.hint[index]),
            listed(self.positive),
            listed(self.negative),
            self.custom[self.bounds[index]] if self.bounds[index] >= 0 else (),
        )

    @property
    def is_custom(self) -> NDArray[np.bool_]:
        return self.schema == CUSTOM

    def take(self, index: Index) -> Histograms:
        """Return the rows at *index*, in that order."""
        return Histograms(
            self.schema[index],
            self.hint[index],
            self.count[index],
            self.sum[index],
            self.zero_threshold[index],
            self.zero_count[index],
            self.positive.take(index),
            self.negative.take(index),
            self.bounds[index],
            self.custom,
        )

    def with_hint(self, hint: Small) -> Histograms:
        return replace(self, hint=hint)

    @staticmethod
    def concat(blocks: Sequence[Histograms]) -> Histograms:
        """Return the rows of all blocks, one after the other."""
        if len(blocks) == 1:
            return blocks[0]
        known: dict[tuple[float, ...], int] = {}
        bounds = []
        for block in blocks:
            renamed = np.array([known.setdefault(own, len(known)) for own in block.custom] or [-1], np.int32)
            bounds.append(np.where(block.bounds >= 0, renamed[block.bounds], np.int32(-1)))

        def joined(sides: list[Buckets]) -> Buckets:
            low, width = common_range(sides)
            return Buckets(
                low,
                np.concatenate(
                    [side.spread(low, width) if side.width else np.zeros((len(side.counts), width)) for side in sides]
                ),
            )

        return Histograms(
            np.concatenate([block.schema for block in blocks]),
            np.concatenate([block.hint for block in blocks]),
            np.concatenate([block.count for block in blocks]),
            np.concatenate([block.sum for block in blocks]),
            np.concatenate([block.zero_threshold for block in blocks]),
            np.concatenate([block.zero_count for block in blocks]),
            joined([block.positive for block in blocks]),
            joined([block.negative for block in blocks]),
            np.concatenate(bounds),
            tuple(known),
        )


Lists = tuple[Index, NDArray[np.generic]]
"""A column of lists as Arrow has it: offsets (row + 1,) and the values of all rows."""


def from_columns(
    *,
    schema: Small,
    hint: Small,
    count: Floats,
    sum: Floats,  # noqa: A002 - the column's name
    zero_threshold: Floats,
    zero_count: Floats,
    positive: tuple[Lists, Lists, Lists],
    negative: tuple[Lists, Lists, Lists],
    custom: Lists,
) -> Histograms:
    """
    Return a block of histograms as they are stored.

    Args:
        positive: the offsets and lengths of spans, and counts per bucket; *negative* likewise.
        custom: the upper bounds of rows with schema -53.
    """
    offsets, values = custom
    known: dict[tuple[float, ...], int] = {}
    is_custom = schema == CUSTOM
    bounds = np.full(len(schema), -1, np.int32)
    for row in np.flatnonzero(is_custom):
        bounds[row] = known.setdefault(tuple(values[offsets[row] : offsets[row + 1]].tolist()), len(known))
    return Histograms(
        schema, hint, count, sum, zero_threshold, zero_count, _from_spans(*positive), _from_spans(*negative),
        bounds, tuple(known),
    )  # fmt: skip


def _from_spans(offsets: Lists, lengths: Lists, counts: Lists) -> Buckets:
    row_bounds, gaps = offsets
    sizes = lengths[1].astype(np.int64)
    rows, index = _indexes(row_bounds, gaps.astype(np.int64), sizes, counts[0])
    if not len(index):
        return Buckets(0, np.zeros((len(row_bounds) - 1, 0)))
    low, width = int(index.min()), int(index.max() - index.min()) + 1
    common_range([Buckets(low, np.empty((len(row_bounds) - 1, 0))), Buckets(low, np.zeros((0, width)))])
    dense = np.zeros((len(row_bounds) - 1, width))
    dense[rows, index - low] = counts[1][: len(index)]
    return Buckets(low, dense)


@kernel
def _indexes(row_bounds: Index, gaps: Index, sizes: Index, count_bounds: Index) -> tuple[Index, Index]:
    """Return the row and the index of each stored bucket."""
    total = count_bounds[-1] - count_bounds[0]
    rows = np.zeros(total, np.int64)
    indexes = np.zeros(total, np.int64)
    for row in range(len(row_bounds) - 1):
        at = count_bounds[row] - count_bounds[0]
        stop = count_bounds[row + 1] - count_bounds[0]
        index = 0
        for span in range(row_bounds[row], row_bounds[row + 1]):
            index += gaps[span]
            for _ in range(sizes[span]):
                if at < stop:
                    rows[at] = row
                    indexes[at] = index
                    at += 1
                index += 1
    return rows, indexes


def _dense(rows: Sequence[list[tuple[int, float]]]) -> Buckets:
    indexes = [index for row in rows for index, _ in row]
    if not indexes:
        return Buckets(0, np.zeros((len(rows), 0)))
    low, width = min(indexes), max(indexes) - min(indexes) + 1
    counts = np.zeros((len(rows), width))
    for at, row in enumerate(rows):
        for index, count in row:
            counts[at, index - low] += count
    return Buckets(low, counts)
