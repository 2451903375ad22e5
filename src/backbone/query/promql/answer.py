"""What a PromQL query answers: columns, from which JSON, protobuf and tables are printed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from backbone.query.promql.ast import ValueType
from backbone.query.promql.histograms import Histograms


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
class Answer:
    """
    A query's result; a scalar and a vector are series of one point, a scalar's without labels.

    ``warnings`` and ``infos`` are texts as Prometheus words them, with positions where they have one.
    """

    type: ValueType
    series: list[Points] = field(default_factory=list)
    text: str = ""
    block: Histograms | None = None
    warnings: list[str] = field(default_factory=list)
    infos: list[str] = field(default_factory=list)
