"""What a PromQL query answers: columns, from which JSON, protobuf and tables are printed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from backbone.query.promql.ast import ValueType
from backbone.query.promql.histograms import Histograms
from backbone.query.promql.labels import Labels
from backbone.query.promql.source import Timing


@dataclass(frozen=True, slots=True)
class Points:
    """
    A series' points in order of time.

    Shapes: all (point,). ``times`` are milliseconds since 1970, ``values`` hold NaN where ``histograms`` (an index into
    the answer's block, -1 for none) says that the point is a histogram; it is None where no point is.
    """

    labels: dict[str, str]
    times: NDArray[np.int64]
    values: NDArray[np.float64]
    histograms: NDArray[np.int32] | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """
    The points of all series, one series after the other.

    Shapes: ``offsets`` (series + 1,), the others (point,), as in `Points`.
    """

    labels: Labels
    offsets: NDArray[np.int64]
    times: NDArray[np.int64]
    values: NDArray[np.float64]
    histograms: NDArray[np.int32] | None = None

    @classmethod
    def of(cls, series: Sequence[Points]) -> Frame:
        rows = [np.full(len(one.times), -1, np.int32) if one.histograms is None else one.histograms for one in series]
        return cls(
            Labels.of([one.labels for one in series]),
            np.concatenate([[0], np.cumsum([len(one.times) for one in series])]).astype(np.int64),
            np.concatenate([np.zeros(0, np.int64), *(one.times for one in series)]),
            np.concatenate([np.zeros(0), *(one.values for one in series)]),
            np.concatenate([np.zeros(0, np.int32), *rows])
            if any(one.histograms is not None for one in series)
            else None,
        )

    def __iter__(self) -> Iterator[Points]:
        bounds = self.offsets.tolist()
        for labels, begin, end in zip(self.labels.rows(), bounds[:-1], bounds[1:], strict=True):
            rows = None if self.histograms is None else self.histograms[begin:end]
            yield Points(labels, self.times[begin:end], self.values[begin:end], rows)


EMPTY_FRAME = Frame(Labels(0, {}), np.zeros(1, np.int64), np.zeros(0, np.int64), np.zeros(0))


@dataclass(frozen=True, slots=True)
class Answer:
    """
    A query's result; a scalar and a vector are series of one point, a scalar's without labels.

    ``warnings`` and ``infos`` are texts as Prometheus words them, with positions where they have one.
    """

    type: ValueType
    frame: Frame = EMPTY_FRAME
    text: str = ""
    block: Histograms | None = None
    warnings: list[str] = field(default_factory=list)
    infos: list[str] = field(default_factory=list)
    timings: list[Timing] = field(default_factory=list)

    @property
    def series(self) -> list[Points]:
        return list(self.frame)
